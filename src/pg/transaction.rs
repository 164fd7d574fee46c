//! Where the caller stands in its transaction.

use pgrx::pg_sys;

/// Whether a procedure that calls this may COMMIT.
///
/// To be asked before an SPI connection of our own, which is always atomic and would hide the caller's.
pub(crate) fn may_commit() -> bool {
    // SAFETY: reads SPI's state; outside SPI it answers no.
    let nonatomic = unsafe { pg_sys::SPI_inside_nonatomic_context() };
    // SAFETY: reads the transaction state.
    nonatomic && unsafe { pg_sys::GetCurrentTransactionNestLevel() } == 1
}
