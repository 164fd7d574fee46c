//! Why a table can't be protected, and what to do instead.

use super::action::{List, Text};
use super::{Column, Facts, OrgKey};
use crate::policy::FENCE;
use crate::sql::{Ident, QualifiedName};

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is a view.
    View,
    /// It is a materialized view.
    MaterializedView,
    /// It is a foreign table.
    ForeignTable,
    /// It is something else that has no rows of its own.
    NotATable,
    /// It is a partition.
    Partition {
        /// The topmost table that it is a partition of.
        root: QualifiedName,
        /// The column asked for.
        column: Ident,
    },
    /// It has partitions that are foreign tables: where they hang, and what they are called.
    ForeignPartitions(Vec<(QualifiedName, QualifiedName)>),
    /// It belongs to the server.
    System,
    /// It belongs to an extension.
    OfExtension(Ident),
    /// It is another session's temporary table.
    OtherTemporary,
    /// It has no such column.
    MissingColumn(Ident),
    /// The column is `char(n)`.
    CharN {
        /// The column.
        column: Ident,
        /// Its type.
        type_name: String,
    },
    /// The column is `citext`.
    Citext {
        /// The column.
        column: Ident,
    },
    /// Texts that differ are equal under the column's collation.
    Nondeterministic {
        /// The column.
        column: Ident,
    },
    /// No reader has that type.
    UnsupportedType {
        /// The column.
        column: Ident,
        /// Its type.
        type_name: String,
    },
    /// It inherits from a table without a fence.
    OpenParent {
        /// That table.
        parent: QualifiedName,
        /// The column asked for.
        column: Ident,
    },
    /// It has a fence on other columns.
    FencedOn {
        /// Those columns.
        columns: Vec<Ident>,
        /// The column asked for.
        column: Ident,
        /// The table that protect is called for.
        whole: QualifiedName,
    },
}

