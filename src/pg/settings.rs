//! Settings for the length of one piece of work, as a function's SET clause gives them.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;

/// Runs the work under settings in which the names and expressions of our statements, and those
/// that the server prints, mean one thing only. The caller's settings return with the end of the
/// work, or with the abort that an error leads to.
///
/// Not a SET clause of the SQL function: `alter_protected` needs the caller's search_path as well,
/// and nobody can take this off with ALTER FUNCTION.
pub(crate) fn neutral<R>(work: impl FnOnce() -> R) -> R {
    let saved = Saved::new();
    // pg_temp last: unnamed it would be searched first, for tables and types.
    set(c"search_path", c"pg_catalog, pg_temp");
    // Printed expressions are compared with expected texts, remembered, and read again in sessions with
    // other settings: these are the ones that the printed form of a constant depends on.
    set(c"quote_all_identifiers", c"off");
    set(c"standard_conforming_strings", c"on");
    set(c"datestyle", c"ISO, MDY");
    set(c"intervalstyle", c"postgres");
    set(c"bytea_output", c"hex");
    set(c"extra_float_digits", c"1");
    // The catalog queries look dear to the planner, and compiling one takes seconds where it runs a millisecond.
    set(c"jit", c"off");
    let result = work();
    drop(saved);
    result
}

/// As [`neutral`], for an expression over a user's rows: what it says of a row must not depend on whoever asks.
pub(crate) fn neutral_values<R>(work: impl FnOnce() -> R) -> R {
    neutral(|| {
        // They hold until the end of `neutral`, whose level this is.
        set(c"timezone", c"UTC");
        set(c"array_nulls", c"on");
        set(c"transform_null_equals", c"off");
        set(c"lc_monetary", c"C");
        set(c"lc_numeric", c"C");
        set(c"lc_time", c"C");
        set(c"default_text_search_config", c"pg_catalog.simple");
        set(c"xmloption", c"content");
        set(c"xmlbinary", c"base64");
        work()
    })
}

/// Runs the work, which reads no printed expressions, with the search_path alone set so.
pub(crate) fn neutral_path<R>(work: impl FnOnce() -> R) -> R {
    let saved = Saved::new();
    set(c"search_path", c"pg_catalog, pg_temp");
    let result = work();
    drop(saved);
    result
}

/// Runs the work with this search_path, which is a list as the server prints it.
pub(crate) fn with_path<R>(path: &str, work: impl FnOnce() -> R) -> R {
    let Ok(path) = CString::new(path) else { return work() };
    let saved = Saved::new();
    set(c"search_path", &path);
    let result = work();
    drop(saved);
    result
}

/// Runs the work with a bound on how long it waits for a lock, where the caller has set none: who waits for the
/// whole of a table holds up everybody who comes after.
pub(crate) fn bounded_waits<R>(work: impl FnOnce() -> R) -> R {
    let saved = Saved::new();
    // SAFETY: a variable of the server's, in the backend's only thread.
    if unsafe { pg_sys::LockTimeout } == 0 {
        set(c"lock_timeout", c"5s");
    }
    let result = work();
    drop(saved);
    result
}

struct Saved(i32);

impl Saved {
    fn new() -> Self {
        // SAFETY: a transaction is running, which every SQL function needs.
        Self(unsafe { pg_sys::NewGUCNestLevel() })
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        // After an error the (sub)transaction's abort restores the settings, with all deeper levels.
        if !std::thread::panicking() {
            // SAFETY: the level was opened by `new` in this (sub)transaction and is still open.
            unsafe { pg_sys::AtEOXact_GUC(true, self.0) };
        }
    }
}

fn set(name: &CStr, value: &CStr) {
    // SAFETY: both strings are NUL-terminated; the settings are USERSET, and SAVE undoes itself with
    // the level that was just opened.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        )
    };
}
