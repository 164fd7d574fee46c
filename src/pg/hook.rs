//! What every hook needs: to be chained, to decide in Rust, and to call its predecessor as the server
//! would, so that errors pass through whole.

use super::throw;

/// Runs the hook's own Rust code; what it raises is thrown.
///
/// # Safety
/// Called from a hook function that owns no value with a destructor.
pub(crate) unsafe fn decide<T>(work: impl FnOnce() -> T) -> T {
    match throw::contain(work) {
        Ok(decision) => decision,
        // SAFETY: the caller's promise.
        Err(waiting) => unsafe { throw::throw(waiting) },
    }
}

/// Puts a hook in front of whatever is installed.
macro_rules! chain {
    ($hook:ident, $previous:ident, $ours:ident) => {
        // SAFETY: hooks are installed in the backend's only thread while the library loads.
        unsafe { $previous = pgrx::pg_sys::$hook };
        // SAFETY: as above; the function lives as long as the library.
        unsafe { pgrx::pg_sys::$hook = Some($ours) };
    };
}
pub(crate) use chain;
