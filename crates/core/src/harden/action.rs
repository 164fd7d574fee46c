//! The statements that harden keys, typed; `Display` of their parts is the only way into SQL.

use super::{ForeignKey, UniqueKey};
use crate::policy::{List, Text};
use crate::sql::{Ident, QualifiedName};

const KEY_COMMENT: &str = "Lets foreign keys include the organization, so that none crosses to another. Brought by org_scope.harden.";

/// One change of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// CREATE UNIQUE INDEX on the parent's organization and key.
    CreateKey {
        /// The new name.
        index: Ident,
        /// The columns, the organization first.
        columns: Vec<Ident>,
        /// Without blocking writers, which no function can do.
        concurrently: bool,
    },
    /// COMMENT ON INDEX: says what it is for.
    CommentOnKey(Ident),
    /// REINDEX of an index that a broken CONCURRENTLY left behind.
    Reindex(Ident),
    /// ADD FOREIGN KEY … NOT VALID.
    AddForeignKey(Definition),
    /// VALIDATE CONSTRAINT.
    Validate(Ident),
    /// Drops a foreign key and adds another of its name, which is checked at once.
    ReplaceForeignKey(Definition),
    /// DROP CONSTRAINT.
    DropConstraint(Ident),
    /// RENAME CONSTRAINT.
    RenameConstraint {
        /// The name that it has.
        from: Ident,
        /// The name that it gets.
        to: Ident,
    },
    /// COMMENT ON CONSTRAINT.
    CommentOnConstraint {
        /// The constraint.
        name: Ident,
        /// The comment.
        comment: String,
    },
    /// CREATE UNIQUE INDEX like another one, with the organization in front.
    CreateUnique {
        /// The new name.
        index: Ident,
        /// The org column.
        org: Ident,
        /// What follows it, as the server printed it for the other one.
        rest: String,
        /// Without blocking writers, which no function can do.
        concurrently: bool,
    },
    /// Drops a unique or primary key and makes an index that stands the key of its name.
    SwapUnique {
        /// The key.
        name: Ident,
        /// The index.
        index: Ident,
        /// A primary key.
        primary: bool,
        /// DEFERRABLE, and INITIALLY DEFERRED.
        deferrable: (bool, bool),
    },
    /// Drops a unique or primary key and builds one of its name.
    ReplaceUnique {
        /// The key.
        name: Ident,
        /// The columns, the organization first.
        columns: Vec<Ident>,
        /// A primary key.
        primary: bool,
    },
    /// DROP INDEX.
    DropIndex(Ident),
    /// ALTER INDEX … RENAME.
    RenameIndex {
        /// The name that it has.
        from: Ident,
        /// The name that it gets.
        to: Ident,
    },
    /// COMMENT ON INDEX, taken over from another one.
    CommentOnIndex {
        /// The index.
        name: Ident,
        /// The comment.
        comment: String,
    },
}

/// A foreign key to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Ident,
    /// The referencing columns, the organization first.
    pub columns: Vec<Ident>,
    /// The parent.
    pub parent: QualifiedName,
    /// The referenced columns.
    pub parent_columns: Vec<Ident>,
    /// MATCH FULL.
    pub full: bool,
    /// `confupdtype`.
    pub on_update: char,
    /// `confdeltype`.
    pub on_delete: char,
    /// The columns that ON DELETE SET sets.
    pub set_columns: Vec<Ident>,
    /// DEFERRABLE, and INITIALLY DEFERRED.
    pub deferrable: (bool, bool),
}

impl Definition {
    /// The key with the organization in front that means what this one means.
    pub fn with_org(key: &ForeignKey, org: &Ident, parent: QualifiedName, parents_org: &Ident) -> Self {
        Self {
            columns: [std::slice::from_ref(org), key.columns.as_slice()].concat(),
            parent_columns: [std::slice::from_ref(parents_org), key.parent_columns.as_slice()].concat(),
            ..Self::like(key, parent)
        }
    }

    /// Whether another key does the same, whatever its name and the order of its columns.
    pub fn does_what(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }

    /// Whether a key that stands does the same.
    pub fn is(&self, key: &ForeignKey) -> bool {
        let (columns, parent_columns) = (key.columns.clone(), key.parent_columns.clone());
        let standing = Self { columns, parent_columns, ..Self::like(key, self.parent.clone()) };
        let full = key.match_type == 'f';
        key.enforced && key.part_of.is_none() && self.does_what(&Self { full, ..standing })
    }

    fn like(key: &ForeignKey, parent: QualifiedName) -> Self {
        Self {
            name: key.name.clone(),
            columns: Vec::new(),
            parent,
            parent_columns: Vec::new(),
            // With one column it is MATCH SIMPLE; with the organization beside it, it would refuse NULL.
            full: key.match_type == 'f' && key.columns.len() > 1,
            on_update: key.on_update,
            on_delete: key.on_delete,
            set_columns: if key.sets_on_delete() { key.columns_to_set().to_vec() } else { Vec::new() },
            deferrable: (key.deferrable, key.deferred),
        }
    }

