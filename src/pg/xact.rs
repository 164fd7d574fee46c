//! What ends with the transaction and must not come back with a savepoint's rollback.

use std::ffi::c_void;

use pgrx::{pg_guard, pg_sys};

use super::backend::BackendRefCell;

static POOLED_ORG: BackendRefCell<Option<String>> = BackendRefCell::new(None);
static LISTENERS: BackendRefCell<Vec<fn(bool)>> = BackendRefCell::new(Vec::new());

/// Has a function called at the end of every transaction, with whether it was committed (or prepared).
/// It must not raise.
pub(crate) fn on_end(listener: fn(bool)) {
    LISTENERS.with_borrow_mut(|l| l.push(listener));
}

/// The organization that a pooled login has taken in this transaction.
pub(crate) fn pooled_org() -> Option<String> {
    POOLED_ORG.with_borrow(Clone::clone)
}

/// Fixes it until the transaction ends. No setting can hold this: RESET and ROLLBACK TO would open
/// the transaction for a second organization.
pub(crate) fn fix_pooled_org(org: &str) {
    POOLED_ORG.set(Some(org.to_owned()));
}

/// Registers for the end of transactions.
pub(crate) fn init() {
    // SAFETY: the callback is guarded, never raises, and lives as long as the library.
    unsafe { pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut()) };
    // SAFETY: as above.
    unsafe { pg_sys::RegisterSubXactCallback(Some(at_sub_end), std::ptr::null_mut()) };
}

#[pg_guard]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _arg: *mut c_void) {
    use pg_sys::XactEvent;
    if matches!(
        event,
        XactEvent::XACT_EVENT_COMMIT | XactEvent::XACT_EVENT_ABORT | XactEvent::XACT_EVENT_PREPARE
    ) {
        POOLED_ORG.set(None);
        super::running::forget();
        let committed = event != XactEvent::XACT_EVENT_ABORT;
        LISTENERS.with_borrow(|l| l.iter().for_each(|listener| listener(committed)));
    }
}

#[pg_guard]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn at_sub_end(
    event: pg_sys::SubXactEvent::Type,
    subtransaction: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        super::running::forget_since(subtransaction);
    }
}
