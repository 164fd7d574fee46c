//! Our own tables of who may be whom: written by our own statements, one writer at a time.

use std::ffi::CStr;

use pgrx::datum::DatumWithOid;
use pgrx::spi::{Spi, SpiError};

use crate::pg::transaction;

/// Begins to write one of them. Two at a time would both GRANT on one function ("tuple concurrently updated"), or
/// both find that there is no row yet.
pub(super) fn begin(command: &CStr, table: &str) {
    transaction::must_not_be_in_recovery(command);
    run(&format!("LOCK TABLE org_scope.{table} IN SHARE ROW EXCLUSIVE MODE"), &[]);
}

/// Runs a statement of ours, and says how many rows it wrote.
pub(super) fn run(statement: &str, args: &[DatumWithOid<'_>]) -> usize {
    Spi::connect_mut(|client| Ok::<_, SpiError>(client.update(statement, None, args)?.len()))
        .expect("a statement of our own on our own table")
}
