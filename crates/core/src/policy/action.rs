//! The statements of the generator, typed; `Display` is the statement that runs and is shown.

use std::fmt;

use super::{FENCE, GATE, GUARD, Grantee, OrgKey};
use crate::sql::{Ident, Literal, QualifiedName};

/// The comment by which an index of ours is known, also after a rename.
pub(super) const INDEX_COMMENT: &str =
    "Finds an organization's rows. Brought by org_scope.protect; unprotect takes it away.";
const GATE_COMMENT: &str =
    "Lets the current organization's rows pass (org_scope.protect). Finer policies may replace it.";
const GUARD_COMMENT: &str =
    "Stops TRUNCATE, which no policy sees, for every role that the fence binds (org_scope.protect).";

/// One change of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// CREATE INDEX led by the org column.
    CreateIndex {
        /// The new name.
        index: Ident,
        /// The org column.
        column: Ident,
        /// Without blocking writers, which no function can do.
        concurrently: bool,
    },
    /// REINDEX of an index that a broken CONCURRENTLY left behind.
    Reindex(Ident),
    /// DROP INDEX.
    DropIndex(Ident),
    /// COMMENT ON INDEX: marks it as ours.
    MarkIndex(Ident),
    /// CREATE TRIGGER of the TRUNCATE guard.
    CreateGuard,
    /// ENABLE ALWAYS TRIGGER.
    ArmGuard,
    /// COMMENT ON TRIGGER.
    CommentOnGuard,
    /// DROP TRIGGER.
    DropGuard,
    /// SET DEFAULT.
    SetDefault {
        /// The org column.
        column: Ident,
        /// The expression.
        expression: String,
    },
    /// DROP DEFAULT.
    DropDefault(Ident),
    /// CREATE POLICY: the fence.
    CreateFence(String),
    /// ALTER POLICY: the fence.
    AlterFence(String),
    /// DROP POLICY: the fence.
    DropFence,
    /// COMMENT ON POLICY: the fence's memory.
    CommentOnFence(String),
    /// CREATE POLICY: the gate.
    CreateGate {
        /// Its condition.
        condition: String,
        /// Whom it is for.
        roles: Vec<Grantee>,
    },
    /// ALTER POLICY: the gate.
    AlterGate {
        /// Its condition.
        condition: String,
        /// Whom it is for.
        roles: Vec<Grantee>,
    },
    /// COMMENT ON POLICY: the gate.
    CommentOnGate,
    /// DROP POLICY: the gate.
    DropGate,
    /// ENABLE or DISABLE ROW LEVEL SECURITY.
    RowSecurity(bool),
    /// FORCE or NO FORCE ROW LEVEL SECURITY.
    Force(bool),
}

impl Action {
    /// The column that gets back a DEFAULT which protect found: what it names may be gone.
    pub fn found_default(&self) -> Option<&Ident> {
        match self {
            Self::SetDefault { column, expression } if !OrgKey::is_default(expression) => Some(column),
            _ => None,
        }
    }

    /// The statement for one table.
    pub fn statement(&self, table: &QualifiedName) -> String {
        match self {
            Self::CreateIndex { index, column, concurrently } => {
                let how = if *concurrently { "INDEX CONCURRENTLY" } else { "INDEX" };
                format!("CREATE {how} {index} ON {table} ({column})")
            }
            Self::Reindex(index) => format!("REINDEX INDEX CONCURRENTLY {}", table.sibling(index.clone())),
            Self::DropIndex(index) => format!("DROP INDEX {}", table.sibling(index.clone())),
            Self::MarkIndex(index) => {
                format!("COMMENT ON INDEX {} IS {}", table.sibling(index.clone()), Text(INDEX_COMMENT))
            }
            Self::CreateGuard => format!(
                "CREATE TRIGGER {GUARD} BEFORE TRUNCATE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION org_scope.truncate_guard()"
            ),
            Self::ArmGuard => format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {GUARD}"),
            Self::CommentOnGuard => {
                format!("COMMENT ON TRIGGER {GUARD} ON {table} IS {}", Text(GUARD_COMMENT))
            }
            Self::DropGuard => format!("DROP TRIGGER {GUARD} ON {table}"),
            // ONLY: the DEFAULT of an inheritance child is found, and put back, by its own protect.
            Self::SetDefault { column, expression } => {
                format!("ALTER TABLE ONLY {table} ALTER COLUMN {column} SET DEFAULT ({expression})")
            }
            Self::DropDefault(column) => {
                format!("ALTER TABLE ONLY {table} ALTER COLUMN {column} DROP DEFAULT")
            }
            Self::CreateFence(condition) => format!(
                "CREATE POLICY {FENCE} ON {table} AS RESTRICTIVE FOR ALL TO PUBLIC \
                 USING ({condition}) WITH CHECK ({condition})"
            ),
            Self::AlterFence(condition) => {
                format!(
                    "ALTER POLICY {FENCE} ON {table} TO PUBLIC USING ({condition}) WITH CHECK ({condition})"
                )
            }
            Self::DropFence => format!("DROP POLICY {FENCE} ON {table}"),
            Self::CommentOnFence(text) => format!("COMMENT ON POLICY {FENCE} ON {table} IS {}", Text(text)),
            Self::CreateGate { condition, roles } => format!(
                "CREATE POLICY {GATE} ON {table} AS PERMISSIVE FOR ALL TO {} \
                 USING ({condition}) WITH CHECK ({condition})",
                List(roles)
            ),
            Self::AlterGate { condition, roles } => format!(
                "ALTER POLICY {GATE} ON {table} TO {} USING ({condition}) WITH CHECK ({condition})",
                List(roles)
            ),
            Self::CommentOnGate => format!("COMMENT ON POLICY {GATE} ON {table} IS {}", Text(GATE_COMMENT)),
            Self::DropGate => format!("DROP POLICY {GATE} ON {table}"),
            Self::RowSecurity(true) => format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            Self::RowSecurity(false) => format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            Self::Force(true) => format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
            Self::Force(false) => format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
        }
    }
}

/// A text as a literal; texts of ours and of JSON have no NUL, which a literal can't carry.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Literal::new(self.0.replace('\0', "")) {
            Ok(literal) => literal.fmt(f),
            Err(_) => f.write_str("''"),
        }
    }
}

/// A comma-separated list.
pub(crate) struct List<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}
