//! Reads the access table: with the latest snapshot, into a cache that every change empties.

use std::rc::Rc;

use org_scope_core::access::{Access, How};
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Oid};

use super::backend::{BackendCell, BackendRefCell};
use super::own_table::{self, Scan};
use super::{adopted_row, epoch, lookup, parent_row, project_source, role, signing_key, watched};

/// The last role that was asked for, and its row.
static CACHE: BackendRefCell<Option<(Oid, Option<Rc<Access>>)>> = BackendRefCell::new(None);
/// The table's OID, once it was found; it changes only with DROP EXTENSION.
static TABLE: BackendCell<Oid> = BackendCell::new(Oid::INVALID);

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
    adopted_row::on_invalidation(relation);
    project_source::on_invalidation(relation);
    lookup::on_invalidation(relation);
    parent_row::on_invalidation(relation);
    signing_key::on_invalidation(relation);
    watched::on_invalidation(relation);
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

fn read(role: Oid) -> Option<Access> {
    let table = own_table::oid(c"role_access")?;
    let index = own_table::oid(c"role_access_pkey")?;
    // Before reading: an invalidation from now on must find the name.
    TABLE.set(table);
    let scan = Scan::begin(table, index, Some(role));
    let tuple = scan.next()?;
    let text = |column: &str| tuple.get_by_name::<String>(column).expect("a text column of our own table");
    Some(Access {
        // A word that this version doesn't know gives no access.
        how: text("how").and_then(|how| How::parse(&how).ok()),
        lookups: tuple
            .get_by_name::<pgrx::Array<'_, String>>("lookups")
            .expect("a column of our own table")
            .map(|names| names.iter().flatten().collect())
            .unwrap_or_default(),
        bound_org: text("bound_org"),
        pooled: tuple.get_by_name::<bool>("pooled").expect("a column of our own table").unwrap_or(true),
    })
}
