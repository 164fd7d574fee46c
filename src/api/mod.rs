//! The SQL surface: convert the arguments, call one feature, return. The declarations with their
//! volatility, strictness and comments stand in `sql/`, one file for each module here.

mod access;
mod across;
mod adopt;
mod context;
#[cfg(any(test, feature = "pg_test"))]
mod conversions;
mod explain;
mod harden;
mod lookups;
mod org_index;
mod policy;
mod projects;
mod steps;
mod through;
mod tokens;
mod usage;
mod watch;
