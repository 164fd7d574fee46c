//! The organization, and its project, for which a plan was folded, written into the plan itself, so that it goes where
//! the plan goes and is compared whole.

use pgrx::PgList;
use pgrx::pg_sys::{self, List, NodeTag, PlanInvalItem, PlannedStmt};

use super::list;

/// Stands where a plan names the cache on which it depends. No cache has a negative number, and the
/// plan cache passes over items of caches that nothing is reported for.
const LABEL: i32 = -0x4F53;

/// A context as list items: for the organization, and for the project where there is one, its length in
/// bytes, then four bytes each.
fn words<'a>(org: &'a str, project: Option<&'a str>) -> impl Iterator<Item = u32> + 'a {
    [Some(org), project].into_iter().flatten().flat_map(text_words)
}

fn text_words(text: &str) -> impl Iterator<Item = u32> {
    let bytes = text.as_bytes().chunks(4).map(|chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(word)
    });
    u32::try_from(text.len()).into_iter().chain(bytes)
}

/// Makes the label, in the current memory context.
pub(crate) fn make(org: &str, project: Option<&str>) -> *mut List {
    let count = words(org, project).count();
    // One piece for all of them, as they live and die together.
    // SAFETY: allocates or raises.
    let nodes: *mut PlanInvalItem = unsafe { pg_sys::palloc(count * size_of::<PlanInvalItem>()) }.cast();
    let mut items = PgList::<PlanInvalItem>::new();
    for (at, word) in words(org, project).enumerate() {
        // SAFETY: within what was allocated for so many.
        let item = unsafe { nodes.add(at) };
        let filled = PlanInvalItem { type_: NodeTag::T_PlanInvalItem, cacheId: LABEL, hashValue: word };
        // SAFETY: as above.
        unsafe { item.write(filled) };
        items.push(item);
    }
    items.into_pg()
}

/// Whether the plan was folded.
pub(crate) fn is_in(plan: *mut PlannedStmt) -> bool {
    read(plan).next().is_some()
}

/// Whether the plan was folded for this organization and project.
pub(crate) fn is_for(plan: *mut PlannedStmt, org: Option<&str>, project: Option<&str>) -> bool {
    org.is_some_and(|org| read(plan).eq(words(org, project)))
}

fn read(plan: *mut PlannedStmt) -> impl Iterator<Item = u32> {
    // SAFETY: the server passes a plan.
    let items = unsafe { (*plan).invalItems };
    // SAFETY: the list holds PlanInvalItem.
    let items = unsafe { list::nodes::<PlanInvalItem>(items) };
    items.filter(|item| item.cacheId == LABEL).map(|item| item.hashValue)
}
