//! Lookups: the database derives the organization from what a client knows anyhow.

use std::ffi::CString;

use org_scope_core::Error;
use org_scope_core::lookup::{Key, KeyColumn, KeyHash, Question};
use org_scope_core::org::OrgType;
use org_scope_core::policy::family_of_type;
use org_scope_core::sql::Ident;
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;

use super::table;
use crate::context::setter::{self, Proof};
use crate::context::source::{self, Source};
use crate::pg::lookup::{self, Lookup};
use crate::pg::{attempt, catalog, expression, owner, relation, report, settings};

/// A lookup whose table can answer.
struct Ready {
    source: Source,
    question: Question,
    key: KeyColumn,
    hash: Option<KeyHash>,
    org: OrgType,
}

/// Defines the lookup, in place of one of that name.
///
/// # Errors
/// OS010 where the table can't answer, 22023 for a condition or hash that can't be.
pub(crate) fn define(name: &Ident, mut lookup: Lookup) -> Result<(), Error> {
    table::begin(c"org_scope.define_lookup()", "lookup");
    settings::neutral(|| {
        let lookup = &mut lookup;
        lookup.condition = match lookup.condition.take() {
            Some(text) => {
                // Described first: an expression can be read over a table only.
                source::describe("lookups", lookup.table, &[])?;
                let condition = expression::condition(lookup.table, &text);
                Some(condition.map_err(|why| Error::BadCondition { condition: text, why })?)
            }
            None => None,
        };
        ready(lookup)?.source.hold()?;
        Ok::<_, Error>(())
    })?;
    warn(name, &lookup);
    table::run(
        "INSERT INTO org_scope.lookup AS l (name, source, key_column, org_column, user_column, condition, key_hash) \
         VALUES ($1, $2::pg_catalog.oid::pg_catalog.regclass, $3, $4, $5, $6, $7) \
         ON CONFLICT (name) DO UPDATE SET source = excluded.source, key_column = excluded.key_column, \
         org_column = excluded.org_column, user_column = excluded.user_column, condition = excluded.condition, \
         key_hash = excluded.key_hash",
        &[
            name.raw().into(),
            lookup.table.into(),
            lookup.key_column.into(),
            lookup.org_column.into(),
            lookup.user_column.into(),
            lookup.condition.into(),
            lookup.key_hash.into(),
        ],
    );
    Ok(())
}

/// What whoever defines it should know.
fn warn(name: &Ident, lookup: &Lookup) {
    if lookup.key_hash.is_none() {
        report::notice(&format!(
            "whoever may use lookup {name} and can guess a key becomes its organization: let trusted servers alone use it, \
             or keep secret keys, hashed (key_hash)"
        ));
    }
    if !relation::has_index_on(lookup.table, &lookup.key_column) {
        report::notice(&format!(
            "no index begins with column {}: each use of lookup {name} reads the whole table",
            lookup.key_column
        ));
    }
}

/// Takes the lookup back.
///
/// # Errors
/// OS010 where there is none of that name.
pub(crate) fn undefine(name: &Ident) -> Result<(), Error> {
    table::begin(c"org_scope.undefine_lookup()", "lookup");
    match table::run("DELETE FROM org_scope.lookup WHERE name = $1", &[name.raw().into()]) {
        0 => Err(Error::NoSuchLookup { lookup: name.clone() }),
        _ => Ok(()),
    }
}

/// Becomes the organization, and user, that the key belongs to; gives the organization.
///
/// # Errors
/// OS002 without access to the lookup, OS003 for what a pooled login can't have, OS005 for a key without an
/// organization (or not among them), OS006 for several answers, OS010 where the lookup can't answer.
pub(crate) fn set_org_from(
    name: Ident,
    key: &str,
    among: Option<&str>,
    is_local: bool,
) -> Result<String, Error> {
    let proof = Proof::Lookup { name: name.clone() };
    setter::must_be_provable(&proof, is_local)?;
    let (org, user) = ask(&name, key, among)?;
    setter::set_proven(proof, &org, user.as_deref(), is_local)?;
    Ok(org)
}

/// Refuses a user who, by the lookup, is no member of the organization.
///
/// # Errors
/// OS005, and OS010 where the lookup can't answer.
pub(super) fn must_be_member(name: &Ident, user: &str, org: &str) -> Result<(), Error> {
    match ask(name, user, Some(org)) {
        Ok(_) | Err(Error::SeveralOrgs { .. }) => Ok(()),
        Err(Error::NoAnswer) => Err(Error::NoMember),
        Err(error) => Err(error),
    }
}

