//! Lets searches of fenced tables go to their indexes: full text, jsonb, arrays, LIKE, similarity.
//!
//! The server matches a clause to an index only if no row security stands before it, or its operator is
//! leakproof, as an index condition is asked about rows that no policy has been asked about yet. It is told here
//! that vetted clauses are, for as long as it matches indexes, and no longer: where such a clause is no index
//! condition, it stands behind the fence as ever, and so does everything else.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys::{
    self, BoolExpr, BoolExprType, Index, List, Node, NodeTag, PlannerInfo, RangeTblEntry, RelOptInfo,
    RestrictInfo,
};

use super::{fence_call, hook, list, throw, vetting, walled};

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn create_index_paths(root: *mut PlannerInfo, rel: *mut RelOptInfo);
    fn clause_selectivity(
        root: *mut PlannerInfo,
        clause: *mut Node,
        relid: i32,
        join: pg_sys::JoinType::Type,
        special: *mut pg_sys::SpecialJoinInfo,
    ) -> f64;
}

/// What the planner has not estimated yet.
const UNKNOWN: f64 = -1.0;

static ON: GucSetting<bool> = GucSetting::<bool>::new(false);

static mut PREVIOUS: pg_sys::set_rel_pathlist_hook_type = None;

/// Defines the setting. SUSET, and off: it tells whoever can time a statement something about the rows of
/// others, and whether that matters is the DBA's to say.
pub(crate) fn define() {
    // SAFETY: the hook has the server's signature, can't panic, and lives as long as the library.
    unsafe {
        GucRegistry::define_bool_guc_with_hooks(
            c"org_scope.index_search_operators",
            c"Lets searches of protected tables (full text, jsonb, arrays, LIKE, similarity) use their indexes.",
            c"Changes no result. Timing, and the counts of EXPLAIN ANALYZE, then tell how many rows of all organizations match.",
            &ON,
            GucContext::Suset,
            GucFlags::EXPLAIN,
            None,
            Some(assign),
            None,
        );
    }
}

/// Installs the hook.
pub(crate) fn init() {
    hook::chain!(set_rel_pathlist_hook, PREVIOUS, set_rel_pathlist);
}

/// No plan outlives the setting under which it was made.
// SAFETY: called by the server alone. It marks plans of this session as out of date, which raises nothing and
// reads no catalog, so it is allowed in a rollback too.
unsafe extern "C-unwind" fn assign(new: bool, _extra: *mut std::ffi::c_void) {
    if new != ON.get() {
        // SAFETY: as above.
        unsafe { pg_sys::ResetPlanCache() };
    }
}

// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn set_rel_pathlist(
    root: *mut PlannerInfo,
    rel: *mut RelOptInfo,
    place: Index,
    entry: *mut RangeTblEntry,
) {
    // Before the predecessor, which may have reasons to choose among all paths.
    // SAFETY: nothing in this frame has a destructor.
    let searches = unsafe { hook::decide(|| searches(root, rel, entry)) };
    if !searches.is_null() {
        tell(searches, true);
        // SAFETY: clauses of that relation.
        unsafe { estimate(root, rel, searches) };
        // SAFETY: what the server has called itself for this table a moment ago. Where it raises, the clauses
        // go with the plan.
        unsafe { create_index_paths(root, rel) };
        tell(searches, false);
    }
    // SAFETY: written once, while the library loaded.
    if let Some(previous) = unsafe { PREVIOUS } {
        // SAFETY: the arguments are passed on as they came.
        unsafe { previous(root, rel, place, entry) };
    }
}

/// Lets the planner ask the statistics how many rows the clauses find, which row security keeps from it too: without,
/// it would take a search for what is common for one of what is rare, and read half the table for an
/// organization of a few rows. What its estimates tell, the index scan's own count tells more exactly.
///
/// # Safety
/// The clauses are restrictions of `rel`, which `root` is planning. May raise.
unsafe fn estimate(root: *mut PlannerInfo, rel: *mut RelOptInfo, searches: *mut List) {
    // SAFETY: the caller's promise.
    let planner = unsafe { &*root };
    // SAFETY: as above.
    let relid = unsafe { (*rel).relid };
    // SAFETY: as above.
    let entries = unsafe { walled::own_and_topmost(planner, relid) };
    let none = std::ptr::null_mut();
    // SAFETY: entries of the query that is being planned, whose conditions stand in the plan's clauses by now.
    let conditions = entries.map(|entry| unsafe { std::mem::replace(&mut (*entry).securityQuals, none) });
    let estimate = || {
        // SAFETY: the list that `searches` has made.
        for cell in unsafe { list::cells(searches) } {
            // SAFETY: its elements are pointers.
            let clause: *mut Node = unsafe { cell.ptr_value }.cast();
            let join = pg_sys::JoinType::JOIN_INNER;
            // SAFETY: a clause of the relation, with which the estimate stays.
            unsafe { clause_selectivity(root, clause, 0, join, std::ptr::null_mut()) };
        }
    };
    let put_back = || {
        // The last first: it may be the same entry twice.
        for (entry, conditions) in entries.into_iter().zip(conditions).rev() {
            // SAFETY: as above.
            unsafe { (*entry).securityQuals = conditions };
        }
    };
    // SAFETY: nothing in this frame has a destructor, and putting back raises nothing.
    unsafe { throw::finally(estimate, put_back) };
}

