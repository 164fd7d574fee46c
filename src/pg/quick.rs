//! Functions of the server's that can't raise, called without the jump buffer that pgrx saves for each
//! of its bindings: they are asked at every statement, and the buffer costs more than they do.

use pgrx::pg_sys::{Oid, SubTransactionId, TimestampTz};

// SAFETY: declared as in the server's headers; each only reads a variable of this backend's.
unsafe extern "C-unwind" {
    #[link_name = "GetSessionUserId"]
    safe fn server_session_user() -> Oid;
    #[link_name = "GetUserId"]
    safe fn server_user() -> Oid;
    #[link_name = "IsTransactionState"]
    safe fn server_is_transaction_state() -> bool;
    #[link_name = "InNoForceRLSOperation"]
    safe fn server_is_without_force() -> bool;
    #[link_name = "GetCurrentSubTransactionId"]
    safe fn server_subtransaction() -> SubTransactionId;
    #[link_name = "GetCurrentTimestamp"]
    safe fn server_now() -> TimestampTz;
}

/// session_user. There must be one: any backend in a transaction with a database has it.
#[inline]
pub(crate) fn session_user() -> Oid {
    server_session_user()
}

/// current_user; as [`session_user`].
pub(crate) fn user() -> Oid {
    server_user()
}

/// Whether catalogs may be read.
pub(crate) fn in_transaction() -> bool {
    server_is_transaction_state()
}

/// Whether the server's flag lifts FORCE for owners.
pub(crate) fn is_without_force() -> bool {
    server_is_without_force()
}

/// The innermost subtransaction.
pub(crate) fn subtransaction() -> SubTransactionId {
    server_subtransaction()
}

/// The time of day in seconds since 1970.
pub(crate) fn now() -> i64 {
    /// 2000-01-01, from which the server counts microseconds.
    const EPOCH: i64 = 946_684_800;
    server_now().div_euclid(1_000_000) + EPOCH
}
