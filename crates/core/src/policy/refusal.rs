//! Why a table can't be protected, and what to do instead.

use super::action::{List, Text};
use super::{Actor, Compared, FENCE, Facts, Reading, Source, family};
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
        root: Box<QualifiedName>,
        /// What was asked for.
        wanted: Source,
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
        parent: Box<QualifiedName>,
        /// What was asked for.
        wanted: Source,
    },
    /// Its organization comes from a parent, and rows without one are to be shared.
    SharedThrough,
    /// Rows without an organization are some organization's already, and are to be shared.
    SharedAdopted,
    /// It has a fence on other columns.
    FencedOn {
        /// Those columns.
        columns: Vec<Ident>,
        /// What was asked for.
        wanted: Source,
        /// The table that protect is called for.
        whole: Box<QualifiedName>,
    },
    /// The column can't say who acts.
    UnsupportedActor {
        /// The column.
        column: Ident,
        /// Its type.
        type_name: String,
    },
    /// The expression can't be a fence's.
    Expression {
        /// The expression as it was given.
        expression: String,
        /// Why.
        why: Unfit,
    },
}

/// Why an expression can't say whose a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It is more, or less, than one expression.
    NotOne,
    /// It gives another type than was said.
    Type(String),
    /// No reader has that type.
    UnsupportedType,
    /// It asks other tables.
    SubSelect,
    /// It may give something else for the same row.
    Volatile,
    /// It calls what a user can replace.
    UserDefined,
    /// It names no column.
    Constant,
    /// It compares by other rules than bytes.
    Collation,
    /// It raises for a row that is there.
    Raises(String),
}

impl Unfit {
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NotOne => "isn't one expression".into(),
            Self::Type(found) => format!("has the type {found}"),
            Self::UnsupportedType => "has an unsupported type".into(),
            Self::SubSelect => "asks other tables".into(),
            Self::Volatile => "may give something else for the same row".into(),
            Self::UserDefined => "calls a function or operator that users can replace".into(),
            Self::Constant => "names no column of the table".into(),
            Self::Collation => "has a collation of its own".into(),
            Self::Raises(message) => format!("raises an error for a row of the table: {message}"),
        }
    }
}

impl Refusal {
    /// Whether, and how, the column asked for can carry a fence.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check(facts: &Facts, wanted: &Source) -> Result<Compared, Self> {
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
        let org = Compared::of(facts, wanted)?;
        if let Some((schema, name)) = facts.open_parents.first() {
            return Err(Self::OpenParent {
                parent: Box::new(QualifiedName { schema: schema.clone(), name: name.clone() }),
                wanted: wanted.clone(),
            });
        }
        let Some(fence) = facts.policy(FENCE) else { return Ok(org) };
        let columns = fence.columns.clone();
        let moves = match wanted {
            Source::Column(column) => {
                // A fence of the transition names what tells of the organization too.
                !columns.is_empty() && !columns.contains(column)
                    || Reading::read_back(facts).is_some()
                    || facts.adopts && facts.has_other_source(&org)
            }
            // What is compared would change under the users of the table, so they say so themselves.
            Source::Expression(_) => facts.has_other_source(&org),
            Source::Parent(wanted) => {
                let same = Reading::read_back(facts).is_some_and(|r| r.is_by_the_same_key(wanted));
                !same && facts.has_other_source(&org)
            }
        };
        if moves {
            Err(Self::FencedOn { columns, wanted: wanted.clone(), whole: Box::new(facts.whole()) })
        } else {
            Ok(org)
        }
    }

    /// Whether the column can be stamped.
    ///
    /// # Errors
    /// The first reason against it.
    pub(super) fn check_actor(facts: &Facts, actor: Actor) -> Result<Actor, Self> {
        let column = facts.actor.as_ref().filter(|c| c.name == actor.column);
        let column = column.ok_or_else(|| Self::MissingColumn(actor.column.clone()))?;
        if column.generated
            || column.identity
            || family::of_type(&column.base_type).is_none()
            || column.is_domain
        {
            let type_name = column.type_name.clone();
            return Err(Self::UnsupportedActor { column: actor.column, type_name });
        }
        Ok(actor)
    }

    /// Why protect can't be called for this table alone.
    pub fn alone(facts: &Facts, wanted: &Source) -> Option<Self> {
        facts.is_partition.then(|| Self::Partition { root: Box::new(facts.whole()), wanted: wanted.clone() })
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
            Self::SharedThrough => "gets its organization from a parent".into(),
            Self::SharedAdopted => "is being adopted".into(),
            Self::UnsupportedActor { column, type_name } => {
                format!("can't be stamped in column {column} of type {type_name}")
            }
            Self::Expression { expression, why } => {
                format!("has no organization in ({expression}), which {}", why.message())
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
            Self::UnsupportedActor { .. } => {
                "A column that says who acts is text, varchar, uuid, bigint, integer or smallint, and not generated."
            }
            Self::Expression { why, .. } => match why {
                Unfit::Type(_) | Unfit::UnsupportedType => {
                    "An organization is text, uuid, bigint, integer or smallint."
                }
                Unfit::NotOne => return None,
                Unfit::SubSelect => "A row's organization must follow from the row alone.",
                Unfit::Volatile => {
                    "What depends on settings or on the time can't be indexed, and changes whose a row is."
                }
                Unfit::UserDefined => "Whoever replaces it would decide whose a row is.",
                Unfit::Constant => "Every row would be of the same organization.",
                Unfit::Collation => "Organizations are compared by their bytes.",
                Unfit::Raises(_) => "One such row would close the table to every organization.",
            },
            Self::SharedThrough => "Rows without one have no parent, and can't be shared for that.",
            Self::SharedAdopted => "Rows without one are those that have none yet, and are somebody's.",
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
            Self::Partition { root, wanted } => call("protect", root, wanted.column()),
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
            Self::OpenParent { parent, wanted } => call("protect", parent, wanted.column()),
            Self::FencedOn { wanted: Source::Column(column), whole, .. } => {
                format!("{} {}", call("unprotect", table, None), call("protect", whole, Some(column)))
            }
            Self::FencedOn { .. } => call("unprotect", table, None),
            Self::SharedThrough | Self::SharedAdopted => {
                format!(
                    "SELECT * FROM org_scope.protect({}, shared_rows => false);",
                    Text(&table.to_string())
                )
            }
            Self::UnsupportedActor { column, .. } => retype(column, &format!("text USING {column}::text")),
            Self::Expression { why: Unfit::SubSelect, .. } => {
                format!("SELECT * FROM org_scope.protect_through({}, ...);", Text(&table.to_string()))
            }
            Self::Expression { .. } => format!(
                "SELECT * FROM org_scope.protect_expression({}, '...', 'text');",
                Text(&table.to_string())
            ),
        })
    }
}
