//! What the triggers do with a row that is written.

use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::adopt::{NotYet, Source};
use org_scope_core::sql::QualifiedName;
use pgrx::pg_sys::{Datum, HeapTuple, Oid};
use pgrx::{PgRelation, PgTrigger};

use super::backfill;
use crate::pg::adopted_row::{self, Way};
use crate::pg::new_tuple::NewTuple;
use crate::pg::parent_row::Which;
use crate::pg::row::Row;
use crate::pg::{noforce, relation, role, session, settings};
use crate::policy::fallback;

/// A row on its way into the table.
struct Writing {
    way: Rc<Way>,
    table: QualifiedName,
    new: Row,
    old: Option<Row>,
    /// Whether the table's policies bind whoever writes.
    bound: bool,
    /// Whether a foreign key takes the row along, past every policy.
    cascading: bool,
}

/// Before a row is written: gives it the organization that its key tells of, and refuses one that contradicts it.
///
/// Whom the fence binds finds no key of another organization: it is as if there were none, in all that can be seen,
/// and is refused as one that nobody has.
pub(crate) fn adopt_row(trigger: &PgTrigger<'_>, function: pgrx::pg_sys::Oid) -> Result<HeapTuple, Error> {
    let event = trigger.event();
    let Some(new) = Row::new_of(trigger).filter(|_| event.fired_before() && event.fired_for_row()) else {
        return Err(Error::NotThisTrigger);
    };
    let table = relation::of_trigger(trigger);
    let (way, old) = (way(&table)?, Row::old_of(trigger));
    // What others' triggers write meanwhile is written as ever.
    if old.is_some() && backfill::is_filling(table.oid()) && new.value(way.route.org).is_some() {
        return Ok(new.tuple());
    }
    let cascading = noforce::in_cascade(function);
    let writing = Writing {
        way,
        table: named(&table)?,
        new,
        old,
        bound: relation::binds_current_user(table.oid()) && !cascading,
        cascading,
    };
    match writing.old {
        None => writing.insert(),
        Some(old) => writing.update(old),
    }
}

fn named(table: &PgRelation) -> Result<QualifiedName, Error> {
    let (schema, name) = relation::name(table);
    QualifiedName::new(schema, name).map_err(|_| Error::BadName)
}

fn way(table: &PgRelation) -> Result<Rc<Way>, Error> {
    adopted_row::way(table.oid(), || {
        settings::neutral(|| {
            let known = fallback::known(table.oid())?;
            known.route().ok_or(Error::NotThisTrigger)
        })
    })
    .and_then(|way| if is_trusted(&way) { Ok(way) } else { Err(gone(named(table)?)) })
    .map_err(|error| match (error, named(table)) {
        // Whatever the plan of the whole can't be any more, to whom writes it is one thing.
        (Error::NoAdoption { .. }, Ok(table)) => gone(table),
        (error, _) => error,
    })
}

fn gone(table: QualifiedName) -> Error {
    Error::NotYet { table, why: Box::new(NotYet::SourceGone("call adopt again to see why")) }
}

/// Whether the table's owner has the rights of the source's: no change of a table tells when they are taken away.
fn is_trusted(way: &Way) -> bool {
    let owner = Oid::from_u32(way.route.owner);
    way.route.source.is_none_or(|source| role::has_rights_of(owner, Oid::from_u32(source.owner)))
}

impl Writing {
    fn org(&self, row: Row) -> Option<Datum> {
        row.value(self.way.route.org)
    }

    fn found(&self, row: Row) -> Option<Datum> {
        self.way.found(row, if self.bound { Which::Own } else { Which::Any })
    }

    fn is_same(&self, a: Option<Datum>, b: Option<Datum>) -> bool {
        self.new.is_same(self.way.route.org, a, b)
    }

    fn written(&self, row: Row, org: Option<Datum>) -> HeapTuple {
        if self.is_same(self.org(row), org) { row.tuple() } else { row.with(self.way.route.org, org).tuple() }
    }

