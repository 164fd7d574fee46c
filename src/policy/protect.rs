//! Plans fences and sets them.

use std::collections::{HashMap, HashSet};

use org_scope_core::Error;
use org_scope_core::policy::{self, FENCE, Facts, Memory, Refusal, Source, Spec, State, Step, Under};
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::survey::{Hindrance, Planned, all_notes, steps, survey};
use super::through::suggestions;
use super::{Options, Row, column, copy_view, facts, family, findings, idents, rows, spec};
use crate::pg::{attempt, event, expression, relation, settings, spi};

/// Where a row's organization stands, as it comes from SQL.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// In this column.
    Column(String),
    /// In this expression, of this type.
    Expression(String, Oid),
}

/// What `protect` would do.
pub(crate) fn plan(target: Oid, asked: Asked, options: Options) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let spec = spec(source(target, asked)?, options)?;
        plan_called(target, &spec)
    })
}

/// The same for a spec that is there.
pub(super) fn plan_called(target: Oid, spec: &Spec) -> Result<Vec<Row>, Error> {
    Ok(shown_with_notes(spec, called_for(target, spec)?, true))
}

/// What `protect` would do to a table that is as these facts tell it; its rows are counted only when asked.
pub(super) fn plan_of(spec: &Spec, table: Facts, count: bool) -> Result<Vec<Row>, Error> {
    let planned = survey(spec, vec![table]);
    match planned.first().map(|p| &p.steps) {
        Some(Err(why)) => Err(why.error()),
        _ => Ok(shown_with_notes(spec, planned, count)),
    }
}

/// Sets the fence of the table and of all below it.
pub(crate) fn protect(target: Oid, asked: Asked, options: Options) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let spec = spec(source(target, asked)?, options)?;
        fence_called(target, &spec)
    })
}

/// The same for a spec that is there.
pub(super) fn fence_called(target: Oid, spec: &Spec) -> Result<Vec<Row>, Error> {
    fence(spec, || called_for(target, spec), Noting::Read, |_| true)
}

/// Reads what was asked for; an expression must have a value for every row that is there.
fn source(target: Oid, asked: Asked) -> Result<Source, Error> {
    match asked {
        Asked::Column(name) => column(name),
        Asked::Expression(text, org_type) => {
            let Some(table) = facts::read_standing(target) else { return Err(Error::BadName) };
            let unfit = |why| Error::CannotProtect {
                table: table.table(),
                why: Refusal::Expression { expression: text.clone(), why },
            };
            let org = expression::read(target, &text, org_type).map(Source::Expression).map_err(unfit)?;
            let below = facts::read(&family::below(&[target]), &Columns::default());
            below
                .iter()
                .filter(|table| table.owned)
                .try_for_each(|table| findings::evaluate(&org, table))
                .map_err(unfit)?;
            Ok(org)
        }
    }
}

/// What `protect_all` would do.
pub(crate) fn plan_all(
    org_column: String,
    schemas: Vec<String>,
    options: Options,
) -> Result<Vec<Row>, Error> {
    settings::neutral(|| {
        let spec = spec(column(org_column)?, options)?;
        let planned = survey_schemas(&spec, schemas.clone())?;
        let mut notes = all_notes(&spec, &planned, false);
        let mut all = shown(planned, |table| given(&spec, table, &mut notes));
        all.extend(suggestions(&spec, schemas));
        Ok(all)
    })
}

/// The plan of one call: what stands in the way of the table itself, or of a partition, is an error.
fn called_for(target: Oid, spec: &Spec) -> Result<Vec<Planned>, Error> {
    let Some(table) = facts::read_one(target, &Columns::of(spec)) else { return Ok(Vec::new()) };
    if let Some(why) = Refusal::alone(&table, &spec.org) {
        return Err(Error::CannotProtect { table: table.table(), why });
    }
    let below = family::below(&[target]);
    let tables = if below.len() > 1 {
        // What the call leaves as it is, is everywhere as it is here.
        facts::read(&below, &Columns::of(&spec.below(&Under::new(&table, &[]))))
    } else {
        vec![table]
    };
    let target = target.to_u32();
    let planned = survey(spec, tables);
    match planned.iter().find(|p| p.table.oid == target).map(|p| &p.steps) {
        Some(Err(why)) => Err(why.error()),
        _ => Ok(planned),
    }
}

/// The plan of a run over schemas: their tables that have the column, and all below them. A partition
/// without its tree is left out, and said where it has no fence.
pub(super) fn survey_schemas(spec: &Spec, schemas: Vec<String>) -> Result<Vec<Planned>, Error> {
    let candidates = facts::candidates(&idents(schemas)?, &spec.org)?;
    let tables = facts::read(&family::below(&candidates), &Columns::of(spec));
    let whole: HashSet<_> = tables.iter().filter(|t| !t.is_partition).map(Facts::table).collect();
    let (tables, parts): (Vec<_>, Vec<_>) = tables.into_iter().partition(|t| whole.contains(&t.whole()));
    let alone = parts.into_iter().filter(|part| part.policy(FENCE).is_none()).filter_map(|table| {
        let why = Refusal::alone(&table, &spec.org)?;
        let error = Error::CannotProtect { table: table.table(), why };
        Some(Planned { table, steps: Err(Hindrance::Refused(error)) })
    });
    let planned = survey(spec, tables);
    Ok(planned.into_iter().chain(alone).collect())
}

