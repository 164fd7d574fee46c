//! Looks at what a source names, and whether it can tell of the table's rows.

use org_scope_core::Error;
use org_scope_core::adopt::{
    Constant, Explaining, Expression, NoAdoption, Source, SourceTable, Standing, Told, literal,
};
use org_scope_core::org::{OrgType, OrgValue};
use org_scope_core::policy::through::comparable;
use org_scope_core::policy::{Facts, Unfit, family_of_type};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::{Question, standing};
use crate::pg::{attempt, expression, lookup, relation};
use crate::policy::facts as tables;
use crate::policy::facts::Columns;
use crate::policy::through;

/// How an expression is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With bare columns, as users write it.
    Bare,
    /// With `new.` before each, as the trigger has it.
    OfNew,
}

/// The source, and the table that it asks.
///
/// # Errors
/// OS009 where it can't tell of the table's rows; OS010 for an unknown lookup.
pub(crate) fn resolve(
    table: Oid,
    standing: &Standing,
    told: &Told,
    org_type: &str,
    form: Form,
) -> Result<(Source, Option<SourceTable>), Error> {
    let Some(family) = family(org_type) else { return Err(Error::BadName) };
    let no = |why| Error::NoAdoption { table: standing.table(), why: Box::new(why) };
    match told {
        Told::Lookup { lookup, legacy } => {
            let known =
                lookup::of(lookup.raw()).ok_or_else(|| Error::NoSuchLookup { lookup: lookup.clone() })?;
            if known.key_hash.is_some() {
                return Err(no(NoAdoption::Hashed(lookup.clone())));
            }
            let name = |text: &str| Ident::new(text).map_err(|_| Error::BadName);
            let asked = Asked {
                table: known.table,
                key: name(&known.key_column)?,
                org: name(&known.org_column)?,
                legacy,
                org_type,
            };
            let (explaining, source) = asked.explaining(table).map_err(no)?;
            let explaining = Explaining {
                lookup: Some(lookup.clone()),
                condition: known.condition,
                is_user: known.user_column.is_some(),
                ..explaining
            };
            Ok((Source::Row(explaining), Some(source)))
        }
        Told::Parent { legacy } => {
            let parent = standing.legacy.as_ref().and_then(|legacy| legacy.parent.clone());
            let Some(parent) = parent else { return Err(no(NoAdoption::NoColumn(legacy.clone()))) };
            let oid = Oid::from_u32(parent.oid);
            let org = org_of(oid).map_err(no)?;
            let asked = Asked { table: oid, key: parent.key, org, legacy, org_type };
            let (explaining, source) = asked.explaining(table).map_err(no)?;
            Ok((Source::Row(explaining), Some(source)))
        }
        Told::Expression { text, legacy } => {
            let unfit = |why| no(NoAdoption::Expression { expression: text.clone(), why });
            let (read, found) = match form {
                Form::Bare => expression::adopting(table, text, None),
                // A trigger made by hand can say anything, and whoever looks at all tables must not trip over it.
                Form::OfNew => attempt::read(|| expression::adopting(table, text, Some(expression::ROW)))
                    .unwrap_or(Err(Unfit::NotOne)),
            }
            .map_err(unfit)?;
            if found != family {
                return Err(unfit(Unfit::Type(found.sql_name().to_owned())));
            }
            let columns = through::columns_of(table, read.columns.into_iter().collect());
            if let Some((generated, _)) = columns.iter().find(|(_, generated)| *generated) {
                return Err(no(NoAdoption::Computed(generated.clone())));
            }
            let columns = columns.into_iter().map(|(name, _)| name).collect();
            let legacy = legacy.clone();
            let source = Expression { of_new: read.of_alias, bare: read.bare, columns, legacy };
            Ok((Source::Expression(source), None))
        }
        Told::Constant { org, legacy } => {
            let value = OrgValue::parse(org).filter(|_| literal(org, family).is_some());
            let fits = value.is_some_and(|value| match family {
                OrgType::Text => true,
                OrgType::Uuid => value.uuid().is_ok(),
                OrgType::Bigint => value.bigint().is_ok_and(|value| match org_type {
                    "int2" => i16::try_from(value).is_ok(),
                    "int4" => i32::try_from(value).is_ok(),
                    _ => true,
                }),
            });
            if !fits {
                return Err(no(NoAdoption::Constant {
                    constant: org.clone(),
                    type_name: org_type.to_owned(),
                }));
            }
            let source = Constant { org: org.clone(), legacy: legacy.clone() };
            Ok((Source::Constant(source), None))
        }
    }
}

