//! Why a table can't be adopted, or can't go on yet, and what to do.

use super::Phase;
use crate::policy::{Text, Unfit};
use crate::sql::{Ident, QualifiedName};

/// Why a table can't be adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAdoption {
    /// None, or several, of the sources.
    NotOneSource,
    /// It is no plain table, or hangs together with others by partitions or inheritance.
    NotPlain,
    /// It is fenced, and not by an adoption.
    Protected,
    /// It is adopted from another source.
    OtherSource(String),
    /// It has no such column.
    NoColumn(Ident),
    /// No legacy column was named.
    NoLegacy,
    /// The table computes the column, after the trigger that would read it.
    Computed(Ident),
    /// The org column is there and can't take what the source has.
    OrgType {
        /// The column.
        column: Ident,
        /// What it would have to be.
        wanted: String,
    },
    /// The org column has no NULLs to fill.
    NotNull(Ident),
    /// A DEFAULT says whose a row is that doesn't say it.
    Default(Ident),
    /// It would explain itself.
    Itself,
    /// The lookup keeps its keys hashed.
    Hashed(Ident),
    /// Several rows of the source can have the same key.
    Ambiguous {
        /// The table.
        source: QualifiedName,
        /// Its key.
        key: Ident,
    },
    /// The keys can't be compared.
    KeyType {
        /// The legacy column.
        legacy: Ident,
        /// The source's table.
        source: QualifiedName,
        /// Its key.
        key: Ident,
    },
    /// The owner hasn't the rights of the source's.
    Owners {
        /// The source's table.
        source: QualifiedName,
    },
    /// No foreign key leads from the column to the parent.
    NoForeignKey {
        /// The column.
        legacy: Ident,
        /// The parent.
        parent: QualifiedName,
        /// Its key.
        key: String,
    },
    /// The parent has no org column, or one that isn't its own.
    NoParentOrg(QualifiedName),
    /// The expression can't tell of a row.
    Expression {
        /// As it was given.
        expression: String,
        /// Why.
        why: Unfit,
    },
    /// The constant is no value of the column's type.
    Constant {
        /// As it was given.
        constant: String,
        /// The type.
        type_name: String,
    },
}

impl NoAdoption {
    /// The SQLSTATE: 22023 for a call that can't be, OS009 for a table that can't.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::NotOneSource | Self::NoLegacy => "22023",
            Self::Constant { .. } => "OS004",
            _ => "OS009",
        }
    }

    /// What the user reads.
    pub fn message(&self, table: &QualifiedName) -> String {
        let why = match self {
            Self::NotOneSource => {
                return "exactly one of lookup, parent, expression and constant must tell of the organization".into();
            }
            Self::NoLegacy => return "a lookup, or a parent, is asked by a legacy_column".into(),
            Self::NotPlain => "is partitioned, a partition, or hands columns down".into(),
            Self::Protected => "is protected already".into(),
            Self::OtherSource(source) => format!("is being adopted by {source}"),
            Self::NoColumn(column) => format!("has no column {column}"),
            Self::Computed(column) => format!("computes column {column} itself"),
            Self::OrgType { column, wanted } => {
                format!("has an org column {column} that can't be a {wanted}")
            }
            Self::NotNull(column) => format!("has no row whose {column} is unknown"),
            Self::Default(column) => {
                format!("has a DEFAULT of {column}, which would contradict what tells of the organization")
            }
            Self::Itself => "can't tell of itself".into(),
            Self::Hashed(lookup) => format!("can't ask lookup {lookup}, whose keys are hashed"),
            Self::Ambiguous { source, key } => {
                format!("can't ask {source}, as several rows of it could have the same {key}")
            }
            Self::KeyType { legacy, source, key } => {
                format!("can't ask {source}, as {legacy} can't be compared with its {key}")
            }
            Self::Owners { source } => {
                format!("can't ask {source}, as its owner has not the rights of that table's")
            }
            Self::NoForeignKey { legacy, parent, .. } => {
                format!("has no foreign key from {legacy} alone to {parent}")
            }
            Self::NoParentOrg(parent) => format!("can't ask {parent}, which has no org column of its own"),
            Self::Expression { expression, why } => {
                format!("can't go by expression {expression}: it {}", why.message())
            }
            Self::Constant { constant, type_name } => {
                format!("can't be {constant}'s, which is no {type_name}")
            }
        };
        format!("{table} {why}")
    }

    /// What to do instead.
    pub fn hint(&self, table: &QualifiedName) -> Option<String> {
        let target = Text(&table.to_string()).to_string();
        Some(match self {
            Self::NotOneSource | Self::NoLegacy => {
                format!("CALL org_scope.adopt({target}, 'org_id', lookup => '...', legacy_column => '...');")
            }
            Self::Protected => format!("SELECT * FROM org_scope.unprotect({target});"),
            Self::OtherSource(_) => format!("CALL org_scope.abandon({target});"),
            Self::NotNull(column) => {
                format!("SELECT * FROM org_scope.protect({target}, {});", Text(column.raw()))
            }
            Self::Default(column) => format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT;"),
            Self::Ambiguous { source, key } => format!("ALTER TABLE {source} ADD UNIQUE ({key});"),
            Self::NoForeignKey { legacy, parent, key } => {
                format!(
                    "ALTER TABLE {table} ADD FOREIGN KEY ({legacy}) REFERENCES {parent} ({key}) NOT VALID;"
                )
            }
            Self::NoParentOrg(parent) => {
                format!("CALL org_scope.adopt({}, '...');", Text(&parent.to_string()))
            }
            Self::OrgType { wanted, column } => {
                format!("CALL org_scope.adopt({target}, {}, org_type => '{wanted}');", Text(column.raw()))
            }
            _ => return None,
        })
    }
}

