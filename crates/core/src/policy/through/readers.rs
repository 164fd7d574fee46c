//! Who may not read what the fence of a table asks of others.

use serde::Deserialize;

use crate::policy::action::List;
use crate::policy::{Grantee, Kind, Step};
use crate::sql::{Ident, QualifiedName};

/// A role that has rights on the table, and not on what its fence asks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Unreadable {
    /// The role.
    pub role: Grantee,
    /// The schema of the table that is asked.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
    /// The columns that it may not read.
    pub columns: Vec<Ident>,
}

impl Unreadable {
    /// As a row, with the statement that mends it.
    pub fn note(&self) -> Step {
        let table = QualifiedName { schema: self.schema.clone(), name: self.name.clone() };
        let columns: Vec<&Ident> = self.columns.iter().collect();
        let columns = List(&columns);
        let role = &self.role;
        let statement = format!("GRANT SELECT ({columns}) ON TABLE {table} TO {role}");
        let reason = format!(
            "{role} has rights on the table, but may not read {columns} of {table}, which its fence asks: every \
             statement of it will be refused"
        );
        Step::note(Kind::DarkRole, Some(statement), reason)
    }
}
