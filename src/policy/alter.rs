//! Changes a protected table where its policies block the change.

use org_scope_core::Error;
use org_scope_core::error::FOREIGN_KEYS;
use org_scope_core::policy::{self, Facts, Kind, Refusal, Spec, State, Step};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::protect::{Noting, execute, fence};
use super::{Row, facts, rows};
use crate::pg::journal::{self, Entry};
use crate::pg::parse::{AlterTable, Command};
use crate::pg::{noforce, parse, relation, settings, spi};

/// Takes the org column out of the policies of one table, whose fence lets nothing pass meanwhile, runs one
/// ALTER TABLE on it as the caller, and sets them again for the column as it is then. The statement can
/// call functions while FORCE is lifted, so it is recorded as work across organizations is.
pub(crate) fn alter_protected(target: Oid, text: &str) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    // Before the statement is read, so that the name can't come to mean another table meanwhile.
    relation::lock(target, relation::Lock::Exclusive);
    relation::require_owner(target);
    // Parsed here with the caller's search_path, and run below with it again.
    let alter = parse::alter_table(text);
    let (lifted, spec, table) = settings::neutral(|| lift(target, text, alter))?;
    // What it rebuilds of foreign keys is checked over the rows of all organizations, in other tables too.
    noforce::lift(|| spi::execute(text));
    let entry =
        Entry { kind: "alter_protected", target: Some(target), statement: text, rows: None, reason: None };
    settings::neutral(|| journal::record(entry));
    let mut memory = table.memory();
    let restored = settings::neutral(|| {
        let mut forgotten = Vec::new();
        if let Some(found) = memory.as_mut().and_then(|m| m.found.as_mut())
            && retyped(target, &table, &spec)
            && let Some(default) = found.default.take()
        {
            let reason = format!(
                "the DEFAULT from before protect, {default}, was for the old type; unprotect won't put it back"
            );
            forgotten.push(Step::note(Kind::Default, None, reason));
        }
        let fenced = fence(target, &spec, Some(memory.as_ref()), Noting::Silent, |_| true)?;
        let others = facts::read_one(target, &Columns::of(&spec))
            .map(|now| execute(target, policy::put_back(&table, &now)))
            .unwrap_or_default();
        Ok::<_, Error>([fenced, others, forgotten].concat())
    })?;
    let ran = Step {
        state: State::Done,
        statement: Some(text.to_owned()),
        ..Step::note(Kind::Statement, None, "the statement given")
    };
    Ok(rows(table.oid, [lifted, vec![ran], restored].concat()).collect())
}

fn retyped(target: Oid, before: &Facts, spec: &Spec) -> bool {
    let type_of = |facts: &Facts| facts.column.as_ref().map(|c| c.type_oid);
    facts::read_one(target, &Columns::of(spec)).is_some_and(|now| type_of(&now) != type_of(before))
}

fn lift(target: Oid, text: &str, alter: Option<AlterTable>) -> Result<(Vec<Step>, Spec, Facts), Error> {
    let Some(facts) = facts::read_standing(target) else { return Err(Error::BadName) };
    let table = facts.table();
    let Some(spec) = Spec::read_back(&facts).filter(|_| facts.policy(policy::FENCE).is_some()) else {
        return Err(Error::NotProtected { table });
    };
    if let Some(columns) = ambiguous(&facts, &spec) {
        let why = Refusal::FencedOn { columns, wanted: spec.org };
        return Err(Error::CannotProtect { table, why });
    }
    match alter {
        Some(alter) if alter.target == target => {
            if let Some(what) = alter.commands.iter().find_map(|c| forbidden(*c)) {
                return Err(Error::ForbiddenAlter { what, table, statement: text.to_owned() });
            }
        }
        _ => return Err(Error::NotAlterTable { table }),
    }
    // The gate comes back for the roles it has now, also where the comment that names them is lost.
    let roles = facts.policy(policy::GATE).map(|gate| gate.roles.clone());
    Ok((execute(target, policy::lift(&facts)), Spec { roles, ..spec }, facts))
}

/// The columns of a fence that was altered so that nothing tells which of them it is for.
fn ambiguous(facts: &Facts, spec: &Spec) -> Option<Vec<Ident>> {
    let column = spec.org.column()?;
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
