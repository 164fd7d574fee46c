//! Says a situation: as an error, a warning, a notice, a line in the log, or the reason of a check hook.

use std::ffi::CString;

use org_scope_core::Error;
use org_scope_core::error::Report;
use pgrx::{PgLogLevel, pg_sys};

use super::throw;

/// Raises the situation.
pub(crate) fn raise(error: &Error) -> ! {
    throw::raise(error.report())
}

/// Warns of the situation.
pub(crate) fn warn(error: &Error) {
    throw::say(PgLogLevel::WARNING as i32, &error.report());
}

/// Tells the client something that is no fault.
pub(crate) fn notice(message: &str) {
    plain(PgLogLevel::NOTICE, message);
}

/// Writes to the server's log alone.
pub(crate) fn log(message: &str) {
    plain(PgLogLevel::LOG_SERVER_ONLY, message);
}

fn plain(level: PgLogLevel, message: &str) {
    let report = Report { sqlstate: "00000", message: message.to_owned(), detail: None, hint: None };
    throw::say(level as i32, &report);
}

/// Says why a check hook returns false; the server makes the error of it, or at library load the
/// warning.
pub(crate) fn refuse_setting(error: &Error) {
    let said = error.report();
    // SAFETY: sets a variable that the server reads when the hook has returned.
    unsafe { pg_sys::GUC_check_errcode(throw::sqlstate_code(said.sqlstate)) };
    let copy = |text: Option<&str>| match text.and_then(|t| CString::new(t).ok()) {
        // SAFETY: a NUL-terminated string, copied into the current memory context, which outlives the
        // report that the server makes of it.
        Some(text) => unsafe { pg_sys::pstrdup(text.as_ptr()) },
        None => std::ptr::null_mut(),
    };
    let (message, detail, hint) =
        (copy(Some(&said.message)), copy(said.detail.as_deref()), copy(said.hint.as_deref()));
    // SAFETY: the server's own variable for this purpose; NULL means "nothing said".
    unsafe { pg_sys::GUC_check_errmsg_string = message };
    // SAFETY: as above.
    unsafe { pg_sys::GUC_check_errdetail_string = detail };
    // SAFETY: as above.
    unsafe { pg_sys::GUC_check_errhint_string = hint };
}
