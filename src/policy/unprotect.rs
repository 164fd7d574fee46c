//! Takes fences away.

use org_scope_core::policy::{self, Step};
use pgrx::pg_sys::Oid;

use super::protect::execute;
use super::{Row, facts, rows};
use crate::pg::{parse, relation, settings};

/// Takes away what protect brought, and puts back what it found.
pub(crate) fn unprotect(target: Oid) -> Vec<Row> {
    relation::require_owner(target);
    settings::neutral(|| rows(target.to_u32(), lift(target)).collect())
}

/// The same inside a run.
pub(super) fn lift(target: Oid) -> Vec<Step> {
    if plan(target).is_empty() {
        return Vec::new();
    }
    relation::lock(target, relation::Lock::Ddl);
    execute(target, plan(target))
}

fn plan(target: Oid) -> Vec<Step> {
    facts::read_standing(target)
        .map(|table| policy::unprotect(&table, parse::is_expression))
        .unwrap_or_default()
}
