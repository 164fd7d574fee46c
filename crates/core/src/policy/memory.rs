//! What the fence's comment remembers: options and findings that no catalog column can tell.

use serde::{Deserialize, Serialize};

use super::{Actor, Grantee};
use crate::sql::Ident;

/// The comment's content. The table's owner can write it, so it is never executed or trusted: it
/// only chooses between statements that the caller could run anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The layout of this object; another number counts as lost.
    pub version: u8,
    /// Option `force`.
    pub force: bool,
    /// Option `create_index`.
    pub index: bool,
    /// Whether protect set the DEFAULT of the org column.
    pub default: bool,
    /// Whether protect set the DEFAULT of the project column.
    #[serde(default)]
    pub project_default: bool,
    /// Whether the fence compares an expression.
    #[serde(default)]
    pub expression: bool,
    /// Option `shared_rows`.
    #[serde(default)]
    pub shared: bool,
    /// Option `project_column`, as it was called then.
    #[serde(default)]
    pub project: Option<Ident>,
    /// Options `actor_column`, as it was called then, and `actor_missing`.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// Whom the gate that protect brought is for; none if it brought none.
    pub gate: Option<Vec<Grantee>>,
    /// How the table was before; none if that is not known any more.
    pub found: Option<Found>,
}

/// How a table was before it was protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// `relrowsecurity`.
    pub row_security: bool,
    /// `relforcerowsecurity`.
    pub force: bool,
    /// Whether it had policies.
    pub policies: bool,
    /// The DEFAULT of the org column.
    pub default: Option<String>,
    /// The DEFAULT of the project column.
    #[serde(default)]
    pub project_default: Option<String>,
}

/// The layout that this version writes and reads.
pub(super) const VERSION: u8 = 1;

const PREAMBLE: &str = "Only the current organization's rows pass, whatever other policies allow \
                        (org_scope.protect). What unprotect puts back: ";

impl Memory {
    /// Reads a comment; whatever does not read counts as lost.
    pub fn parse(comment: &str) -> Option<Self> {
        let json = &comment[comment.find('{')?..];
        serde_json::from_str::<Self>(json).ok().filter(|m| m.version == VERSION)
    }

    /// The comment.
    pub fn comment(&self) -> String {
        // A struct of flags and strings always has a JSON form.
        format!("{PREAMBLE}{}", serde_json::to_string(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::MissingUser;

    fn memory() -> Memory {
        Memory {
            version: VERSION,
            force: true,
            index: true,
            default: true,
            project_default: true,
            expression: false,
            shared: true,
            project: Some(Ident::new("project_id").expect("a legal name")),
            actor: Some(Actor { column: Ident::new("by").expect("legal"), missing: MissingUser::Null }),
            gate: Some(vec![Grantee::PUBLIC]),
            found: Some(Found {
                row_security: false,
                force: false,
                policies: false,
                default: Some("'{x}'::text".into()),
                project_default: None,
            }),
        }
    }

    #[test]
    fn a_comment_reads_back() {
        assert_eq!(Memory::parse(&memory().comment()), Some(memory()));
    }

    #[test]
    fn what_does_not_read_counts_as_lost() {
        for comment in ["", "{", "{}", "my own words", "{\"version\":1}"] {
            assert_eq!(Memory::parse(comment), None);
        }
        assert_eq!(Memory::parse(&Memory { version: 9, ..memory() }.comment()), None);
    }
}
