//! The three applications that org_scope must carry.

use std::path::Path;

/// One of the applications; its tables and rows are in `systems/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// A: organization (uuid) → project → workflow → execution.
    Workflow,
    /// B: `clerk_org_id` (text) on nine tables, beside the legacy `client_id`.
    Voice,
    /// C: the chat inbox with `organization_id` (text) beside `account_id`.
    Inbox,
    /// C as it was before: `account_id` alone.
    Accounts,
}

impl System {
    /// The script, for a session whose search_path leads to the schema that it shall be in.
    pub(crate) fn sql(self) -> String {
        let file = match self {
            Self::Workflow => "a.sql",
            Self::Voice => "b.sql",
            Self::Inbox => "c.sql",
            Self::Accounts => "c_accounts.sql",
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systems").join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}
