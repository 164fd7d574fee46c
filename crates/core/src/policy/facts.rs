//! What the catalog says about one table, in the form in which the catalog query answers (JSON).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Actor, Clause, Compared, CopyFacts, FENCE, Memory, MissingUser, Part, Reading, part, reading};
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
    /// The topmost table that it is a partition of.
    pub root: Option<(Ident, Ident)>,
    /// OIDs of the tables that it is a partition of, or inherits from, itself.
    pub parents: Vec<u32>,
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
    /// The project column: the one asked for, else the one that the project's policy stands on.
    pub project: Option<Column>,
    /// The actor column: the one asked for, else the one that its trigger is for.
    pub actor: Option<Column>,
    /// All policies.
    pub policies: Vec<Policy>,
    /// Indexes led by the org column or by an expression, and those that carry our comment.
    pub indexes: Vec<Index>,
    /// The TRUNCATE guard, or what has its name.
    pub guard: Option<Guard>,
    /// The trigger that stamps the actor, or what has its name.
    pub stamp: Option<Stamp>,
    /// All tables above it, as partitions or by inheritance, that have no fence.
    pub open_parents: Vec<(Ident, Ident)>,
    /// All tables above it that have one.
    pub fenced_parents: Vec<(Ident, Ident)>,
    /// Partitions and inheritance children without a fence.
    pub open_children: Vec<(Ident, Ident)>,
    /// The name of the copy view that stands.
    pub copy_view: Option<Ident>,
    /// What that is made from, where it was asked for or stands.
    #[serde(skip)]
    pub copy: Option<CopyFacts>,
    /// What ties it to a parent from which its organization comes.
    pub through: Option<Through>,
    /// Whether a trigger of an adoption fills its org column.
    pub adopts: bool,
    /// What else is the current organization's, where the adoption has not come so far that every row has one.
    #[serde(skip)]
    pub fallback: Option<Clause>,
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
    /// USING as the server prints it, on one line.
    #[serde(deserialize_with = "on_one_line")]
    pub using: Option<String>,
    /// WITH CHECK in the same way.
    #[serde(deserialize_with = "on_one_line")]
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
    /// Whether, once valid, it finds all rows of what leads it: btree, no predicate, the server's order.
    pub plain: bool,
    /// What leads it, on one line; none where that is the org column.
    #[serde(deserialize_with = "on_one_line")]
    pub leading: Option<String>,
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

/// The trigger that stamps the actor.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stamp {
    /// `tgenabled`.
    pub enabled: char,
    /// Whether it calls our function before every INSERT, and every UPDATE of one column.
    pub right: bool,
    /// That column.
    pub column: Option<Ident>,
    /// Its argument: what becomes of a row without a user.
    pub missing: Option<String>,
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

impl Index {
    /// Whether, once valid, it finds an organization's rows.
    pub fn serves(&self, org: &Compared) -> bool {
        self.plain
            && match &self.leading {
                None => org.is_led_by_column(),
                Some(leading) => {
                    let printed = org.printed();
                    *leading == printed || *leading == format!("({printed})")
                }
            }
    }
}

fn on_one_line<'de, D: Deserializer<'de>>(printed: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(printed)?.map(|printed| reading::on_one_line(&printed)))
}

impl Facts {
    /// The table's qualified name.
    pub fn table(&self) -> QualifiedName {
        QualifiedName { schema: self.schema.clone(), name: self.name.clone() }
    }

    /// Whether all its rows are its partitions'.
    pub fn is_partitioned(&self) -> bool {
        self.kind == 'p'
    }

    /// The table that protect is called for: of a partition, the topmost parent.
    pub fn whole(&self) -> QualifiedName {
        match &self.root {
            Some((schema, name)) => QualifiedName { schema: schema.clone(), name: name.clone() },
            None => self.table(),
        }
    }

    /// The tables above it that have a fence.
    pub fn fenced_above(&self) -> impl Iterator<Item = QualifiedName> {
        let above = self.fenced_parents.iter();
        above.map(|(schema, name)| QualifiedName { schema: schema.clone(), name: name.clone() })
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
        self.policies.iter().filter(|p| !part::is_ours(p.name.raw()))
    }

    /// Whether rows may still be without an organization that an adoption will give them.
    pub fn is_in_transition(&self) -> bool {
        self.adopts && self.column.as_ref().is_some_and(|column| !column.not_null)
    }

    /// Whether a policy of this part stands.
    pub fn has(&self, part: Part) -> bool {
        self.policy(part.name()).is_some()
    }

    /// Whether anything of ours stands.
    pub fn has_remains(&self) -> bool {
        self.guard.is_some()
            || self.stamp.is_some()
            || self.copy_view.is_some()
            || self.policies.iter().any(|p| part::is_ours(p.name.raw()))
    }

    /// The indexes that find an organization's rows, once they are valid.
    pub fn serving(&self, org: &Compared) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(move |index| index.serves(org))
    }

    /// Whether the fence that stands compares something else, as far as its conditions tell.
    pub(super) fn has_other_source(&self, org: &Compared) -> bool {
        let checks =
            [Part::Fence, Part::Gate].map(|part| self.policy(part.name()).and_then(|p| p.check.as_deref()));
        let own = org.own_new().printed;
        let same = checks.iter().flatten().any(|check| **check == own);
        let reads = |check| Compared::read_back(check).is_some();
        !same && (checks.into_iter().flatten().any(reads) || Reading::read_back(self).is_some())
    }

    /// The columns that only the fence's comment names, as what stood on them is gone: facts tell of them
    /// when they are asked for by name.
    pub fn forgotten(&self) -> (Option<Ident>, Option<Ident>) {
        let project = if self.project.is_none() { self.standing_project() } else { None };
        let actor = if self.actor.is_none() { self.standing_actor() } else { None };
        (project, actor.map(|actor| actor.column))
    }

    /// The project column that stands, by its policy or else by what the fence's comment says.
    pub fn standing_project(&self) -> Option<Ident> {
        let by_policy = self.policy(Part::Project.name()).and_then(|p| p.columns.first().cloned());
        by_policy.or_else(|| self.memory()?.project)
    }

    /// Who is stamped, by the trigger or else by what the fence's comment says.
    pub fn standing_actor(&self) -> Option<Actor> {
        let by_trigger = self.stamp.as_ref().and_then(|stamp| {
            let missing = stamp.missing.as_deref().and_then(MissingUser::from_word)?;
            Some(Actor { column: stamp.column.clone()?, missing })
        });
        by_trigger.or_else(|| {
            let told = self.memory()?.actor?;
            // A partitioned table has no such trigger, and the column's name from its partitions'.
            let name = self.actor.as_ref().filter(|_| self.is_partitioned()).map(|c| c.name.clone());
            Some(Actor { column: name.unwrap_or(told.column), missing: told.missing })
        })
    }

    /// Whether rows of nobody are shared, by the policies or by what the fence's comment says.
    pub fn standing_shared(&self) -> bool {
        let parts = [Part::UpdateFence, Part::DeleteFence, Part::SharedGate];
        parts.into_iter().any(|part| self.has(part)) || self.memory().is_some_and(|m| m.shared)
    }
}
