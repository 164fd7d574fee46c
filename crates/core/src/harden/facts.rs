//! What the catalog says about keys and their tables, in the form in which the catalog queries answer (JSON).

use std::fmt;

use serde::Deserialize;

use crate::policy::{Column, Compared};
use crate::sql::{Ident, QualifiedName};

/// One table that a key leads from or to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Table {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
    /// `relkind`.
    pub kind: char,
    /// Its owner.
    pub owner: Ident,
    /// Whether the current user has the owner's rights.
    pub owned: bool,
    /// Whether the current user has CREATE on the schema, which CREATE INDEX asks for.
    pub may_create_index: bool,
    /// Whether it has a policy of the fence's name.
    pub fenced: bool,
    /// The one column that the fence stands on.
    pub column: Option<Column>,
    /// Whether rows of no organization can be read by all.
    pub shared: bool,
    /// What the fence checks of a new row, as the server prints it.
    pub check: Option<String>,
    /// Its unique and exclusion indexes.
    pub uniques: Vec<UniqueKey>,
}

/// One unique or exclusion index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UniqueKey {
    /// The index's OID.
    pub oid: u32,
    /// The name of the index and of its constraint.
    pub name: Ident,
    /// What it compares; none stands for an expression.
    pub columns: Vec<Option<Ident>>,
    /// Neither expressions nor a predicate.
    pub plain: bool,
    /// Valid, ready and live.
    pub valid: bool,
    /// Checked at once, as a foreign key needs it.
    pub immediate: bool,
    /// A primary key.
    pub primary: bool,
    /// An exclusion constraint.
    pub exclusion: bool,
    /// Whether it belongs to a constraint.
    pub constraint: bool,
    /// Whether its constraint is DEFERRABLE.
    pub deferrable: bool,
    /// Whether its constraint is INITIALLY DEFERRED.
    pub deferred: bool,
    /// What the server prints behind `USING btree (`; none where it prints something else.
    pub definition: Option<String>,
    /// Whether a column of it gets its values from the application: no DEFAULT, no identity.
    pub given: bool,
    /// Whether it is the table's replica identity.
    pub replica_identity: bool,
    /// Whether it belongs to the index of a partitioned table.
    pub part: bool,
    /// Foreign keys that lead to it: OID, name, and the table's schema and name.
    pub used_by: Vec<(u32, Ident, Ident, Ident)>,
    /// The comment on the constraint or the index.
    pub comment: Option<String>,
}

/// One foreign key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ForeignKey {
    /// The constraint's OID.
    pub oid: u32,
    /// Its name.
    pub name: Ident,
    /// The table that it leads from.
    pub table: u32,
    /// The table that it leads to.
    pub parent: u32,
    /// The referencing columns.
    pub columns: Vec<Ident>,
    /// The referenced columns, in the same order.
    pub parent_columns: Vec<Ident>,
    /// The operators that compare a referenced column with its referencing one.
    pub operators: Vec<Operator>,
    /// `confmatchtype`: `s` or `f`.
    pub match_type: char,
    /// `confupdtype`.
    pub on_update: char,
    /// `confdeltype`.
    pub on_delete: char,
    /// The columns that ON DELETE SET sets, where they are listed.
    pub set_columns: Vec<Ident>,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// Whether the rows that stand already were checked.
    pub validated: bool,
    /// The table above whose key it belongs to, where that is partitioned.
    pub part_of: Option<QualifiedName>,
    /// Whether it is enforced (18).
    pub enforced: bool,
    /// Whether it compares periods (18).
    pub temporal: bool,
    /// Whether a referencing column may be NULL.
    pub nullable: bool,
    /// Whether the table's owner has the rights of the parent's.
    pub same_rights: bool,
    /// Whether the table's owner may read both tables.
    pub readable: bool,
    /// Its COMMENT.
    pub comment: Option<String>,
}

/// An operator with its schema.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "(Ident, String)")]
pub struct Operator {
    schema: Ident,
    name: String,
}

impl From<(Ident, String)> for Operator {
    fn from((schema, name): (Ident, String)) -> Self {
        // The server lets no operator have other characters, and they are all that may stand in a statement.
        let name = name.chars().filter(|c| "+-*/<>=~!@#%^&|`?".contains(*c)).collect();
        Self { schema, name }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OPERATOR({}.{})", self.schema, self.name)
    }
}

/// The tables around one table, and the foreign keys from and to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The tables.
    pub tables: Vec<Table>,
    /// The keys.
    pub keys: Vec<ForeignKey>,
}

impl Facts {
    /// The table of that OID.
    pub fn table(&self, oid: u32) -> Option<&Table> {
        self.tables.iter().find(|t| t.oid == oid)
    }
}

impl Table {
    /// Its qualified name.
    pub fn name(&self) -> QualifiedName {
        QualifiedName { schema: self.schema.clone(), name: self.name.clone() }
    }

    /// The org column: none where the fence compares anything else than a bare column.
    pub fn org(&self) -> Option<&Column> {
        let column = self.column.as_ref()?;
        let own = Compared::column(column).ok()?.own();
        (self.check.as_deref() == Some(&own.printed)).then_some(column)
    }

    /// Whether it is partitioned.
    pub fn is_partitioned(&self) -> bool {
        self.kind == 'p'
    }
}

impl UniqueKey {
    /// Whether it compares exactly these columns of every row, in any order.
    pub fn is_on(&self, columns: &[&Ident]) -> bool {
        self.plain
            && !self.exclusion
            && self.columns.len() == columns.len()
            && columns.iter().all(|c| self.includes(c))
    }

    /// Whether it compares the column.
    pub fn includes(&self, column: &Ident) -> bool {
        self.columns.iter().any(|c| c.as_ref() == Some(column))
    }
}

impl ForeignKey {
    /// The pairs of columns that it compares.
    pub fn pairs(&self) -> impl Iterator<Item = (&Ident, &Ident)> {
        self.columns.iter().zip(&self.parent_columns)
    }

    /// Whether it compares the org columns of both tables with each other.
    pub fn includes_org(&self, own: &Ident, parents: &Ident) -> bool {
        self.pairs().any(|pair| pair == (own, parents))
    }

    /// The columns that ON DELETE SET sets.
    pub fn columns_to_set(&self) -> &[Ident] {
        if self.set_columns.is_empty() { &self.columns } else { &self.set_columns }
    }

    /// Whether deleting the parent's row sets columns.
    pub fn sets_on_delete(&self) -> bool {
        matches!(self.on_delete, 'n' | 'd')
    }
}
