//! The statements that tie a child to its parent, each for one table.

use crate::policy::action::Text;
use crate::sql::{Ident, QualifiedName};

use super::{CHILDREN, FILL, KEEPER, ORPHANS};

const COLUMN_COMMENT: &str =
    "The organization of the row's parent. Brought by org_scope.protect_through; unprotect takes it away.";
const INDEX_COMMENT: &str =
    "Ties children to their parents. Brought by org_scope.protect_through; unprotect takes it away.";
const FILL_COMMENT: &str =
    "Gives a row the organization of its parent, which it locks (org_scope.protect_through).";
const KEEPER_COMMENT: &str = "Keeps a row in its parent's organization (org_scope.protect_through).";
const CHILDREN_COMMENT: &str =
    "Takes a row's children along to another organization (org_scope.protect_through).";

/// One change of the child or of its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// ADD COLUMN: the child's org column.
    AddColumn {
        /// The column.
        column: Ident,
        /// Its type, as the server prints it.
        type_name: String,
    },
    /// COMMENT ON COLUMN: says who brought it.
    MarkColumn(Ident),
    /// DROP COLUMN.
    DropColumn(Ident),
    /// CREATE UNIQUE INDEX on the parent: what a foreign key of both columns needs.
    CreateUnique {
        /// The new name.
        index: Ident,
        /// The parent's key.
        key: Ident,
        /// The parent's org column.
        org: Ident,
        /// Without blocking writers.
        concurrently: bool,
    },
    /// REINDEX of an index that isn't valid.
    Reindex(Ident),
    /// CREATE INDEX on the child's key.
    CreateKeyIndex {
        /// The new name.
        index: Ident,
        /// The key.
        key: String,
        /// Without blocking writers.
        concurrently: bool,
    },
    /// COMMENT ON INDEX.
    MarkIndex(Ident),
    /// DROP INDEX.
    DropIndex(Ident),
    /// ADD FOREIGN KEY, not checked for the rows that stand.
    CreateForeignKey {
        /// The child's key.
        key: Ident,
        /// The child's org column.
        org: Ident,
        /// The parent.
        parent: QualifiedName,
        /// The parent's key.
        parent_key: Ident,
        /// The parent's org column.
        parent_org: Ident,
        /// ON DELETE.
        on_delete: String,
    },
    /// VALIDATE CONSTRAINT, over the rows of all organizations.
    Validate,
    /// SET CONSTRAINTS: what filling sets off is checked at once, or no ALTER TABLE could follow it.
    CheckAtOnce,
    /// COMMENT ON CONSTRAINT.
    CommentOnForeignKey,
    /// DROP CONSTRAINT.
    DropForeignKey,
    /// CREATE CONSTRAINT TRIGGER: what stands for the foreign key where none can be.
    CreateCheck {
        /// The parent.
        parent: QualifiedName,
        /// The key, an expression over `new`.
        key: String,
        /// The child's org column.
        org: Ident,
    },
    /// COMMENT ON TRIGGER.
    CommentOnCheck,
    /// ENABLE TRIGGER.
    EnableCheck,
    /// DROP TRIGGER.
    DropCheck,
    /// CREATE TRIGGER: fills the org column.
    CreateFill {
        /// The columns whose change changes the parent, the org column last.
        columns: Vec<Ident>,
    },
    /// COMMENT ON TRIGGER.
    CommentOnFill,
    /// ENABLE TRIGGER.
    EnableFill,
    /// DROP TRIGGER.
    DropFill,
    /// CREATE TRIGGER on the parent: takes children along.
    CreateChildren {
        /// The parent's key.
        key: Ident,
        /// The parent's org column.
        org: Ident,
    },
    /// COMMENT ON TRIGGER.
    CommentOnChildren,
    /// ENABLE TRIGGER.
    EnableChildren,
    /// DROP TRIGGER.
    DropChildren,
    /// CREATE TRIGGER on the parent: closes the children of a deleted row.
    CreateOrphans,
    /// COMMENT ON TRIGGER.
    CommentOnOrphans,
    /// ENABLE TRIGGER.
    EnableOrphans,
    /// DROP TRIGGER.
    DropOrphans,
    /// UPDATE: has the trigger fill the rows that stand.
    Fill(Ident),
}

impl Link {
    /// Whether the statement must reach the rows of all organizations.
    pub fn across_orgs(&self) -> bool {
        matches!(self, Self::Fill(_) | Self::Validate)
    }

