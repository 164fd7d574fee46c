//! Plans fences and sets them.

use std::collections::{BTreeMap, HashSet};

use org_scope_core::Error;
use org_scope_core::policy::{self, Facts, Memory, Refusal, Source, Spec, State, Step, Surroundings, notes};
use pgrx::pg_sys::Oid;

use super::facts::{Columns, IndexRoom};
use super::{Options, Row, column, facts, findings, idents, rows, spec};
use crate::pg::{attempt, expression, parse, relation, settings, spi};

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
        let Some(table) = facts::read_one(target, &Columns::of(&spec)) else { return Ok(Vec::new()) };
        let tables = vec![table];
        let room = facts::index_room(&spec, &tables).remove(0);
        let steps = steps(&spec, &tables[0], &room, None)?;
        let notes = all_notes(&spec, &tables, &[&steps], true).remove(0);
        Ok(rows(target.to_u32(), [steps, notes].concat()).collect())
    })
}

/// Sets the fence.
pub(crate) fn protect(target: Oid, asked: Asked, options: Options) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let spec = spec(source(target, asked)?, options)?;
        let steps = fence(target, &spec, None, Noting::Read, |_| true)?;
        Ok(rows(target.to_u32(), steps).collect())
    })
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
            findings::evaluate(&org, &table).map_err(unfit)?;
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
        let schemas = idents(schemas)?;
        let planned = survey(&spec, &facts::candidates(&schemas, &spec.org)?);
        Ok(planned
            .into_iter()
            .flat_map(|p| {
                // What can't be protected, for lack of rights perhaps, isn't read either.
                let skipped = p.steps.iter().any(|s| s.kind == policy::Kind::Table);
                let counted = if skipped { Vec::new() } else { counted(&spec, &p.table) };
                rows(p.table.oid, [p.steps, counted, p.notes].concat())
            })
            .collect())
    })
}

/// A table's part of a survey.
pub(super) struct Planned {
    pub(super) table: Facts,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<Step>,
}

/// Steps and notes of many tables in a handful of queries, without counting rows, in the order in
/// which they run; a table that can't be protected gets a `skipped` row instead.
pub(super) fn survey(spec: &Spec, tables: &[Oid]) -> Vec<Planned> {
    let mut tables = facts::read(tables, &Columns::of(spec));
    // Parents first: whatever is open above a parent is open above its children as well, and so is
    // the parent.
    tables.sort_by_cached_key(|table| (table.open_parents.len(), table.table()));
    let rooms = facts::index_room(spec, &tables);
    // What has a fence when its turn is over.
    let mut fenced = HashSet::new();
    let (mut planned, mut places, mut good, mut steps) =
        (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, (mut table, room)) in tables.into_iter().zip(&rooms).enumerate() {
        table.open_parents.retain(|parent| !fenced.contains(parent));
        match plan_one(spec, &table, room) {
            Ok(its_steps) => {
                fenced.insert((table.schema.clone(), table.name.clone()));
                places.push(place);
                good.push(table);
                steps.push(its_steps);
            }
            Err(skipped) => {
                planned.insert(place, Planned { table, steps: vec![skipped], notes: Vec::new() });
            }
        }
    }
    for table in &mut good {
        table.open_children.retain(|child| !fenced.contains(child));
    }
    let notes = all_notes(spec, &good, &steps.iter().collect::<Vec<_>>(), false);
    let good = good.into_iter().zip(steps).zip(notes);
    let good = good.map(|((table, steps), notes)| Planned { table, steps, notes });
    planned.extend(places.into_iter().zip(good));
    planned.into_values().collect()
}

fn plan_one(spec: &Spec, table: &Facts, room: &IndexRoom) -> Result<Vec<Step>, Step> {
    if !table.owned {
        let reason = format!("{} belongs to {}, whose rights you don't have", table.table(), table.owner);
        return Err(Step::skipped(policy::Kind::Table, reason));
    }
    steps(spec, table, room, None).map_err(skipped)
}

/// An error as the row of a run that goes on without the table.
pub(super) fn skipped(error: Error) -> Step {
    let report = error.report();
    let hint = report.hint.filter(|h| h.ends_with(';'));
    Step { statement: hint, ..Step::skipped(policy::Kind::Table, report.message) }
}

/// Which notes come with a table's steps.
pub(super) enum Noting {
    /// All that can be found.
    Read,
    /// These, which were read in a set, and the count of rows without an organization.
    Given(Vec<Step>),
    /// None.
    Silent,
}

/// Sets one table's fence, and says what was done and what is to know. Only steps for which `now`
/// holds are executed. `lifted` is given where the policies were lifted a moment ago: with what the
/// fence's comment said.
///
/// Nothing is locked where nothing is to do. Otherwise a lock against other DDL comes first, and
/// the facts are read again under it: two callers at once don't repair each other's work.
pub(super) fn fence(
    target: Oid,
    spec: &Spec,
    lifted: Option<Option<&Memory>>,
    noting: Noting,
    now: fn(&Step) -> bool,
) -> Result<Vec<Step>, Error> {
    let Some((_, steps)) = look(target, spec, lifted)? else { return Ok(Vec::new()) };
    if steps.iter().any(|s| s.state == State::Planned) {
        relation::lock(target, relation::Lock::Ddl);
    }
    let Some((table, mut steps)) = look(target, spec, lifted)? else { return Ok(Vec::new()) };
    steps.retain(now);
    let tables = [table];
    // Before closing: the scan for rows without an organization comes before any exclusive lock.
    let notes = match noting {
        Noting::Read => all_notes(spec, &tables, &[&steps], true).remove(0),
        Noting::Given(given) => [counted(spec, &tables[0]), given].concat(),
        Noting::Silent => Vec::new(),
    };
    Ok([execute(target, steps), notes].concat())
}

/// The note about rows without an organization, if there are any.
pub(super) fn counted(spec: &Spec, table: &Facts) -> Vec<Step> {
    let found: Vec<_> = findings::null_rows(spec, table).into_iter().collect();
    found.iter().map(|finding| policy::counted(spec, table, finding)).collect()
}

fn look(
    target: Oid,
    spec: &Spec,
    lifted: Option<Option<&Memory>>,
) -> Result<Option<(Facts, Vec<Step>)>, Error> {
    let Some(table) = facts::read_one(target, &Columns::of(spec)) else { return Ok(None) };
    let room = facts::index_room(spec, std::slice::from_ref(&table)).remove(0);
    let steps = steps(spec, &table, &room, lifted)?;
    Ok(Some((table, steps)))
}

fn steps(
    spec: &Spec,
    table: &Facts,
    room: &IndexRoom,
    lifted: Option<Option<&Memory>>,
) -> Result<Vec<Step>, Error> {
    let kept = lifted.flatten();
    let gone = facts::missing_roles(&policy::gate_roles_told(spec, table, kept));
    let around = Surroundings {
        size: room.size,
        max_inline_index: room.max_inline,
        index_name: room.name.as_ref(),
        lifted: lifted.is_some(),
        kept,
        gone: &gone,
        is_expression: Some(parse::is_expression),
    };
    policy::protect(spec, table, &around).map_err(|why| Error::CannotProtect { table: table.table(), why })
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
        spi::execute(statement);
        return vec![step.done()];
    };
    if attempt::execute(statement) {
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

fn all_notes(spec: &Spec, tables: &[Facts], steps: &[&Vec<Step>], count: bool) -> Vec<Vec<Step>> {
    let findings = findings::read(spec, tables, steps, count);
    tables.iter().zip(findings).map(|(table, found)| notes(spec, table, &found)).collect()
}
