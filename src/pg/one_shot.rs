//! Which queries are planned for one execution alone: those that the client sends as text and that
//! no cache will see, among them what such a text explains, copies or opens a cursor for.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;

use pgrx::pg_sys::{self, CmdType, JumbleState, Node, NodeTag, ParseState, Query};

use super::backend::BackendCell;
use super::{hook, portal};

/// The last query that was analysed straight from the client's text, while its memory lives.
static ANALYZED: BackendCell<*mut Query> = BackendCell::new(std::ptr::null_mut());

/// A text of ours that counts as the client's.
static OURS: BackendCell<*const c_char> = BackendCell::new(std::ptr::null());

static mut PREVIOUS: pg_sys::post_parse_analyze_hook_type = None;

/// Watches the analysis of queries.
pub(crate) fn init() {
    hook::chain!(post_parse_analyze_hook, PREVIOUS, post_parse_analyze);
}

/// Whether this query, which the planner has been given, is planned for one execution. Says so once.
///
/// What the plan cache plans is a copy, at another address, or was analysed for a portal that is being
/// bound; what an SQL function plans has a text of its own.
pub(crate) fn take(query: *mut Query, text: *const c_char) -> bool {
    !query.is_null() && is_client_text(text) && ANALYZED.replace(std::ptr::null_mut()) == query
}

fn is_client_text(text: *const c_char) -> bool {
    // SAFETY: a variable of the server's, in the backend's only thread.
    let client_text = unsafe { pg_sys::debug_query_string };
    !text.is_null() && (text == client_text || text == OURS.get())
}

/// While the value lives, what is planned straight from this text counts as planned for one execution.
pub(crate) fn as_client_text(text: &CStr) -> AsClientText<'_> {
    AsClientText { outer: OURS.replace(text.as_ptr()), text: PhantomData }
}

/// See [`as_client_text`].
pub(crate) struct AsClientText<'a> {
    outer: *const c_char,
    text: PhantomData<&'a CStr>,
}

impl Drop for AsClientText<'_> {
    fn drop(&mut self) {
        OURS.set(self.outer);
    }
}

// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn post_parse_analyze(
    state: *mut ParseState,
    query: *mut Query,
    jumble: *mut JumbleState,
) {
    // SAFETY: written once, while the library loaded.
    if let Some(previous) = unsafe { PREVIOUS } {
        // SAFETY: the arguments are passed on as they came.
        unsafe { previous(state, query, jumble) };
    }
    ANALYZED.set(std::ptr::null_mut());
    // SAFETY: the server passes its parse state.
    let text = unsafe { (*state).p_sourcetext };
    // SAFETY: as above. Set for statements that are prepared, which are planned more than once.
    let takes_parameters = unsafe { (*state).p_paramref_hook }.is_some();
    if takes_parameters || !is_client_text(text) {
        return;
    }
    // SAFETY: the server passes the query that it has analysed.
    let query = unsafe { planned(query) };
    // A prepared statement without parameters whose analysis is out of date is analysed anew when it is
    // bound, with nothing that takes parameters, and from the client's text; its plan is kept.
    if !query.is_null() && !portal::is_being_defined() {
        // SAFETY: the query was allocated by the server.
        unsafe { remember(query) };
    }
}

/// What is going to be planned: the query, or the one that a cursor is opened or a table is made for,
/// which versions before 18 don't announce by itself. NULL where nothing is.
///
/// # Safety
/// `query` is an analysed query.
unsafe fn planned(query: *mut Query) -> *mut Query {
    // SAFETY: the caller's promise.
    let Query { commandType, utilityStmt, .. } = unsafe { *query };
    if commandType != CmdType::CMD_UTILITY {
        return query;
    }
    // SAFETY: a utility query has its statement; every node begins with its tag.
    let inner: *mut Node = match unsafe { (*utilityStmt).type_ } {
        // SAFETY: the tag says what it is.
        NodeTag::T_DeclareCursorStmt => unsafe { (*utilityStmt.cast::<pg_sys::DeclareCursorStmt>()).query },
        // SAFETY: as above.
        NodeTag::T_CreateTableAsStmt => unsafe { (*utilityStmt.cast::<pg_sys::CreateTableAsStmt>()).query },
        _ => return std::ptr::null_mut(),
    };
    // CREATE TABLE AS EXECUTE has no plan of its own, but one of the plan cache's.
    // SAFETY: analysed, so a query, which begins with its tag.
    match unsafe { (*inner).type_ } {
        NodeTag::T_Query => {
            let inner: *mut Query = inner.cast();
            // SAFETY: a query by its tag.
            let is_utility = unsafe { (*inner).commandType } == CmdType::CMD_UTILITY;
            if is_utility { std::ptr::null_mut() } else { inner }
        }
        _ => std::ptr::null_mut(),
    }
}

/// Remembers the query until its memory goes: another query may get its address then.
///
/// # Safety
/// `query` is a chunk of a memory context. May raise (out of memory).
unsafe fn remember(query: *mut Query) {
    // SAFETY: the caller's promise.
    let context = unsafe { pg_sys::GetMemoryChunkContext(query.cast()) };
    // SAFETY: the context is alive, as the query is.
    let callback = unsafe { pg_sys::MemoryContextAlloc(context, size_of::<pg_sys::MemoryContextCallback>()) };
    let callback: *mut pg_sys::MemoryContextCallback = callback.cast();
    let callee =
        pg_sys::MemoryContextCallback { func: Some(forget), arg: query.cast(), next: std::ptr::null_mut() };
    // SAFETY: freshly allocated with this size.
    unsafe { callback.write(callee) };
    // SAFETY: the callback lives as long as the context.
    unsafe { pg_sys::MemoryContextRegisterResetCallback(context, callback) };
    ANALYZED.set(query);
}

// SAFETY: called by the server alone, with the argument that `remember` gave it.
unsafe extern "C-unwind" fn forget(query: *mut c_void) {
    if ANALYZED.get() == query.cast() {
        ANALYZED.set(std::ptr::null_mut());
    }
}
