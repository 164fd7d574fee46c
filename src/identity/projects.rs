//! Says which tables answer for projects.

use org_scope_core::Error;
use pgrx::pg_sys::Oid;

use super::table;
use crate::context::projects;
use crate::pg::project_source::ProjectSource;

const TABLE: &str = "project_source";

/// What a table answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// What projects there are.
    Projects,
    /// Who is a member of which.
    Members,
}

/// Says that this table answers, in place of the one that did.
///
/// # Errors
/// OS010 where it can't.
pub(crate) fn define(kind: Kind, source: Oid, key_column: String, by_column: String) -> Result<(), Error> {
    let (word, command) = match kind {
        Kind::Projects => ("projects", c"org_scope.define_projects()"),
        Kind::Members => ("members", c"org_scope.define_project_members()"),
    };
    table::begin(command, TABLE);
    let source = ProjectSource { table: source, key_column, by_column };
    projects::describe(&source)?.0.hold()?;
    table::run(
        "INSERT INTO org_scope.project_source AS s (kind, source, key_column, by_column) \
         VALUES ($1, $2::pg_catalog.oid::pg_catalog.regclass, $3, $4) \
         ON CONFLICT (kind) DO UPDATE SET source = excluded.source, key_column = excluded.key_column, \
         by_column = excluded.by_column",
        &[word.into(), source.table.into(), source.key_column.into(), source.by_column.into()],
    );
    Ok(())
}

/// From now on none answers.
pub(crate) fn undefine() {
    table::begin(c"org_scope.undefine_projects()", TABLE);
    table::run("DELETE FROM org_scope.project_source", &[]);
}
