//! How the organization of a row follows from the row.

use crate::org::OrgType;
use crate::sql::{Ident, Literal, QualifiedName};

/// What a row of the table is called in statements.
pub(super) const ROW: &str = "new";
/// What a row of the table that explains it is called.
pub(super) const SOURCE: &str = "org_scope_source";

/// Where the organization of a row without one comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// From a row of another table, whose key the row holds.
    Row(Explaining),
    /// From an expression over the row.
    Expression(Expression),
    /// All rows without one are this organization's.
    Constant(Constant),
}

/// A table whose rows explain others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explaining {
    /// The lookup, where one names the table; else it is a parent, to which a foreign key leads.
    pub lookup: Option<Ident>,
    /// The table.
    pub table: QualifiedName,
    /// Its key.
    pub key: Ident,
    /// Its org column.
    pub org: Ident,
    /// What else a row of it must fulfil, with bare columns.
    pub condition: Option<String>,
    /// The column of the adopted table that holds the key.
    pub legacy: Ident,
    /// Whether the key is a user's, whom a session knows.
    pub is_user: bool,
}

/// An expression, read by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// With `new.` before each column.
    pub of_new: String,
    /// With bare columns.
    pub bare: String,
    /// The columns that it names.
    pub columns: Vec<Ident>,
    /// The column by which rows that it doesn't explain are named.
    pub legacy: Option<Ident>,
}

/// One organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// As it was given.
    pub org: String,
    /// The column by which rows are named.
    pub legacy: Option<Ident>,
}

/// A text as a literal of the family's type.
pub fn literal(org: &str, family: OrgType) -> Option<String> {
    let name = match family {
        OrgType::Text => "text",
        OrgType::Uuid => "uuid",
        OrgType::Bigint => "int8",
    };
    Literal::new(org).ok().map(|org| format!("({org})::pg_catalog.{name}"))
}

impl Source {
    /// The column of the row that tells of its organization, or by which it is named.
    pub fn legacy(&self) -> Option<&Ident> {
        match self {
            Self::Row(explaining) => Some(&explaining.legacy),
            Self::Expression(Expression { legacy, .. }) | Self::Constant(Constant { legacy, .. }) => {
                legacy.as_ref()
            }
        }
    }

    /// As a person reads it.
    pub fn words(&self) -> String {
        match self {
            Self::Row(Explaining { lookup: Some(lookup), legacy, .. }) => {
                format!("lookup {lookup} by {legacy}")
            }
            Self::Row(Explaining { lookup: None, table, legacy, .. }) => {
                format!("parent {table} by {legacy}")
            }
            Self::Expression(Expression { bare, .. }) => format!("expression {bare}"),
            Self::Constant(Constant { org, .. }) => format!("constant {org}"),
        }
    }

    /// Whether a user's expression or condition is part of its statements.
    pub fn has_text(&self) -> bool {
        match self {
            Self::Row(explaining) => explaining.condition.is_some(),
            Self::Expression(_) => true,
            Self::Constant(_) => false,
        }
    }

    /// Whether the organization comes from a parent row and stays with it for good.
    pub fn is_parent(&self) -> bool {
        matches!(self, Self::Row(Explaining { lookup: None, .. }))
    }
}

impl Explaining {
    /// The condition on a row of it, evaluated only where `first` holds.
    pub(super) fn fulfilled(&self, first: &str) -> String {
        let Some(condition) = &self.condition else { return String::new() };
        // What goes wrong in it tells of a row: not of another organization's.
        format!(" AND CASE WHEN {first} THEN ({condition}) END")
    }

    /// The rows that explain others, as something to join.
    pub(super) fn rows(&self) -> String {
        let Self { table, key, org, condition, .. } = self;
        let condition = condition.as_ref().map_or_else(String::new, |c| format!(" AND ({c})"));
        format!(
            "(SELECT s.{key} AS key, s.{org} AS org FROM ONLY {table} AS s \
             WHERE s.{org} IS NOT NULL{condition}) AS {SOURCE}"
        )
    }

    pub(super) fn joined(&self) -> String {
        format!("{SOURCE}.key OPERATOR(pg_catalog.=) {ROW}.{}", self.legacy)
    }

    /// The organization of the key `$1`: of the current organization alone where `own` is its reader, so that
    /// another's key is as good as none.
    pub fn ask(&self, own: Option<&str>) -> String {
        let Self { table, key, org, .. } = self;
        let same = format!("s.{key} OPERATOR(pg_catalog.=) $1");
        let own = own.map(|reader| format!("s.{org} OPERATOR(pg_catalog.=) {reader}"));
        let first = own.as_ref().map_or_else(|| same.clone(), |own| format!("{same} AND {own}"));
        format!("SELECT s.{org} FROM ONLY {table} AS s WHERE {first}{}", self.fulfilled(&first))
    }
}
