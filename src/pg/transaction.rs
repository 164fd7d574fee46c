//! Where the caller stands in its transaction.

use std::ffi::CStr;

use pgrx::pg_sys;

/// Raises 25006 on a standby: what is to write would otherwise fail where it asks for a transaction id,
/// as if that were a bug.
pub(crate) fn must_not_be_in_recovery(command: &CStr) {
    let command = command.as_ptr();
    // SAFETY: a NUL-terminated constant.
    unsafe { pg_sys::PreventCommandDuringRecovery(command) };
}

/// Whether a procedure that calls this may COMMIT.
///
/// To be asked before an SPI connection of our own, which is always atomic and would hide the caller's.
pub(crate) fn may_commit() -> bool {
    // SAFETY: reads SPI's state; outside SPI it answers no.
    let nonatomic = unsafe { pg_sys::SPI_inside_nonatomic_context() };
    // SAFETY: reads the transaction state.
    nonatomic && unsafe { pg_sys::GetCurrentTransactionNestLevel() } == 1
}

/// Whether this transaction, or a subtransaction of it that goes on or is through, has this number.
pub(crate) fn is_own(number: u32) -> bool {
    // SAFETY: looks into the transaction state.
    unsafe { pg_sys::TransactionIdIsCurrentTransactionId(number.into()) }
}