    fn meaning(&self) -> impl PartialEq {
        let mut pairs: Vec<_> = self.columns.iter().zip(&self.parent_columns).collect();
        pairs.sort();
        let mut set: Vec<_> = self.set_columns.iter().collect();
        set.sort();
        (pairs, set, &self.parent, self.full, self.on_update, self.on_delete, self.deferrable)
    }

    fn sql(&self) -> String {
        let Self { columns, parent, parent_columns, .. } = self;
        let mut sql =
            format!("FOREIGN KEY ({}) REFERENCES {parent} ({})", List(columns), List(parent_columns));
        if self.full {
            sql.push_str(" MATCH FULL");
        }
        if let Some(action) = action(self.on_update) {
            sql.push_str(&format!(" ON UPDATE {action}"));
        }
        if let Some(action) = action(self.on_delete) {
            sql.push_str(&format!(" ON DELETE {action}"));
        }
        if !self.set_columns.is_empty() {
            sql.push_str(&format!(" ({})", List(&self.set_columns)));
        }
        sql.push_str(deferrability(self.deferrable));
        sql
    }
}

/// What happens to the referencing rows; none for NO ACTION.
fn action(kind: char) -> Option<&'static str> {
    match kind {
        'r' => Some("RESTRICT"),
        'c' => Some("CASCADE"),
        'n' => Some("SET NULL"),
        'd' => Some("SET DEFAULT"),
        _ => None,
    }
}

fn deferrability(deferrable: (bool, bool)) -> &'static str {
    match deferrable {
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, _) => "",
    }
}

fn word(primary: bool) -> &'static str {
    if primary { "PRIMARY KEY" } else { "UNIQUE" }
}

fn unique_index(concurrently: bool) -> &'static str {
    if concurrently { "UNIQUE INDEX CONCURRENTLY" } else { "UNIQUE INDEX" }
}

impl Action {
    /// Whether the server reads rows for it, which the fence would hide from the table's owner.
    pub fn checks_rows(&self) -> bool {
        matches!(self, Self::Validate(_) | Self::ReplaceForeignKey(_))
    }

    /// The statement for one table.
    pub fn statement(&self, table: &QualifiedName) -> String {
        match self {
            Self::CreateKey { index, columns, concurrently } => {
                format!("CREATE {} {index} ON {table} ({})", unique_index(*concurrently), List(columns))
            }
            Self::CommentOnKey(index) => {
                format!("COMMENT ON INDEX {} IS {}", table.sibling(index.clone()), Text(KEY_COMMENT))
            }
            Self::Reindex(index) => format!("REINDEX INDEX CONCURRENTLY {}", table.sibling(index.clone())),
            Self::AddForeignKey(key) => {
                format!("ALTER TABLE {table} ADD CONSTRAINT {} {} NOT VALID", key.name, key.sql())
            }
            Self::Validate(name) => format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}"),
            Self::ReplaceForeignKey(key) => format!(
                "ALTER TABLE {table} DROP CONSTRAINT {}, ADD CONSTRAINT {} {}",
                key.name,
                key.name,
                key.sql()
            ),
            Self::DropConstraint(name) => format!("ALTER TABLE {table} DROP CONSTRAINT {name}"),
            Self::RenameConstraint { from, to } => {
                format!("ALTER TABLE {table} RENAME CONSTRAINT {from} TO {to}")
            }
            Self::CommentOnConstraint { name, comment } => {
                format!("COMMENT ON CONSTRAINT {name} ON {table} IS {}", Text(comment))
            }
            Self::CreateUnique { index, org, rest, concurrently } => {
                format!(
                    "CREATE {} {index} ON {table} USING btree ({org}, {rest}",
                    unique_index(*concurrently)
                )
            }
            Self::SwapUnique { name, index, primary, deferrable } => format!(
                "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {} USING INDEX {index}{}",
                word(*primary),
                deferrability(*deferrable)
            ),
            Self::ReplaceUnique { name, columns, primary } => format!(
                "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {} ({})",
                word(*primary),
                List(columns)
            ),
            Self::DropIndex(name) => format!("DROP INDEX {}", table.sibling(name.clone())),
            Self::RenameIndex { from, to } => {
                format!("ALTER INDEX {} RENAME TO {to}", table.sibling(from.clone()))
            }
            Self::CommentOnIndex { name, comment } => {
                format!("COMMENT ON INDEX {} IS {}", table.sibling(name.clone()), Text(comment))
            }
        }
    }
}

impl UniqueKey {
    /// The definition of the same key with the organization in front, as the server would print it.
    pub(super) fn definition_with(&self, quoted_org: &str) -> Option<String> {
        self.definition.as_ref().map(|rest| format!("{quoted_org}, {rest}"))
    }
}
