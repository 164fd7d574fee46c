//! Where backfills have come to: rows of `org_scope.backfill_progress`, which outlive the session and a crash.

use pgrx::Spi;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use crate::pg::{owner, spi};

/// Where a run has come to.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Place {
    /// The next block.
    pub(super) next: u64,
    /// Where the table ended when the run began to walk it.
    pub(super) end: u64,
}

/// Goes on where a run was left that did not come to its end, in the file that the table still lies in; else from the
/// beginning.
pub(super) fn begin(table: Oid, blocks: u64) -> Place {
    run(
        "INSERT INTO org_scope.backfill_progress AS p (target, file, next_block, end_block, filled, began, last, pid) \
         VALUES ($1, pg_catalog.pg_relation_filenode($1), 0, $2, 0, pg_catalog.clock_timestamp(), \
         pg_catalog.clock_timestamp(), pg_catalog.pg_backend_pid()) \
         ON CONFLICT (target) DO UPDATE SET pid = excluded.pid, last = excluded.last, ended = NULL, \
         file = excluded.file, \
         next_block = CASE WHEN p.ended IS NULL AND p.file = excluded.file THEN p.next_block ELSE 0 END, \
         end_block = CASE WHEN p.ended IS NULL AND p.file = excluded.file THEN p.end_block ELSE excluded.end_block END, \
         filled = CASE WHEN p.ended IS NULL THEN p.filled ELSE 0 END, \
         began = CASE WHEN p.ended IS NULL THEN p.began ELSE excluded.began END",
        &[table.into(), i64::try_from(blocks).unwrap_or(i64::MAX).into()],
    );
    lock(table)
}

/// Where the run is, which stays so until the transaction ends: another session's batch comes before or after.
pub(super) fn lock(table: Oid) -> Place {
    let statement = format!(
        "UPDATE org_scope.backfill_progress SET pid = pg_catalog.pg_backend_pid() \
         WHERE target = {}::pg_catalog.oid AND ended IS NULL \
         RETURNING pg_catalog.json_build_object('next', next_block, 'end', end_block)::pg_catalog.text",
        table.to_u32()
    );
    let places = owner::as_extension_owner(|| spi::first_column(&statement));
    let place = places.first().and_then(|place| serde_json::from_str(place).ok());
    // None where another session has come to the end.
    place.unwrap_or(Place { next: 0, end: 0 })
}

/// The batch is done.
pub(super) fn record(table: Oid, place: Place, filled: u64) {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    run(
        "UPDATE org_scope.backfill_progress SET next_block = $2, end_block = $3, filled = filled + $4, \
         last = pg_catalog.clock_timestamp() WHERE target = $1",
        &[table.into(), number(place.next).into(), number(place.end).into(), number(filled).into()],
    );
}

/// The run has come to its end.
pub(super) fn end(table: Oid) {
    run(
        "UPDATE org_scope.backfill_progress SET ended = pg_catalog.clock_timestamp(), last = pg_catalog.clock_timestamp(), \
         pid = NULL WHERE target = $1",
        &[table.into()],
    );
}

/// Forgets the table.
pub(super) fn forget(table: Oid) {
    run("DELETE FROM org_scope.backfill_progress WHERE target = $1", &[table.into()]);
}

fn run(statement: &str, args: &[DatumWithOid<'_>]) {
    owner::as_extension_owner(|| run_here(statement, args));
}

fn run_here(statement: &str, args: &[DatumWithOid<'_>]) {
    Spi::connect_mut(|client| client.update(statement, None, args).map(drop))
        .expect("a statement of our own on our own table");
}
