//! Says which schemas are watched, and which tables belong to no organization on purpose.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::watch::Action;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::Oid;
use pgrx::spi::Spi;

use super::{facts, ident};
use crate::pg::transaction;

/// From now on new tables of the schema are looked at.
///
/// # Errors
/// 3F000 for a schema that does not exist, 22023 for an unknown action.
pub(crate) fn watch(schema: String, org_column: String, action: &str) -> Result<(), Error> {
    let action = Action::parse(action)?;
    let column = ident(org_column)?;
    let schema = ident(schema)?;
    facts::require_schemas(std::slice::from_ref(&schema))?;
    begin(c"org_scope.watch()");
    run(
        "INSERT INTO org_scope.watched AS w (schema, org_column, action) VALUES ($1, $2, $3) \
         ON CONFLICT (schema) DO UPDATE SET org_column = excluded.org_column, action = excluded.action",
        &[schema.raw().into(), column.raw().into(), action.word().into()],
    );
    Ok(())
}

/// From now on they are not.
pub(crate) fn unwatch(schema: &str) {
    begin(c"org_scope.unwatch()");
    run("DELETE FROM org_scope.watched WHERE schema = $1", &[schema.into()]);
}

/// Declares a table to be global.
pub(crate) fn declare(target: Oid, why: &str) {
    begin(c"org_scope.declare_global()");
    forget(target);
    run(
        "INSERT INTO org_scope.global_table (target, schema, name, why) \
         SELECT c.oid, n.nspname, c.relname, $2 \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
        &[target.into(), why.into()],
    );
}

/// Declares a table to be global by its name, also before there is one.
pub(crate) fn declare_name(schema: &str, name: &str, why: &str) -> Result<(), Error> {
    if let Some(target) = table_of(schema, name) {
        declare(target, why);
        return Ok(());
    }
    let (schema, name) = (ident(schema.to_owned())?, ident(name.to_owned())?);
    begin(c"org_scope.declare_global()");
    forget_name(schema.raw(), name.raw());
    run(
        "INSERT INTO org_scope.global_table (target, schema, name, why) VALUES (0, $1, $2, $3)",
        &[schema.raw().into(), name.raw().into(), why.into()],
    );
    Ok(())
}

/// Takes that back.
pub(crate) fn undeclare(target: Oid) {
    begin(c"org_scope.undeclare_global()");
    forget(target);
}

/// The same by a name.
pub(crate) fn undeclare_name(schema: &str, name: &str) {
    begin(c"org_scope.undeclare_global()");
    table_of(schema, name).into_iter().for_each(forget);
    forget_name(schema, name);
}

/// The table that was declared by this name is there now. Run as the extension's owner.
pub(super) fn found(target: Oid, schema: &str, name: &str) {
    run(
        "UPDATE org_scope.global_table g SET target = $1 WHERE g.schema = $2 AND g.name = $3 \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = g.target)",
        &[target.into(), schema.into(), name.into()],
    );
}

/// A schema has another name. Run as the extension's owner.
pub(super) fn schema_renamed(old: &str, new: &str) {
    run("UPDATE org_scope.watched SET schema = $2 WHERE schema = $1", &[old.into(), new.into()]);
    run("UPDATE org_scope.global_table SET schema = $2 WHERE schema = $1", &[old.into(), new.into()]);
}

fn forget(target: Oid) {
    run("DELETE FROM org_scope.global_table WHERE target = $1", &[target.into()]);
}

/// What was declared by the name and is no other table meanwhile.
fn forget_name(schema: &str, name: &str) {
    run(
        "DELETE FROM org_scope.global_table g WHERE g.schema = $1 AND g.name = $2 \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = g.target)",
        &[schema.into(), name.into()],
    );
}

fn table_of(schema: &str, name: &str) -> Option<Oid> {
    Spi::connect(|client| {
        client
            .select(
                "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'f')",
                Some(1),
                &[schema.into(), name.into()],
            )
            .ok()
            .filter(|rows| !rows.is_empty())
            .and_then(|rows| rows.first().get_one::<Oid>().ok().flatten())
    })
}

/// One writer at a time.
fn begin(command: &CStr) {
    transaction::must_not_be_in_recovery(command);
    run("LOCK TABLE org_scope.watched, org_scope.global_table IN SHARE ROW EXCLUSIVE MODE", &[]);
}

fn run(statement: &str, args: &[DatumWithOid<'_>]) {
    Spi::connect_mut(|client| client.update(statement, None, args).map(drop))
        .expect("a statement of our own on our own table");
}
