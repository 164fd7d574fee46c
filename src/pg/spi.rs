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
    // SAFETY: calls the server alone; the text outlives the call, and belongs to the frame above.
    unsafe {
        throw::whole(|| {
            SPI_connect();
            SPI_execute(text, false, 0);
            let rows = pg_sys::SPI_processed;
            SPI_finish();
            rows
        })
    }
}
