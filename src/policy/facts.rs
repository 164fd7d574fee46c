//! Reads the facts of many tables in one query.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::{Actor, Facts, Source, Spec, index_name_candidates, wants_index};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::fallback;
use crate::pg::catalog::About;
use crate::pg::{catalog, index_room, index_size};

const FACTS: &CStr = query(concat!(include_str!("facts.sql"), "\0"));

const CANDIDATES: &CStr = c"
SELECT c.oid::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = ANY ($1::pg_catalog.name[]) AND a.attname = $2::pg_catalog.name AND c.relkind IN ('r', 'p', 'f')
ORDER BY n.nspname, c.relname";

/// Whatever carries something of ours, also where the fence itself is gone, and what lies below that.
const PROTECTED: &CStr = c"
WITH RECURSIVE ours(oid) AS (
  SELECT p.polrelid FROM pg_catalog.pg_policy p
  WHERE p.polname IN ('org_scope_fence', 'org_scope_fence_update', 'org_scope_fence_delete', 'org_scope_fence_project',
                      'org_scope_gate', 'org_scope_gate_shared')
  UNION
  SELECT t.tgrelid FROM pg_catalog.pg_trigger t
  WHERE t.tgname IN ('org_scope_truncate_guard', 'org_scope_stamp_actor') AND NOT t.tgisinternal
),
below(oid) AS (
  SELECT ours.oid FROM ours
  UNION
  SELECT h.inhrelid FROM below JOIN pg_catalog.pg_inherits h ON h.inhparent = below.oid AND NOT h.inhdetachpending
)
SELECT c.oid::pg_catalog.text
FROM below
JOIN pg_catalog.pg_class c ON c.oid = below.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE $1::pg_catalog.name[] IS NULL OR n.nspname = ANY ($1::pg_catalog.name[])
ORDER BY n.nspname, c.relname";

const MISSING_SCHEMAS: &CStr = c"
SELECT pg_catalog.to_json(s.name)::pg_catalog.text
FROM pg_catalog.unnest($1::pg_catalog.name[]) AS s(name)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = s.name)";

const MISSING_ROLES: &CStr = c"
SELECT pg_catalog.to_json(s.name)::pg_catalog.text
FROM pg_catalog.unnest($1::pg_catalog.name[]) AS s(name)
WHERE s.name <> 'public' AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = s.name)";

pub(super) const fn query(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(query) => query,
        Err(_) => panic!("a query ends with its only NUL"),
    }
}

/// The columns that facts are to tell of; what isn't named is the one that stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    org: Option<String>,
    project: Option<String>,
    actor: Option<String>,
}

impl Columns {
    /// The org column of this name, and the others that stand.
    pub(super) fn of_org(org: Option<&Ident>) -> Self {
        Self { org: org.map(|name| name.raw().to_owned()), ..Self::default() }
    }

    /// Those that a spec names.
    pub(super) fn of(spec: &Spec) -> Self {
        let raw = |name: &Ident| name.raw().to_owned();
        Self {
            org: spec.org.leading().map(raw),
            project: spec.project.asked().map(raw),
            actor: spec.actor.asked().map(|Actor { column, .. }| raw(column)),
        }
    }
}

/// Facts of the tables, by schema and name.
pub(super) fn read(tables: &[Oid], columns: &Columns) -> Vec<Facts> {
    let mut facts = read_bare(tables, columns);
    fallback::add(&mut facts);
    facts
}

/// The same without what is asked of other tables, which may ask these in turn.
pub(super) fn read_bare(tables: &[Oid], columns: &Columns) -> Vec<Facts> {
    let mut facts = ask(tables, columns, About::all(tables));
    for table in &mut facts {
        let (project, actor) = table.forgotten();
        if project.is_none() && actor.is_none() {
            continue;
        }
        let columns = Columns {
            project: columns.project.clone().or(project.map(String::from)),
            actor: columns.actor.clone().or(actor.map(String::from)),
            ..columns.clone()
        };
        if let Some(again) = ask(&[Oid::from_u32(table.oid)], &columns, About::One).pop() {
            *table = again;
        }
    }
    facts
}

