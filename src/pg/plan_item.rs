//! What a plan depends on, or is to remember, as the items in which the server writes that down.

use pgrx::pg_sys::{self, List, NodeTag, PlanInvalItem, PlannedStmt};

/// Adds an item to a list of them, in the current memory context.
pub(crate) fn add(list: *mut List, cache: i32, value: u32) -> *mut List {
    // SAFETY: palloc'ed with the node's size.
    let item: *mut PlanInvalItem = unsafe { pg_sys::palloc(size_of::<PlanInvalItem>()) }.cast();
    let filled = PlanInvalItem { type_: NodeTag::T_PlanInvalItem, cacheId: cache, hashValue: value };
    // SAFETY: freshly allocated with this size.
    unsafe { item.write(filled) };
    // SAFETY: NIL or a list of the same kind.
    unsafe { pg_sys::lappend(list, item.cast()) }
}

/// Puts items on a plan.
///
/// # Safety
/// Both are the server's, and the items are on no other plan. May raise (out of memory).
pub(crate) unsafe fn attach(plan: *mut PlannedStmt, list: *mut List) {
    // SAFETY: the caller's promise.
    let items = unsafe { (*plan).invalItems };
    // SAFETY: two lists of the same kind; the first may be NIL.
    let items = unsafe { pg_sys::list_concat(items, list) };
    // SAFETY: the caller's promise.
    unsafe { (*plan).invalItems = items };
}
