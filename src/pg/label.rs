//! The organization for which a plan was folded, written into the plan itself, so that it goes where
//! the plan goes and is compared whole.

use pgrx::PgList;
use pgrx::pg_sys::{self, List, NodeTag, PlanInvalItem, PlannedStmt};

use super::list;

/// Stands where a plan names the cache on which it depends. No cache has a negative number, and the
/// plan cache passes over items of caches that nothing is reported for.
const LABEL: i32 = -0x4F53;

/// The organization as list items: its length in bytes, then four bytes each.
fn words(org: &str) -> impl Iterator<Item = u32> {
    let bytes = org.as_bytes().chunks(4).map(|chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(word)
    });
    u32::try_from(org.len()).into_iter().chain(bytes)
}

/// Makes the label, in the current memory context.
pub(crate) fn make(org: &str) -> *mut List {
    let count = words(org).count();
    // One piece for all of them, as they live and die together.
    // SAFETY: allocates or raises.
    let nodes: *mut PlanInvalItem = unsafe { pg_sys::palloc(count * size_of::<PlanInvalItem>()) }.cast();
    let mut items = PgList::<PlanInvalItem>::new();
    for (at, word) in words(org).enumerate() {
        // SAFETY: within what was allocated for so many.
        let item = unsafe { nodes.add(at) };
        let filled = PlanInvalItem { type_: NodeTag::T_PlanInvalItem, cacheId: LABEL, hashValue: word };
        // SAFETY: as above.
        unsafe { item.write(filled) };
        items.push(item);
    }
    items.into_pg()
}

/// Puts a label, or other items, on a plan.
///
/// # Safety
/// Both are the server's, and the items are on no other plan. May raise (out of memory).
pub(crate) unsafe fn attach(plan: *mut PlannedStmt, label: *mut List) {
    // SAFETY: the caller's promise.
    let items = unsafe { (*plan).invalItems };
    // SAFETY: two lists of the same kind; the first may be NIL.
    let items = unsafe { pg_sys::list_concat(items, label) };
    // SAFETY: the caller's promise.
    unsafe { (*plan).invalItems = items };
}

/// Whether the plan was folded.
pub(crate) fn is_in(plan: *mut PlannedStmt) -> bool {
    read(plan).next().is_some()
}

/// Whether the plan was folded for this organization.
pub(crate) fn is_for(plan: *mut PlannedStmt, org: Option<&str>) -> bool {
    org.is_some_and(|org| read(plan).eq(words(org)))
}

fn read(plan: *mut PlannedStmt) -> impl Iterator<Item = u32> {
    // SAFETY: the server passes a plan.
    let items = unsafe { (*plan).invalItems };
    // SAFETY: the list holds PlanInvalItem.
    let items = unsafe { list::nodes::<PlanInvalItem>(items) };
    items.filter(|item| item.cacheId == LABEL).map(|item| item.hashValue)
}
