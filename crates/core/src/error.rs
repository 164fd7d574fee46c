//! Every situation in which org_scope says no, with its SQLSTATE, message, DETAIL and HINT.

use crate::org::{MAX_CONTEXT_BYTES, OrgType};
use crate::sql::{Ident, Literal};

/// What a situation says to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The SQLSTATE, five characters.
    pub sqlstate: &'static str,
    /// Lower case, no full stop.
    pub message: String,
    /// Whole sentences.
    pub detail: Option<String>,
    /// A statement to paste, or whole sentences where no statement helps.
    pub hint: Option<String>,
}

/// A situation, not a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.report().message)]
pub enum Error {
    /// A fenced table, or something that needs an organization, was reached without one.
    NoOrg,
    /// The login role has no access that lets it do this.
    NotAllowed {
        /// The session's login role.
        role: Ident,
    },
    /// A setter got NULL or the empty text as organization.
    EmptyOrg,
    /// A context value is longer than [`MAX_CONTEXT_BYTES`].
    ContextTooLong,
    /// The context's value is not of the family that the table or reader needs.
    WrongOrgType {
        /// The family that was asked for.
        wanted: OrgType,
        /// The family that the context's value looks like.
        found: OrgType,
    },
}

impl Error {
    /// The one place where SQLSTATE, message, DETAIL and HINT are chosen.
    pub fn report(&self) -> Report {
        let say = |sqlstate, message: String, detail: Option<&str>, hint: Option<String>| Report {
            sqlstate,
            message,
            detail: detail.map(str::to_owned),
            hint,
        };
        match self {
            Self::NoOrg => say(
                "OS001",
                "no organization is set".into(),
                Some("Protected tables are closed until the session says which organization it acts for."),
                Some("SELECT org_scope.set_current_org('...');".into()),
            ),
            Self::NotAllowed { role } => say(
                "OS002",
                format!("role {role} has no access to the organization context"),
                None,
                Some(format!("SELECT org_scope.allow({}, 'direct');", role_literal(role))),
            ),
            Self::EmptyOrg => say(
                "OS004",
                "the organization must not be null or empty".into(),
                Some("An empty organization would silently keep or lose the previous one."),
                Some("SELECT org_scope.clear_context();".into()),
            ),
            Self::ContextTooLong => say(
                "OS004",
                format!("a context value must not be longer than {MAX_CONTEXT_BYTES} bytes"),
                None,
                None,
            ),
            Self::WrongOrgType { wanted, found } => say(
                "OS004",
                format!(
                    "the current organization is {} but {} is needed",
                    found.sql_name(),
                    wanted.sql_name()
                ),
                None,
                Some("SELECT org_scope.set_current_org('...');".into()),
            ),
        }
    }
}

/// A role as the literal of a `regrole` argument, which is parsed as an identifier.
fn role_literal(role: &Ident) -> String {
    Literal::new(role.to_string()).map_or_else(|_| "'...'".into(), |l| l.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_the_servers_style() {
        let role = Ident::new("App \"x\"").expect("legal");
        for error in [
            Error::NoOrg,
            Error::NotAllowed { role },
            Error::EmptyOrg,
            Error::ContextTooLong,
            Error::WrongOrgType { wanted: OrgType::Uuid, found: OrgType::Text },
        ] {
            let report = error.report();
            assert!(report.message.starts_with(|c: char| c.is_lowercase()), "{report:?}");
            assert!(!report.message.ends_with('.'), "{report:?}");
            assert_eq!(report.sqlstate.len(), 5);
            assert!(report.detail.is_none_or(|d| d.ends_with('.')));
        }
    }
}
