//! A table that gets its organization from a parent row: a column that is filled from the parent, what
//! fills it, and what keeps child and parent together.
//!
//! What stands is read back from objects with fixed names, whose definitions the server itself keeps
//! right when a column or table is renamed: the trigger [`FILL`], the [`KEEPER`], and on the parent
//! the triggers [`CHILDREN`] and [`ORPHANS`].

mod facts;
mod key;
mod link;
mod plan;
mod readers;
mod refusal;
mod route;
mod suggestion;
mod undo;

pub use facts::{Expression, Keeper, KeyColumn, Linked, OtherParent, PlainKey, Standing, Trigger, Unique};
pub use key::{Key, comparable, of_built_in_type, typed};
pub use link::Link;
pub(crate) use plan::same;
pub use plan::{FEW_ROWS, Plan, Room, Rows, Tie, plan};
pub use readers::Unreadable;
pub use refusal::NoThrough;
pub use route::Route;
pub use suggestion::Suggestion;
pub use undo::undo;

/// The trigger on the child that fills the org column.
pub const FILL: &str = "org_scope_fill";
/// The foreign key, or where none can be the constraint trigger, that keeps a child with its parent.
pub const KEEPER: &str = "org_scope_through";
/// The trigger on a parent that takes its children along.
pub const CHILDREN: &str = "org_scope_children";
/// The trigger on a parent that closes the children of a row that is deleted.
pub const ORPHANS: &str = "org_scope_orphans";
