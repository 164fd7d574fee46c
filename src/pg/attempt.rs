//! Tries a statement that may turn out to be impossible.

use pgrx::pg_sys::{self, panic::CaughtError};
use pgrx::{PgTryBuilder, Spi};

use super::throw;

/// Runs one of our statements in a subtransaction; false where what it names or its types have
/// changed, or where it never could be, and then nothing has happened. Every other error (a lock, a
/// cancel) is the caller's.
pub(crate) fn execute(statement: &str) -> bool {
    // SAFETY: variables of the server's, in the backend's only thread.
    let memory = unsafe { pg_sys::CurrentMemoryContext };
    // SAFETY: as above.
    let owner = unsafe { pg_sys::CurrentResourceOwner };
    // SAFETY: inside a transaction; ended on both ways below, or by the abort of the transaction.
    unsafe { pg_sys::BeginInternalSubTransaction(std::ptr::null()) };
    // SAFETY: the context that was current; the subtransaction's own would go with it.
    unsafe { pg_sys::CurrentMemoryContext = memory };
    let done = PgTryBuilder::new(|| Spi::connect_mut(|client| client.update(statement, None, &[]).is_ok()))
        .catch_others(|error| if is_about_the_statement(&error) { false } else { error.rethrow() })
        .execute();
    if done {
        // SAFETY: the subtransaction begun above is the current one.
        unsafe { pg_sys::ReleaseCurrentSubTransaction() };
    } else {
        // SAFETY: as above; it undoes the settings, locks and connections of what failed.
        unsafe { pg_sys::RollbackAndReleaseCurrentSubTransaction() };
    }
    // SAFETY: what was current before.
    unsafe { pg_sys::CurrentMemoryContext = memory };
    // SAFETY: as above.
    unsafe { pg_sys::CurrentResourceOwner = owner };
    done
}

/// Whether an error says that the statement can't be: a name, type or construct (class 42), a value (22), a
/// feature (0A) or a schema (3F). By class, as there are dozens of codes, and one that is left out would keep
/// the caller from ever getting past the statement.
fn is_about_the_statement(error: &CaughtError) -> bool {
    let (CaughtError::PostgresError(report)
    | CaughtError::ErrorReport(report)
    | CaughtError::RustPanic { ereport: report, .. }) = error;
    // ERRCODE_TO_CATEGORY: the lower twelve bits are the class.
    let class = |state: &str| throw::sqlstate_code(state) & 0xFFF;
    ["42000", "22000", "0A000", "3F000"].map(class).contains(&(report.sql_error_code() as i32 & 0xFFF))
}
