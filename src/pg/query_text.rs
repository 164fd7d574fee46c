//! The text of the client's statement, as pg_stat_activity and the log show it.

use std::ffi::CStr;

use pgrx::pg_sys;

/// Whether a text stands in it.
pub(crate) fn contains(text: &str) -> bool {
    // SAFETY: the server's own variable, in the backend's only thread.
    let query = unsafe { pg_sys::debug_query_string };
    if query.is_null() {
        return false;
    }
    // SAFETY: NUL-terminated, and alive while the statement runs.
    let query = unsafe { CStr::from_ptr(query) }.to_bytes();
    memchr::memmem::find(query, text.as_bytes()).is_some()
}
