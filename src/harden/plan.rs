//! Plans what is to do about the keys of one table.

use std::collections::HashMap;

use org_scope_core::Error;
use org_scope_core::harden::{self, Around, Crossing, Entry, Facts, Plan};
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;

use super::facts::{self, Keys};
use crate::pg::{index_room, index_size, relation, settings};
use crate::run::{Row, rows};

/// What `harden` would do.
pub(crate) fn plan_harden(target: Oid, unique_per_org: Vec<String>) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let asked = names(unique_per_org)?;
        let (_, plan) = look(target, &asked, &mut HashMap::new(), Keys::All)?;
        let changes = plan.phases.into_iter().flatten().map(|c| Entry { target: c.target, step: c.step });
        Ok(as_rows(plan.reports.into_iter().chain(changes).chain(plan.notes)))
    })
}

/// The names of unique keys, as they come from SQL.
pub(super) fn names(names: Vec<String>) -> Result<Vec<Ident>, Error> {
    names.into_iter().map(|name| Ident::new(name).map_err(|_| Error::BadName)).collect()
}

pub(super) fn as_rows(entries: impl IntoIterator<Item = Entry>) -> Vec<Row> {
    entries.into_iter().flat_map(|e| rows(e.target, vec![e.step])).collect()
}

/// The table's name, and the plan as things stand. Rows that cross organizations are counted for the keys
/// that `crossing` doesn't have yet, and added to it.
pub(super) fn look(
    target: Oid,
    asked: &[Ident],
    crossing: &mut HashMap<u32, Crossing>,
    keys: Keys,
) -> Result<(QualifiedName, Plan), Error> {
    let facts = facts::read(target, keys);
    let name = check(&facts, target, asked)?;
    let mut rooms = HashMap::new();
    // What is to be counted, and which indexes are to be built, a first plan tells.
    let draft = make(&facts, target, asked, crossing, &rooms);
    for (key, query) in &draft.uncounted {
        crossing.insert(*key, facts::crossing(&facts, *key, query));
    }
    let mut wanting: HashMap<u32, Vec<Ident>> = HashMap::new();
    for (table, names) in draft.wanting {
        wanting.entry(table).or_default().extend(names);
    }
    let wanting: Vec<_> = wanting.into_iter().collect();
    rooms.extend(index_room::read(&wanting).into_iter().map(|(oid, room)| (oid, (room.size, room.taken))));
    Ok((name, make(&facts, target, asked, crossing, &rooms)))
}

fn make(
    facts: &Facts,
    target: Oid,
    asked: &[Ident],
    crossing: &HashMap<u32, Crossing>,
    rooms: &HashMap<u32, (u64, Vec<Ident>)>,
) -> Plan {
    let max_inline_index = index_size::max_inline_index();
    let around = Around { unique_per_org: asked, crossing, rooms, max_inline_index };
    harden::plan(facts, target.to_u32(), &around).unwrap_or_default()
}

/// Refuses a table whose keys can't include an organization, and names that are no keys of it.
fn check(facts: &Facts, target: Oid, asked: &[Ident]) -> Result<QualifiedName, Error> {
    let Some(table) = facts.table(target.to_u32()) else {
        return Err(Error::NoSuchRelation { oid: target.to_u32() });
    };
    if !table.fenced {
        return Err(Error::NotProtected { table: table.name() });
    }
    if table.org().is_none() {
        return Err(Error::CannotHarden { table: table.name() });
    }
    match asked.iter().find(|name| !table.uniques.iter().any(|u| u.name == **name)) {
        Some(name) => Err(Error::NoSuchKey { table: table.name(), name: name.clone() }),
        None => Ok(table.name()),
    }
}
