//! The way from a row that is written to its organization, and the queries along it.

use super::{Adopted, Expression, Source};
use crate::policy::fence_org;

/// What is asked when a row is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The table, and where its organization comes from.
    pub adopted: Adopted,
    /// The OID of the type of its rows.
    pub row_type: u32,
    /// Its owner.
    pub owner: u32,
    /// Whether the fence stands.
    pub fenced: bool,
    /// The number of its org column.
    pub org: i16,
    /// The number of its legacy column.
    pub legacy: Option<i16>,
    /// The table whose rows explain others.
    pub source: Option<SourceTable>,
}

/// A table whose rows explain others, by its OID, and its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceTable {
    /// The table.
    pub oid: u32,
    /// Its owner.
    pub owner: u32,
}

impl Route {
    /// The organization of the key `$1`; only the current one where `own` is asked for.
    pub fn ask(&self, own: bool) -> Option<String> {
        let Source::Row(explaining) = &self.adopted.source else { return None };
        Some(explaining.ask(own.then(|| fence_org(self.adopted.family))))
    }

    /// Whether a condition of a user's is evaluated along the way.
    pub fn is_conditional(&self) -> bool {
        matches!(&self.adopted.source, Source::Row(explaining) if explaining.condition.is_some())
    }

    /// The organization of the row `$1`, where an expression tells of it.
    pub fn evaluate(&self) -> Option<String> {
        let Source::Expression(Expression { of_new, .. }) = &self.adopted.source else { return None };
        Some(format!("SELECT {of_new} FROM (SELECT ($1).*) AS new"))
    }
}
