//! The key by which a child finds its parent.

use super::{Expression, KeyColumn};
use crate::org::OrgType;
use crate::policy::family_of_type as family;
use crate::sql::Ident;

/// The key as it stands in statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A column that a foreign key can stand on.
    Column(Ident),
    /// An expression of the parent key's type.
    Expression(Expression),
}

impl Key {
    /// The columns that it is made of.
    pub(super) fn columns(&self) -> Vec<Ident> {
        match self {
            Self::Column(column) => vec![column.clone()],
            Self::Expression(expression) => expression.columns.clone(),
        }
    }

    /// As an expression over the row `new`.
    pub fn of_new(&self) -> String {
        match self {
            Self::Column(column) => format!("new.{column}"),
            Self::Expression(expression) => expression.of_new.clone(),
        }
    }
}

/// An expression of one type as the text of an expression of the parent key's type, which is NULL, and
/// never an error, where the value can't be a key of that type. None where it never can.
pub fn typed(expression: &str, from: OrgType, to: OrgType) -> Option<String> {
    let matches = |pattern: &str, to: &str| {
        format!(
            "CASE WHEN (({expression}) COLLATE pg_catalog.\"C\") OPERATOR(pg_catalog.~) '{pattern}' \
             THEN ({expression})::pg_catalog.{to} END"
        )
    };
    match (from, to) {
        (from, to) if from == to => Some(expression.to_owned()),
        (_, OrgType::Text) => Some(format!("({expression})::pg_catalog.text")),
        (OrgType::Text, OrgType::Uuid) => {
            Some(matches("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", "uuid"))
        }
        (OrgType::Text, OrgType::Bigint) => Some(matches("^-?[0-9]{1,18}$", "int8")),
        _ => None,
    }
}

/// A column as an expression of a built-in type: below its domain, and a varchar as the text that it is.
pub fn of_built_in_type(column: &Ident, type_name: &str, base_type: &(String, String)) -> String {
    match (type_name, base_type.1.as_str()) {
        ("text" | "uuid" | "bigint" | "integer" | "smallint", _) => column.to_string(),
        (_, "varchar") => format!("({column})::pg_catalog.text"),
        (_, base) => format!("({column})::pg_catalog.{base}"),
    }
}

/// Whether a foreign key can stand on the two columns.
pub fn comparable(key: &KeyColumn, parent_key: &KeyColumn) -> bool {
    key.base_type == parent_key.base_type
        || matches!(
            (family(&key.base_type), family(&parent_key.base_type)),
            (Some(OrgType::Bigint), Some(OrgType::Bigint)) | (Some(OrgType::Text), Some(OrgType::Text))
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_key_becomes_null_and_no_error() {
        let uuid = typed("split_part(key, ':', 1)", OrgType::Text, OrgType::Uuid).expect("possible");
        assert!(uuid.starts_with("CASE WHEN") && uuid.ends_with("::pg_catalog.uuid END"), "{uuid}");
        assert_eq!(typed("a", OrgType::Text, OrgType::Text).as_deref(), Some("a"));
        assert_eq!(typed("a", OrgType::Uuid, OrgType::Text).as_deref(), Some("(a)::pg_catalog.text"));
        assert_eq!(typed("a", OrgType::Uuid, OrgType::Bigint), None);
    }
}
