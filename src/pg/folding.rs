//! Plan-time folding: in a query that is planned for one execution, the organization itself stands
//! where the fence calls its reader, so that the plan is the one of the hand-written literal:
//! partitions are pruned while planning, and partial indexes of one organization can be used.
//!
//! It is done in the query before it is planned, not by a planner support function: there only what
//! the policies of this query call is met, and never a reader in a CHECK constraint, with which the
//! planner would exclude tables that hold rows of other organizations.

use std::ffi::c_void;

use pgrx::datum::IntoDatum;
use pgrx::pg_sys::{self, List, Node, NodeTag, Oid, OpExpr, Query, RTEKind, RangeTblEntry};

use org_scope_core::context::Context;
use org_scope_core::org::{OrgType, OrgValue};

use super::fence_call::{self, ProjectReader, Reader};
use super::{access, guc, label, list, plan_item, project_source, session};

/// The location of a constant that stands for a reader, by which it is known while the query is planned: the
/// server gives what has no place in a text -1, and nobody else another number below zero.
const STANDS_FOR_READER: i32 = -0x6f73;

/// What a walk over a query calls for each node; true ends the walk.
pub(crate) type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;

// The server's functions themselves: pgrx's bindings save a jump buffer for every node.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn copyObjectImpl(from: *const c_void) -> *mut c_void;
    #[cfg_attr(not(feature = "pg15"), link_name = "query_tree_walker_impl")]
    pub(crate) fn query_tree_walker(
        query: *mut Query,
        walker: Walker,
        state: *mut c_void,
        flags: i32,
    ) -> bool;
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_walker_impl")]
    pub(crate) fn expression_tree_walker(node: *mut Node, walker: Walker, state: *mut c_void) -> bool;
}

/// What stands for one reader.
#[derive(Clone, Copy)]
struct Constant {
    reader: Reader,
    value: *mut Node,
}

/// What is folded into one query. It owns nothing, as it lives across calls of the server that may raise.
#[derive(Clone, Copy)]
pub(crate) struct Folding {
    constants: [Option<Constant>; 3],
    /// What stands for the questions about projects, in the order of [`ProjectReader::ALL`].
    projects: [Option<*mut Node>; ProjectReader::ALL.len()],
    label: *mut List,
    folded: bool,
}

/// What to fold into this query, which has policies and is planned for one execution, if anything: only where
/// there is an organization.
pub(crate) fn prepare(query: *mut Query) -> Option<Folding> {
    if !guc::plan_folding() || !has_conditions(query) {
        return None;
    }
    // The plan will be started with what other sessions have changed until then taken in: planned with
    // less, it would be refused.
    access::accept_invalidations();
    let context = session::context();
    let org = context.org.as_ref()?;
    let mut constants = [None; 3];
    for (constant, reader) in constants.iter_mut().zip(fence_call::readers().iter()) {
        *constant = constant_for(reader, org);
    }
    let label = label::make(org.text(), context.project.as_ref().map(OrgValue::text));
    // Here, as nothing may go wrong during the walk through the server's frames.
    fence_call::prepare_project_readers();
    let projects = ProjectReader::ALL.map(|reader| project_constant(reader, &context));
    Some(Folding { constants, projects, label, folded: false })
}

/// Whether there may be conditions of policies on rows that the query reads: an INSERT of VALUES has none.
pub(crate) fn has_conditions(query: *mut Query) -> bool {
    // SAFETY: the planner was given a query.
    let query = unsafe { &*query };
    // SAFETY: a query's range table.
    let mut table = unsafe { list::nodes::<RangeTblEntry>(query.rtable) };
    query.hasSubLinks
        || !query.cteList.is_null()
        || table.any(|entry| entry.rtekind == RTEKind::RTE_SUBQUERY || !entry.securityQuals.is_null())
}

/// None where the organization is no value of that type: the call says so.
fn constant_for(reader: &Reader, org: &OrgValue) -> Option<Constant> {
    constant(org, reader.org_type).map(|value| Constant { reader: *reader, value })
}

/// The same of a question about projects.
fn project_constant(reader: ProjectReader, context: &Context) -> Option<*mut Node> {
    match reader {
        ProjectReader::Scope => text_constant(project_source::scope()),
        ProjectReader::Project(family) => match &context.project {
            Some(project) => constant(project, family),
            None => Some(null_constant(family)),
        },
    }
}

fn constant(value: &OrgValue, family: OrgType) -> Option<*mut Node> {
    let (datum, oid, length, by_value) = match family {
        OrgType::Text => return text_constant(value.text()),
        OrgType::Uuid => {
            let uuid = value.uuid().ok().map(|u| pgrx::Uuid::from_bytes(u.into_bytes()));
            (uuid.into_datum(), pg_sys::UUIDOID, 16, false)
        }
        OrgType::Bigint => (value.bigint().ok().into_datum(), pg_sys::INT8OID, 8, true),
    };
    // SAFETY: value, length and passing are those of the type.
    let node = unsafe { pg_sys::makeConst(oid, -1, Oid::INVALID, length, datum?, false, by_value) };
    Some(marked(node))
}

