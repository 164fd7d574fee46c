//! The statements of an adoption, each for one table.

use crate::policy::Text;
use crate::sql::{Ident, QualifiedName};

use super::{ADOPT, NOT_NULL, REST};

/// By this a column is known as the adoption's.
pub const COLUMN_MARK: &str = "Brought by org_scope.adopt";
const COLUMN_COMMENT: &str = "The organization of the row. Brought by org_scope.adopt.";
/// By this an index is known as one that serves the transition alone.
pub const INDEX_MARK: &str = "Brought by org_scope.adopt for the transition";
const INDEX_COMMENT: &str =
    "Finds rows without an organization by what tells of it. Brought by org_scope.adopt for the transition.";
const ADOPT_COMMENT: &str =
    "Gives a row its organization, and refuses one that contradicts what tells of it (org_scope.adopt).";
const REST_COMMENT: &str = "Gives a row without an organization one when it is written (org_scope.adopt).";

/// One change of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// ADD COLUMN: without a DEFAULT, which would give the old rows the migration's organization.
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
    /// CREATE TRIGGER that gives rows their organization.
    CreateAdopt {
        /// The columns whose change may change it, the org column last.
        columns: Vec<Ident>,
        /// WHEN, where an expression over `new` tells of it.
        when: Option<String>,
        /// What the trigger is told: the kind of source, and what it takes.
        words: Vec<String>,
    },
    /// COMMENT ON TRIGGER.
    CommentOnAdopt,
    /// ENABLE TRIGGER.
    EnableAdopt,
    /// DROP TRIGGER.
    DropAdopt,
    /// CREATE TRIGGER that gives rows without an organization one, whatever is written.
    CreateRest(Ident),
    /// COMMENT ON TRIGGER.
    CommentOnRest,
    /// ENABLE TRIGGER.
    EnableRest,
    /// DROP TRIGGER.
    DropRest,
    /// CREATE INDEX over the rows without an organization.
    CreateIndex {
        /// The new name.
        index: Ident,
        /// A column, or an expression in parentheses.
        on: String,
        /// The org column.
        org: Ident,
        /// Without blocking writers.
        concurrently: bool,
    },
    /// COMMENT ON INDEX.
    MarkIndex(Ident),
    /// REINDEX of an index that isn't valid.
    Reindex(Ident),
    /// DROP INDEX.
    DropIndex(Ident),
    /// ADD CONSTRAINT … NOT VALID: no further row without an organization.
    AddNotNull(Ident),
    /// VALIDATE CONSTRAINT: the server's own scan.
    ValidateNotNull,
    /// DROP CONSTRAINT.
    DropNotNull,
    /// SET NOT NULL, which that constraint proves.
    SetNotNull(Ident),
    /// SET DEFAULT of the legacy column.
    SetDefault {
        /// The column.
        column: Ident,
        /// The expression.
        expression: String,
    },
    /// DROP NOT NULL.
    Nullable(Ident),
}

impl Change {
    /// The statement for one table.
    pub fn statement(&self, table: &QualifiedName) -> String {
        let comment =
            |trigger: &str, text: &str| format!("COMMENT ON TRIGGER {trigger} ON {table} IS {}", Text(text));
        let enable = |trigger: &str| format!("ALTER TABLE {table} ENABLE TRIGGER {trigger}");
        let drop = |trigger: &str| format!("DROP TRIGGER {trigger} ON {table}");
        match self {
            Self::AddColumn { column, type_name } => {
                format!("ALTER TABLE {table} ADD COLUMN {column} {type_name}")
            }
            Self::MarkColumn(column) => {
                format!("COMMENT ON COLUMN {table}.{column} IS {}", Text(COLUMN_COMMENT))
            }
            Self::DropColumn(column) => format!("ALTER TABLE {table} DROP COLUMN {column}"),
            Self::CreateAdopt { columns, when, words } => {
                let of: Vec<String> = columns.iter().map(ToString::to_string).collect();
                let words: Vec<String> = words.iter().map(|word| Text(word).to_string()).collect();
                let when = when.as_ref().map_or_else(String::new, |when| format!(" WHEN ({when})"));
                format!(
                    "CREATE TRIGGER {ADOPT} BEFORE INSERT OR UPDATE OF {} ON {table} FOR EACH ROW{when} \
                     EXECUTE FUNCTION org_scope.adopt_row({})",
                    of.join(", "),
                    words.join(", ")
                )
            }
            Self::CommentOnAdopt => comment(ADOPT, ADOPT_COMMENT),
            Self::EnableAdopt => enable(ADOPT),
            Self::DropAdopt => drop(ADOPT),
            Self::CreateRest(org) => format!(
                "CREATE TRIGGER {REST} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW \
                 WHEN ((new.{org} IS NULL)) EXECUTE FUNCTION org_scope.adopt_row()"
            ),
            Self::CommentOnRest => comment(REST, REST_COMMENT),
            Self::EnableRest => enable(REST),
            Self::DropRest => drop(REST),
            Self::CreateIndex { index, on, org, concurrently } => {
                let how = if *concurrently { " CONCURRENTLY" } else { "" };
                format!("CREATE INDEX{how} {index} ON {table} ({on}) WHERE {org} IS NULL")
            }
            Self::MarkIndex(index) => {
                format!("COMMENT ON INDEX {} IS {}", table.sibling(index.clone()), Text(INDEX_COMMENT))
            }
            Self::Reindex(index) => format!("REINDEX INDEX CONCURRENTLY {}", table.sibling(index.clone())),
            Self::DropIndex(index) => format!("DROP INDEX {}", table.sibling(index.clone())),
            Self::AddNotNull(org) => {
                format!("ALTER TABLE {table} ADD CONSTRAINT {NOT_NULL} CHECK ({org} IS NOT NULL) NOT VALID")
            }
            Self::ValidateNotNull => format!("ALTER TABLE {table} VALIDATE CONSTRAINT {NOT_NULL}"),
            Self::DropNotNull => format!("ALTER TABLE {table} DROP CONSTRAINT {NOT_NULL}"),
            Self::SetNotNull(org) => format!("ALTER TABLE {table} ALTER COLUMN {org} SET NOT NULL"),
            Self::SetDefault { column, expression } => {
                format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {expression}")
            }
            Self::Nullable(org) => format!("ALTER TABLE {table} ALTER COLUMN {org} DROP NOT NULL"),
        }
    }
}
