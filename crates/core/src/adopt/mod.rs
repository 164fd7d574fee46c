//! The way of a live table from what told of a row's organization until now to an org column.
//!
//! How far it has come is read back from objects with fixed names: the triggers [`ADOPT`] and [`REST`], the
//! fence, and whether the org column may be NULL.

mod adopted;
mod change;
mod order;
mod phase;
mod plan;
mod progress;
mod refusal;
mod route;
mod source;
mod standing;
mod told;

pub use adopted::{Adopted, Places};
pub use change::{COLUMN_MARK, Change, INDEX_MARK};
pub use order::{By, Candidate, order};
pub use phase::Phase;
pub use plan::{Room, abandon, enforce, expand, finish, wants_index};
pub use progress::Progress;
pub use refusal::{NoAdoption, NotYet};
pub use route::{Route, SourceTable};
pub use source::{Constant, Explaining, Expression, Source, literal};
pub use standing::{Index, Legacy, OrgColumn, Parent, Standing};
pub use told::Told;

/// The trigger that gives rows their organization.
pub const ADOPT: &str = "org_scope_adopt";
/// The trigger that gives rows without an organization one, whatever of them is written.
pub const REST: &str = "org_scope_adopt_rest";
/// The constraint that proves that every row has an organization.
pub const NOT_NULL: &str = "org_scope_adopted";
