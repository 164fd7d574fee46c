//! Reads the access table: with the latest snapshot, into a cache that every change empties.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use org_scope_core::access::{Access, How};
use pgrx::pg_sys::{self, Oid};
use pgrx::{PgTupleDesc, pg_guard, prelude::PgHeapTuple};

use super::{epoch, role};

thread_local! {
    /// The last role that was asked for, and its row.
    static CACHE: RefCell<Option<(Oid, Option<Rc<Access>>)>> = const { RefCell::new(None) };
    /// The table's OID, once it was found; it changes only with DROP EXTENSION.
    static TABLE: Cell<Oid> = const { Cell::new(Oid::INVALID) };
}

/// Takes in what other sessions have changed meanwhile; the server does this at locks and
/// transaction starts, a setter wants it now.
pub(crate) fn accept_invalidations() {
    // SAFETY: allowed wherever catalogs may be read, and setters run inside a transaction.
    unsafe { pg_sys::AcceptInvalidationMessages() };
}

/// The role's row, or `None`. Must be called inside a transaction.
pub(crate) fn of(role: Oid) -> Option<Rc<Access>> {
    if let Some((cached, access)) = CACHE.with_borrow(Clone::clone)
        && cached == role
    {
        return access;
    }
    let before = epoch::context();
    let access = read(role).map(Rc::new);
    // An invalidation that came while the table was being read may concern what was read before it;
    // and where there is no table yet, none could say that it has come.
    if epoch::context() == before && TABLE.get() != Oid::INVALID {
        CACHE.set(Some((role, access.clone())));
    }
    access
}

/// Whether the role has a row, as this command sees the table.
pub(crate) fn row_exists(role: Oid) -> bool {
    read(role).is_some()
}

/// Registers for invalidations. The trigger on the table sends one for each change.
pub(crate) fn init() {
    // SAFETY: the callback is guarded, never raises, and lives as long as the library.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(on_invalidation), pg_sys::Datum::null()) };
    // SAFETY: as above.
    unsafe {
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::AUTHOID as i32,
            Some(on_role_change),
            pg_sys::Datum::null(),
        );
    }
}

/// Sends the invalidation of a table to every backend when the transaction commits, and to this one
/// at the next command.
pub(crate) fn invalidate(table: Oid) {
    // SAFETY: the caller holds a lock on the table (it is the trigger's).
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
}

#[pg_guard]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn on_invalidation(_arg: pg_sys::Datum, relation: Oid) {
    // INVALID means that everything must go (the queue has overflowed).
    if relation == Oid::INVALID || relation == TABLE.get() {
        epoch::context_changed();
        CACHE.set(None);
        TABLE.set(Oid::INVALID);
    }
}

/// Whoever is no superuser any more needs a row from now on.
#[pg_guard]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn on_role_change(_arg: pg_sys::Datum, _cache: i32, _hash: u32) {
    epoch::context_changed();
    role::forget();
}

fn relation_oid(name: &std::ffi::CStr) -> Option<Oid> {
    // SAFETY: a lookup by NUL-terminated name; a missing schema gives INVALID.
    let schema = unsafe { pg_sys::get_namespace_oid(c"org_scope".as_ptr(), true) };
    if schema == Oid::INVALID {
        return None;
    }
    // SAFETY: as above.
    let oid = unsafe { pg_sys::get_relname_relid(name.as_ptr(), schema) };
    (oid != Oid::INVALID).then_some(oid)
}

/// Reads the row with the catalog snapshot, which the server takes afresh for a table without a
/// syscache: a REPEATABLE READ transaction must not go on with an access that was taken away, and
/// unlike `GetLatestSnapshot` it is to be had in parallel workers.
fn read(role: Oid) -> Option<Access> {
    let table = relation_oid(c"role_access")?;
    let index = relation_oid(c"role_access_pkey")?;
    // Before reading: an invalidation from now on must find the name.
    TABLE.set(table);
    let scan = Scan::begin(table, index, role);
    let tuple = scan.next()?;
    let text = |column: &str| tuple.get_by_name::<String>(column).expect("a text column of our own table");
    Some(Access {
        // A word that this version doesn't know gives no access.
        how: text("how").and_then(|how| How::parse(&how).ok()),
        bound_org: text("bound_org"),
        pooled: tuple.get_by_name::<bool>("pooled").expect("a column of our own table").unwrap_or(true),
    })
}

/// An index scan of the access table; closes what it opened.
struct Scan {
    relation: pg_sys::Relation,
    scan: pg_sys::SysScanDesc,
    // The server keeps a pointer to the key.
    _key: Box<pg_sys::ScanKeyData>,
}

impl Scan {
    fn begin(table: Oid, index: Oid, role: Oid) -> Self {
        // SAFETY: a plain C struct, filled by ScanKeyInit before use.
        let mut key: Box<pg_sys::ScanKeyData> = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: column 1 is `role`, whose type regrole compares as oid.
        unsafe {
            pg_sys::ScanKeyInit(
                &raw mut *key,
                1,
                pg_sys::BTEqualStrategyNumber as u16,
                pg_sys::Oid::from(pg_sys::F_OIDEQ),
                pg_sys::Datum::from(role),
            );
        }
        // SAFETY: opens by OID with a lock, or raises where the table has gone.
        let relation = unsafe { pg_sys::table_open(table, pg_sys::AccessShareLock as i32) };
        // SAFETY: the relation is open and locked; a NULL snapshot asks for the catalog snapshot.
        let scan = unsafe {
            pg_sys::systable_beginscan(relation, index, true, std::ptr::null_mut(), 1, &raw mut *key)
        };
        Self { relation, scan, _key: key }
    }

    fn next(&self) -> Option<PgHeapTuple<'_, impl pgrx::WhoAllocated + use<'_>>> {
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
