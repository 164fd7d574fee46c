//! `protect_all` and `unprotect_all`: one native call a step, so that the procedure around it can
//! commit between tables. What a run has done stays in the session's memory, for the view `last_run`.

use std::cell::RefCell;
use std::collections::VecDeque;

use org_scope_core::Error;
use org_scope_core::policy::{Kind, Spec, State, Step};
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::protect::{Noting, counted, fence, skipped, survey};
use super::through::untie;
use super::unprotect::lift;
use super::{Options, Row, column, facts, idents, rows, spec};
use crate::pg::{report, role, settings, transaction};

#[derive(Default)]
struct Run {
    /// None takes fences away.
    spec: Option<Spec>,
    queue: VecDeque<Job>,
    total: usize,
    rows: Vec<Row>,
    /// Whose run it is: a pooled connection's next user has nothing to do with it.
    user: Option<Oid>,
    /// How many of the rows stand for good: the rest is undone with the transaction.
    committed: usize,
}

#[derive(Clone)]
struct Job {
    table: Oid,
    notes: Vec<Step>,
    /// Whether the index stands already, in a transaction of its own.
    indexed: bool,
}

thread_local! {
    /// Borrowed only between statements: an event trigger may begin a run inside a run.
    static LAST: RefCell<Run> = RefCell::default();
}

/// Plans a run of `protect_all`; says whether the caller may commit between its steps.
pub(crate) fn begin_protect(
    org_column: String,
    schemas: Vec<String>,
    options: Options,
) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let spec = spec(column(org_column)?, options)?;
        let schemas = idents(schemas)?;
        let mut run = begin()?;
        for planned in survey(&spec, &facts::candidates(&schemas, &spec.org)?) {
            let table = Oid::from_u32(planned.table.oid);
            if planned.steps.iter().any(|s| s.state == State::Planned) {
                run.queue.push_back(Job { table, notes: planned.notes, indexed: !may_commit });
                continue;
            }
            let skipped = planned.steps.iter().any(|s| s.kind == Kind::Table);
            let counted = if skipped { Vec::new() } else { counted(&spec, &planned.table) };
            run.rows.extend(rows(planned.table.oid, [planned.steps, counted, planned.notes].concat()));
        }
        run.total = run.queue.len();
        run.spec = Some(spec);
        LAST.replace(run);
        Ok(may_commit)
    })
}

/// Plans a run of `unprotect_all`.
pub(crate) fn begin_unprotect(schemas: Vec<String>) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let schemas = idents(schemas)?;
        let mut run = begin()?;
        for table in facts::read(&facts::protected(Some(&schemas))?, &Columns::default()) {
            if table.owned {
                let job = Job { table: Oid::from_u32(table.oid), notes: Vec::new(), indexed: true };
                run.queue.push_back(job);
            } else {
                run.rows.extend(rows(table.oid, vec![not_owned(&table)]));
            }
        }
        run.total = run.queue.len();
        LAST.replace(run);
        Ok(may_commit)
    })
}

/// Does one step of the run that this session began last; says whether there are more.
///
/// The rights are those of now: whoever has become another role since meets the next table as that role.
pub(crate) fn step() -> Result<bool, Error> {
    let next = LAST.with_borrow_mut(|run| run.queue.pop_front().map(|job| (job, run.spec.clone())));
    let Some((job, spec)) = next else { return Ok(false) };
    settings::neutral(|| {
        let Some(table) = facts::read_one(job.table, &spec.as_ref().map(Columns::of).unwrap_or_default())
        else {
            return Ok(());
        };
        let steps = match &spec {
            _ if !table.owned => vec![not_owned(&table)],
            Some(spec) if !job.indexed => {
                LAST.with_borrow_mut(|run| run.queue.push_front(Job { indexed: true, ..job.clone() }));
                // Its SHARE lock ends with the commit, before the next step asks for ACCESS EXCLUSIVE.
                let index = |s: &Step| s.kind == Kind::Index && s.state == State::Planned;
                // What stands in the way is said by the next step.
                fence(job.table, spec, None, Noting::Silent, index).unwrap_or_default()
            }
            // Since the survey the table, or a parent that should have been fenced before it, may
            // have changed.
            Some(spec) => fence(job.table, spec, None, Noting::Given(job.notes.clone()), |_| true)
                .unwrap_or_else(|error| vec![skipped(error)]),
            None => lift(job.table),
        };
        let left_out = steps.iter().any(|s| s.kind == Kind::Table);
        let untied = if spec.is_none() && table.owned { untie(job.table) } else { Vec::new() };
        let finished = LAST.with_borrow_mut(|run| {
            run.rows.extend(rows(table.oid, steps).chain(untied));
            run.total - run.queue.len()
        });
        if job.indexed {
            let what = match &spec {
                _ if left_out => "skipped",
                Some(_) => "protected",
                None => "unprotected",
            };
            let total = LAST.with_borrow(|run| run.total);
            report::notice(&format!("{what} {} ({finished} of {total})", table.table()));
        }
        Ok(())
    })?;
    Ok(LAST.with_borrow(|run| !run.queue.is_empty()))
}

/// The transaction has ended: what its steps did is there to stay, or was never done.
pub(super) fn end_transaction(committed: bool) {
    LAST.with_borrow_mut(|run| {
        if !committed {
            run.rows.truncate(run.committed);
            run.queue.clear();
        }
        run.committed = run.rows.len();
    });
}

/// What the last run of this session did.
pub(crate) fn last_run() -> Vec<Row> {
    LAST.with_borrow(|run| if run.user == Some(role::current()) { run.rows.clone() } else { Vec::new() })
}

/// A run to fill. Refused to code that runs with somebody else's hands, in an index expression say: it
/// could put its own steps in the place of the caller's.
fn begin() -> Result<Run, Error> {
    if role::is_restricted() {
        return Err(Error::NotFromHere);
    }
    Ok(Run { user: Some(role::current()), ..Run::default() })
}

fn not_owned(table: &org_scope_core::policy::Facts) -> Step {
    let reason = format!("{} belongs to {}, whose rights you don't have", table.table(), table.owner);
    Step::skipped(Kind::Table, reason)
}