/// Why an adoption can't go on yet (OS010).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotYet {
    /// The table isn't being adopted.
    NotAdopted,
    /// Nothing of the transition is left.
    Finished,
    /// What tells of its organization is gone, or altered.
    SourceGone(&'static str),
    /// The table that tells of its organization hasn't come so far.
    SourceFirst {
        /// That table.
        source: QualifiedName,
        /// How far it has come.
        phase: Phase,
    },
    /// An index must be there first.
    IndexFirst(Vec<String>),
    /// Rows name another organization than what tells of them does.
    Contradicting(i64),
    /// Rows have no organization, and could have one.
    Unfilled(i64),
    /// Nothing tells of rows without an organization.
    Unresolved(i64),
    /// A batch changed fewer rows than it had locked.
    Short {
        /// Rows that it had locked and that are explained.
        locked: u64,
        /// Rows that it changed.
        changed: u64,
    },
}

impl NotYet {
    /// The SQLSTATE.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            // triggered_action_exception
            Self::Short { .. } => "09000",
            _ => "OS010",
        }
    }

    /// What the user reads.
    pub fn message(&self, table: &QualifiedName) -> String {
        match self {
            Self::NotAdopted => format!("{table} is not being adopted"),
            Self::Finished => format!("the adoption of {table} is finished"),
            Self::SourceGone(why) => {
                format!("what tells of the organization of {table} is gone or altered: {why}")
            }
            Self::SourceFirst { source, phase } => {
                format!("{source}, which tells of the organization of {table}, is still {}", phase.word())
            }
            Self::IndexFirst(_) => format!("an index of {table} isn't there yet"),
            Self::Contradicting(rows) => {
                format!("{} of {table} name another organization than what tells of them", several(*rows))
            }
            Self::Unfilled(rows) => format!("{} of {table} have no organization yet", several(*rows)),
            Self::Unresolved(rows) => {
                format!("nothing tells of the organization of {} of {table}", several(*rows))
            }
            Self::Short { locked, changed } => {
                format!("of {locked} rows of {table} that were locked to be filled, {changed} were changed")
            }
        }
    }

    /// Why that is in the way.
    pub fn detail(&self) -> Option<&'static str> {
        Some(match self {
            Self::SourceFirst { .. } => {
                "Every row of it must have an organization before others are fenced by it."
            }
            Self::IndexFirst(_) => "Without it each statement under the fence reads the whole table.",
            Self::Contradicting(_) => "A key was handed to another organization after its rows were filled.",
            Self::Unresolved(_) => "No session would ever see them.",
            Self::Short { .. } => {
                "A trigger of the table's own swallowed the rest. The batch was rolled back."
            }
            _ => return None,
        })
    }

    /// What to do.
    pub fn hint(&self, table: &QualifiedName) -> Option<String> {
        let target = Text(&table.to_string()).to_string();
        Some(match self {
            Self::NotAdopted | Self::SourceGone(_) => format!("CALL org_scope.adopt({target}, '...');"),
            Self::Finished => return None,
            Self::SourceFirst { source, .. } => {
                format!("CALL org_scope.advance({});", Text(&source.to_string()))
            }
            Self::IndexFirst(statements) => {
                statements.iter().map(|s| format!("{s};")).collect::<Vec<_>>().join(" ")
            }
            Self::Contradicting(_) | Self::Unfilled(_) => format!("CALL org_scope.backfill({target});"),
            Self::Unresolved(_) => format!("SELECT * FROM org_scope.unresolved({target});"),
            Self::Short { .. } => format!("CALL org_scope.backfill({target}, skip_triggers => true);"),
        })
    }
}

fn several(rows: i64) -> String {
    if rows == 1 { "1 row".into() } else { format!("{rows} rows") }
}
