//! Hardens keys that cross organizations: joins core's plans with the catalog's facts, and executes them.

mod ddl;
mod facts;
mod plan;
mod run;

pub(crate) use ddl::command_start;
pub(crate) use plan::plan_harden;
pub(crate) use run::begin_harden;
