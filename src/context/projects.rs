//! What the tables that answer for projects say: which belong to the organization, and which the user has
//! joined. They are read with the rights of their owners, never a superuser's, so that the caller needs no
//! privilege on them, and whatever the owner sees of them is what counts.

use std::ffi::{CStr, CString};

use org_scope_core::Error;
use org_scope_core::org::OrgValue;
use org_scope_core::policy::family_of_type;
use org_scope_core::project::Source;
use org_scope_core::sql::{Ident, QualifiedName};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::pg::catalog::{self, About};
use crate::pg::project_source::{self, ProjectSource};
use crate::pg::{owner, relation, role, session, settings};

/// $1 the table, $2 and $3 the columns.
const SOURCE: &CStr = c"
SELECT pg_catalog.json_build_object(
  'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
  'key', ( SELECT pg_catalog.json_build_array(a.attname, tn.nspname, t.typname)
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
           WHERE a.attrelid = c.oid AND a.attname = $2::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped ),
  'by', ( SELECT pg_catalog.json_build_array(a.attname, tn.nspname, t.typname)
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
          WHERE a.attrelid = c.oid AND a.attname = $3::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped )
)::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = $1";

#[derive(Deserialize)]
struct Described {
    schema: Ident,
    name: Ident,
    kind: char,
    key: Option<(Ident, String, String)>,
    by: Option<(Ident, String, String)>,
}

/// What the source is now.
///
/// # Errors
/// OS010 where it can't answer any more.
pub(crate) fn describe(source: &ProjectSource) -> Result<Source, Error> {
    let arguments = [source.table.into(), source.key_column.clone().into(), source.by_column.clone().into()];
    let found = catalog::read::<Described>(SOURCE, About::One, &arguments).into_iter().next();
    let Some(found) = found else {
        return Err(Error::BadSource { table: "a table".into(), why: "it has been dropped" });
    };
    let table = QualifiedName { schema: found.schema, name: found.name };
    let bad = |why| Error::BadSource { table: table.to_string(), why };
    if found.kind != 'r' {
        return Err(bad("it is not a plain table"));
    }
    let column = |described: Option<(Ident, String, String)>| {
        let (name, schema, type_name) = described.ok_or_else(|| bad("it has no such column"))?;
        let family = family_of_type(&(schema, type_name)).ok_or_else(|| bad("a column has another type"))?;
        Ok::<_, Error>((name, family))
    };
    Ok(Source { key: column(found.key)?, by: column(found.by)?, table })
}

/// Refuses a project that the organization doesn't have, or that its user is no member of.
///
/// # Errors
/// OS005 for both; OS010 where nobody can say.
pub(crate) fn must_be_enterable(project: &OrgValue, org: &OrgValue, user: Option<&str>) -> Result<(), Error> {
    let sources = project_source::read();
    let members = sources.members.as_ref();
    for (source, by) in
        [(sources.projects.as_ref(), Some(org.clone())), (members, user.and_then(OrgValue::parse))]
    {
        let Some(source) = source else { continue };
        let by = by.ok_or(Error::NotYourProject)?;
        if ask::<bool>(source, |source| source.has(project, &by))?.is_empty() {
            return Err(Error::NotYourProject);
        }
    }
    Ok(())
}

/// The projects that the user is a member of.
///
/// # Errors
/// OS004 where one isn't of the type that `read` gives; OS010 where nobody can say.
pub(crate) fn joined<T>(read: impl Fn(&OrgValue) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let user = session::context().user.as_deref().and_then(OrgValue::parse);
    let sources = project_source::read();
    let (Some(user), Some(members)) = (user, &sources.members) else { return Ok(Vec::new()) };
    let projects: Vec<String> = ask(members, |source| source.projects_of(&user))?;
    projects.iter().filter_map(|project| OrgValue::parse(project)).map(|project| read(&project)).collect()
}

/// Asks as the table's owner; a question that has no answer in the column's type has none at all.
fn ask<T: DeserializeOwned>(
    source: &ProjectSource,
    question: impl FnOnce(&Source) -> Option<String>,
) -> Result<Vec<T>, Error> {
    settings::neutral(|| {
        let described = describe(source)?;
        let table = &described.table;
        let bad = |why| Error::BadSource { table: table.to_string(), why };
        let Some(question) = question(&described).and_then(|text| CString::new(text).ok()) else {
            return Ok(Vec::new());
        };
        let name = (table.schema.raw().to_owned(), table.name.raw().to_owned());
        let owner = relation::hold(source.table, &name).ok_or_else(|| bad("it has changed"))?;
        if role::bypasses_now(owner) {
            return Err(bad("its owner bypasses row security"));
        }
        Ok(owner::as_role(owner, || catalog::read_once(&question)))
    })
}
