//! An expression over the row of a table, read by the server itself.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char};

use org_scope_core::policy::through;
use pgrx::PgRelation;
use pgrx::pg_sys::{self, List, Node, Oid, ParseNamespaceItem, ParseState};

use super::{parse, throw};

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn make_parsestate(parent: *mut ParseState) -> *mut ParseState;
    fn addRangeTableEntryForRelation(
        state: *mut ParseState,
        relation: pg_sys::Relation,
        lockmode: i32,
        alias: *mut pg_sys::Alias,
        inherited: bool,
        in_from: bool,
    ) -> *mut ParseNamespaceItem;
    fn addNSItemToQuery(
        state: *mut ParseState,
        item: *mut ParseNamespaceItem,
        to_join_list: bool,
        to_relations: bool,
        to_variables: bool,
    );
    fn transformExpr(
        state: *mut ParseState,
        expression: *mut Node,
        kind: pg_sys::ParseExprKind::Type,
    ) -> *mut Node;
    fn assign_expr_collations(state: *mut ParseState, expression: *mut Node);
    fn contain_mutable_functions(expression: *mut Node) -> bool;
    fn deparse_context_for(alias: *const c_char, relation: Oid) -> *mut List;
    fn deparse_expression(
        expression: *mut Node,
        context: *mut List,
        prefix: bool,
        implicit: bool,
    ) -> *mut c_char;
    fn exprType(expression: *const Node) -> Oid;
}

/// What the server makes of it.
pub(crate) struct Read {
    /// With each column as `new.column`.
    pub(crate) of_new: String,
    /// With bare columns.
    pub(crate) bare: String,
    /// The numbers of its columns; 0 stands for the whole row.
    pub(crate) columns: BTreeSet<i64>,
    pub(crate) type_oid: Oid,
    pub(crate) mutable: bool,
    /// Whether it uses nothing but the server's own functions, operators and types.
    pub(crate) built_in: bool,
}

/// Reads an expression with the current search_path; none where the text isn't exactly one. What the server
/// has against it is raised as the server's own error: it is held to what an index may be built on.
pub(crate) fn read(relation: Oid, text: &str) -> Option<Read> {
    let parsed = parse::expression(text)?;
    // SAFETY: opened with a lock, or raises where the table has gone.
    let open = unsafe { PgRelation::with_lock(relation, pg_sys::AccessShareLock as i32) };
    let table = open.as_ptr();
    let call = || {
        // SAFETY: allocates.
        let state = unsafe { make_parsestate(std::ptr::null_mut()) };
        let lock = pg_sys::AccessShareLock as i32;
        let none = std::ptr::null_mut();
        // SAFETY: an open relation, on which the lock is held.
        let item = unsafe { addRangeTableEntryForRelation(state, table, lock, none, false, true) };
        // SAFETY: the item just made for that state.
        unsafe { addNSItemToQuery(state, item, false, true, true) };
        let kind = pg_sys::ParseExprKind::EXPR_KIND_INDEX_EXPRESSION;
        // SAFETY: a tree of the raw parser, which nobody else uses.
        let tree = unsafe { transformExpr(state, parsed, kind) };
        // SAFETY: what was just made.
        unsafe { assign_expr_collations(state, tree) };
        // SAFETY: as above.
        let mutable = unsafe { contain_mutable_functions(tree) };
        // SAFETY: a NUL-terminated name, and the table of the expression's columns.
        let context = unsafe { deparse_context_for(c"new".as_ptr(), relation) };
        // SAFETY: an expression over that table.
        let of_new = unsafe { deparse_expression(tree, context, true, false) };
        // SAFETY: as above.
        let bare = unsafe { deparse_expression(tree, context, false, false) };
        // SAFETY: as above.
        let stored = unsafe { pg_sys::nodeToString(tree.cast()) };
        // SAFETY: as above.
        let type_oid = unsafe { exprType(tree) };
        (mutable, of_new, bare, stored, type_oid)
    };
    // SAFETY: calls the server alone and owns nothing.
    let (mutable, of_new, bare, stored, type_oid) = unsafe { throw::whole(call) };
    let stored = text_of(stored);
    Some(Read {
        of_new: text_of(of_new),
        bare: text_of(bare),
        columns: through::columns_of(&stored),
        type_oid,
        mutable,
        built_in: !through::uses_what_is_not_built_in(&stored),
    })
}

fn text_of(text: *const c_char) -> String {
    // SAFETY: a NUL-terminated string that the server just made.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