impl Refusal {
    /// Whether, and how, the column asked for can carry a fence.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check<'f>(facts: &'f Facts, wanted: &Ident) -> Result<(&'f Column, OrgKey), Self> {
        if facts.system {
            return Err(Self::System);
        }
        match facts.kind {
            'r' | 'p' => {}
            'v' => return Err(Self::View),
            'm' => return Err(Self::MaterializedView),
            'f' => return Err(Self::ForeignTable),
            _ => return Err(Self::NotATable),
        }
        if let Some(extension) = &facts.extension {
            return Err(Self::OfExtension(extension.clone()));
        }
        if facts.other_temp {
            return Err(Self::OtherTemporary);
        }
        let Some(column) = facts.column.as_ref().filter(|c| c.name == *wanted) else {
            return Err(Self::MissingColumn(wanted.clone()));
        };
        let key = OrgKey::of(column)?;
        if let Some((schema, name)) = facts.open_parents.first() {
            return Err(Self::OpenParent {
                parent: QualifiedName { schema: schema.clone(), name: name.clone() },
                column: wanted.clone(),
            });
        }
        match facts.policy(FENCE) {
            Some(fence) if !fence.columns.is_empty() && !fence.columns.contains(wanted) => {
                Err(Self::FencedOn {
                    columns: fence.columns.clone(),
                    column: wanted.clone(),
                    whole: facts.whole(),
                })
            }
            _ => Ok((column, key)),
        }
    }

    /// Why protect can't be called for this table alone.
    pub fn alone(facts: &Facts, wanted: &Ident) -> Option<Self> {
        facts.is_partition.then(|| Self::Partition { root: facts.whole(), column: wanted.clone() })
    }

    /// What the user reads after the table's name.
    pub fn message(&self) -> String {
        match self {
            Self::View => "is a view".into(),
            Self::MaterializedView => "is a materialized view".into(),
            Self::ForeignTable => "is a foreign table".into(),
            Self::NotATable => "is not a table".into(),
            Self::Partition { root, .. } => format!("is a partition of {root}"),
            Self::ForeignPartitions(partitions) => {
                let names: Vec<&QualifiedName> = partitions.iter().map(|(_, name)| name).collect();
                format!("has partitions that are foreign tables: {}", List(&names))
            }
            Self::System => "is a system table".into(),
            Self::OfExtension(extension) => format!("belongs to extension {extension}"),
            Self::OtherTemporary => "is a temporary table of another session".into(),
            Self::MissingColumn(column) => format!("has no column {column}"),
            Self::CharN { column, type_name } => format!("has the type {type_name} in column {column}"),
            Self::Citext { column } => format!("has the type citext in column {column}"),
            Self::Nondeterministic { column } => {
                format!("has a nondeterministic collation on column {column}")
            }
            Self::UnsupportedType { column, type_name } => {
                format!("has the unsupported type {type_name} in column {column}")
            }
            Self::OpenParent { parent, .. } => format!("inherits from {parent}, which is not protected"),
            Self::FencedOn { columns, .. } => {
                let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                format!("is already protected by column {}", columns.join(", "))
            }
        }
    }

    /// Why that is in the way.
    pub fn detail(&self) -> Option<&'static str> {
        Some(match self {
            Self::View => "A view has no row security of its own; it shows what its tables show.",
            Self::MaterializedView => {
                "A materialized view is a copy of rows, which row security can't fence."
            }
            Self::ForeignTable | Self::ForeignPartitions(_) => {
                "Row security doesn't reach the rows of another server."
            }
            Self::Partition { .. } => {
                "A partition is reachable by its own name and by its parents', so one fence stands on all of them."
            }
            Self::CharN { .. } => "Values of char(n) that differ in trailing spaces are equal.",
            Self::Citext { .. } => "Values of citext that differ in case are equal.",
            Self::Nondeterministic { .. } => "Values that differ can be equal under such a collation.",
            Self::UnsupportedType { .. } => {
                "An org column is uuid, text, varchar, bigint, integer, smallint, or a domain over one of these."
            }
            Self::OpenParent { .. } => {
                "A query of the parent reads the rows of its children without their fence."
            }
            _ => return None,
        })
    }

    /// What to do instead: statements where some do it.
    pub fn hint(&self, table: &QualifiedName) -> Option<String> {
        let retype =
            |column: &Ident, to: &str| format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {to};");
        let call = |function: &str, table: &QualifiedName, column: Option<&Ident>| {
            let table = table.to_string();
            let column = column.map(|c| format!(", {}", Text(c.raw()))).unwrap_or_default();
            format!("SELECT * FROM org_scope.{function}({}{column});", Text(&table))
        };
        Some(match self {
            Self::View => format!("ALTER VIEW {table} SET (security_invoker = true);"),
            Self::MaterializedView => "Use a view with security_invoker = true over protected tables.".into(),
            Self::ForeignTable => "Protect the table on its own server.".into(),
            Self::OtherTemporary | Self::System | Self::NotATable | Self::OfExtension(_) => {
                "Protect the tables that hold your organizations' rows.".into()
            }
            Self::Partition { root, column } => call("protect", root, Some(column)),
            Self::ForeignPartitions(partitions) => {
                let detach = |(parent, name): &(QualifiedName, QualifiedName)| {
                    format!("ALTER TABLE {parent} DETACH PARTITION {name};")
                };
                partitions.iter().map(detach).collect::<Vec<_>>().join(" ")
            }
            Self::MissingColumn(_) => {
                format!("SELECT * FROM org_scope.plan({}, org_column => '...');", Text(&table.to_string()))
            }
            Self::CharN { column, .. } | Self::Citext { column } => retype(column, "text"),
            Self::Nondeterministic { column } => retype(column, "text COLLATE pg_catalog.\"default\""),
            Self::UnsupportedType { column, .. } => retype(column, &format!("text USING {column}::text")),
            Self::OpenParent { parent, column } => call("protect", parent, Some(column)),
            Self::FencedOn { column, whole, .. } => {
                format!("{} {}", call("unprotect", table, None), call("protect", whole, Some(column)))
            }
        })
    }
}