fn ask(tables: &[Oid], columns: &Columns, about: About) -> Vec<Facts> {
    let Columns { org, project, actor } = columns.clone();
    catalog::read(FACTS, about, &[tables.to_vec().into(), org.into(), project.into(), actor.into()])
}

/// Facts of one table; none if it is gone.
pub(super) fn read_one(table: Oid, columns: &Columns) -> Option<Facts> {
    read(&[table], columns).into_iter().next()
}

/// The same, for the columns that stand.
pub(super) fn read_standing(table: Oid) -> Option<Facts> {
    read_one(table, &Columns::default())
}

/// The tables of the schemas that have the column.
pub(super) fn candidates(schemas: &[Ident], org: &Source) -> Result<Vec<Oid>, Error> {
    require_schemas(schemas)?;
    let Some(column) = org.column() else { return Ok(Vec::new()) };
    Ok(oids(catalog::read(CANDIDATES, About::Many, &[raw(schemas).into(), column.raw().to_owned().into()])))
}

/// The tables of the schemas, or of all, that carry something of ours.
pub(super) fn protected(schemas: Option<&[Ident]>) -> Result<Vec<Oid>, Error> {
    if let Some(schemas) = schemas {
        require_schemas(schemas)?;
    }
    Ok(oids(catalog::read(PROTECTED, About::Many, &[schemas.map(raw).into()])))
}

pub(super) fn require_schemas(schemas: &[Ident]) -> Result<(), Error> {
    match catalog::read::<Ident>(MISSING_SCHEMAS, About::One, &[raw(schemas).into()]).into_iter().next() {
        Some(missing) => Err(Error::NoSuchSchema(missing)),
        None => Ok(()),
    }
}

/// Refuses names that are no roles; `public` stands for PUBLIC.
pub(super) fn require_roles(roles: &[Ident]) -> Result<(), Error> {
    if roles.is_empty() {
        return Ok(());
    }
    match missing_roles(roles).into_iter().next() {
        Some(missing) => Err(Error::NoSuchRole(missing)),
        None => Ok(()),
    }
}

/// Those of the names that are no roles.
pub(super) fn missing_roles(roles: &[Ident]) -> Vec<Ident> {
    if roles.is_empty() { Vec::new() } else { catalog::read(MISSING_ROLES, About::One, &[raw(roles).into()]) }
}

/// What building an index depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct IndexRoom {
    pub(super) size: u64,
    pub(super) name: Option<Ident>,
    pub(super) max_inline: u64,
}

/// Room for the index of each table, in the order of `tables`.
pub(super) fn index_room(spec: &Spec, tables: &[Facts]) -> Vec<IndexRoom> {
    let wanting: Vec<_> = tables
        .iter()
        .filter(|t| t.kind == 'r' && wants_index(spec, t))
        .map(|t| (t.oid, index_name_candidates(&t.name, &spec.org)))
        .collect();
    let answers = index_room::read(&wanting);
    let max_inline = index_size::max_inline_index();
    // Two tables of one schema can want the same name; the first gets it, as it will when it runs.
    let mut given = std::collections::HashSet::new();
    tables
        .iter()
        .map(|table| {
            let Some(answer) = answers.get(&table.oid) else {
                return IndexRoom { max_inline, ..IndexRoom::default() };
            };
            let name = index_name_candidates(&table.name, &spec.org)
                .into_iter()
                .find(|name| !answer.taken.contains(name) && given.insert((&table.schema, name.clone())));
            IndexRoom { size: answer.size, name, max_inline }
        })
        .collect()
}

fn raw(names: &[Ident]) -> Vec<String> {
    names.iter().map(|n| n.raw().to_owned()).collect()
}

fn oids(numbers: Vec<u32>) -> Vec<Oid> {
    numbers.into_iter().map(Oid::from_u32).collect()
}
