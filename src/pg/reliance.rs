//! The tables whose new rows a plan leaves unasked, as nothing but the statement changes them: written into
//! the plan itself. What other sessions change meanwhile waits for the statement's lock; the session itself
//! may give the table a trigger between planning and execution.

use org_scope_core::Error;
use pgrx::pg_sys::{self, List, NodeTag, Oid, PlanInvalItem, PlannedStmt};

use super::{list, relation, report};

/// Stands where a plan names the cache on which it depends, as a label's number does.
const RELIANCE: i32 = -0x4F54;

/// Adds a table to a list of them, in the current memory context.
pub(crate) fn on(list: *mut List, table: Oid) -> *mut List {
    // SAFETY: palloc'ed with the node's size.
    let item: *mut PlanInvalItem = unsafe { pg_sys::palloc(size_of::<PlanInvalItem>()) }.cast();
    let filled =
        PlanInvalItem { type_: NodeTag::T_PlanInvalItem, cacheId: RELIANCE, hashValue: table.to_u32() };
    // SAFETY: freshly allocated with this size.
    unsafe { item.write(filled) };
    // SAFETY: NIL or a list of the same kind.
    unsafe { pg_sys::lappend(list, item.cast()) }
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
