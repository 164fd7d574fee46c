//! An index of one organization's rows: what is wanted, and whether it is there.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::{Facts, OrgIndex, StandingIndex};
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;

use super::facts::{self, query};
use super::{Row, rows};
use crate::pg::catalog::About;
use crate::pg::{attempt, catalog, event, index_room, parse, relation, settings, spi};

const STANDING: &CStr = query(concat!(include_str!("org_index.sql"), "\0"));

/// The names to try for the table that is only there while this is asked.
const PATTERNS: [&str; 4] =
    ["org_scope_pattern", "org_scope_pattern_1", "org_scope_pattern_2", "org_scope_pattern_3"];

/// The statement that builds the index, until it is there.
pub(crate) fn org_index(target: Oid, definition: &str, org: &str) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    let read = || facts::read_standing(target).ok_or(Error::BadName);
    let (table, index) = settings::neutral(|| {
        let table = read()?;
        let index = OrgIndex::read(&table, definition, org)?;
        Ok::<_, Error>((table, index))
    })?;
    if !parse::is_index_definition(definition) {
        return Err(Error::NoIndexDefinition { table: table.table() });
    }
    let standing = standing(&table, &index)?;
    let free = settings::neutral(|| free(&table, index.names(&table)));
    let steps = index.steps(&table, &standing, free.as_ref());
    Ok(rows(table.oid, steps).collect())
}

/// The table's indexes that are as the wanted one. The server itself says what that would be: it is built on an
/// empty table like this one, with the caller's rights and search_path as the statement will be, and nothing stays.
fn standing(table: &Facts, index: &OrgIndex) -> Result<Vec<StandingIndex>, Error> {
    let names: Vec<Ident> = PATTERNS.into_iter().filter_map(|name| Ident::new(name).ok()).collect();
    let name = settings::neutral(|| free(table, names)).ok_or(Error::BadName)?;
    let pattern = QualifiedName { schema: table.schema.clone(), name };
    let statements = [
        format!("CREATE TABLE {pattern} (LIKE {})", table.table()),
        format!("CREATE INDEX ON {pattern} {}", index.tail()),
    ];
    attempt::undone(|| {
        for statement in &statements {
            event::ours(|| spi::execute(statement));
        }
        let [schema, name] = [&pattern.schema, &pattern.name].map(|part| part.raw().to_owned());
        let asked = [Oid::from_u32(table.oid).into(), schema.into(), name.into()];
        Ok(settings::neutral(|| catalog::read(STANDING, About::One, &asked)))
    })
}

/// The first of the names that is free in the table's schema.
fn free(table: &Facts, names: Vec<Ident>) -> Option<Ident> {
    let mut rooms = index_room::read(&[(table.oid, names.clone())]);
    let taken = rooms.remove(&table.oid)?.taken;
    names.into_iter().find(|name| !taken.contains(name))
}
