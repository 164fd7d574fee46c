//! Tables that get their organization from a parent row.

mod facts;
mod fill;
mod fire;
mod key;
mod reading;
mod suggest;
mod tie;

use org_scope_core::policy::through::Linked;
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

pub(super) use facts::{has_children, unreadable};
pub(super) use fill::end_transaction;
pub(crate) use fill::{begin_fill, fill_step};
pub(crate) use fire::{check_parent, fill_from_parent, move_children};
pub(super) use suggest::suggestions;
pub(crate) use tie::{plan_through, protect_through};
pub(super) use tie::{tie, untie};

/// What the catalog tells of a table and of one that it asks by a column.
pub(super) fn linked(child: Oid, parent: Oid, key: &Ident, parent_key: &Ident) -> Option<Linked> {
    let (key, parent_key) = (Some(key), Some(parent_key));
    facts::linked(&facts::Question { child, parent, key, parent_key, org: None, parent_org: None })
}

/// The columns of these numbers, and whether the table computes them.
pub(super) fn columns_of(table: Oid, numbers: Vec<i16>) -> Vec<(Ident, bool)> {
    facts::columns(table, numbers).into_iter().map(|part| (part.name, part.generated)).collect()
}

/// The options as they come from SQL.
#[derive(Debug, Clone)]
pub(crate) struct ThroughOptions {
    pub(crate) key: String,
    pub(crate) parent_key: Option<String>,
    /// Whether the parent is asked with every statement.
    pub(crate) reading: bool,
    pub(crate) org_column: Option<String>,
    pub(crate) force: bool,
    pub(crate) create_index: bool,
    pub(crate) roles: Option<Vec<String>>,
}
