//! Runs one statement of ours on a table without the triggers that users have put on it. Foreign keys, and our
//! own triggers, go on.

use std::ffi::CStr;

use pgrx::pg_sys::{self, Oid};

use super::backend::BackendCell;
use super::list;

static TABLE: BackendCell<Option<Oid>> = BackendCell::new(None);

struct Marked(Option<Oid>);

impl Drop for Marked {
    fn drop(&mut self) {
        TABLE.set(self.0);
    }
}

/// Runs `work`, whose first statement changes the table.
pub(crate) fn on<T>(table: Oid, work: impl FnOnce() -> T) -> T {
    let _marked = Marked(TABLE.replace(Some(table)));
    work()
}

/// Takes the triggers from a statement that has just been started, where it is such a one. It raises nothing.
///
/// # Safety
/// `query` is one that the server's executor has started.
pub(crate) unsafe fn strip(query: *mut pg_sys::QueryDesc) {
    let Some(table) = TABLE.get() else { return };
    // SAFETY: the caller's promise.
    let state = unsafe { (*query).estate };
    // SAFETY: made when the query was started.
    let opened = unsafe { (*state).es_opened_result_relations };
    // SAFETY: the list holds ResultRelInfo.
    for changed in unsafe { list::nodes::<pg_sys::ResultRelInfo>(opened) } {
        // SAFETY: open as long as the query runs.
        let relation = unsafe { (*changed.ri_RelationDesc).rd_id };
        if relation == table && !changed.ri_TrigDesc.is_null() {
            // Statements inside of this one are others'.
            TABLE.set(None);
            // SAFETY: the statement's own copy of what the relation has.
            let description = unsafe { &mut *changed.ri_TrigDesc };
            // SAFETY: as above.
            unsafe { switch_off(description) };
        }
    }
}

/// # Safety
/// The description's triggers belong to the statement alone.
unsafe fn switch_off(description: &mut pg_sys::TriggerDesc) {
    let count = usize::try_from(description.numtriggers).unwrap_or_default();
    // SAFETY: an array of so many.
    let triggers = unsafe { std::slice::from_raw_parts_mut(description.triggers, count) };
    for trigger in triggers {
        // SAFETY: a trigger's name is NUL-terminated.
        let name = unsafe { CStr::from_ptr(trigger.tgname) };
        if !trigger.tgisinternal && !name.to_bytes().starts_with(b"org_scope_") {
            trigger.tgenabled = pg_sys::TRIGGER_DISABLED as std::ffi::c_char;
        }
    }
}