/// The organization and user of a key.
fn ask(name: &Ident, key: &str, among: Option<&str>) -> Result<(String, Option<String>), Error> {
    let Some(lookup) = lookup::of(name.raw()) else {
        return Err(Error::NoSuchLookup { lookup: name.clone() });
    };
    let mut answers = settings::neutral(|| answers(&lookup, key, among))?.into_iter();
    match (answers.next(), answers.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Error::NoAnswer),
        (Some(_), Some(_)) => Err(Error::SeveralOrgs { lookup: name.clone() }),
    }
}

fn answers(lookup: &Lookup, key: &str, among: Option<&str>) -> Result<Vec<(String, Option<String>)>, Error> {
    let Ready { source, question, key: column, hash, org } = ready(lookup)?;
    let owner = source.hold()?;
    let among_key = match among.map(|among| Key::value(among, org)) {
        Some(None) => return Ok(Vec::new()),
        Some(Some(among)) => Some(among),
        None => None,
    };
    let Some(key) = Key::of(key, column, hash) else { return Ok(Vec::new()) };
    let Ok(statement) = CString::new(question.statement(among_key.is_some())) else { return Ok(Vec::new()) };
    let arguments: Vec<DatumWithOid<'_>> = [Some(key), among_key].into_iter().flatten().map(datum).collect();
    let read = || owner::as_owner_across(owner, || catalog::read_once(&statement, &arguments));
    match &lookup.condition {
        // What goes wrong in it could tell of a row: of whom, is not for the caller to know.
        Some(_) => attempt::read(read).map_err(|_| source.bad("its condition can't be evaluated")),
        None => Ok(read()),
    }
}

fn datum<'a>(key: Key) -> DatumWithOid<'a> {
    match key {
        Key::Text(text) => text.into(),
        Key::Uuid(uuid) => Uuid::from_bytes(uuid.into_bytes()).into(),
        Key::Bigint(number) => number.into(),
        Key::Bytes(bytes) => bytes.into(),
    }
}

/// What the lookup asks now.
fn ready(lookup: &Lookup) -> Result<Ready, Error> {
    let mut names = vec![lookup.key_column.as_str(), &lookup.org_column];
    names.extend(lookup.user_column.as_deref());
    let source = source::describe("lookups", lookup.table, &names)?;
    let hash = lookup.key_hash.as_deref().map(KeyHash::parse).transpose()?;
    let family = |index: usize| {
        let (_, schema, type_name): &(Ident, String, String) = source.columns.get(index)?;
        family_of_type(&(schema.clone(), type_name.clone()))
    };
    let is_bytes =
        source.columns.first().is_some_and(|(_, s, t)| (s.as_str(), t.as_str()) == ("pg_catalog", "bytea"));
    let key = match (hash, family(0)) {
        (Some(_), _) if is_bytes => KeyColumn::Bytes,
        (Some(_), Some(OrgType::Text)) => KeyColumn::Value(OrgType::Text),
        (Some(_), _) => return Err(source.bad("a hashed key is bytea, or text in hexadecimal")),
        (None, family) => KeyColumn::Value(family.ok_or_else(|| source.bad("the key has another type"))?),
    };
    let org = family(1).ok_or_else(|| source.bad("the organization has another type"))?;
    if lookup.user_column.is_some() && family(2).is_none() {
        return Err(source.bad("the user has another type"));
    }
    let mut columns = source.columns.iter().map(|(name, ..)| name.clone());
    let mut next = || columns.next().ok_or_else(|| source.bad("it has no such column"));
    let question = Question {
        table: source.table.clone(),
        key: next()?,
        org: next()?,
        user: next().ok(),
        condition: lookup.condition.clone(),
    };
    Ok(Ready { key, hash, org, question, source })
}

/// Refuses names of lookups that aren't defined.
///
/// # Errors
/// OS010
pub(crate) fn must_be_defined(names: &[String]) -> Result<(), Error> {
    for name in names {
        let name: &str = name;
        if lookup::of(name).is_none() {
            return Err(Error::NoSuchLookup { lookup: Ident::new(name).map_err(|_| Error::BadName)? });
        }
    }
    Ok(())
}
