//! The tables whose new rows a plan leaves unasked, as nothing but the statement changes them: written into
//! the plan itself. What other sessions change meanwhile waits for the statement's lock; the session itself
//! may give the table a trigger between planning and execution.

use org_scope_core::Error;
use pgrx::pg_sys::{List, Oid, PlanInvalItem, PlannedStmt};

use super::{list, plan_item, relation, report};

/// Stands where a plan names the cache on which it depends, as a label's number does.
const RELIANCE: i32 = -0x4F54;

/// Adds a table to a list of them, in the current memory context.
pub(crate) fn on(list: *mut List, table: Oid) -> *mut List {
    plan_item::add(list, RELIANCE, table.to_u32())
}

/// Refuses to run a plan whose table has got something that changes its new rows since.
pub(crate) fn check(plan: *mut PlannedStmt) {
    // SAFETY: the server passes a plan.
    let items = unsafe { (*plan).invalItems };
    // SAFETY: the list holds PlanInvalItem.
    for item in unsafe { list::nodes::<PlanInvalItem>(items) } {
        let table = Oid::from(item.hashValue);
        if item.cacheId == RELIANCE && relation::changes_new_rows(table) {
            report::raise(&Error::TableChanged);
        }
    }
}
