//! Runs a user's statement: what goes wrong in it reaches the client as the server made it.

use std::ffi::{CString, c_char};

use pgrx::pg_sys;

use super::throw;

// The server's functions themselves: pgrx's bindings would strip errors on their way.
unsafe extern "C-unwind" {
    fn SPI_connect() -> i32;
    fn SPI_execute(source: *const c_char, read_only: bool, limit: std::ffi::c_long) -> i32;
    fn SPI_finish() -> i32;
}

/// Runs one statement with the current user's rights and returns the number of rows that it returned
/// or touched.
pub(crate) fn execute(statement: &str) -> u64 {
    let source = CString::new(statement).unwrap_or_default();
    let text = source.as_ptr();
    let call = || {
        // SAFETY: opens a level of SPI, which SPI_finish closes, or an abort.
        unsafe { SPI_connect() };
        // SAFETY: NUL-terminated text of the frame above.
        unsafe { SPI_execute(text, false, 0) };
        // SAFETY: set by SPI_execute.
        let rows = unsafe { pg_sys::SPI_processed };
        // SAFETY: closes the level opened above.
        unsafe { SPI_finish() };
        rows
    };
    // SAFETY: calls the server alone and owns nothing.
    unsafe { throw::whole(call) }
}