/// Tells the planner whether the clauses are leakproof, and to estimate them anew.
fn tell(searches: *mut List, leakproof: bool) {
    // SAFETY: the list that `searches` has made.
    for cell in unsafe { list::cells(searches) } {
        // SAFETY: its elements are clauses of the plan that is being made.
        let clause = unsafe { &mut *cell.ptr_value.cast::<RestrictInfo>() };
        clause.leakproof = leakproof;
        clause.norm_selec = UNKNOWN;
    }
}

/// The clauses by which this relation may be searched before its fence is asked; NIL where there are none.
fn searches(root: *mut PlannerInfo, rel: *mut RelOptInfo, entry: *mut RangeTblEntry) -> *mut List {
    let none = std::ptr::null_mut();
    if !ON.get() {
        return none;
    }
    // SAFETY: the server passes it.
    let relation = unsafe { &*rel };
    // SAFETY: as above.
    let table = unsafe { &*entry };
    let is_table =
        table.rtekind == pg_sys::RTEKind::RTE_RELATION && !table.inh && table.tablesample.is_null();
    if !is_table || relation.indexlist.is_null() || relation.baserestrictinfo.is_null() {
        return none;
    }
    // SAFETY: asks about the relation that was passed. One that is known to be empty must stay so.
    if unsafe { pg_sys::is_dummy_rel(rel) } {
        return none;
    }
    fence_call::prepare_project_readers();
    // SAFETY: as above.
    let planner = unsafe { &*root };
    // SAFETY: the planner has the relations of its query.
    if !unsafe { walled::is_by_us_alone(planner, relation.relid) } {
        return none;
    }
    let mut found = none;
    // SAFETY: a relation's restrictions.
    for cell in unsafe { list::cells(relation.baserestrictinfo) } {
        // SAFETY: the elements are pointers to nodes.
        found = unsafe { collect(cell.ptr_value.cast(), relation.relid, found) };
    }
    found
}

/// Adds the clause, or what of it stands in the arms of an OR.
///
/// # Safety
/// `node` is a restriction of the relation, or a part of one's OR.
unsafe fn collect(node: *mut Node, relid: Index, mut found: *mut List) -> *mut List {
    // SAFETY: the caller's promise; every node begins with its tag.
    match unsafe { (*node).type_ } {
        NodeTag::T_RestrictInfo => {
            let clause: *mut RestrictInfo = node.cast();
            // SAFETY: a clause by its tag.
            let RestrictInfo { leakproof, pseudoconstant, orclause, clause: expression, .. } =
                unsafe { *clause };
            if !orclause.is_null() {
                // SAFETY: the OR of this clause, with its arms as clauses of their own.
                return unsafe { collect(orclause.cast(), relid, found) };
            }
            // SAFETY: a clause has its expression.
            if !leakproof && !pseudoconstant && unsafe { vetting::is_search(&*expression.cast(), relid) } {
                // SAFETY: a list of ours, in the planner's memory.
                found = unsafe { pg_sys::lappend(found, clause.cast()) };
            }
        }
        NodeTag::T_BoolExpr => {
            // SAFETY: as the tag says.
            let BoolExpr { boolop, args, .. } = unsafe { *node.cast::<BoolExpr>() };
            if boolop != BoolExprType::NOT_EXPR {
                // SAFETY: a list of nodes.
                for cell in unsafe { list::cells(args) } {
                    // SAFETY: the elements are pointers to nodes, parts of the same OR.
                    found = unsafe { collect(cell.ptr_value.cast(), relid, found) };
                }
            }
        }
        _ => {}
    }
    found
}
