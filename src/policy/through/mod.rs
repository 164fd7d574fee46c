//! Tables that get their organization from a parent row.

mod facts;
mod fill;
mod fire;
mod key;
mod reading;
mod suggest;
mod tie;

pub(super) use facts::has_children;
pub(super) use fill::end_transaction;
pub(crate) use fill::{begin_fill, fill_step};
pub(crate) use fire::{check_parent, fill_from_parent, move_children};
pub(super) use suggest::suggestions;
pub(super) use tie::untie;
pub(crate) use tie::{plan_through, protect_through};

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
