//! Which columns of which tables a query's fences compare with the organization.

use std::ffi::c_void;

use org_scope_core::org::OrgType;
use pgrx::pg_sys::{Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry};

use super::fence_call::{self, Reader};
use super::folding::{expression_tree_walker, query_tree_walker};
use super::{comparison, list, throw};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FencedColumn {
    pub(crate) relation: Oid,
    pub(crate) attribute: i16,
    /// Whether the query reads the tables below it as well.
    pub(crate) with_children: bool,
}

/// So many of a query are looked at: what else it joins changes its plan no more.
const MOST: usize = 16;

/// Columns, each with the family of its type.
type Found = [Option<(FencedColumn, OrgType)>; MOST];

/// What the walk carries. It owns nothing, as it lives across calls of the server that may raise.
struct Walk<'a> {
    readers: &'a [Reader],
    query: *mut Query,
    found: Found,
}

/// The columns that the fences of a query compare, each once.
pub(crate) fn of(query: *mut Query) -> impl Iterator<Item = (FencedColumn, OrgType)> {
    let readers = fence_call::readers();
    let mut walk = Walk { readers: &readers, query, found: [None; MOST] };
    let state = &raw mut walk;
    let call = || {
        // SAFETY: the planner was given a query; the state outlives the walk.
        unsafe { step(query.cast(), state.cast()) };
    };
    // SAFETY: calls the server alone and owns nothing.
    unsafe { throw::whole(call) };
    walk.found.into_iter().flatten()
}

// SAFETY: called by `of` and by the server's walkers, with nodes of the query and `of`'s state.
unsafe extern "C-unwind" fn step(node: *mut Node, state: *mut c_void) -> bool {
    // SAFETY: NULL or a node, which begins with its tag.
    let Some(tag) = unsafe { node.as_ref() }.map(|node| node.type_) else { return false };
    // SAFETY: what `of` passed on.
    let walk = unsafe { &mut *state.cast::<Walk<'_>>() };
    if tag == NodeTag::T_Query {
        let outer = std::mem::replace(&mut walk.query, node.cast());
        // SAFETY: a query by its tag.
        let ended = unsafe { query_tree_walker(node.cast(), step, state, 0) };
        // SAFETY: as above; the walk below has ended its use.
        unsafe { (*state.cast::<Walk<'_>>()).query = outer };
        return ended;
    }
    if tag == NodeTag::T_WithCheckOption {
        // Asked of new rows; nothing is looked for by it.
        return false;
    }
    if tag == NodeTag::T_OpExpr {
        walk.look_at(node);
    }
    // SAFETY: a node of an expression, with our walker and state.
    unsafe { expression_tree_walker(node, step, state) }
}

impl Walk<'_> {
    fn look_at(&mut self, condition: *mut Node) {
        let Some((column, family)) = comparison::with_reader(condition, self.readers) else { return };
        if column.varlevelsup != 0 {
            return;
        }
        // SAFETY: the query in which the walk is.
        let table = unsafe { (*self.query).rtable };
        // SAFETY: its range table.
        let table = unsafe { list::cells(table) };
        let Some(cell) = usize::try_from(column.varno).ok().and_then(|n| table.get(n.checked_sub(1)?)) else {
            return;
        };
        // SAFETY: the list holds RangeTblEntry.
        let entry = unsafe { &*cell.ptr_value.cast::<RangeTblEntry>() };
        if entry.rtekind != RTEKind::RTE_RELATION {
            return;
        }
        let column =
            FencedColumn { relation: entry.relid, attribute: column.varattno, with_children: entry.inh };
        if self.found.iter().flatten().any(|(known, _)| *known == column) {
            return;
        }
        if let Some(place) = self.found.iter_mut().find(|place| place.is_none()) {
            *place = Some((column, family));
        }
    }
}