fn shown_with_notes(spec: &Spec, planned: Vec<Planned>, count: bool) -> Vec<Row> {
    let mut notes = all_notes(spec, &planned, count);
    shown(planned, |table| notes.remove(&table.oid).unwrap_or_default())
}

/// A plan as rows, with the notes of each table.
fn shown(planned: Vec<Planned>, mut notes: impl FnMut(&Facts) -> Vec<Step>) -> Vec<Row> {
    let all = planned.into_iter().flat_map(|Planned { table, steps }| match steps {
        // What can't be protected, for lack of rights perhaps, isn't read either.
        Err(why) => rows(table.oid, vec![why.skipped()]),
        Ok(steps) => rows(table.oid, [steps, notes(&table)].concat()),
    });
    all.collect()
}

/// Which notes come with a table's steps.
pub(super) enum Noting {
    /// All that can be found.
    Read,
    /// These, which were read in a set, and the count of rows without an organization.
    Given(HashMap<u32, Vec<Step>>),
    /// None.
    Silent,
}

/// Sets the fences that `look` plans, and says what was done and what is to know. Only steps for which
/// `now` holds are executed.
///
/// Nothing is locked where nothing is to do. Otherwise locks against other DDL come first, parents before
/// what is below them, and the plan is made again under them: two callers at once don't repair each
/// other's work, and no partition comes in between.
pub(super) fn fence(
    spec: &Spec,
    look: impl Fn() -> Result<Vec<Planned>, Error>,
    noting: Noting,
    now: fn(&Step) -> bool,
) -> Result<Vec<Row>, Error> {
    let mut planned = look()?;
    let mut held = HashSet::new();
    while planned.iter().filter_map(|p| p.steps.as_ref().ok()).flatten().any(|s| s.state == State::Planned) {
        let all: Vec<Oid> =
            planned.iter().filter(|p| p.steps.is_ok()).map(|p| Oid::from_u32(p.table.oid)).collect();
        let fresh: Vec<Oid> = all.into_iter().filter(|oid| held.insert(*oid)).collect();
        if fresh.is_empty() {
            break;
        }
        fresh.into_iter().for_each(|oid| relation::lock(oid, relation::Lock::Ddl));
        planned = look()?;
    }
    for steps in planned.iter_mut().filter_map(|p| p.steps.as_mut().ok()) {
        steps.retain(now);
    }
    // Before closing: the scan for rows without an organization comes before any exclusive lock.
    let mut notes = match noting {
        Noting::Read => all_notes(spec, &planned, true),
        Noting::Given(mut notes) => {
            planned.iter().map(|p| (p.table.oid, given(spec, &p.table, &mut notes))).collect()
        }
        Noting::Silent => HashMap::new(),
    };
    let all = planned.into_iter().flat_map(|Planned { table, steps }| match steps {
        Err(why) => rows(table.oid, vec![why.skipped()]),
        Ok(steps) => {
            let done = execute(Oid::from_u32(table.oid), steps);
            rows(table.oid, [done, notes.remove(&table.oid).unwrap_or_default()].concat())
        }
    });
    Ok(all.collect())
}

/// Sets one table's fence again whose policies were lifted a moment ago, under a lock: with what its comment said.
pub(super) fn restore(target: Oid, spec: &Spec, kept: Option<&Memory>) -> Result<Vec<Step>, Error> {
    let Some(mut table) = facts::read_one(target, &Columns::of(spec)) else { return Ok(Vec::new()) };
    copy_view::add(std::slice::from_mut(&mut table), spec);
    let room = facts::index_room(spec, std::slice::from_ref(&table)).remove(0);
    Ok(execute(target, steps(spec, &table, &room, None, Some(kept))?))
}

/// Notes that were read in a set, and what is counted table by table.
pub(super) fn given(spec: &Spec, table: &Facts, notes: &mut HashMap<u32, Vec<Step>>) -> Vec<Step> {
    let Some(notes) = notes.remove(&table.oid) else { return Vec::new() };
    let found: Vec<_> = findings::null_rows(spec, table).into_iter().collect();
    let counted = found.iter().map(|finding| policy::counted(spec, table, finding));
    counted.chain(notes).collect()
}

/// Executes the planned steps, each exactly as it is shown.
pub(super) fn execute(table: Oid, steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().flat_map(|step| execute_one(table, step)).collect()
}

/// A DEFAULT that can't be put back, because what it names is gone, must not stand in the way of the rest:
/// ours goes, and the user is told.
fn execute_one(table: Oid, step: Step) -> Vec<Step> {
    let (State::Planned, Some(statement)) = (step.state, &step.statement) else { return vec![step] };
    let Some(column) = step.action.as_ref().and_then(policy::Action::found_default) else {
        event::ours(|| spi::execute(statement));
        return vec![step.done()];
    };
    if event::ours(|| attempt::execute(statement)) {
        return vec![step.done()];
    }
    let dropped = facts::read_standing(table)
        .map(|facts| execute(table, vec![policy::drop_default(&facts, column)]))
        .unwrap_or_default();
    let reason =
        "the DEFAULT found can't be put back: something that it names, or the column's type, has changed";
    let yours = Step { state: State::RunYourself, reason: reason.to_owned(), ..step };
    [dropped, vec![yours]].concat()
}
