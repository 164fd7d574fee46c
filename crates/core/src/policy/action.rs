//! The statements of the generator, typed; `Display` is the statement that runs and is shown.

use std::fmt;

use super::copy_view::CopyAction;
use super::through::Link;
use super::{Actor, FENCE, GUARD, Grantee, Part, STAMP, Wanted, compared};
use crate::adopt::Change;
use crate::sql::{Ident, Literal, QualifiedName};

/// The comment by which an index of ours is known, also after a rename.
pub(super) const INDEX_COMMENT: &str =
    "Finds an organization's rows. Brought by org_scope.protect; unprotect takes it away.";
const GUARD_COMMENT: &str =
    "Stops TRUNCATE, which no policy sees, for every role that the fence binds (org_scope.protect).";
const STAMP_COMMENT: &str =
    "Writes into every row who made it; a role that the fence binds can't say otherwise (org_scope.protect).";

/// One change of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// CREATE INDEX led by the organization.
    CreateIndex {
        /// The new name.
        index: Ident,
        /// The org column, or an expression in parentheses.
        on: String,
        /// Without blocking writers, which no function can do.
        concurrently: bool,
    },
    /// CREATE INDEX CONCURRENTLY over one organization's rows.
    CreateOrgIndex {
        /// The new name.
        index: Ident,
        /// Everything behind the table's name.
        tail: String,
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
    /// CREATE TRIGGER that stamps the actor.
    CreateStamp(Actor),
    /// ENABLE TRIGGER of it.
    EnableStamp,
    /// COMMENT ON TRIGGER of it.
    CommentOnStamp,
    /// DROP TRIGGER of it.
    DropStamp,
    /// CREATE POLICY.
    CreatePolicy {
        /// What it says.
        policy: Wanted,
        /// Whom it is for.
        roles: Vec<Grantee>,
    },
    /// ALTER POLICY.
    AlterPolicy {
        /// What it says.
        policy: Wanted,
        /// Whom it is for.
        roles: Vec<Grantee>,
    },
    /// DROP POLICY.
    DropPolicy(Part),
    /// COMMENT ON POLICY: what it is for.
    CommentOnPolicy(Part),
    /// COMMENT ON POLICY: the fence's memory.
    Remember(String),
    /// ENABLE or DISABLE ROW LEVEL SECURITY.
    RowSecurity(bool),
    /// FORCE or NO FORCE ROW LEVEL SECURITY.
    Force(bool),
    /// Ties a child to its parent.
    Link(Link),
    /// Brings the table on its way to an org column.
    Adopt(Change),
    /// A change of the view beside the table that takes COPY FROM.
    CopyView {
        /// The view's name.
        view: Ident,
        /// The change.
        action: Box<CopyAction>,
    },
}

impl Action {
    /// The column that gets back a DEFAULT which protect found: what it names may be gone.
    pub fn found_default(&self) -> Option<&Ident> {
        match self {
            Self::SetDefault { column, expression } if !compared::is_default(expression) => Some(column),
            _ => None,
        }
    }

    /// The statement for one table.
    pub fn statement(&self, table: &QualifiedName) -> String {
        match self {
            Self::CreateIndex { index, on, concurrently } => {
                let how = if *concurrently { "INDEX CONCURRENTLY" } else { "INDEX" };
                format!("CREATE {how} {index} ON {table} ({on})")
            }
            Self::CreateOrgIndex { index, tail } => {
                format!("CREATE INDEX CONCURRENTLY {index} ON {table} {tail}")
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
            Self::CreateStamp(Actor { column, missing }) => format!(
                "CREATE TRIGGER {STAMP} BEFORE INSERT OR UPDATE OF {column} ON {table} \
                 FOR EACH ROW EXECUTE FUNCTION org_scope.stamp_actor({})",
                Text(missing.word())
            ),
            Self::EnableStamp => format!("ALTER TABLE {table} ENABLE TRIGGER {STAMP}"),
            Self::CommentOnStamp => {
                format!("COMMENT ON TRIGGER {STAMP} ON {table} IS {}", Text(STAMP_COMMENT))
            }
            Self::DropStamp => format!("DROP TRIGGER {STAMP} ON {table}"),
            Self::CreatePolicy { policy, roles } => {
                let Wanted { part, .. } = policy;
                format!(
                    "CREATE POLICY {} ON {table} AS {} FOR {} TO {} {}",
                    part.name(),
                    if part.permissive() { "PERMISSIVE" } else { "RESTRICTIVE" },
                    part.command_word(),
                    List(roles),
                    Says(policy)
                )
            }
            Self::AlterPolicy { policy, roles } => {
                format!("ALTER POLICY {} ON {table} TO {} {}", policy.part.name(), List(roles), Says(policy))
            }
            Self::DropPolicy(part) => format!("DROP POLICY {} ON {table}", part.name()),
            Self::CommentOnPolicy(part) => {
                let text = part.comment().unwrap_or_default();
                format!("COMMENT ON POLICY {} ON {table} IS {}", part.name(), Text(text))
            }
            Self::Remember(text) => format!("COMMENT ON POLICY {FENCE} ON {table} IS {}", Text(text)),
            Self::RowSecurity(true) => format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            Self::RowSecurity(false) => format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            Self::CopyView { view, action } => action.statement(table, view),
            Self::Force(true) => format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
            Self::Force(false) => format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
            Self::Link(link) => link.statement(table),
            Self::Adopt(change) => change.statement(table),
        }
    }
}

/// A policy's conditions.
struct Says<'a>(&'a Wanted);

impl fmt::Display for Says<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "USING ({})", self.0.using.text)?;
        self.0.check.as_ref().map_or(Ok(()), |check| write!(f, " WITH CHECK ({})", check.text))
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
