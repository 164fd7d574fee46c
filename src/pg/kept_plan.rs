//! Statements of ours that the session keeps, for what is asked with every row.

use std::ffi::{CString, c_char, c_int, c_long};

use pgrx::pg_sys::{self, Datum, Oid};

use super::throw;

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn SPI_connect() -> c_int;
    fn SPI_finish() -> c_int;
    fn SPI_prepare_cursor(
        source: *const c_char,
        count: c_int,
        types: *mut Oid,
        cursor_options: c_int,
    ) -> pg_sys::SPIPlanPtr;
    fn SPI_keepplan(plan: pg_sys::SPIPlanPtr) -> c_int;
    fn SPI_execute_snapshot(
        plan: pg_sys::SPIPlanPtr,
        values: *mut Datum,
        nulls: *const c_char,
        snapshot: pg_sys::Snapshot,
        crosscheck: pg_sys::Snapshot,
        read_only: bool,
        fire_triggers: bool,
        limit: c_long,
    ) -> c_int;
    fn SPI_getbinval(
        row: pg_sys::HeapTuple,
        descriptor: pg_sys::TupleDesc,
        column: c_int,
        is_null: *mut bool,
    ) -> Datum;
    fn SPI_datumTransfer(value: Datum, by_value: bool, length: c_int) -> Datum;
}

/// What a statement sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    /// What the statement around it sees; it changes and locks nothing.
    TheSame,
    /// What the transaction sees, with all that this command has done.
    Now,
    /// What is committed and what this command has done, whatever the isolation level: as referential
    /// integrity looks for rows that it must not leave behind.
    TheLatest,
}

/// A prepared statement; freed with the value.
pub(crate) struct KeptPlan {
    plan: pg_sys::SPIPlanPtr,
    /// The types of its parameters.
    takes: Vec<Oid>,
}

impl KeptPlan {
    /// Prepares with the current search_path.
    pub(crate) fn new(text: &str, types: &[Oid]) -> Self {
        let source = CString::new(text).unwrap_or_default();
        let mut takes = types.to_vec();
        let (text, count, types) = (source.as_ptr(), takes.len() as c_int, takes.as_mut_ptr());
        let call = || {
            // SAFETY: opens a level of SPI, which SPI_finish closes, or an abort.
            unsafe { SPI_connect() };
            let options = pg_sys::CURSOR_OPT_GENERIC_PLAN as c_int;
            // SAFETY: NUL-terminated text, and one type for each parameter.
            let plan = unsafe { SPI_prepare_cursor(text, count, types, options) };
            if !plan.is_null() {
                // SAFETY: a plan that was just made, and that SPI_finish would free.
                unsafe { SPI_keepplan(plan) };
            }
            // SAFETY: closes the level opened above.
            unsafe { SPI_finish() };
            plan
        };
        // SAFETY: calls the server alone and owns nothing.
        let plan = unsafe { throw::whole(call) };
        assert!(!plan.is_null(), "SPI can't prepare a statement of org_scope's");
        Self { plan, takes }
    }

    /// Whether its parameters have these types.
    pub(crate) fn takes(&self, types: &[Oid]) -> bool {
        self.takes == types
    }

    /// The first column of the first row, with the type that it has by now: what a statement names can become
    /// something else after it was prepared. None where it is NULL or there is no row.
    ///
    /// # Safety
    /// One value for each parameter, of its type.
    pub(crate) unsafe fn ask(&self, values: &mut [Datum], sees: Sees) -> Option<(Datum, Oid)> {
        let (plan, values) = (self.plan, values.as_mut_ptr());
        let call = || {
            // SAFETY: opens a level of SPI, which SPI_finish closes, or an abort.
            unsafe { SPI_connect() };
            let none = std::ptr::null_mut();
            let snapshot = match sees {
                // SAFETY: a transaction is running.
                Sees::TheLatest => unsafe { pg_sys::GetLatestSnapshot() },
                _ => none,
            };
            let read_only = sees == Sees::TheSame;
            // SAFETY: the caller's promise; AFTER triggers are the surrounding query's, as in referential integrity.
            let code = unsafe {
                SPI_execute_snapshot(plan, values, std::ptr::null(), snapshot, none, read_only, false, 0)
            };
            let value = if code == pg_sys::SPI_OK_SELECT as c_int { first_value() } else { None };
            // SAFETY: closes the level opened above.
            unsafe { SPI_finish() };
            (code, value)
        };
        // SAFETY: calls the server alone and owns nothing.
        let (code, value) = unsafe { throw::whole(call) };
        assert!(code >= 0, "SPI can't run a statement of org_scope's (code {code})");
        value
    }
}

/// The first value of SPI's result, copied to where SPI was called from, and its type.
fn first_value() -> Option<(Datum, Oid)> {
    // SAFETY: a variable of the server's, in the backend's only thread.
    let table = unsafe { pg_sys::SPI_tuptable };
    // SAFETY: NULL, or the result of the statement that has just run.
    let table = unsafe { table.as_ref() }?;
    if table.numvals == 0 {
        return None;
    }
    // SAFETY: the result has a row.
    let row = unsafe { *table.vals };
    let mut is_null = true;
    // SAFETY: a row of the result with its descriptor; column 1 exists.
    let value = unsafe { SPI_getbinval(row, table.tupdesc, 1, &raw mut is_null) };
    if is_null {
        return None;
    }
    let (mut length, mut by_value) = (0, false);
    // SAFETY: the descriptor of the result; column 1 exists.
    let type_oid = unsafe { pg_sys::SPI_gettypeid(table.tupdesc, 1) };
    // SAFETY: writes to two locals.
    unsafe { pg_sys::get_typlenbyval(type_oid, &raw mut length, &raw mut by_value) };
    // SAFETY: a value of that type.
    Some((unsafe { SPI_datumTransfer(value, by_value, c_int::from(length)) }, type_oid))
}

impl Drop for KeptPlan {
    fn drop(&mut self) {
        // SAFETY: SPI's own, kept by `new`, and nobody's any more.
        unsafe { pg_sys::SPI_freeplan(self.plan) };
    }
}
