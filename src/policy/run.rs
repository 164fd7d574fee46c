//! `protect_all` and `unprotect_all`, a table at a time.

use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::policy::{Facts, Kind, Spec, State, Step};
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::protect::{Noting, counted, fence, skipped, survey};
use super::unprotect::lift;
use super::{Options, column, facts, idents, spec};
use crate::pg::{settings, transaction};
use crate::run::{Job, Run, Turn, rows};

/// Plans a run of `protect_all`; says whether the caller may commit between its steps.
pub(crate) fn begin_protect(
    org_column: String,
    schemas: Vec<String>,
    options: Options,
) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let spec = Rc::new(spec(column(org_column)?, options)?);
        let schemas = idents(schemas)?;
        let mut run = Run::new()?;
        for planned in survey(&spec, &facts::candidates(&schemas, &spec.org)?) {
            let table = Oid::from_u32(planned.table.oid);
            if planned.steps.iter().any(|s| s.state == State::Planned) {
                let (spec, notes) = (Rc::clone(&spec), planned.notes);
                run.add(if may_commit {
                    Box::new(move || index(table, spec, notes))
                } else {
                    Box::new(move || protect(table, &spec, notes))
                });
                continue;
            }
            let skipped = planned.steps.iter().any(|s| s.kind == Kind::Table);
            let counted = if skipped { Vec::new() } else { counted(&spec, &planned.table) };
            run.tell(rows(planned.table.oid, [planned.steps, counted, planned.notes].concat()));
        }
        run.begin();
        Ok(may_commit)
    })
}

/// The index alone: its SHARE lock ends with the commit, before the next step asks for ACCESS EXCLUSIVE.
fn index(table: Oid, spec: Rc<Spec>, notes: Vec<Step>) -> Result<Turn, Error> {
    let Some(facts) = facts::read_one(table, &Columns::of(&spec)) else { return Ok(Turn::default()) };
    if !facts.owned {
        return Ok(left_out(&facts));
    }
    let only = |s: &Step| s.kind == Kind::Index && s.state == State::Planned;
    // What stands in the way is said by the next step.
    let steps = fence(table, &spec, None, Noting::Silent, only).unwrap_or_default();
    let rest: Job = Box::new(move || protect(table, &spec, notes));
    Ok(Turn { rows: rows(facts.oid, steps).collect(), rest: Some(rest), said: None })
}

fn protect(table: Oid, spec: &Spec, notes: Vec<Step>) -> Result<Turn, Error> {
    let Some(facts) = facts::read_one(table, &Columns::of(spec)) else { return Ok(Turn::default()) };
    if !facts.owned {
        return Ok(left_out(&facts));
    }
    // Since the survey the table, or a parent that should have been fenced before it, may have changed.
    let steps =
        fence(table, spec, None, Noting::Given(notes), |_| true).unwrap_or_else(|error| vec![skipped(error)]);
    let what = if steps.iter().any(|s| s.kind == Kind::Table) { "skipped" } else { "protected" };
    Ok(turn(&facts, steps, what))
}

/// Plans a run of `unprotect_all`; says whether the caller may commit between its steps.
pub(crate) fn begin_unprotect(schemas: Vec<String>) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let schemas = idents(schemas)?;
        let mut run = Run::new()?;
        for table in facts::read(&facts::protected(Some(&schemas))?, &Columns::default()) {
            if table.owned {
                let oid = Oid::from_u32(table.oid);
                run.add(Box::new(move || unprotect(oid)));
            } else {
                run.tell(rows(table.oid, vec![not_owned(&table)]));
            }
        }
        run.begin();
        Ok(may_commit)
    })
}

fn unprotect(table: Oid) -> Result<Turn, Error> {
    let Some(facts) = facts::read_one(table, &Columns::default()) else { return Ok(Turn::default()) };
    if !facts.owned {
        return Ok(left_out(&facts));
    }
    Ok(turn(&facts, lift(table), "unprotected"))
}

fn turn(table: &Facts, steps: Vec<Step>, what: &str) -> Turn {
    let said = format!("{what} {}", table.table());
    Turn { rows: rows(table.oid, steps).collect(), rest: None, said: Some(said) }
}

fn left_out(table: &Facts) -> Turn {
    turn(table, vec![not_owned(table)], "skipped")
}

fn not_owned(table: &Facts) -> Step {
    let reason = format!("{} belongs to {}, whose rights you don't have", table.table(), table.owner);
    Step::skipped(Kind::Table, reason)
}
