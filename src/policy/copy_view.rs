//! Copy views: reads what they are made from, and takes their rows.

use std::collections::HashMap;
use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::{CopyFacts, Facts, Spec, copy_view_name, wants_copy_view};
use serde::Deserialize;

use super::facts::query;
use crate::pg::catalog::{self, About};
use crate::pg::copy_row;
use crate::pg::entry::RowTrigger;

const COPY_VIEW: &CStr = query(concat!(include_str!("copy_view.sql"), "\0"));

#[derive(Deserialize)]
struct Answer {
    oid: u32,
    facts: CopyFacts,
}

/// Adds them to the facts of the tables that are to have a copy view.
pub(super) fn add(tables: &mut [Facts], spec: &Spec) {
    add_where(tables, |table| {
        table.copy_view.is_some() || (table.parents.is_empty() && wants_copy_view(spec, table))
    });
}

/// Adds them to the facts of the tables that have one.
pub(super) fn add_standing(tables: &mut [Facts]) {
    add_where(tables, |table| table.copy_view.is_some());
}

fn add_where(tables: &mut [Facts], wanted: impl Fn(&Facts) -> bool) {
    let asked: Vec<_> = tables
        .iter()
        .filter(|table| wanted(table))
        .map(|table| {
            serde_json::json!({
                "oid": table.oid.to_string(),
                "name": copy_view_name(&table.name),
                "view": table.copy_view,
            })
        })
        .collect();
    if asked.is_empty() {
        return;
    }
    let about = About::all(&asked);
    let answers =
        catalog::read::<Answer>(COPY_VIEW, about, &[serde_json::Value::from(asked).to_string().into()]);
    let mut answers: HashMap<u32, CopyFacts> = answers.into_iter().map(|a| (a.oid, a.facts)).collect();
    for table in tables {
        table.copy = answers.remove(&table.oid);
    }
}

/// Puts a row that came to a copy view into its table, as the current user; false where the table took none.
///
/// # Errors
/// 0A000 where the view shows anything else than columns of one table.
pub(crate) fn copy_row(row: &RowTrigger<'_>) -> Result<bool, Error> {
    copy_row::insert(row.data, row.first).ok_or(Error::NotCopyTrigger)
}
