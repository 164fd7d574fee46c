//! What the tables that answer for projects say: which belong to the organization, and which the user has
//! joined. They are read with the rights of their owners, never a superuser's, so that the caller needs no
//! privilege on them, and whatever the owner sees of them is what counts.

use std::ffi::CString;

use org_scope_core::Error;
use org_scope_core::org::OrgValue;
use org_scope_core::policy::family_of_type;
use org_scope_core::project::Source;
use serde::de::DeserializeOwned;

use super::source::{self, Source as Table};
use crate::pg::catalog;
use crate::pg::project_source::{self, ProjectSource};
use crate::pg::{owner, session, settings};

/// What the source is now.
///
/// # Errors
/// OS010 where it can't answer any more.
pub(crate) fn describe(source: &ProjectSource) -> Result<(Table, Source), Error> {
    let table = source::describe("projects", source.table, &[&source.key_column, &source.by_column])?;
    let mut columns = table.columns.iter().map(|(name, schema, type_name)| {
        let family = family_of_type(&(schema.clone(), type_name.clone()));
        Ok::<_, Error>((name.clone(), family.ok_or_else(|| table.bad("a column has another type"))?))
    });
    let mut next = || columns.next().unwrap_or_else(|| Err(table.bad("it has no such column")));
    let asked = Source { key: next()?, by: next()?, table: table.table.clone() };
    Ok((table, asked))
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
        let (table, asked) = describe(source)?;
        let Some(question) = question(&asked).and_then(|text| CString::new(text).ok()) else {
            return Ok(Vec::new());
        };
        Ok(owner::as_role(table.hold()?, || catalog::read_once(&question, &[])))
    })
}
