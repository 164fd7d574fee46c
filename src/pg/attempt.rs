//! Tries a statement that may turn out to be impossible.

use pgrx::pg_sys::{self, errcodes::PgSqlErrorCode};
use pgrx::{PgTryBuilder, Spi};

/// Runs one of our statements in a subtransaction; false where what it names or its types have
/// changed, and then nothing has happened. Every other error (a lock, a cancel) is the caller's.
pub(crate) fn execute(statement: &str) -> bool {
    // SAFETY: variables of the server's, in the backend's only thread.
    let memory = unsafe { pg_sys::CurrentMemoryContext };
    // SAFETY: as above.
    let owner = unsafe { pg_sys::CurrentResourceOwner };
    // SAFETY: inside a transaction; ended on both ways below, or by the abort of the transaction.
    unsafe { pg_sys::BeginInternalSubTransaction(std::ptr::null()) };
    // SAFETY: the context that was current; the subtransaction's own would go with it.
    unsafe { pg_sys::CurrentMemoryContext = memory };
    let missing = || false;
    let done = PgTryBuilder::new(|| Spi::connect_mut(|client| client.update(statement, None, &[]).is_ok()))
        .catch_when(PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_INVALID_SCHEMA_NAME, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_INVALID_COLUMN_REFERENCE, move |_| missing())
        .catch_when(PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION, move |_| missing())
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
