//! Which queries are planned for one execution alone: those that the client sends as text and that
//! no cache will see, among them what such a text explains, copies or opens a cursor for.

use std::cell::Cell;
use std::ffi::{c_char, c_void};

use pgrx::pg_sys::{self, CmdType, JumbleState, ParseState, Query};

use super::hook;

thread_local! {
    /// The last query that was analysed straight from the client's text, while its memory lives.
    static ANALYZED: Cell<*mut Query> = const { Cell::new(std::ptr::null_mut()) };
}

static mut PREVIOUS: pg_sys::post_parse_analyze_hook_type = None;

/// Watches the analysis of queries.
pub(crate) fn init() {
    hook::chain!(post_parse_analyze_hook, PREVIOUS, post_parse_analyze);
}

/// Whether this query, which the planner has been given, is planned for one execution. Says so once.
///
/// What the plan cache plans is a copy, at another address; what an SQL function plans has a text of
/// its own.
pub(crate) fn take(query: *mut Query, text: *const c_char) -> bool {
    !query.is_null() && is_client_text(text) && ANALYZED.replace(std::ptr::null_mut()) == query
}

fn is_client_text(text: *const c_char) -> bool {
    // SAFETY: a variable of the server's, in the backend's only thread.
    let client_text = unsafe { pg_sys::debug_query_string };
    !text.is_null() && text == client_text
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
    // SAFETY: the server passes the query that it has analysed.
    let is_utility = unsafe { (*query).commandType } == CmdType::CMD_UTILITY;
    if !is_utility && !takes_parameters && is_client_text(text) {
        // SAFETY: the query was allocated by the server.
        unsafe { remember(query) };
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