fn text_constant(text: &str) -> Option<*mut Node> {
    let (datum, collation) = (text.into_datum()?, pg_sys::DEFAULT_COLLATION_OID);
    // SAFETY: value, length and passing are those of the type.
    let node = unsafe { pg_sys::makeConst(pg_sys::TEXTOID, -1, collation, -1, datum, false, false) };
    Some(marked(node))
}

fn null_constant(family: OrgType) -> *mut Node {
    let (oid, collation) = match family {
        OrgType::Text => (pg_sys::TEXTOID, pg_sys::DEFAULT_COLLATION_OID),
        OrgType::Uuid => (pg_sys::UUIDOID, Oid::INVALID),
        OrgType::Bigint => (pg_sys::INT8OID, Oid::INVALID),
    };
    // SAFETY: a type of the server's.
    marked(unsafe { pg_sys::makeNullConst(oid, -1, collation) })
}

fn marked(constant: *mut pg_sys::Const) -> *mut Node {
    // SAFETY: made by the server a moment ago.
    unsafe { (*constant).location = STANDS_FOR_READER };
    constant.cast()
}

/// Whether this expression asks for the context as policies of ours do, or is what was folded in its place;
/// as for [`fence_call::project_reader`].
pub(crate) fn asks_for_context(expression: &Node) -> bool {
    if expression.type_ == NodeTag::T_Const {
        let constant: *const pg_sys::Const = (&raw const *expression).cast();
        // SAFETY: a constant by its tag.
        return unsafe { (*constant).location } == STANDS_FOR_READER;
    }
    fence_call::readers().iter().any(|reader| fence_call::is_call(expression, reader))
        || fence_call::project_reader(expression).is_some()
}

/// Folds.
///
/// # Safety
/// `query` is what the planner was given, to be used up by it. May raise (the stack's depth).
pub(crate) unsafe fn fold(query: *mut Query, folding: &mut Folding) {
    // SAFETY: the caller's promise; the walker's state outlives the walk.
    unsafe { walk(query.cast(), (&raw mut *folding).cast()) };
}

/// Says on the plan for which organization it was folded, where it was.
///
/// # Safety
/// `plan` is the planner's answer to the query that was folded. May raise (out of memory).
pub(crate) unsafe fn put_label(plan: *mut pg_sys::PlannedStmt, folding: &Folding) {
    if folding.folded {
        // SAFETY: the caller's promise; the label was made for this plan.
        unsafe { plan_item::attach(plan, folding.label) };
    }
}

// SAFETY: called by `fold` and by the server's walkers, with nodes of the query and `fold`'s state.
unsafe extern "C-unwind" fn walk(node: *mut Node, state: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: every node begins with its tag.
    let tag = unsafe { (*node).type_ };
    if tag == NodeTag::T_Query {
        // SAFETY: a query by its tag.
        return unsafe { query_tree_walker(node.cast(), walk, state, 0) };
    }
    if tag == NodeTag::T_WithCheckOption {
        // No plan depends on it, and a call says by itself that the organization has changed meanwhile.
        return false;
    }
    if tag == NodeTag::T_OpExpr {
        // SAFETY: an operator by its tag.
        let arguments = unsafe { (*node.cast::<OpExpr>()).args };
        // SAFETY: what `fold` passed on.
        let folding = unsafe { &mut *state.cast::<Folding>() };
        // SAFETY: an operator's arguments.
        unsafe { fold_arguments(arguments, folding) };
    }
    // SAFETY: a node of an expression, with our walker and state.
    unsafe { expression_tree_walker(node, walk, state) }
}

/// # Safety
/// `arguments` is a list of expressions, or NIL.
unsafe fn fold_arguments(arguments: *mut List, folding: &mut Folding) {
    // SAFETY: the caller's promise.
    for cell in unsafe { list::cells(arguments) } {
        // SAFETY: the elements are pointers.
        let argument: *mut Node = unsafe { cell.ptr_value }.cast();
        // SAFETY: an argument is a node.
        let Some(argument) = (unsafe { argument.as_ref() }) else { continue };
        let mut constants = folding.constants.iter().flatten();
        let value = match constants.find(|c| fence_call::is_call(argument, &c.reader)) {
            // SAFETY: copies a node of ours; each place gets its own.
            Some(constant) => unsafe { copyObjectImpl(constant.value.cast()) },
            None => match fence_call::project_reader(argument).and_then(|place| folding.projects[place]) {
                // SAFETY: as above.
                Some(value) => unsafe { copyObjectImpl(value.cast()) },
                None => continue,
            },
        };
        cell.ptr_value = value;
        folding.folded = true;
    }
}