    /// The statement for one table.
    pub fn statement(&self, table: &QualifiedName) -> String {
        let comment =
            |trigger: &str, text: &str| format!("COMMENT ON TRIGGER {trigger} ON {table} IS {}", Text(text));
        let enable = |trigger: &str| format!("ALTER TABLE {table} ENABLE TRIGGER {trigger}");
        let drop = |trigger: &str| format!("DROP TRIGGER {trigger} ON {table}");
        let how = |concurrently: bool| if concurrently { " CONCURRENTLY" } else { "" };
        match self {
            Self::AddColumn { column, type_name } => {
                format!("ALTER TABLE {table} ADD COLUMN {column} {type_name}")
            }
            Self::MarkColumn(column) => {
                format!("COMMENT ON COLUMN {table}.{column} IS {}", Text(COLUMN_COMMENT))
            }
            Self::DropColumn(column) => format!("ALTER TABLE {table} DROP COLUMN {column}"),
            Self::CreateUnique { index, key, org, concurrently } => {
                format!("CREATE UNIQUE INDEX{} {index} ON {table} ({key}, {org})", how(*concurrently))
            }
            Self::Reindex(index) => format!("REINDEX INDEX CONCURRENTLY {}", table.sibling(index.clone())),
            Self::CreateKeyIndex { index, key, concurrently } => {
                format!("CREATE INDEX{} {index} ON {table} (({key}))", how(*concurrently))
            }
            Self::MarkIndex(index) => {
                format!("COMMENT ON INDEX {} IS {}", table.sibling(index.clone()), Text(INDEX_COMMENT))
            }
            Self::DropIndex(index) => format!("DROP INDEX {}", table.sibling(index.clone())),
            Self::CreateForeignKey { key, org, parent, parent_key, parent_org, on_delete } => format!(
                "ALTER TABLE {table} ADD CONSTRAINT {KEEPER} FOREIGN KEY ({key}, {org}) \
                 REFERENCES {parent}({parent_key}, {parent_org}) ON UPDATE CASCADE{on_delete} NOT VALID"
            ),
            Self::Validate => format!("ALTER TABLE {table} VALIDATE CONSTRAINT {KEEPER}"),
            Self::CheckAtOnce => {
                format!("SET CONSTRAINTS {}.{KEEPER} IMMEDIATE", table.schema)
            }
            Self::CommentOnForeignKey => {
                format!("COMMENT ON CONSTRAINT {KEEPER} ON {table} IS {}", Text(KEEPER_COMMENT))
            }
            Self::DropForeignKey => format!("ALTER TABLE {table} DROP CONSTRAINT {KEEPER}"),
            Self::CreateCheck { parent, key, org } => format!(
                "CREATE CONSTRAINT TRIGGER {KEEPER} AFTER INSERT OR UPDATE ON {table} FROM {parent} \
                 NOT DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW \
                 WHEN ((({key}) IS NOT NULL) AND (new.{org} IS NOT NULL)) EXECUTE FUNCTION org_scope.check_parent()"
            ),
            Self::CommentOnCheck => comment(KEEPER, KEEPER_COMMENT),
            Self::EnableCheck => enable(KEEPER),
            Self::DropCheck => drop(KEEPER),
            Self::CreateFill { columns } => {
                let of: Vec<String> = columns.iter().map(ToString::to_string).collect();
                format!(
                    "CREATE TRIGGER {FILL} BEFORE INSERT OR UPDATE OF {} ON {table} \
                     FOR EACH ROW EXECUTE FUNCTION org_scope.fill_from_parent()",
                    of.join(", ")
                )
            }
            Self::CommentOnFill => comment(FILL, FILL_COMMENT),
            Self::EnableFill => enable(FILL),
            Self::DropFill => drop(FILL),
            Self::CreateChildren { key, org } => format!(
                "CREATE TRIGGER {CHILDREN} AFTER UPDATE ON {table} FOR EACH ROW \
                 WHEN (old.{key} IS DISTINCT FROM new.{key} OR old.{org} IS DISTINCT FROM new.{org}) \
                 EXECUTE FUNCTION org_scope.move_children()"
            ),
            Self::CommentOnChildren => comment(CHILDREN, CHILDREN_COMMENT),
            Self::EnableChildren => enable(CHILDREN),
            Self::DropChildren => drop(CHILDREN),
            Self::CreateOrphans => format!(
                "CREATE TRIGGER {ORPHANS} AFTER DELETE ON {table} \
                 FOR EACH ROW EXECUTE FUNCTION org_scope.move_children()"
            ),
            Self::CommentOnOrphans => comment(ORPHANS, CHILDREN_COMMENT),
            Self::EnableOrphans => enable(ORPHANS),
            Self::DropOrphans => drop(ORPHANS),
            Self::Fill(org) => format!("UPDATE ONLY {table} SET {org} = NULL WHERE {org} IS NULL"),
        }
    }
}
