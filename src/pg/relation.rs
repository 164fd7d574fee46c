//! One relation: whose it is, locks, and whether row security binds the current user.

use std::ffi::CStr;

use org_scope_core::Error;
use pgrx::{PgRelation, PgTrigger, pg_sys};

use super::catalog::{self, About};
use super::{report, role};

/// Raises the server's own 42501 unless the current user has the rights of the relation's owner.
pub(crate) fn require_owner(relation: pg_sys::Oid) {
    // SAFETY: reads the system cache; 0 stands for a relation that doesn't exist.
    let kind = unsafe { pg_sys::get_rel_relkind(relation) };
    if kind == 0 {
        report::raise(&Error::NoSuchRelation { oid: relation.to_u32() });
    }
    if is_owner(relation, role::current()) {
        return;
    }
    // SAFETY: maps a relkind that the cache gave.
    let object_type = unsafe { pg_sys::get_relkind_objtype(kind) };
    // SAFETY: reads the system cache; the relation exists.
    let name = unsafe { pg_sys::get_rel_name(relation) };
    // SAFETY: raises with the name just read.
    unsafe { pg_sys::aclcheck_error(pg_sys::AclResult::ACLCHECK_NOT_OWNER, object_type, name) };
}

#[cfg(feature = "pg15")]
fn is_owner(relation: pg_sys::Oid, user: pg_sys::Oid) -> bool {
    // SAFETY: reads the system cache for a relation that exists.
    unsafe { pg_sys::pg_class_ownercheck(relation, user) }
}

#[cfg(not(feature = "pg15"))]
fn is_owner(relation: pg_sys::Oid, user: pg_sys::Oid) -> bool {
    // SAFETY: reads the system cache for a relation that exists.
    unsafe { pg_sys::object_ownercheck(pg_sys::RelationRelationId, relation, user) }
}

/// How strongly a table is held until the end of the transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock {
    /// Against other DDL and another `protect`, not against readers or writers.
    Ddl,
    /// Against everything.
    Exclusive,
}

/// Takes the lock and keeps it; waits no longer than the caller's `lock_timeout`.
pub(crate) fn lock(relation: pg_sys::Oid, lock: Lock) {
    let mode = match lock {
        Lock::Ddl => pg_sys::ShareUpdateExclusiveLock,
        Lock::Exclusive => pg_sys::AccessExclusiveLock,
    };
    // SAFETY: any OID can be locked; one that vanished meanwhile is noticed by what reads it next.
    unsafe { pg_sys::LockRelationOid(relation, mode as pg_sys::LOCKMODE) };
}

