//! Hook on utility statements: what a pooled login must not leave behind, and what must not happen
//! as another user while FORCE is lifted.

use std::ffi::c_char;

use org_scope_core::Error;
use org_scope_core::error::Outliving;
use pgrx::pg_sys;

use super::{access, hook, noforce, report, role};

// The server's function itself: pgrx's binding would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn standard_ProcessUtility(
        statement: *mut pg_sys::PlannedStmt,
        query_string: *const c_char,
        read_only_tree: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        params: pg_sys::ParamListInfo,
        query_env: *mut pg_sys::QueryEnvironment,
        dest: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}

static mut PREVIOUS: pg_sys::ProcessUtility_hook_type = None;

/// Installs the hook in front of whatever is there.
pub(crate) fn init() {
    hook::chain!(ProcessUtility_hook, PREVIOUS, process_utility);
}

#[allow(clippy::too_many_arguments, reason = "the server's signature")]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn process_utility(
    statement: *mut pg_sys::PlannedStmt,
    query_string: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    query_env: *mut pg_sys::QueryEnvironment,
    dest: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: nothing in this frame has a destructor.
    unsafe { hook::decide(|| check(statement)) };
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS }.unwrap_or(standard_ProcessUtility);
    // SAFETY: the arguments are passed on as they came.
    unsafe { next(statement, query_string, read_only_tree, context, params, query_env, dest, completion) };
}

fn check(statement: *mut pg_sys::PlannedStmt) {
    // SAFETY: the server passes a statement with its parse tree.
    let node = unsafe { (*statement).utilityStmt };
    // SAFETY: as above; every node begins with its tag.
    let tag = unsafe { (*node).type_ };
    check_lifted(tag);
    if tag == pg_sys::NodeTag::T_DeclareCursorStmt {
        // SAFETY: the tag says what it is.
        check_cursor(unsafe { &*node.cast() });
    }
}

/// Statements that read or empty a table without the executor, and so without `check_plan`.
fn check_lifted(tag: pg_sys::NodeTag) {
    use pg_sys::NodeTag::{
        T_AlterTableStmt, T_ClusterStmt, T_CopyStmt, T_RefreshMatViewStmt, T_TruncateStmt,
    };
    let refused = match tag {
        // Runs its query as the view's owner, whoever asks.
        T_RefreshMatViewStmt => noforce::is_lifted(),
        T_AlterTableStmt | T_ClusterStmt | T_CopyStmt | T_TruncateStmt => noforce::acts_for_another(),
        _ => false,
    };
    if refused {
        report::raise(&Error::ReachedAsAnother);
    }
}

fn check_cursor(cursor: &pg_sys::DeclareCursorStmt) {
    if cursor.options & pg_sys::CURSOR_OPT_HOLD as i32 == 0 {
        return;
    }
    let pooled = role::login().and_then(access::of).is_some_and(|a| a.pooled);
    if pooled {
        report::raise(&Error::PooledSession { what: Outliving::HeldCursor });
    }
}
