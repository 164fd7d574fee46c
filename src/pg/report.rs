//! Raises a situation as the server's own error.

use std::ffi::CString;

use org_scope_core::error::Report;
use pgrx::{PgLogLevel, pg_sys};

/// Reports with the given level; with `ERROR` and above it does not return.
///
/// pgrx's own reports know only the server's SQLSTATEs; `ThrowErrorData` takes any.
pub(crate) fn report(level: PgLogLevel, report: &Report) {
    let text = |s: &str| CString::new(s.replace('\0', "")).unwrap_or_default();
    let message = text(&report.message);
    let detail = report.detail.as_deref().map(text);
    let hint = report.hint.as_deref().map(text);
    // SAFETY: ErrorData is a plain C struct for which all zeroes means "nothing said".
    let mut data: pg_sys::ErrorData = unsafe { std::mem::zeroed() };
    data.elevel = level as i32;
    data.sqlerrcode = encode_sqlstate(report.sqlstate);
    data.message = message.as_ptr().cast_mut();
    data.detail = detail.as_ref().map_or(std::ptr::null_mut(), |d| d.as_ptr().cast_mut());
    data.hint = hint.as_ref().map_or(std::ptr::null_mut(), |h| h.as_ptr().cast_mut());
    // SAFETY: data and its strings live until the call returns or unwinds, and the server copies them.
    unsafe { pg_sys::ThrowErrorData(&raw mut data) };
}

/// Raises the situation as an ERROR.
pub(crate) fn raise(error: &org_scope_core::Error) -> ! {
    report(PgLogLevel::ERROR, &error.report());
    unreachable!("an ERROR unwinds")
}

/// The server's integer form of a SQLSTATE: six bits a character (`MAKE_SQLSTATE`).
fn encode_sqlstate(state: &str) -> i32 {
    state
        .bytes()
        .enumerate()
        .fold(0, |code, (i, b)| code | (((i32::from(b) - i32::from(b'0')) & 0x3F) << (6 * i)))
}
