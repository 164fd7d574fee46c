//! Reads the catalogs: one query for many objects, each row one JSON document.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_long};

use pgrx::datum::DatumWithOid;
use pgrx::{Spi, pg_sys};
use serde::de::DeserializeOwned;

use super::throw;

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn SPI_prepare_cursor(
        source: *const c_char,
        count: c_int,
        types: *mut pg_sys::Oid,
        cursor_options: c_int,
    ) -> pg_sys::SPIPlanPtr;
    fn SPI_keepplan(plan: pg_sys::SPIPlanPtr) -> c_int;
    fn SPI_freeplan(plan: pg_sys::SPIPlanPtr) -> c_int;
    fn SPI_execute_plan(
        plan: pg_sys::SPIPlanPtr,
        values: *mut pg_sys::Datum,
        nulls: *const c_char,
        read_only: bool,
        limit: c_long,
    ) -> c_int;
    fn SPI_execute_with_args(
        source: *const c_char,
        count: c_int,
        types: *mut pg_sys::Oid,
        values: *mut pg_sys::Datum,
        nulls: *const c_char,
        read_only: bool,
        limit: c_long,
    ) -> c_int;
}

thread_local! {
    /// What [`read`] has prepared in this session, by the address of the text, and how often that was used.
    static PREPARED: RefCell<HashMap<*const c_char, (pg_sys::SPIPlanPtr, u32)>> = RefCell::default();
}

/// How much a query is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// One table, or some names.
    One,
    /// Many tables: to plan anew costs nothing beside answering, and an outdated plan could cost much.
    Many,
}

impl About {
    /// As much as there are of these.
    pub(crate) fn all<T>(these: &[T]) -> Self {
        if these.len() > 1 { Self::Many } else { Self::One }
    }
}

/// Runs a query of ours, whose only column is JSON text.
///
/// It sees the newest committed state and this transaction's own changes, whatever the isolation
/// level: what another session dropped since a REPEATABLE READ snapshot must not count as a fence.
/// It assigns no transaction ID, so plans work on a standby.
///
/// The session keeps the plan for a while: making it takes several times as long as looking one table up,
/// and a run over thousands of tables asks several times for each.
pub(crate) fn read<T: DeserializeOwned>(
    query: &'static CStr,
    about: About,
    args: &[DatumWithOid<'_>],
) -> Vec<T> {
    let mut args = Arguments::new(args);
    parsed(|| {
        let plan = prepared(query, about, &mut args.types);
        let (values, nulls) = (args.values.as_mut_ptr(), args.nulls.as_ptr());
        // SAFETY: SPI is connected, and the arrays have one element for each parameter and outlive the call.
        let call = || unsafe { SPI_execute_plan(plan, values, nulls, true, 0) };
        // SAFETY: calls the server alone and owns nothing.
        unsafe { throw::whole(call) }
    })
}

/// The same for a query that is asked once. What may not stand in an error's CONTEXT comes as an argument.
pub(crate) fn read_once<T: DeserializeOwned>(query: &CStr, args: &[DatumWithOid<'_>]) -> Vec<T> {
    let text = query.as_ptr();
    let mut args = Arguments::new(args);
    parsed(|| {
        let count = args.types.len() as c_int;
        let (types, values) = (args.types.as_mut_ptr(), args.values.as_mut_ptr());
        let nulls = args.nulls.as_ptr();
        // SAFETY: SPI is connected; NUL-terminated text, and arrays with one element for each parameter, which
        // outlive the call.
        let call = || unsafe { SPI_execute_with_args(text, count, types, values, nulls, true, 0) };
        // SAFETY: calls the server alone and owns nothing.
        unsafe { throw::whole(call) }
    })
}

/// Parameters as SPI takes them.
struct Arguments {
    types: Vec<pg_sys::Oid>,
    values: Vec<pg_sys::Datum>,
    nulls: CString,
}

impl Arguments {
    fn new(args: &[DatumWithOid<'_>]) -> Self {
        let nulls: Vec<u8> = args.iter().map(|a| if a.datum().is_some() { b' ' } else { b'n' }).collect();
        let value = |a: &DatumWithOid<'_>| a.datum().map_or_else(pg_sys::Datum::null, |d| d.sans_lifetime());
        Self {
            types: args.iter().map(DatumWithOid::oid).collect(),
            values: args.iter().map(value).collect(),
            nulls: CString::new(nulls).unwrap_or_default(),
        }
    }
}

/// After so many uses a plan is made anew: a run over many tables fills catalogs that were empty when it began,
/// and the plan for an empty catalog reads all of it.
const USES: u32 = 100;

fn prepared(query: &'static CStr, about: About, types: &mut [pg_sys::Oid]) -> pg_sys::SPIPlanPtr {
    match PREPARED.with_borrow_mut(|plans| plans.remove(&query.as_ptr())) {
        Some((plan, uses)) if about == About::One && uses < USES => return keep(query, plan, uses + 1),
        // SAFETY: SPI's own, kept below, and nobody's any more.
        Some((plan, _)) => drop(unsafe { SPI_freeplan(plan) }),
        None => {}
    }
    let (text, count, types) = (query.as_ptr(), types.len() as c_int, types.as_mut_ptr());
    // Generic at once: which tables are asked for makes no difference to how they are looked up.
    let options = pg_sys::CURSOR_OPT_GENERIC_PLAN as c_int;
    let call = || {
        // SAFETY: SPI is connected; NUL-terminated text, and one type for each parameter.
        let plan = unsafe { SPI_prepare_cursor(text, count, types, options) };
        if !plan.is_null() {
            // SAFETY: a plan that was just made, and that SPI_finish would free.
            unsafe { SPI_keepplan(plan) };
        }
        plan
    };
    // SAFETY: calls the server alone and owns nothing.
    let plan = unsafe { throw::whole(call) };
    assert!(!plan.is_null(), "SPI can't prepare org_scope's catalog query");
    keep(query, plan, 1)
}

fn keep(query: &'static CStr, plan: pg_sys::SPIPlanPtr, uses: u32) -> pg_sys::SPIPlanPtr {
    PREPARED.with_borrow_mut(|plans| plans.insert(query.as_ptr(), (plan, uses)));
    plan
}

/// Runs what executes a query, and reads the rows that it leaves.
fn parsed<T: DeserializeOwned>(execute: impl FnOnce() -> c_int) -> Vec<T> {
    let rows = Spi::connect(|_| {
        // SAFETY: a transaction is running; makes this command's own changes visible to the next.
        unsafe { pg_sys::CommandCounterIncrement() };
        // SAFETY: a transaction is running; the snapshot lives in static memory until pushed (copied).
        let snapshot = unsafe { pg_sys::GetLatestSnapshot() };
        // SAFETY: a valid snapshot; popped below, or by the abort of the transaction after an error.
        unsafe { pg_sys::PushActiveSnapshot(snapshot) };
        let code = execute();
        assert!(code == pg_sys::SPI_OK_SELECT as i32, "org_scope's catalog query gave SPI code {code}");
        let rows = first_columns();
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

/// The first column of the current SPI result as text, without its NULLs.
pub(super) fn first_columns() -> Vec<String> {
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