    /// The current organization, as a value of the org column.
    fn current(&self, row: Row) -> Option<Datum> {
        let org = session::context().org.as_ref().map(|org| org.text().to_owned())?;
        let column = NewTuple::in_column(row, self.way.route.org)?;
        let value = column.fitting(&org)?;
        row.of_tuple(column.with(value)).value(self.way.route.org)
    }

    /// The organization of all rows that nothing else tells of.
    fn constant(&self, row: Row) -> Option<Datum> {
        let Source::Constant(constant) = &self.way.route.adopted.source else { return None };
        let column = NewTuple::in_column(row, self.way.route.org)?;
        let value = column.fitting(&constant.org)?;
        row.of_tuple(column.with(value)).value(self.way.route.org)
    }

    fn contradicts(&self) -> Error {
        let column = self.way.route.adopted.source.legacy().cloned();
        Error::NotItsKeys { table: self.table.clone(), column }
    }

    /// Whether the row names a key that a table should know.
    fn names_key(&self, row: Row) -> bool {
        self.way.route.source.is_some()
            && self.way.route.legacy.is_some_and(|legacy| row.value(legacy).is_some())
    }

    fn insert(&self) -> Result<HeapTuple, Error> {
        let said = self.org(self.new);
        let row = self.with_actor(said);
        let found = self.found(row);
        let org = match (found, said) {
            (Some(found), Some(said)) if !self.is_same(Some(found), Some(said)) => {
                return Err(self.contradicts());
            }
            (Some(found), _) => Some(found),
            (None, _) if self.bound && self.names_key(row) => return Err(self.contradicts()),
            (None, said) => said.or_else(|| self.current(row)).or_else(|| self.constant(row)),
        };
        Ok(self.written(row, org))
    }

    /// New code names the organization alone: the key is the session's user's, where it is one of the
    /// organization.
    fn with_actor(&self, said: Option<Datum>) -> Row {
        let row = self.new;
        let is_lookup = matches!(&self.way.route.adopted.source, Source::Row(s) if s.lookup.is_some());
        let Some(legacy) = self.way.route.legacy.filter(|legacy| is_lookup && row.value(*legacy).is_none())
        else {
            return row;
        };
        let Some(user) = session::context().user.as_deref().map(str::to_owned) else { return row };
        let filled = NewTuple::in_column(row, legacy)
            .and_then(|column| column.fitting(&user).map(|user| row.of_tuple(column.with(user))));
        let Some(filled) = filled else { return row };
        let org = said.or_else(|| self.current(row));
        let found = self.found(filled);
        if org.is_some() && found.is_some() && self.is_same(found, org) { filled } else { row }
    }

    fn update(&self, old: Row) -> Result<HeapTuple, Error> {
        let now = self.org(self.new);
        let said = now.filter(|_| !self.is_same(self.org(old), now));
        // Behind the fence a row stays with its organization, whoever else has its key by now.
        let stays = self.cascading && self.way.route.fenced && now.is_some();
        let moved = !stays && self.is_handed_over(old);
        if !moved && said.is_none() && now.is_some() {
            return Ok(self.new.tuple());
        }
        let found = self.found(self.new);
        let org = match (found, said) {
            (Some(found), Some(said)) if !self.is_same(Some(found), Some(said)) => {
                return Err(self.contradicts());
            }
            (Some(found), _) => Some(found),
            (None, _) if moved && self.bound && self.names_key(self.new) => return Err(self.contradicts()),
            (None, _) => now.or_else(|| self.constant(self.new)),
        };
        Ok(self.written(self.new, org))
    }

    /// Whether what tells of the organization tells of another one than before, or may.
    fn is_handed_over(&self, old: Row) -> bool {
        match (&self.way.route.adopted.source, self.way.route.legacy) {
            (Source::Row(_), Some(legacy)) => {
                !self.new.is_same(legacy, old.value(legacy), self.new.value(legacy))
            }
            (Source::Expression(_), _) => !self.is_same(self.found(old), self.found(self.new)),
            _ => false,
        }
    }
}
