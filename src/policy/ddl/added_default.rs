//! A column has come with a DEFAULT that reads the context: the server has evaluated it once, and every row that
//! was there would be the organization's, or the user's, that happened to be set.
//!
//! Refused on an empty table too, or it would pass where a migration is tried and fail where it counts.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::error::AddedDefault;
use org_scope_core::sql::{Ident, QualifiedName};
use serde::Deserialize;

use crate::pg::catalog::{self, About};
use crate::pg::event::Command;
use crate::pg::{settings, transaction};
use crate::policy::facts::query;

const DEFAULTS: &CStr = query(concat!(include_str!("added_default.sql"), "\0"));

#[derive(Debug, Deserialize)]
struct Reading {
    schema: Ident,
    table: Ident,
    column: Ident,
    type_name: String,
    expression: String,
    /// Who wrote the column: one that was there before IF NOT EXISTS is not new.
    writer: String,
}

/// Looks at the columns that a statement has added.
///
/// # Errors
/// OS009 for one whose DEFAULT calls a function of ours.
pub(super) fn react(command: &Command<'_>) -> Result<(), Error> {
    let names = command.names_of_new_columns();
    let defaults: Vec<Reading> = settings::neutral(|| catalog::read(DEFAULTS, About::One, &[]));
    let is_new = |d: &Reading| {
        names.iter().any(|name| name == d.column.raw()) && d.writer.parse().is_ok_and(transaction::is_own)
    };
    match defaults.into_iter().find(is_new) {
        None => Ok(()),
        Some(Reading { schema, table: name, column, type_name, expression, .. }) => {
            let table = QualifiedName { schema, name };
            Err(Error::AddedDefault(Box::new(AddedDefault { table, column, type_name, expression })))
        }
    }
}
