//! Hardens keys that cross organizations: joins core's plans with the catalog's facts, and executes them.

mod facts;
mod plan;
mod run;

pub(crate) use plan::plan_harden;
pub(crate) use run::begin_harden;
