//! Lists the protected tables, and how far each is from what protect would make of it.

use org_scope_core::policy::{self, FENCE, GATE};
use pgrx::pg_sys::Oid;

use super::{copy_view, facts};
use crate::pg::settings;

/// One row of the view.
#[derive(Debug)]
pub(crate) struct ProtectedTable {
    pub(crate) target: Oid,
    pub(crate) org_column: Option<String>,
    pub(crate) org_type: Option<Oid>,
    pub(crate) forced: bool,
    pub(crate) gate_roles: Option<Vec<String>>,
    pub(crate) index: Option<String>,
    pub(crate) drift: Vec<String>,
}

/// All of them.
pub(crate) fn protected_tables() -> Vec<ProtectedTable> {
    settings::neutral(|| {
        let tables = facts::protected(None).unwrap_or_default();
        let mut tables = facts::read(&tables, None);
        copy_view::add(&mut tables, false);
        tables
            .into_iter()
            .map(|table| {
                // Without its fence a table has no org column to speak of, whatever the gate says.
                let fenced = table.policy(FENCE).is_some();
                let column = table.column.as_ref().filter(|_| fenced);
                ProtectedTable {
                    target: Oid::from_u32(table.oid),
                    org_column: column.map(|c| c.name.raw().to_owned()),
                    org_type: column.map(|c| Oid::from_u32(c.type_oid)),
                    forced: table.row_security && table.force,
                    gate_roles: table
                        .policy(GATE)
                        .map(|g| g.roles.iter().map(|r| r.raw().to_owned()).collect()),
                    index: table
                        .indexes
                        .iter()
                        .find(|i| i.serves && i.valid)
                        .map(|i| i.name.raw().to_owned()),
                    drift: policy::drift(&table).into_iter().map(|kind| kind.word().to_owned()).collect(),
                }
            })
            .collect()
    })
}
