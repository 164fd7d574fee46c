//! What the catalog says about a child and its parent, beside the facts of each table.

use serde::Deserialize;

use crate::sql::{Ident, QualifiedName};

/// A child and the parent that was asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Linked {
    /// Whether the child's owner has the rights of the parent's.
    pub trusted: bool,
    /// The column that was named as the key.
    pub key: Option<KeyColumn>,
    /// The parent's key: the column that was named, else its primary key.
    pub parent_key: Option<KeyColumn>,
    /// Whether the parent's key is unique by itself.
    pub parent_key_unique: bool,
    /// Unique indexes over exactly the parent's key and org column.
    pub unique: Vec<Unique>,
    /// The foreign key of the key alone that stands already.
    pub plain: Option<PlainKey>,
    /// Other protected tables that foreign keys of the child lead to.
    pub others: Vec<OtherParent>,
    /// Names of the child's indexes over one expression each, with that expression.
    pub key_indexes: Vec<(Ident, String)>,
    /// The parent's trigger [`super::CHILDREN`].
    pub children: Option<Trigger>,
    /// The parent's trigger [`super::ORPHANS`].
    pub orphans: Option<Trigger>,
    /// How many other tables the triggers of the parent serve.
    pub siblings: i64,
    /// The child's size in bytes.
    pub size: u64,
    /// The parent's size in bytes.
    pub parent_size: u64,
}

/// A foreign key that the application has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PlainKey {
    /// `confdeltype`.
    pub on_delete: char,
    /// `condeferrable`.
    pub deferrable: bool,
    /// `condeferred`.
    pub deferred: bool,
}

/// A column that may be a key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KeyColumn {
    /// Its name.
    pub name: Ident,
    /// Its type as the server prints it.
    pub type_name: String,
    /// Schema and name of the type below all domains.
    pub base_type: (String, String),
    /// Whether equal means the same bytes.
    pub deterministic: bool,
    /// Whether the table computes it, after the triggers that would read it.
    pub generated: bool,
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Unique {
    /// Its name; the schema is the table's.
    pub name: Ident,
    /// Valid, ready and live.
    pub valid: bool,
}

/// A trigger that stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Trigger {
    /// `tgenabled`.
    pub enabled: char,
    /// As `pg_get_triggerdef` prints it.
    pub definition: String,
}

/// Another parent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OtherParent {
    /// Its schema.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
}

/// What keeps a child with its parent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Keeper {
    /// Whether it is a foreign key.
    pub foreign_key: bool,
    /// As the server prints it.
    pub definition: String,
    /// `tgenabled` of a constraint trigger.
    pub enabled: char,
    /// Whether all rows were checked.
    pub valid: bool,
    /// The parent's OID.
    pub parent: u32,
    /// The parent's schema.
    pub parent_schema: Ident,
    /// The parent's name.
    pub parent_name: Ident,
}

impl Keeper {
    /// The parent.
    pub fn parent(&self) -> QualifiedName {
        QualifiedName { schema: self.parent_schema.clone(), name: self.parent_name.clone() }
    }
}

/// What stands on a child.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Standing {
    /// The trigger that fills.
    pub fill: Option<Trigger>,
    /// What keeps it with its parent.
    pub keeper: Option<Keeper>,
    /// The column that says by its comment that protect_through brought it.
    pub brought: Option<Ident>,
    /// Indexes of the child that say so.
    pub key_indexes: Vec<Ident>,
    /// Unique indexes of the parent that say so and that no other foreign key needs.
    pub unique: Vec<Ident>,
    /// Whether the parent has the trigger [`super::CHILDREN`].
    pub children: bool,
    /// Whether the parent has the trigger [`super::ORPHANS`].
    pub orphans: bool,
    /// How many other tables the triggers of the parent serve.
    pub siblings: i64,
    /// Whether the current user has the rights of the parent's owner.
    pub parent_owned: bool,
}

impl Standing {
    /// Whether anything of ours is there.
    pub fn is_there(&self) -> bool {
        self.fill.is_some() || self.keeper.is_some()
    }
}

/// A key that is an expression over the row, read by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// With each column as `new.column`, as the server prints it.
    pub of_new: String,
    /// With bare columns.
    pub bare: String,
    /// The columns that it names.
    pub columns: Vec<Ident>,
}
