//! The pure part of org_scope: names and quoting, organizations, situations that go wrong, and the
//! statements that lead from the facts of a table to its desired fence.
//!
//! Nothing here knows a server: no pgrx, no unsafe, no input or output. Facts come in as values,
//! statements go out as text, and everything can be tested without a database.
#![forbid(unsafe_code)]

pub mod access;
pub mod adopt;
pub mod context;
pub mod error;
pub mod explain;
pub mod harden;
pub mod lookup;
pub mod org;
pub mod policy;
pub mod project;
pub mod search;
pub mod size;
pub mod sql;
pub mod token;
pub mod watch;

pub use error::Error;
