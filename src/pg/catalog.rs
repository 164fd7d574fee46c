//! Reads the catalogs: one query for many objects, each row one JSON document.

use std::ffi::{CStr, CString, c_char, c_long};

use pgrx::datum::DatumWithOid;
use pgrx::{Spi, pg_sys};
use serde::de::DeserializeOwned;

use super::throw;

// The server's function itself: pgrx's binding would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn SPI_execute_with_args(
        source: *const c_char,
        count: i32,
        types: *mut pg_sys::Oid,
        values: *mut pg_sys::Datum,
        nulls: *const c_char,
        read_only: bool,
        limit: c_long,
    ) -> i32;
}

/// Runs a query whose only column is JSON text.
///
/// It sees the newest committed state and this transaction's own changes, whatever the isolation
/// level: what another session dropped since a REPEATABLE READ snapshot must not count as a fence.
/// It assigns no transaction ID, so plans work on a standby.
pub(crate) fn read<T: DeserializeOwned>(query: &CStr, args: &[DatumWithOid<'_>]) -> Vec<T> {
    let rows = Spi::connect(|_| {
        // SAFETY: a transaction is running; makes this command's own changes visible to the next.
        unsafe { pg_sys::CommandCounterIncrement() };
        // SAFETY: a transaction is running; the snapshot lives in static memory until pushed (copied).
        let snapshot = unsafe { pg_sys::GetLatestSnapshot() };
        // SAFETY: a valid snapshot; popped below, or by the abort of the transaction after an error.
        unsafe { pg_sys::PushActiveSnapshot(snapshot) };
        let rows = select(query, args);
        // SAFETY: pops the snapshot pushed above.
        unsafe { pg_sys::PopActiveSnapshot() };
        rows
    });
    rows.iter()
        .map(|row| match serde_json::from_str(row) {
            Ok(value) => value,
            Err(error) => panic!("org_scope can't read a catalog row: {error}"),
        })
        .collect()
}

fn select(query: &CStr, args: &[DatumWithOid<'_>]) -> Vec<String> {
    let mut types: Vec<pg_sys::Oid> = args.iter().map(DatumWithOid::oid).collect();
    let nulls: Vec<u8> = args.iter().map(|a| if a.datum().is_some() { b' ' } else { b'n' }).collect();
    let nulls = CString::new(nulls).unwrap_or_default();
    let mut values: Vec<pg_sys::Datum> =
        args.iter().map(|a| a.datum().map_or_else(pg_sys::Datum::null, |d| d.sans_lifetime())).collect();
    let (query, count) = (query.as_ptr(), args.len() as i32);
    let (types, values, nulls) = (types.as_mut_ptr(), values.as_mut_ptr(), nulls.as_ptr());
    // SAFETY: SPI is connected, and the arrays have one element for each parameter and outlive the call.
    let call = || unsafe { SPI_execute_with_args(query, count, types, values, nulls, true, 0) };
    // SAFETY: calls the server alone and owns nothing.
    let code = unsafe { throw::whole(call) };
    assert!(code == pg_sys::SPI_OK_SELECT as i32, "org_scope's catalog query gave SPI code {code}");
    // SAFETY: a variable of the server's, in the backend's only thread.
    let table = unsafe { pg_sys::SPI_tuptable };
    // SAFETY: after SPI_OK_SELECT it points to this query's result until SPI_finish.
    let Some(table) = (unsafe { table.as_ref() }) else { return Vec::new() };
    // SAFETY: the result holds numvals tuples.
    let tuples = unsafe { std::slice::from_raw_parts(table.vals, table.numvals as usize) };
    tuples.iter().filter_map(|tuple| first_column(*tuple, table.tupdesc)).collect()
}

fn first_column(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc) -> Option<String> {
    // SAFETY: a tuple of the current SPI result and that result's descriptor; column 1 exists.
    let text = unsafe { pg_sys::SPI_getvalue(tuple, descriptor, 1) };
    if text.is_null() {
        return None;
    }
    // SAFETY: a NUL-terminated string in SPI's memory, copied before the context goes.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}
