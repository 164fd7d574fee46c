//! Changes a protected table where its policies block the change.

use std::collections::HashMap;

use org_scope_core::Error;
use org_scope_core::error::FOREIGN_KEYS;
use org_scope_core::policy::{self, Facts, Kind, Refusal, Spec, State, Step};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::protect::{execute, restore};
use super::{Row, facts, family, rows};
use crate::pg::journal::{self, Entry};
use crate::pg::parse::{AlterTable, Command};
use crate::pg::{noforce, parse, relation, settings, spi};

/// Takes the org column out of the policies of one table and of all below it, whose fences let nothing pass
/// meanwhile, runs one ALTER TABLE on it as the caller, and sets them again for the column as it is then. The
/// statement can call functions while FORCE is lifted, so it is recorded as work across organizations is.
pub(crate) fn alter_protected(target: Oid, text: &str) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    // Before the statement is read, so that the name can't come to mean another table meanwhile.
    relation::lock(target, relation::Lock::Exclusive);
    relation::require_owner(target);
    // Parsed here with the caller's search_path, and run below with it again.
    let alter = parse::alter_table(text);
    let (mut all, lifted) = settings::neutral(|| lift(target, text, alter))?;
    // What it rebuilds of foreign keys is checked over the rows of all organizations, in other tables too.
    noforce::lift(|| spi::execute(text));
    let entry =
        Entry { kind: "alter_protected", target: Some(target), statement: text, rows: None, reason: None };
    settings::neutral(|| journal::record(entry));
    let ran = Step {
        state: State::Done,
        statement: Some(text.to_owned()),
        ..Step::note(Kind::Statement, None, "the statement given")
    };
    all.extend(rows(target.to_u32(), vec![ran]));
    settings::neutral(|| {
        for Lifted { spec, table } in lifted {
            all.extend(rows(table.oid, restored(&spec, &table)?));
        }
        Ok(all)
    })
}

/// Sets the fence of one table again, and what else was lifted.
fn restored(spec: &Spec, table: &Facts) -> Result<Vec<Step>, Error> {
    let target = Oid::from_u32(table.oid);
    let mut memory = table.memory();
    let mut forgotten = Vec::new();
    if let Some(found) = memory.as_mut().and_then(|m| m.found.as_mut())
        && retyped(target, table, spec)
        && let Some(default) = found.default.take()
    {
        let reason = format!(
            "the DEFAULT from before protect, {default}, was for the old type; unprotect won't put it back"
        );
        forgotten.push(Step::note(Kind::Default, None, reason));
    }
    let fenced = restore(target, spec, memory.as_ref())?;
    let others = facts::read_one(target, &Columns::of(spec))
        .map(|now| execute(target, policy::put_back(table, &now)))
        .unwrap_or_default();
    Ok([fenced, others, forgotten].concat())
}

fn retyped(target: Oid, before: &Facts, spec: &Spec) -> bool {
    let type_of = |facts: &Facts| facts.column.as_ref().map(|c| c.type_oid);
    facts::read_one(target, &Columns::of(spec)).is_some_and(|now| type_of(&now) != type_of(before))
}

/// A table whose policies are lifted, as it was.
struct Lifted {
    spec: Spec,
    table: Facts,
}

/// Lifts the policies; says what it did, and how each table was.
fn lift(target: Oid, text: &str, alter: Option<AlterTable>) -> Result<(Vec<Row>, Vec<Lifted>), Error> {
    let Some(facts) = facts::read_standing(target) else { return Err(Error::BadName) };
    let table = facts.table();
    if spec_of(&facts)?.is_none() {
        return Err(Error::NotProtected { table });
    }
    match alter {
        Some(alter) if alter.target == target => {
            if let Some(what) = alter.commands.iter().find_map(|c| forbidden(*c)) {
                return Err(Error::ForbiddenAlter { what, table, statement: text.to_owned() });
            }
        }
        _ => return Err(Error::NotAlterTable { table }),
    }
    let below = family::below(&[target]);
    // Its lock keeps others from coming in between, and theirs from being altered.
    below.iter().for_each(|oid| relation::lock(*oid, relation::Lock::Exclusive));
    let mut done = Vec::new();
    let mut lifted = Vec::new();
    // In the order of their depth, as they come back.
    let mut tables: HashMap<u32, Facts> =
        facts::read(&below, &Columns::default()).into_iter().map(|table| (table.oid, table)).collect();
    for table in below.iter().filter_map(|oid| tables.remove(&oid.to_u32())).filter(|table| table.owned) {
        let Some(spec) = spec_of(&table)? else { continue };
        done.extend(rows(table.oid, execute(Oid::from_u32(table.oid), policy::lift(&table))));
        lifted.push(Lifted { spec, table });
    }
    Ok((done, lifted))
}

/// The spec of a fence that stands.
fn spec_of(facts: &Facts) -> Result<Option<Spec>, Error> {
    let Some(spec) = Spec::read_back(facts).filter(|_| facts.policy(policy::FENCE).is_some()) else {
        return Ok(None);
    };
    if let Some(columns) = ambiguous(facts, &spec) {
        let why = Refusal::FencedOn { columns, wanted: spec.org, whole: Box::new(facts.whole()) };
        return Err(Error::CannotProtect { table: facts.table(), why });
    }
    // The gate comes back for the roles it has now, also where the comment that names them is lost.
    let roles = facts.policy(policy::GATE).map(|gate| gate.roles.clone());
    Ok(Some(Spec { roles, ..spec }))
}

/// The columns of a fence that was altered so that nothing tells which of them it is for.
fn ambiguous(facts: &Facts, spec: &Spec) -> Option<Vec<Ident>> {
    // That of the transition asks others, and the adoption's trigger tells which it is for.
    let column = spec.org.column().filter(|_| !facts.is_in_transition())?;
    let stands_on = |name| facts.policy(name).is_some_and(|p| p.columns == [column.clone()]);
    let fence = facts.policy(policy::FENCE).filter(|fence| fence.columns.len() > 1)?;
    (!stands_on(policy::GATE)).then(|| fence.columns.clone())
}

fn forbidden(command: Command) -> Option<&'static str> {
    match command {
        Command::Shape => None,
        Command::ForeignKey => Some(FOREIGN_KEYS),
        Command::RowSecurity => Some("change row security"),
        Command::Owner => Some("change the owner"),
        Command::Hierarchy => Some("change inheritance or partitions"),
        Command::Trigger => Some("switch triggers or rules"),
        Command::Other => Some("run this kind of change"),
    }
}