/// A table that is to be asked.
struct Asked<'a> {
    table: Oid,
    key: Ident,
    org: Ident,
    /// The column by which it is.
    legacy: &'a Ident,
    /// The type that the organization must have, as the catalog names it.
    org_type: &'a str,
}

/// The family of a type of the server's own.
pub(crate) fn family(type_name: &str) -> Option<OrgType> {
    family_of_type(&("pg_catalog".to_owned(), type_name.to_owned()))
}

/// The type as which values are stored.
fn stored(type_name: &str) -> &str {
    if type_name == "varchar" { "text" } else { type_name }
}

impl Asked<'_> {
    fn explaining(self, adopted: Oid) -> Result<(Explaining, SourceTable), NoAdoption> {
        let Self { table, key, org, legacy, org_type } = self;
        if table == adopted {
            return Err(NoAdoption::Itself);
        }
        let gone = || NoAdoption::NoColumn(legacy.clone());
        let facts = tables::read_bare(&[table], &Columns::of_org(Some(&org))).pop().ok_or_else(gone)?;
        let source = facts.table();
        let linked = through::linked(adopted, table, legacy, &key).ok_or_else(gone)?;
        let Some(own) = &linked.key else { return Err(NoAdoption::NoColumn(legacy.clone())) };
        if own.generated {
            return Err(NoAdoption::Computed(legacy.clone()));
        }
        if !linked.trusted {
            return Err(NoAdoption::Owners { source });
        }
        let wrong =
            || NoAdoption::KeyType { legacy: legacy.clone(), source: source.clone(), key: key.clone() };
        let theirs = linked.parent_key.as_ref().ok_or_else(wrong)?;
        let built_in =
            family_of_type(&theirs.base_type).is_some() && theirs.deterministic && own.deterministic;
        if !built_in || !comparable(own, theirs) {
            return Err(wrong());
        }
        if facts.kind != 'r' || !linked.parent_key_unique {
            return Err(NoAdoption::Ambiguous { source, key });
        }
        let column = facts.column.as_ref().ok_or_else(|| NoAdoption::NoParentOrg(source.clone()))?;
        if stored(&column.base_type.1) != stored(org_type) || family_of_type(&column.base_type).is_none() {
            return Err(NoAdoption::OrgType { column: org, wanted: column.type_name.clone() });
        }
        let explaining = Explaining {
            lookup: None,
            table: source,
            key,
            org,
            condition: None,
            legacy: legacy.clone(),
            is_user: false,
        };
        Ok((explaining, SourceTable { oid: table.to_u32(), owner: relation::owner(table).to_u32() }))
    }
}

/// The org column of a parent: its fence's, or the one that its own adoption fills.
fn org_of(parent: Oid) -> Result<Ident, NoAdoption> {
    let facts: Option<Facts> = tables::read_bare(&[parent], &Columns::default()).pop();
    let fenced = facts.as_ref().and_then(|facts| facts.column.as_ref()).map(|column| column.name.clone());
    let adopted = || standing(parent, Question::default())?.org.map(|org| org.name);
    fenced.or_else(adopted).ok_or_else(|| match facts {
        Some(facts) => NoAdoption::NoParentOrg(facts.table()),
        None => NoAdoption::Itself,
    })
}
