//! Takes fences away.

use org_scope_core::policy::{self, Action, State, Step};
use pgrx::pg_sys::Oid;

use super::protect::execute;
use super::{Row, facts, rows};
use crate::pg::{attempt, parse, relation, settings};

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
    plan(target).into_iter().flat_map(|step| take(target, step)).collect()
}

/// Executes one step. A DEFAULT that can't be put back, because what it names is gone, must not
/// keep the fence up: it goes, and the user is told.
fn take(target: Oid, step: Step) -> Vec<Step> {
    match (&step.action, &step.statement, step.state) {
        (Some(Action::SetDefault { column, .. }), Some(statement), State::Planned) => {
            if attempt::execute(statement) {
                return vec![step.done()];
            }
            let dropped = facts::read_one(target, None)
                .map(|table| execute(vec![policy::drop_default(&table, column)]))
                .unwrap_or_default();
            let reason = "the DEFAULT found can't be put back: something that it names, or the column's type, has changed";
            let yours = Step { state: State::RunYourself, reason: reason.to_owned(), ..step };
            [dropped, vec![yours]].concat()
        }
        _ => execute(vec![step]),
    }
}

fn plan(target: Oid) -> Vec<Step> {
    facts::read_one(target, None)
        .map(|table| policy::unprotect(&table, parse::is_expression))
        .unwrap_or_default()
}
