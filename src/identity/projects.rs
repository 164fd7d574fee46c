//! Says which tables answer for projects.

use std::ffi::CStr;

use org_scope_core::Error;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::Oid;
use pgrx::spi::Spi;

use crate::context::projects;
use crate::pg::project_source::ProjectSource;
use crate::pg::{relation, role, transaction};

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
pub(crate) fn define(kind: Kind, table: Oid, key_column: String, by_column: String) -> Result<(), Error> {
    let (word, command) = match kind {
        Kind::Projects => ("projects", c"org_scope.define_projects()"),
        Kind::Members => ("members", c"org_scope.define_project_members()"),
    };
    begin(command);
    let source = ProjectSource { table, key_column, by_column };
    let described = projects::describe(&source)?;
    let name = (described.table.schema.raw().to_owned(), described.table.name.raw().to_owned());
    if relation::hold(table, &name).is_none_or(role::bypasses_now) {
        let table = described.table.to_string();
        return Err(Error::BadSource { table, why: "its owner bypasses row security" });
    }
    run(
        "INSERT INTO org_scope.project_source AS s (kind, source, key_column, by_column) \
         VALUES ($1, $2::pg_catalog.oid::pg_catalog.regclass, $3, $4) \
         ON CONFLICT (kind) DO UPDATE SET source = excluded.source, key_column = excluded.key_column, \
         by_column = excluded.by_column",
        &[word.into(), table.into(), source.key_column.into(), source.by_column.into()],
    );
    Ok(())
}

/// From now on none answers.
pub(crate) fn undefine() {
    begin(c"org_scope.undefine_projects()");
    run("DELETE FROM org_scope.project_source", &[]);
}

fn begin(command: &CStr) {
    transaction::must_not_be_in_recovery(command);
    run("LOCK TABLE org_scope.project_source IN SHARE ROW EXCLUSIVE MODE", &[]);
}

fn run(statement: &str, args: &[DatumWithOid<'_>]) {
    Spi::connect_mut(|client| client.update(statement, None, args).map(drop))
        .expect("a statement of our own on our own table");
}
