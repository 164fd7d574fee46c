//! Rows that nothing explains, and what the user says of them.

use org_scope_core::Error;
use org_scope_core::adopt::NoAdoption;
use org_scope_core::org::{OrgType, OrgValue};
use pgrx::pg_sys::Oid;

use super::backfill::Filling;
use super::run::across;
use crate::pg::journal::{self, Entry};
use crate::pg::{relation, settings, spi};
use crate::policy::fallback;

/// A key that nothing explains, and how many rows have it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Unresolved(pub(crate) Option<String>, pub(crate) i64);

/// Those of the table, the most frequent first.
///
/// # Errors
/// OS010 where the table isn't being adopted.
pub(crate) fn unresolved(target: Oid) -> Result<Vec<Unresolved>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let known = fallback::known(target)?;
        let Some(query) = known.adopted.unresolved() else { return Ok(Vec::new()) };
        let found = across(&known, || spi::first_column(&query));
        Ok(found.iter().filter_map(|row| serde_json::from_str(row).ok()).collect())
    })
}

/// Gives the rows with these keys that nothing explains an organization, on the record; how many.
///
/// # Errors
/// OS010 where the table isn't being adopted, OS004 for an organization that doesn't fit its column.
pub(crate) fn assign(target: Oid, keys: &[Option<String>], org: &str) -> Result<i64, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let known = fallback::known(target)?;
        let family = known.adopted.family;
        let fits = OrgValue::parse(org).is_some_and(|value| match family {
            OrgType::Text => true,
            OrgType::Uuid => value.uuid().is_ok(),
            OrgType::Bigint => value.bigint().is_ok(),
        });
        let statement = known.adopted.assign(keys, org).filter(|_| fits).ok_or_else(|| {
            let why =
                NoAdoption::Constant { constant: org.to_owned(), type_name: family.sql_name().to_owned() };
            Error::NoAdoption { table: known.adopted.table.clone(), why: Box::new(why) }
        })?;
        let _filling = Filling::begin(target);
        let rows = across(&known, || spi::execute(&statement));
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let statement = &statement;
        journal::record(Entry {
            kind: "assign",
            target: Some(target),
            statement,
            rows: Some(rows),
            reason: None,
        });
        Ok(rows)
    })
}
