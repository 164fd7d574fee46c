//! Reads the keys of a table and the tables around it, and counts the rows that cross organizations.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};

use org_scope_core::harden::{Crossing, Facts, ForeignKey, Table};
use pgrx::pg_sys::Oid;

use crate::pg::catalog::About;
use crate::pg::{attempt, catalog, noforce, owner, relation};

const KEYS: &CStr = query(concat!(include_str!("keys.sql"), "\0"));
const TABLES: &CStr = query(concat!(include_str!("tables.sql"), "\0"));

const fn query(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(query) => query,
        Err(_) => panic!("a query ends with its only NUL"),
    }
}

/// Which foreign keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Those that lead from the table.
    Leaving,
    /// Those that lead to it, too.
    All,
}

/// The keys of one table, with the tables at their ends.
pub(super) fn read(target: Oid, which: Keys) -> Facts {
    let keys: Vec<ForeignKey> =
        catalog::read(KEYS, About::One, &[vec![target].into(), (which == Keys::All).into()]);
    let mut tables = BTreeSet::from([target.to_u32()]);
    tables.extend(keys.iter().flat_map(|key| [key.table, key.parent]));
    let tables: Vec<Oid> = tables.into_iter().map(Oid::from_u32).collect();
    Facts { tables: catalog::read(TABLES, About::One, &[tables.into()]), keys }
}

/// Counts the rows of a table that reference another organization's, over all organizations.
///
/// The query names both tables, and whoever owns one or its schema can make the name mean a view of
/// theirs meanwhile: so they are held, it runs as the table's owner, and whatever it did beside is undone.
pub(super) fn crossing(facts: &Facts, key: u32, query: &str) -> Crossing {
    let ends = facts.keys.iter().find(|k| k.oid == key).map(|k| [k.table, k.parent]);
    let ends: Option<Vec<&Table>> = ends.and_then(|ends| ends.into_iter().map(|t| facts.table(t)).collect());
    let (Some(ends), Ok(query)) = (ends, CString::new(query)) else { return Crossing::Unknown };
    let rows: Option<i64> = attempt::undone(|| {
        let owners: Option<Vec<Oid>> = ends.iter().map(|table| hold(table)).collect();
        let owner = *owners?.first()?;
        let count = || catalog::read_once::<i64>(&query, &[]).into_iter().sum();
        // The owner sees no row of a table that is FORCEd, or those of one organization.
        Some(owner::as_role(owner, || noforce::lift(count)))
    });
    rows.map_or(Crossing::Unknown, Crossing::Rows)
}

fn hold(table: &Table) -> Option<Oid> {
    let name = (table.schema.raw().to_owned(), table.name.raw().to_owned());
    relation::hold(Oid::from_u32(table.oid), &name)
}
