//! The condition of a fence, by the type of its column: as it is written, and as the server prints it.

use super::spec::family;
use super::{Column, Refusal};
use crate::org::OrgType;
use crate::sql::Ident;

/// How the rows of one column are compared with the current organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrgKey {
    family: OrgType,
    cast: Option<&'static str>,
}

impl OrgKey {
    /// Chooses by the column's type.
    ///
    /// # Errors
    /// [`Refusal`] where no reader compares with it by the server's own equality.
    pub fn of(column: &Column) -> Result<Self, Refusal> {
        let type_name = || column.type_name.clone();
        let Some(family) = family(&column.base_type) else {
            return Err(match column.base_type.1.as_str() {
                "bpchar" => Refusal::CharN { column: column.name.clone(), type_name: type_name() },
                "citext" => Refusal::Citext { column: column.name.clone() },
                _ => Refusal::UnsupportedType { column: column.name.clone(), type_name: type_name() },
            });
        };
        if !column.deterministic {
            return Err(Refusal::Nondeterministic { column: column.name.clone() });
        }
        // Below a domain, and for varchar, the parser relabels the column as the operator's input
        // type; it costs nothing, hides no index, and shows when the server prints the policy.
        let cast = match (column.base_type.1.as_str(), column.is_domain) {
            ("varchar", _) | ("text", true) => Some("text"),
            ("uuid", true) => Some("uuid"),
            ("int2", true) => Some("smallint"),
            ("int4", true) => Some("integer"),
            ("int8", true) => Some("bigint"),
            _ => None,
        };
        Ok(Self { family, cast })
    }

    /// The family of readers.
    pub fn family(self) -> OrgType {
        self.family
    }

    /// The reader that is compared with a column of a built-in type.
    pub(super) fn reader_of(base_type: &str) -> Option<&'static str> {
        let family = family(&("pg_catalog".to_owned(), base_type.to_owned()))?;
        Some(Self { family, cast: None }.reader())
    }

    fn reader(self) -> &'static str {
        match self.family {
            OrgType::Text => "org_scope.fence_org()",
            OrgType::Uuid => "org_scope.fence_org_uuid()",
            OrgType::Bigint => "org_scope.fence_org_bigint()",
        }
    }

    /// The DEFAULT that makes a new row the current organization's, which is also how the server prints it.
    pub fn default(self) -> &'static str {
        match self.family {
            OrgType::Text => "org_scope.current_org()",
            OrgType::Uuid => "org_scope.current_org_uuid()",
            OrgType::Bigint => "org_scope.current_org_bigint()",
        }
    }

    /// Whether an expression is one of those.
    pub fn is_default(expression: &str) -> bool {
        [OrgType::Text, OrgType::Uuid, OrgType::Bigint]
            .into_iter()
            .any(|family| Self { family, cast: None }.default() == expression)
    }

    /// The condition as it stands in CREATE POLICY. The operator is named with its schema: a bare
    /// `=` would be whatever the search_path finds first.
    pub fn condition(self, column: &Ident) -> String {
        format!("{column} OPERATOR(pg_catalog.=) {}", self.reader())
    }

    /// The condition as `pg_get_expr` prints it under the search_path `pg_catalog, pg_temp`.
    pub fn printed(self, column: &Column) -> String {
        let quoted = &column.quoted;
        let reader = self.reader();
        match self.cast {
            Some(cast) => format!("(({quoted})::{cast} = {reader})"),
            None => format!("({quoted} = {reader})"),
        }
    }
}
