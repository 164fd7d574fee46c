//! Keys that cross organizations: the facts about them, and the steps that turn them into keys which can't.
//!
//! A foreign key is checked without the fence, so one that doesn't include the organization lets a row
//! reference another organization's. A unique key that spans organizations tells which values the others have.

mod action;
mod crossing;
mod facts;
mod foreign_key;
mod plan;
#[cfg(test)]
mod simulate;
mod unique_key;

pub use action::Action;
pub use crossing::Crossing;
pub use facts::{Facts, ForeignKey, Operator, Table, UniqueKey};
pub use plan::{Around, Change, Entry, Plan, plan};

/// Begins the name of a key that stands beside the one that it will replace.
const PROVISIONAL: &str = "org_scope_key_";
