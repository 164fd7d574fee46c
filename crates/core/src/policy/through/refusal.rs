//! Why a table can't get its organization from a parent row, and what to do instead.

use crate::policy::Unfit;
use crate::policy::action::Text;
use crate::sql::{Ident, QualifiedName};

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoThrough {
    /// Parent and child are the same table.
    Itself,
    /// One of the two is partitioned, or a partition.
    Partitioned(QualifiedName),
    /// It inherits from others, or others from it.
    Inherits,
    /// The child's owner doesn't have the rights of the parent's.
    Owners {
        /// The parent.
        parent: QualifiedName,
        /// The child's owner.
        child_owner: Ident,
        /// The parent's owner.
        parent_owner: Ident,
    },
    /// The key is no column, and no expression that can be one.
    Key {
        /// The key.
        key: String,
        /// Why.
        why: Unfit,
    },
    /// The key is computed by the table, after the triggers.
    GeneratedKey(Ident),
    /// A key of that type can't be compared with the parent's.
    KeyType {
        /// The key.
        key: String,
        /// The parent's key.
        parent_key: Ident,
        /// Its type.
        type_name: String,
    },
    /// The parent's organization stands in no column.
    ParentByExpression(QualifiedName),
    /// The parent has no primary key of one column.
    NoParentKey(QualifiedName),
    /// The parent has no such column.
    MissingParentKey {
        /// The parent.
        parent: QualifiedName,
        /// The column.
        column: Ident,
    },
    /// Several rows of the parent can have the same key.
    AmbiguousParentKey {
        /// The parent.
        parent: QualifiedName,
        /// The column.
        column: Ident,
    },
    /// It, or one of its parents, asks the table itself.
    Cycle(QualifiedName),
    /// The reading form was asked for, which has no org column.
    ColumnToRead(Ident),
    /// The child has an org column of another type.
    ColumnType {
        /// The column.
        column: Ident,
        /// The type that the parent's has.
        wanted: String,
    },
    /// It goes through another parent already.
    OtherParent(QualifiedName),
    /// The parent's triggers serve other children by another key.
    OtherKey {
        /// The parent.
        parent: QualifiedName,
        /// The key that was asked for.
        column: Ident,
    },
    /// Rows name another organization than their parent's.
    Contradicting {
        /// How many.
        rows: i64,
        /// A query that lists them.
        query: String,
    },
}

impl NoThrough {
    /// What the user reads after the table's name.
    pub fn message(&self) -> String {
        match self {
            Self::Itself => "is its own parent".into(),
            Self::Partitioned(table) => format!("can't, as {table} is partitioned or a partition"),
            Self::Inherits => "inherits columns, or hands them down".into(),
            Self::Owners { parent, child_owner, parent_owner } => {
                format!(
                    "belongs to {child_owner}, who has not the rights of {parent_owner}, the owner of {parent}"
                )
            }
            Self::Key { key, why } => format!("has no column {key}, and the expression {}", why.message()),
            Self::GeneratedKey(column) => format!("computes column {column} itself"),
            Self::KeyType { key, parent_key, type_name } => {
                format!("can't, as {key} can't be compared with the parent's {parent_key}, a {type_name}")
            }
            Self::ParentByExpression(parent) => {
                format!("can't, as {parent} has its organization in an expression, not in a column")
            }
            Self::NoParentKey(parent) => format!("can't, as {parent} has no primary key of one column"),
            Self::MissingParentKey { parent, column } => format!("can't, as {parent} has no column {column}"),
            Self::AmbiguousParentKey { parent, column } => {
                format!("can't, as several rows of {parent} could have the same {column}")
            }
            Self::Cycle(parent) => format!("can't, as {parent} itself asks it for its organization"),
            Self::ColumnToRead(column) => {
                format!("can't have {column}: no column holds the organization where the parent is asked")
            }
            Self::ColumnType { column, wanted } => {
                format!("has a column {column} that is no {wanted}, as the parent's is")
            }
            Self::OtherParent(parent) => format!("goes through {parent} already"),
            Self::OtherKey { parent, column } => {
                format!("can't by {column}, as other children of {parent} go by another key")
            }
            Self::Contradicting { rows, .. } => {
                format!("has {rows} rows that name another organization than their parent's")
            }
        }
    }

    /// Why that is in the way.
    pub fn detail(&self) -> Option<&'static str> {
        Some(match self {
            Self::Itself => "The organization must come from another table, or stand in a column of its own.",
            Self::Owners { .. } => {
                "The parent's organization is read with its owner's rights for whoever writes a child."
            }
            Self::Key { why: Unfit::UserDefined, .. } => {
                "It is evaluated for the rows of all organizations, with the owner's rights."
            }
            Self::Cycle(_) => "Each would ask the other without end.",
            Self::GeneratedKey(_) => "It is computed after the trigger that would read it.",
            Self::Partitioned(_) => "A row that moves between partitions would leave its children behind.",
            Self::Inherits => "Triggers and foreign keys are not handed down with the columns.",
            Self::ColumnType { .. } => "Both are compared by one operator, and a foreign key stands on both.",
            Self::Contradicting { .. } => "Which of the two is right can't be known. Nothing was changed.",
            _ => return None,
        })
    }

    /// What to do instead.
    pub fn hint(&self, table: &QualifiedName) -> Option<String> {
        let target = Text(&table.to_string()).to_string();
        Some(match self {
            Self::Itself => format!("SELECT * FROM org_scope.protect({target}, '...');"),
            Self::Owners { parent_owner, .. } => format!("ALTER TABLE {table} OWNER TO {parent_owner};"),
            Self::Key { .. } | Self::GeneratedKey(_) => {
                format!("SELECT * FROM org_scope.plan_through({target}, 'split_part(key, '':'', 1)', '...');")
            }
            Self::NoParentKey(parent) | Self::MissingParentKey { parent, .. } => format!(
                "SELECT * FROM org_scope.plan_through({target}, '...', {}, parent_key => '...');",
                Text(&parent.to_string())
            ),
            Self::AmbiguousParentKey { parent, column } => {
                format!("ALTER TABLE {parent} ADD UNIQUE ({column});")
            }
            Self::ColumnType { column, wanted } => {
                format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {wanted} USING {column}::{wanted};")
            }
            Self::OtherParent(_) => format!("SELECT * FROM org_scope.unprotect({target});"),
            Self::Contradicting { query, .. } => {
                format!("SELECT org_scope.across_orgs({});", Text(query))
            }
            Self::Inherits => {
                format!("SELECT * FROM org_scope.plan_through({target}, '...', '...', reading => true);")
            }
            Self::Cycle(parent) => {
                format!("SELECT * FROM org_scope.unprotect({});", Text(&parent.to_string()))
            }
            Self::ColumnToRead(column) => {
                format!(
                    "SELECT * FROM org_scope.plan_through({target}, '...', '...', org_column => {});",
                    Text(column.raw())
                )
            }
            Self::ParentByExpression(_)
            | Self::Partitioned(_)
            | Self::KeyType { .. }
            | Self::OtherKey { .. } => return None,
        })
    }
}
