//! Rows of a table of the extension's own, as they stand now: read with the catalog snapshot, which the
//! server takes afresh for a table without a syscache. A REPEATABLE READ transaction must not go on with
//! what was taken away, and unlike `GetLatestSnapshot` it is to be had in parallel workers.

use std::ffi::CStr;

use pgrx::pg_sys::Oid;
use pgrx::{PgTupleDesc, pg_sys, prelude::PgHeapTuple};

/// The relation of that name in the extension's schema.
pub(crate) fn oid(name: &CStr) -> Option<Oid> {
    // SAFETY: a lookup by NUL-terminated name; a missing schema gives INVALID.
    let schema = unsafe { pg_sys::get_namespace_oid(c"org_scope".as_ptr(), true) };
    if schema == Oid::INVALID {
        return None;
    }
    // SAFETY: as above.
    let oid = unsafe { pg_sys::get_relname_relid(name.as_ptr(), schema) };
    (oid != Oid::INVALID).then_some(oid)
}

/// An index scan of a table; closes what it opened.
pub(crate) struct Scan {
    relation: pg_sys::Relation,
    scan: pg_sys::SysScanDesc,
    // The server keeps a pointer to the key.
    _key: Option<Box<pg_sys::ScanKeyData>>,
}

impl Scan {
    /// All rows, or those whose first column is this OID.
    pub(crate) fn begin(table: Oid, index: Oid, first: Option<Oid>) -> Self {
        let mut key = first.map(key);
        let (keys, count) = key.as_mut().map_or((std::ptr::null_mut(), 0), |key| (&raw mut **key, 1));
        // SAFETY: opens by OID with a lock, or raises where the table has gone.
        let relation = unsafe { pg_sys::table_open(table, pg_sys::AccessShareLock as i32) };
        // SAFETY: the relation is open and locked; a NULL snapshot asks for the catalog snapshot.
        let scan =
            unsafe { pg_sys::systable_beginscan(relation, index, true, std::ptr::null_mut(), count, keys) };
        Self { relation, scan, _key: key }
    }

    /// The next row; valid until the one after it.
    pub(crate) fn next(&self) -> Option<PgHeapTuple<'_, impl pgrx::WhoAllocated + use<'_>>> {
        // SAFETY: the scan is open until drop.
        let tuple = unsafe { pg_sys::systable_getnext(self.scan) };
        if tuple.is_null() {
            return None;
        }
        // SAFETY: the relation is open until drop.
        let desc = unsafe { (*self.relation).rd_att };
        // SAFETY: the relation's own descriptor, whose reference count is taken and given back.
        let desc = unsafe { PgTupleDesc::from_pg_copy(desc) };
        // SAFETY: the tuple belongs to the scan, which lives as long as the result.
        Some(unsafe { PgHeapTuple::from_heap_tuple(desc, tuple) })
    }
}

fn key(first: Oid) -> Box<pg_sys::ScanKeyData> {
    // SAFETY: a plain C struct, filled by ScanKeyInit before use.
    let mut key: Box<pg_sys::ScanKeyData> = Box::new(unsafe { std::mem::zeroed() });
    // SAFETY: column 1 is of a type that compares as oid.
    unsafe {
        pg_sys::ScanKeyInit(
            &raw mut *key,
            1,
            pg_sys::BTEqualStrategyNumber as u16,
            Oid::from(pg_sys::F_OIDEQ),
            pg_sys::Datum::from(first),
        );
    }
    key
}

impl Drop for Scan {
    fn drop(&mut self) {
        // After an error the transaction's abort closes both, and only in a transaction may we.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: opened by begin.
        unsafe { pg_sys::systable_endscan(self.scan) };
        // SAFETY: opened by begin with the same lock.
        unsafe { pg_sys::table_close(self.relation, pg_sys::AccessShareLock as i32) };
    }
}
