//! Whether what hides rows of a relation is our fence, and nothing of anybody else's: another policy, or the
//! condition of a security barrier, hides rows for reasons of its own.

use pgrx::pg_sys::{
    BoolExpr, BoolExprType, Index, List, Node, NodeTag, OpExpr, PlannerInfo, RTEKind, RangeTblEntry,
};

use super::{folding, list, vetting};

/// Whether the relation has our fence, and no other.
///
/// # Safety
/// `relid` is one of the relations that `root` is planning.
pub(crate) unsafe fn is_by_us_alone(root: &PlannerInfo, relid: Index) -> bool {
    let (mut relid, mut walled) = (relid, false);
    loop {
        // SAFETY: the caller's promise.
        let entry = unsafe { entry(root, relid) };
        // SAFETY: an entry of the planner's.
        let conditions = unsafe { (*entry).securityQuals };
        // SAFETY: a list of conditions, which the planner has made lists of ANDs.
        for cell in unsafe { list::cells(conditions) } {
            // SAFETY: the elements are pointers to nodes, or NULL for what is always true.
            match unsafe { judge_all(cell.ptr_value.cast()) } {
                Some(ours) => walled |= ours,
                None => return false,
            }
        }
        // What is a part of another relation has the conditions of that as well: a partition, an arm of UNION ALL.
        // SAFETY: the caller's promise.
        match unsafe { whole(root, relid) } {
            Some(above) => relid = above,
            None => return walled,
        }
    }
}

/// The relation's own entry, and that of the topmost table above it, which may be the same.
///
/// # Safety
/// As for [`is_by_us_alone`].
pub(crate) unsafe fn own_and_topmost(root: &PlannerInfo, relid: Index) -> [*mut RangeTblEntry; 2] {
    // SAFETY: the caller's promise.
    let own = unsafe { entry(root, relid) };
    let (mut topmost, mut relid) = (own, relid);
    // SAFETY: the caller's promise.
    while let Some(above) = unsafe { whole(root, relid) } {
        // SAFETY: a relation of the planner's.
        let entry = unsafe { entry(root, above) };
        // SAFETY: as above.
        if unsafe { (*entry).rtekind } != RTEKind::RTE_RELATION {
            break;
        }
        (topmost, relid) = (entry, above);
    }
    [own, topmost]
}

/// # Safety
/// As for [`is_by_us_alone`].
unsafe fn entry(root: &PlannerInfo, relid: Index) -> *mut RangeTblEntry {
    // SAFETY: the planner has an entry for each of its relations.
    let place = unsafe { root.simple_rte_array.add(relid as usize) };
    // SAFETY: as above.
    unsafe { *place }
}

/// What the relation is a part of, if it is one.
///
/// # Safety
/// As for [`is_by_us_alone`].
unsafe fn whole(root: &PlannerInfo, relid: Index) -> Option<Index> {
    if root.append_rel_array.is_null() {
        return None;
    }
    // SAFETY: an element for each relation, NULL where it is no part.
    let place = unsafe { root.append_rel_array.add(relid as usize) };
    // SAFETY: as above.
    let part = unsafe { *place };
    // SAFETY: as above.
    let part = unsafe { part.as_ref() }?;
    Some(part.parent_relid)
}

/// None where any condition isn't ours; else whether there is one.
///
/// # Safety
/// `conditions` is NULL, a condition, or a list of them.
unsafe fn judge_all(conditions: *mut Node) -> Option<bool> {
    // SAFETY: the caller's promise.
    let Some(node) = (unsafe { conditions.as_ref() }) else { return Some(false) };
    if node.type_ != NodeTag::T_List {
        return is_ours(node).then_some(true);
    }
    // SAFETY: a list by its tag.
    let mut all = unsafe { list::nodes::<Node>(conditions.cast()) };
    let mut any = false;
    all.all(|condition| {
        any = true;
        is_ours(condition)
    })
    .then_some(any)
}

/// Whether the condition compares with the context, or is an OR or AND of such, which may let rows of nobody pass.
fn is_ours(condition: &Node) -> bool {
    let this: *const Node = condition;
    match condition.type_ {
        NodeTag::T_OpExpr => {
            // SAFETY: as the tag says.
            let OpExpr { opno, args, .. } = unsafe { *this.cast::<OpExpr>() };
            // SAFETY: a list of its arguments.
            let mut arguments = unsafe { nodes(args) };
            arguments.any(folding::asks_for_context) && vetting::is_equality(opno)
        }
        NodeTag::T_BoolExpr => {
            // SAFETY: as the tag says.
            let BoolExpr { boolop, args, .. } = unsafe { *this.cast::<BoolExpr>() };
            let is_null_test = |part: &Node| part.type_ == NodeTag::T_NullTest;
            // SAFETY: the list of its parts.
            let parts = || unsafe { nodes(args) };
            boolop != BoolExprType::NOT_EXPR
                && parts().all(|part| is_null_test(part) || is_ours(part))
                && parts().any(is_ours)
        }
        _ => false,
    }
}

/// # Safety
/// `list` is a list of nodes.
unsafe fn nodes<'a>(list: *mut List) -> impl Iterator<Item = &'a Node> {
    // SAFETY: the caller's promise.
    unsafe { list::nodes::<Node>(list) }
}
