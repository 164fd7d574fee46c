//! Runs a user's statement: what goes wrong in it reaches the client as the server made it.

use std::ffi::{CStr, CString, c_char};

use pgrx::{Spi, pg_sys};

use super::{catalog, one_shot, throw};

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn SPI_connect() -> i32;
    fn SPI_execute_extended(source: *const c_char, options: *const pg_sys::SPIExecuteOptions) -> i32;
    fn SPI_finish() -> i32;
}

/// Runs one statement with the current user's rights and returns the number of rows that it returned
/// or touched.
///
/// The rows themselves are thrown away as they come, so that counting many costs no memory.
pub(crate) fn execute(statement: &str) -> u64 {
    let source = CString::new(statement).unwrap_or_default();
    let text = source.as_ptr();
    // SAFETY: a receiver that keeps nothing, shared by everybody who wants none.
    let nowhere = unsafe { pg_sys::CreateDestReceiver(pg_sys::CommandDest::DestNone) };
    let options = pg_sys::SPIExecuteOptions { dest: nowhere, ..Default::default() };
    let options = &raw const options;
    let call = || {
        // SAFETY: opens a level of SPI, which SPI_finish closes, or an abort.
        unsafe { SPI_connect() };
        // SAFETY: NUL-terminated text and options of the frame above.
        let code = unsafe { SPI_execute_extended(text, options) };
        // SAFETY: set by SPI.
        let rows = unsafe { pg_sys::SPI_processed };
        // SAFETY: closes the level opened above.
        unsafe { SPI_finish() };
        (code, rows)
    };
    // SAFETY: calls the server alone and owns nothing.
    let (code, rows) = unsafe { throw::whole(call) };
    assert!(code >= 0, "SPI can't run this statement (code {code})");
    rows
}

/// Runs one query with the current user's rights and returns its plan as JSON, with what it came to: the plan that it
/// has as a client's text.
pub(crate) fn explain(query: &str) -> Option<String> {
    let source = CString::new(format!("EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) {query}"));
    let source = source.unwrap_or_default();
    let _client = one_shot::as_client_text(&source);
    first_column_of(&source).into_iter().next()
}

/// Runs one statement with the current user's rights and returns its first column as text, without its NULLs.
pub(crate) fn first_column(statement: &str) -> Vec<String> {
    first_column_of(&CString::new(statement).unwrap_or_default())
}

fn first_column_of(source: &CStr) -> Vec<String> {
    let text = source.as_ptr();
    Spi::connect(|_| {
        let options = pg_sys::SPIExecuteOptions::default();
        let options = &raw const options;
        // SAFETY: SPI is connected; NUL-terminated text and options of the frame above.
        let call = || unsafe { SPI_execute_extended(text, options) };
        // SAFETY: calls the server alone and owns nothing.
        let code = unsafe { throw::whole(call) };
        assert!(code >= 0, "SPI can't run this statement (code {code})");
        catalog::first_columns()
    })
}
