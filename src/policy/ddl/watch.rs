//! A table has come into a watched schema, or has got its org column: it is fenced, refused or warned of.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::Kind;
use org_scope_core::sql::{Ident, QualifiedName};
use org_scope_core::watch::{Verdict, Watch};
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use crate::pg::catalog::{self, About};
use crate::pg::event::Command;
use crate::pg::{owner, report, settings, transaction, watched};
use crate::policy::facts::query;
use crate::policy::protect::{Asked, protect};
use crate::policy::{Options, watch};

const TABLES: &CStr = query(concat!(include_str!("watch.sql"), "\0"));

/// A table of the statement, or below one.
#[derive(Debug, Deserialize)]
struct Came {
    oid: u32,
    schema: Ident,
    name: Ident,
    /// Whether it is one of the statement itself.
    touched: bool,
    columns: Vec<Column>,
    fenced: bool,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: Ident,
    /// Who wrote it: a column that was there before IF NOT EXISTS is not new.
    writer: String,
}

/// Looks at what the statement brought.
///
/// # Errors
/// OS009 where it must not come, or can't be fenced.
pub(super) fn react(command: &Command<'_>) -> Result<(), Error> {
    let schemas = watched::schemas();
    if schemas.is_empty() {
        return Ok(());
    }
    if let Some((old, new)) = command.renames_schema() {
        settings::neutral(|| owner::as_extension_owner(|| watch::schema_renamed(&old, &new)));
        return Ok(());
    }
    let brings = command.brings_tables(|name| schemas.iter().any(|watch| watch.schema.raw() == name));
    let names = command.names_of_new_columns();
    let column = schemas.iter().map(|watch| &watch.column).any(|column| is_among(column, &names));
    if !brings && !column {
        return Ok(());
    }
    // In two turns: a fence takes what is below it along.
    for touched in [true, false] {
        let tables = read().into_iter().filter(|table| table.touched == touched && !table.fenced);
        for table in tables {
            let Some(watch) = schemas.iter().find(|watch| watch.schema == table.schema) else { continue };
            if brings && touched || is_among(&watch.column, &names) && table.got(&watch.column) {
                judge(watch, &table)?;
            }
        }
        if !column {
            break;
        }
    }
    Ok(())
}

fn read() -> Vec<Came> {
    settings::neutral(|| catalog::read(TABLES, About::One, &[]))
}

fn is_among(column: &Ident, names: &[String]) -> bool {
    names.iter().any(|name| name == column.raw())
}

impl Came {
    fn has(&self, column: &Ident) -> bool {
        self.columns.iter().any(|c| c.name == *column)
    }

    /// Whether the column is there since this transaction.
    fn got(&self, column: &Ident) -> bool {
        let found = self.columns.iter().find(|c| c.name == *column);
        found.and_then(|c| c.writer.parse().ok()).is_some_and(transaction::is_own)
    }
}

fn judge(watch: &Watch, table: &Came) -> Result<(), Error> {
    let (target, schema, name) = (Oid::from_u32(table.oid), table.schema.raw(), table.name.raw());
    if let Some(global) = watched::globals().into_iter().find(|global| global.is(target, schema, name)) {
        if global.target != target {
            settings::neutral(|| owner::as_extension_owner(|| watch::found(target, schema, name)));
        }
        return Ok(());
    }
    let qualified = QualifiedName { schema: table.schema.clone(), name: table.name.clone() };
    let column = watch.column.clone();
    match watch.verdict(table.has(&column)) {
        Verdict::Protect => fence(target, &qualified, column),
        Verdict::Warn { has_column } => {
            report::warn(&Error::NewTableOpen { table: qualified, column, has_column });
            Ok(())
        }
        Verdict::Refuse => Err(Error::NewTableRefused { table: qualified }),
    }
}

/// Protects it with the options' defaults, as whoever runs the statement, and says what is left to do.
fn fence(target: Oid, table: &QualifiedName, column: Ident) -> Result<(), Error> {
    let steps = protect(target, Asked::Column(column.raw().to_owned()), Options::default())?;
    report::notice(&format!("protected {table} by column {column}"));
    let left = steps.into_iter().map(|row| row.step).filter(|step| {
        matches!(step.state.word(), "run_yourself" | "skipped") || step.kind == Kind::NullRows
    });
    for step in left {
        let statement = step.statement.map(|statement| format!(": {statement}")).unwrap_or_default();
        report::notice(&format!("{}{statement}", step.reason));
    }
    Ok(())
}
