//! What a run over schemas says of a table that it passes by.

use serde::Deserialize;

use crate::policy::action::Text;
use crate::policy::{Kind, Step};
use crate::sql::{Ident, QualifiedName};

/// A table without an org column that hangs on one that has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Suggestion {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
    /// The column that names the parent.
    pub key: Ident,
    /// The parent's schema.
    pub parent_schema: Ident,
    /// The parent's name.
    pub parent_name: Ident,
    /// The parent's column, where it isn't the primary key.
    pub parent_key: Option<Ident>,
}

impl Suggestion {
    /// As a row, with the call.
    pub fn note(&self) -> Step {
        let table = QualifiedName { schema: self.schema.clone(), name: self.name.clone() };
        let parent = QualifiedName { schema: self.parent_schema.clone(), name: self.parent_name.clone() };
        let by = self.parent_key.as_ref().map(|key| format!(", {}", Text(key.raw()))).unwrap_or_default();
        let statement = format!(
            "SELECT * FROM org_scope.protect_through({}, {}, {}{by})",
            Text(&table.to_string()),
            Text(self.key.raw()),
            Text(&parent.to_string())
        );
        let reason = format!(
            "has no such column, and stays open: its rows belong to those of {parent}, if {} says whose they are",
            self.key
        );
        Step::note(Kind::Through, Some(statement), reason)
    }
}
