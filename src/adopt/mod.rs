//! The way of a live table to an org column: joins core's plans with the catalog's facts, and executes them.

mod all;
mod assign;
mod backfill;
mod options;
mod plan;
mod progress;
mod row;
mod run;
mod status;

pub(crate) use all::begin_adopt_all;
pub(crate) use assign::{assign, unresolved};
pub(crate) use backfill::{backfill_step, begin_backfill};
pub(crate) use options::Options;
pub(crate) use plan::plan_adopt;
pub(crate) use row::adopt_row;
pub(crate) use run::{begin_abandon, begin_adopt, begin_advance};
pub(crate) use status::adoptions;

/// Registers with the server, when the library loads.
pub(crate) fn init() {
    crate::pg::xact::on_end(backfill::end_transaction);
}
