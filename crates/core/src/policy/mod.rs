//! A table's fence: the spec that was asked for, the facts that the catalog tells, and the steps
//! that lead from the facts to the spec and back.

mod action;
mod compared;
mod copy_view;
mod facts;
mod family;
mod index_name;
mod loosening;
mod memory;
mod mention;
mod note;
mod org_index;
mod part;
mod protect;
mod reading;
mod refusal;
#[cfg(test)]
mod simulate;
mod spec;
mod step;
pub mod through;
mod under;
mod unprotect;
mod usage;
mod view_note;

pub use action::Action;
pub(crate) use action::{List, Text};
pub(crate) use compared::fence_org;
pub use compared::{Clause, Compared};
pub use copy_view::{CopyFacts, copy_view_name, wants_copy_view};
pub use facts::{Column, Facts, Grantee, Guard, Index, Policy, Stamp, Through};
pub use family::of_type as family_of_type;
pub use index_name::candidates as index_name_candidates;
pub(crate) use index_name::prefixed as index_names;
pub use loosening::Loosening;
pub use memory::{Found, Memory};
pub use mention::Names;
pub(crate) use note::array;
pub use note::{Finding, counted, notes};
pub use org_index::{OrgIndex, Standing as StandingIndex};
pub use part::{Part, Wanted, is_restrictive};
pub use protect::{Surroundings, drift, gate_roles_told, protect, wants_index};
pub(crate) use reading::on_one_line;
pub use reading::{Above, ROW as READING_ROW, Reading, alias as reading_alias};
pub use refusal::{Refusal, Unfit};
pub use spec::{Actor, Expression, Extra, MissingUser, Source, Spec};
pub use step::{Kind, State, Step};
pub use under::Under;
pub use unprotect::{drop_default, lift, put_back, unprotect};
pub use usage::usage_key;

/// The RESTRICTIVE policy: it stands by this name, wherever it is looked for.
pub const FENCE: &str = "org_scope_fence";
/// The PERMISSIVE policy beside it.
pub const GATE: &str = "org_scope_gate";
/// The trigger that stops TRUNCATE, which no policy sees.
pub const GUARD: &str = "org_scope_truncate_guard";
/// The trigger that writes into new rows who made them.
pub const STAMP: &str = "org_scope_stamp_actor";
