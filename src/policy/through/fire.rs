//! What the triggers do.

use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::sql::QualifiedName;
use pgrx::pg_sys::{HeapTuple, Oid};
use pgrx::{PgRelation, PgTrigger};

use super::{facts, fill};
use crate::pg::parent_row::{self, Way, Which};
use crate::pg::row::Row;
use crate::pg::{noforce, relation, role, settings};

fn named(table: &PgRelation) -> Result<QualifiedName, Error> {
    let (schema, name) = relation::name(table);
    QualifiedName::new(schema, name).map_err(|_| Error::BadName)
}

/// The way to the parent, for a child whose owner could read the parent anyway.
fn way(table: &PgRelation) -> Result<Rc<Way>, Error> {
    let way = parent_row::way(table.oid(), || settings::neutral(|| facts::route(table.oid())));
    match way.filter(|way| is_trusted(way)) {
        Some(way) => Ok(way),
        None => Err(Error::NotThrough { table: named(table)? }),
    }
}

/// Whether the child's owner has the rights of the parent's.
fn is_trusted(way: &Way) -> bool {
    let (child_owner, parent_owner) =
        (Oid::from_u32(way.route.child_owner), Oid::from_u32(way.route.parent_owner));
    role::has_rights_of(child_owner, parent_owner)
}

/// What a trigger of another kind returns would swallow rows, or do nothing.
fn require(right: bool) -> Result<(), Error> {
    if right { Ok(()) } else { Err(Error::NotThisTrigger) }
}

/// Before a child is written: gives it the organization of its parent. None leaves the row as it is,
/// unwritten, which happens only to the rows that a fill finds without a parent.
///
/// What the statement itself says as organization stands where there is such a parent, and is judged by
/// fence and foreign key, as in every table. Whom the fence binds finds no parent of another organization:
/// it is as if there were none, in all that can be seen, and the fence refuses the row.
pub(crate) fn fill_from_parent(trigger: &PgTrigger<'_>, function: Oid) -> Result<Option<HeapTuple>, Error> {
    require(trigger.event().fired_before() && trigger.event().fired_for_row())?;
    let table = relation::of_trigger(trigger);
    let (Some(new), way) = (Row::new_of(trigger), way(&table)?) else { return Err(Error::NotThisTrigger) };
    let org = way.route.org;
    let said = match (Row::old_of(trigger), new.value(org)) {
        (Some(old), value) if new.is_same(org, old.value(org), value) => None,
        (_, value) => value,
    };
    let bound = relation::binds_current_user(table.oid()) && !noforce::in_cascade(function);
    let which = if bound { Which::Own } else { Which::Any };
    let found = way.key(new).and_then(|key| way.org(key, which, new.type_of(org)));
    if found.is_none() && fill::is_filling(table.oid()) {
        return Ok(None);
    }
    let value = match found {
        Some(found) => Some(said.unwrap_or(found)),
        None if bound => None,
        None => said,
    };
    let unchanged = new.is_same(org, new.value(org), value);
    Ok(Some(if unchanged { new.tuple() } else { new.with(org, value).tuple() }))
}

/// After a child was written: refuses one that names another organization than its parent's. Only for
/// keys on which no foreign key can stand.
pub(crate) fn check_parent(trigger: &PgTrigger<'_>) -> Result<(), Error> {
    require(trigger.event().fired_after() && trigger.event().fired_for_row())?;
    let table = relation::of_trigger(trigger);
    let (Some(new), way) = (Row::new_of(trigger), way(&table)?) else { return Err(Error::NotThisTrigger) };
    let changed = |old: Row| {
        way.route.watched.iter().any(|column| !new.is_same(*column, old.value(*column), new.value(*column)))
    };
    if Row::old_of(trigger).is_some_and(|old| !changed(old)) {
        return Ok(());
    }
    let found = way.key(new).and_then(|key| way.org(key, Which::Any, new.type_of(way.route.org)));
    let org = new.value(way.route.org);
    if found.is_some() && new.is_same(way.route.org, org, found) {
        Ok(())
    } else {
        Err(Error::NotItsParents { table: named(&table)? })
    }
}

/// After a parent was moved, renamed or deleted: its children get the organization that the row with their
/// key has now, or none.
pub(crate) fn move_children(trigger: &PgTrigger<'_>) -> Result<(), Error> {
    require(trigger.event().fired_after() && trigger.event().fired_for_row())?;
    let table = relation::of_trigger(trigger);
    let (old, new) = (Row::old_of(trigger), Row::new_of(trigger));
    for child in settings::neutral(|| facts::children(table.oid())) {
        let look_up = || settings::neutral(|| facts::route(child.oid()));
        // Also where somebody else has put the trigger on the child: nothing runs as its owner for a parent
        // whose owner has not lent it his rights.
        let leads_here = |way: &Rc<Way>| way.route.parent == table.oid().to_u32() && is_trusted(way);
        let Some(way) = parent_row::way(child.oid(), look_up).filter(leads_here) else {
            return Err(Error::NotThrough { table: child.table() });
        };
        let Some(key) = way.route.parent_key_number else { continue };
        let keys = [old, new].into_iter().flatten().filter_map(|row| Some((row, row.value(key)?)));
        let mut before = None;
        for (row, value) in keys {
            if before.is_some_and(|before| row.is_same(key, Some(before), Some(value))) {
                continue;
            }
            before = Some(value);
            way.move_children(&child.table(), value, row.type_of(key));
        }
    }
    Ok(())
}