/// Keeps the table from being dropped, renamed or made a view until the end of the (sub)transaction,
/// and says who owns it; none where its name isn't this one any more.
pub(crate) fn hold(relation: pg_sys::Oid, table: &(String, String)) -> Option<pg_sys::Oid> {
    // SAFETY: locks any OID; gives null where there is no such relation.
    let open = unsafe { pg_sys::try_relation_open(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
    if open.is_null() {
        return None;
    }
    // SAFETY: just opened; closed when this value goes, while the lock stays.
    let open = unsafe { PgRelation::from_pg_owned(open) };
    // SAFETY: open as long as `open`.
    let form = unsafe { &*open.rd_rel };
    let has_rows =
        [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE].contains(&(form.relkind as u8));
    let same = has_rows && name(&open) == *table;
    same.then_some(form.relowner)
}

/// The name of a relation, without its schema.
pub(crate) fn short_name(relation: pg_sys::Oid) -> Option<String> {
    // SAFETY: reads the system cache; NULL where there is no such relation.
    let name = unsafe { pg_sys::get_rel_name(relation) };
    if name.is_null() {
        return None;
    }
    // SAFETY: NUL-terminated, and copied.
    Some(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

/// Whether the current user may read a column.
pub(crate) fn may_read(relation: pg_sys::Oid, column: i16) -> bool {
    let (user, right) = (role::current(), pg_sys::AclMode::from(pg_sys::ACL_SELECT));
    // SAFETY: reads the system cache for a relation that is locked.
    let of_table = unsafe { pg_sys::pg_class_aclcheck(relation, user, right) };
    // SAFETY: as above, and the relation has the column.
    let of_column = unsafe { pg_sys::pg_attribute_aclcheck(relation, column, user, right) };
    [of_table, of_column].contains(&pg_sys::AclResult::ACLCHECK_OK)
}

/// The owner of a relation that exists.
pub(crate) fn owner(relation: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: opens by OID with a lock, or raises where the relation has gone.
    let open = unsafe { PgRelation::with_lock(relation, pg_sys::AccessShareLock as i32) };
    // SAFETY: open as long as `open`.
    unsafe { (*open.rd_rel).relowner }
}

/// How many blocks a table has, and how many rows a block has by the last count of ANALYZE or VACUUM.
pub(crate) fn blocks_and_density(relation: pg_sys::Oid) -> (u64, u64) {
    /// What a block of a table that nobody has counted may hold.
    const USUAL: u64 = 50;
    // SAFETY: opens by OID with a lock, or raises where the relation has gone.
    let open = unsafe { PgRelation::with_lock(relation, pg_sys::AccessShareLock as i32) };
    // SAFETY: open as long as `open`.
    let blocks =
        unsafe { pg_sys::RelationGetNumberOfBlocksInFork(open.as_ptr(), pg_sys::ForkNumber::MAIN_FORKNUM) };
    // SAFETY: as above.
    let form = unsafe { &*open.rd_rel };
    let counted = form.relpages > 0 && form.reltuples > 0.0;
    let density = if counted { (f64::from(form.reltuples) / f64::from(form.relpages)) as u64 } else { USUAL };
    (u64::from(blocks), density.max(1))
}

/// Whether the current user's statements on the table are filtered by its policies.
pub(crate) fn binds_current_user(relation: pg_sys::Oid) -> bool {
    // SAFETY: reads the system cache; InvalidOid asks for the current user, and noError keeps
    // row_security = off from raising instead of answering.
    let answer = unsafe { pg_sys::check_enable_rls(relation, pg_sys::InvalidOid, true) };
    answer == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
}

/// Whether what an UPDATE writes into the table's rows is what the statement says and nothing else: an
/// ordinary table without children that [`changes_new_rows`] says nothing of.
///
/// Plans that rely on it end with it: each of these changes invalidates the table's entry in the cache.
pub(crate) fn is_updated_as_told(relation: pg_sys::Oid) -> bool {
    let answer = look_at(relation, |data| {
        // SAFETY: an open relation's own data.
        let form = unsafe { &*data.rd_rel };
        form.relkind as u8 == pg_sys::RELKIND_RELATION && !form.relhassubclass && !has_changing(data)
    });
    answer.unwrap_or(false)
}

/// Whether triggers or generated columns may make another row of what an UPDATE writes into the table.
pub(crate) fn changes_new_rows(relation: pg_sys::Oid) -> bool {
    look_at(relation, has_changing).unwrap_or(true)
}

/// Asks the cache's entry of a relation, which a statement holds a lock on; none where there is none.
fn look_at<T>(relation: pg_sys::Oid, look: impl FnOnce(&pg_sys::RelationData) -> T) -> Option<T> {
    // SAFETY: an unknown OID gives NULL.
    let open = unsafe { pg_sys::RelationIdGetRelation(relation) };
    // SAFETY: NULL, or open until RelationClose.
    let answer = look(unsafe { open.as_ref() }?);
    // SAFETY: opened above.
    unsafe { pg_sys::RelationClose(open) };
    Some(answer)
}

fn has_changing(relation: &pg_sys::RelationData) -> bool {
    // SAFETY: NULL where there are no triggers, or an open relation's own.
    let triggers = unsafe { relation.trigdesc.as_ref() };
    // SAFETY: an open relation's own.
    let columns = unsafe { &*relation.rd_att };
    // SAFETY: NULL where there is nothing of the kind, or as above.
    let constraints = unsafe { columns.constr.as_ref() };
    triggers.is_some_and(|t| t.trig_update_before_row) || constraints.is_some_and(has_generated)
}

#[cfg(not(feature = "pg18"))]
fn has_generated(constraints: &pg_sys::TupleConstr) -> bool {
    constraints.has_generated_stored
}

#[cfg(feature = "pg18")]
fn has_generated(constraints: &pg_sys::TupleConstr) -> bool {
    constraints.has_generated_stored || constraints.has_generated_virtual
}

/// The relation that a trigger fires for, held open by the server while it does.
pub(crate) fn of_trigger(trigger: &PgTrigger<'_>) -> PgRelation {
    match trigger.relation() {
        Ok(relation) => relation,
        Err(error) => panic!("a trigger without a relation: {error}"),
    }
}

/// Schema and name of an open relation.
pub(crate) fn name(relation: &PgRelation) -> (String, String) {
    (relation.namespace().to_owned(), relation.name().to_owned())
}

/// Whether a valid, complete index begins with the column.
pub(crate) fn has_index_on(relation: pg_sys::Oid, column: &str) -> bool {
    const INDEXED: &CStr = c"
SELECT 'true'::pg_catalog.text
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = $1 AND a.attname = $2::pg_catalog.name AND i.indisvalid AND i.indpred IS NULL
LIMIT 1";
    let found = catalog::read::<bool>(INDEXED, About::One, &[relation.into(), column.to_owned().into()]);
    !found.is_empty()
}
