//! Fills the rows that stand: all at once, or batch by batch, so that the procedure around it can commit
//! between them.

use std::cell::{Cell, RefCell};

use org_scope_core::Error;
use org_scope_core::policy::through::FILL;
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;

use super::facts;
use crate::pg::journal::{self, Entry};
use crate::pg::{noforce, owner, relation, report, role, settings, spi, transaction};
use crate::policy::facts as tables;

/// A table whose rows are being filled.
struct Run {
    table: Oid,
    name: QualifiedName,
    org: Ident,
    /// Blocks of the table: the next, and where it ended when the run began.
    next: u64,
    end: u64,
    /// Blocks of a batch.
    window: u64,
    filled: u64,
    /// Whose run it is.
    user: Oid,
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
    /// The table whose rows without a parent the trigger leaves as they are, unwritten.
    static FILLING: Cell<Option<Oid>> = const { Cell::new(None) };
}

/// Whether the rows of the table are being filled.
pub(super) fn is_filling(table: Oid) -> bool {
    FILLING.get() == Some(table)
}

struct Filling(Option<Oid>);

impl Drop for Filling {
    fn drop(&mut self) {
        FILLING.set(self.0);
    }
}

/// Runs a statement over the child's rows of all organizations, as the child's owner: triggers that others
/// have put on it run as whom they were put there for.
pub(super) fn across_orgs(table: Oid, statement: &str) -> u64 {
    let _filling = Filling(FILLING.replace(Some(table)));
    owner::as_role(relation::owner(table), || noforce::lift(|| spi::execute(statement)))
}

/// Begins to fill; says whether the caller may commit between batches.
pub(crate) fn begin_fill(table: Oid, batch_size: i32) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    relation::require_owner(table);
    if role::is_restricted() {
        return Err(Error::NotFromHere);
    }
    let rows = u64::try_from(batch_size).ok().filter(|rows| *rows > 0).ok_or(Error::BatchSize)?;
    settings::neutral(|| {
        let Some(child) = tables::read_standing(table) else { return Err(Error::BadName) };
        let standing = facts::standing(table);
        let route = facts::route(table).filter(|_| standing.fill.as_ref().is_some_and(|f| f.enabled == 'O'));
        let Some(route) = route else { return Err(Error::NotThrough { table: child.table() }) };
        let (blocks, density) = relation::blocks_and_density(table);
        let run = Run {
            table,
            name: child.table(),
            org: route.org_name,
            next: 0,
            end: blocks,
            window: (rows / density.max(1)).max(1),
            filled: 0,
            user: role::current(),
        };
        RUN.replace(Some(run));
        Ok(may_commit)
    })
}

/// Fills one batch; says whether there are more.
pub(crate) fn fill_step() -> Result<bool, Error> {
    let Some(run) = RUN.take().filter(|run| run.user == role::current()) else { return Ok(false) };
    relation::require_owner(run.table);
    let (from, to) = (run.next, run.next.saturating_add(run.window).min(run.end));
    if from >= to {
        return Ok(finish(&run));
    }
    settings::neutral(|| {
        let name = (run.name.schema.raw().to_owned(), run.name.name.raw().to_owned());
        // Renamed or made something else meanwhile.
        if relation::hold(run.table, &name).is_none() {
            return Err(Error::NotThrough { table: run.name.clone() });
        }
        let statement = format!(
            "UPDATE ONLY {} SET {org} = NULL WHERE {org} IS NULL AND ctid OPERATOR(pg_catalog.>=) '({from},0)'::pg_catalog.tid \
             AND ctid OPERATOR(pg_catalog.<) '({to},0)'::pg_catalog.tid",
            run.name,
            org = run.org,
        );
        let filled = run.filled + across_orgs(run.table, &statement);
        report::notice(&format!("{}: {filled} rows filled, {to} of {} blocks", run.name, run.end));
        let more = to < run.end;
        let run = Run { next: to, filled, ..run };
        if !more {
            return Ok(finish(&run));
        }
        RUN.replace(Some(run));
        Ok(true)
    })
}

fn finish(run: &Run) -> bool {
    journal::record(Entry {
        kind: "fill_through",
        target: Some(run.table),
        statement: FILL,
        rows: Some(i64::try_from(run.filled).unwrap_or(i64::MAX)),
        reason: None,
    });
    false
}

/// The transaction has ended: a run that failed doesn't go on.
pub(in crate::policy) fn end_transaction(committed: bool) {
    if !committed {
        RUN.take();
    }
}
