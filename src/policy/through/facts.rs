//! Reads what ties tables together.

use std::ffi::{CStr, CString};

use org_scope_core::policy::through::{FEW_ROWS, Key, Linked, Route, Standing, Unreadable};
use org_scope_core::policy::{Facts, Source, index_name_candidates};
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use crate::pg::catalog::About;
use crate::pg::{attempt, catalog, noforce, owner, relation};
use crate::policy::facts::query;

const LINKED: &CStr = query(concat!(include_str!("linked.sql"), "\0"));
const STANDING: &CStr = query(concat!(include_str!("standing.sql"), "\0"));
const ROUTE: &CStr = query(concat!(include_str!("route.sql"), "\0"));
const READERS: &CStr = query(concat!(include_str!("readers.sql"), "\0"));
const CHILDREN: &CStr = query(concat!(include_str!("children.sql"), "\0"));

const TAKEN: &CStr = c"
SELECT pg_catalog.to_json(o.relname)::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_class o ON o.relnamespace = c.relnamespace
WHERE c.oid = $1 AND o.relname = ANY ($2::pg_catalog.name[])";

const BASE_TYPE: &CStr = c"
WITH RECURSIVE down AS (
  SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname FROM pg_catalog.pg_type t WHERE t.oid = $1
  UNION ALL
  SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname
  FROM down JOIN pg_catalog.pg_type t ON t.oid = down.typbasetype
  WHERE down.typtype = 'd'
)
SELECT pg_catalog.json_build_array(n.nspname, down.typname)::pg_catalog.text
FROM down JOIN pg_catalog.pg_namespace n ON n.oid = down.typnamespace
WHERE down.typtype <> 'd'";

const COLUMNS: &CStr = c"
SELECT pg_catalog.json_build_object('name', a.attname, 'generated', a.attgenerated <> '')::pg_catalog.text
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1 AND a.attnum = ANY ($2::pg_catalog.int2[]) AND NOT a.attisdropped
ORDER BY a.attnum";

/// What is asked about a child and its parent.
pub(super) struct Question<'a> {
    pub(super) child: Oid,
    pub(super) parent: Oid,
    pub(super) key: Option<&'a Ident>,
    pub(super) parent_key: Option<&'a Ident>,
    /// The child's org column, and the parent's, where the two are to be tied together.
    pub(super) org: Option<&'a Ident>,
    pub(super) parent_org: Option<&'a Ident>,
}

pub(super) fn linked(question: &Question<'_>) -> Option<Linked> {
    let raw = |name: Option<&Ident>| name.map(|n| n.raw().to_owned());
    let args = [
        question.child.into(),
        question.parent.into(),
        raw(question.key).into(),
        raw(question.parent_key).into(),
        raw(question.org).into(),
        raw(question.parent_org).into(),
    ];
    catalog::read(LINKED, About::One, &args).into_iter().next()
}

pub(super) fn standing(child: Oid) -> Standing {
    catalog::read(STANDING, About::One, &[child.into()]).into_iter().next().unwrap_or_default()
}

pub(super) fn route(child: Oid) -> Option<Route> {
    catalog::read(ROUTE, About::One, &[child.into()]).into_iter().next()
}

/// A table, by OID and name.
#[derive(Deserialize)]
pub(super) struct Child {
    oid: u32,
    schema: Ident,
    name: Ident,
}

impl Child {
    pub(super) fn oid(&self) -> Oid {
        Oid::from_u32(self.oid)
    }

    pub(super) fn table(&self) -> QualifiedName {
        QualifiedName { schema: self.schema.clone(), name: self.name.clone() }
    }
}

/// The children that go through a parent by an expression.
pub(super) fn children(parent: Oid) -> Vec<Child> {
    catalog::read(CHILDREN, About::One, &[parent.into()])
}

/// Whether there are any.
pub(crate) fn has_children(parent: Oid) -> bool {
    !children(parent).is_empty()
}

/// Who may not read what the fence of the parent asks, and the parent's key, though it has rights on the child.
pub(in crate::policy) fn unreadable(child: Oid, parent: Oid, key: &Ident, forced: bool) -> Vec<Unreadable> {
    let args = [child.into(), parent.into(), key.raw().to_owned().into(), forced.into()];
    catalog::read(READERS, About::One, &args)
}

/// Schema and name of the type below all domains.
pub(super) fn base_type(type_oid: Oid) -> Option<(String, String)> {
    catalog::read(BASE_TYPE, About::One, &[type_oid.into()]).into_iter().next()
}

/// A column of a key.
#[derive(Deserialize)]
pub(super) struct Part {
    pub(super) name: Ident,
    pub(super) generated: bool,
}

/// The columns of these numbers.
pub(super) fn columns(table: Oid, numbers: Vec<i16>) -> Vec<Part> {
    catalog::read(COLUMNS, About::One, &[table.into(), numbers.into()])
}

/// A free name for an index on a column, or on what is called so.
pub(super) fn free_name(table: &Facts, column: &Ident) -> Option<Ident> {
    let candidates = index_name_candidates(&table.name, &Source::Column(column.clone()));
    let names: Vec<String> = candidates.iter().map(|c| c.raw().to_owned()).collect();
    let taken: Vec<Ident> =
        catalog::read(TAKEN, About::One, &[Oid::from_u32(table.oid).into(), names.into()]);
    candidates.into_iter().find(|name| !taken.contains(name))
}

/// Rows of the child whose org column is not what their parent's is: those without one, counted up to a
/// little over [`FEW_ROWS`], or those that contradict it.
pub(super) fn count(
    child: &Facts,
    parent: &Facts,
    key: &Key,
    parent_key: &Ident,
    contradicting: bool,
) -> (i64, String) {
    let (Some(org), Some(parent_org)) = (&child.column, &parent.column) else { return (0, String::new()) };
    let (org, parent_org) = (&org.name, &parent_org.name);
    let which = if contradicting {
        format!("new.{org} IS NOT NULL AND NOT (p.{parent_org} OPERATOR(pg_catalog.=) new.{org})")
    } else {
        format!("new.{org} IS NULL AND p.{parent_org} IS NOT NULL")
    };
    let from = format!(
        "FROM ONLY {} AS new JOIN ONLY {} AS p ON p.{parent_key} OPERATOR(pg_catalog.=) ({}) WHERE {which}",
        child.table(),
        parent.table(),
        key.of_new(),
    );
    let counting = format!(
        "SELECT pg_catalog.count(*)::pg_catalog.text FROM (SELECT 1 {from} LIMIT {}) AS c",
        FEW_ROWS + 1
    );
    let query = format!("SELECT new.* {from}");
    let Ok(counting) = CString::new(counting) else { return (0, query) };
    let name = (child.schema.raw().to_owned(), child.name.raw().to_owned());
    // As the child's owner, and undone, as the generator counts rows without an organization.
    let rows = attempt::undone(|| {
        relation::hold(Oid::from_u32(child.oid), &name).map(|role| {
            owner::as_role(role, || {
                noforce::lift(|| catalog::read_once::<i64>(&counting, &[]).into_iter().sum())
            })
        })
    });
    (rows.unwrap_or(0), query)
}
