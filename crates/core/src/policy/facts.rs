//! What the catalog says about one table, in the form in which the catalog query answers (JSON).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{FENCE, GATE, Memory};
use crate::sql::{Ident, QualifiedName};

/// One table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Facts {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
    /// `relkind`.
    pub kind: char,
    /// Whether it is a partition.
    pub is_partition: bool,
    /// Whether it is another session's temporary table.
    pub other_temp: bool,
    /// Whether it belongs to the server itself.
    pub system: bool,
    /// The extension that it belongs to.
    pub extension: Option<Ident>,
    /// Its owner.
    pub owner: Ident,
    /// Whether the current user has the owner's rights.
    pub owned: bool,
    /// `relrowsecurity`.
    pub row_security: bool,
    /// `relforcerowsecurity`.
    pub force: bool,
    /// Whether the current user has CREATE on the schema, which CREATE INDEX asks for.
    pub may_create_index: bool,
    /// The org column: the one asked for, else the one that the fence stands on.
    pub column: Option<Column>,
    /// All policies.
    pub policies: Vec<Policy>,
    /// Indexes led by the org column, and those that carry our comment.
    pub indexes: Vec<Index>,
    /// The trigger of our name.
    pub guard: Option<Guard>,
    /// Inheritance parents without a fence.
    pub open_parents: Vec<(Ident, Ident)>,
    /// Inheritance children without a fence.
    pub open_children: Vec<(Ident, Ident)>,
    /// What ties it to a parent from which its organization comes.
    pub through: Option<Through>,
}

/// Whether what protect_through brought stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Through {
    /// Whether all of it is there, checked and switched on.
    pub right: bool,
}

/// The org column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its name as the server itself quotes it when it prints an expression.
    pub quoted: String,
    /// Its type as the server prints it.
    pub type_name: String,
    /// Its type's OID.
    #[serde(rename = "type")]
    pub type_oid: u32,
    /// Schema and name of the type below all domains.
    pub base_type: (String, String),
    /// Whether its own type is a domain.
    pub is_domain: bool,
    /// Whether equal means the same bytes under its collation.
    pub deterministic: bool,
    /// `attnotnull`.
    pub not_null: bool,
    /// Whether the table computes it: GENERATED … STORED or VIRTUAL.
    pub generated: bool,
    /// Whether it is GENERATED … AS IDENTITY.
    pub identity: bool,
    /// Whether the table's owner may read it, as whom rows are counted.
    pub readable: bool,
    /// Its DEFAULT as the server prints it.
    pub default: Option<String>,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: Ident,
    /// PERMISSIVE or RESTRICTIVE.
    pub permissive: bool,
    /// `polcmd`: `*` for all commands.
    pub command: char,
    /// Whom it is for.
    pub roles: Vec<Grantee>,
    /// USING as the server prints it.
    pub using: Option<String>,
    /// WITH CHECK as the server prints it.
    pub check: Option<String>,
    /// Columns of its own table that it depends on.
    pub columns: Vec<Ident>,
    /// Its COMMENT.
    pub comment: Option<String>,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Index {
    /// Its name; the schema is the table's.
    pub name: Ident,
    /// Valid, ready and live.
    pub valid: bool,
    /// Whether, once valid, it finds an organization's rows: btree, the org column first, no predicate.
    pub serves: bool,
    /// Its COMMENT.
    pub comment: Option<String>,
}

/// The trigger of our name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Guard {
    /// `tgenabled`.
    pub enabled: char,
    /// Whether it calls our function BEFORE TRUNCATE, unconditionally.
    pub right: bool,
}

/// Whom a policy or a privilege is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grantee(
    /// The role; none stands for PUBLIC.
    pub Option<Ident>,
);

impl Grantee {
    /// Everyone.
    pub const PUBLIC: Self = Self(None);

    /// Takes a name of a roles argument, where `public` can only mean PUBLIC: the server lets no
    /// role have that name.
    pub fn from_name(name: Ident) -> Self {
        if name.raw() == "public" { Self::PUBLIC } else { Self(Some(name)) }
    }

    /// As the server's catalogs and arguments spell it.
    pub fn raw(&self) -> &str {
        self.0.as_ref().map_or("public", Ident::raw)
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(role) => role.fmt(f),
            None => f.write_str("PUBLIC"),
        }
    }
}

impl Facts {
    /// The table's qualified name.
    pub fn table(&self) -> QualifiedName {
        QualifiedName { schema: self.schema.clone(), name: self.name.clone() }
    }

    /// The policy of that name.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|p| p.name.raw() == name)
    }

    /// What the fence's comment remembers, if it still does.
    pub fn memory(&self) -> Option<Memory> {
        self.policy(FENCE)?.comment.as_deref().and_then(Memory::parse)
    }

    /// Policies that somebody else made.
    pub fn foreign_policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(|p| p.name.raw() != FENCE && p.name.raw() != GATE)
    }
}
