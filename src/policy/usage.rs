//! Counts rows and bytes of each organization, for billing.

use std::collections::HashMap;
use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::{Facts, Source, usage_key};
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use super::facts::{self, query};
use super::idents;
use crate::pg::catalog::About;
use crate::pg::tally::Groups;
use crate::pg::{attempt, catalog, report, settings};

const PARTS: &CStr = query(concat!(include_str!("usage.sql"), "\0"));

#[derive(Deserialize)]
struct Parts {
    root: u32,
    oids: Vec<u32>,
}

/// What one organization has in one table.
#[derive(Debug)]
pub(crate) struct Usage {
    /// None for rows without an organization.
    pub(crate) org: Option<String>,
    pub(crate) target: Oid,
    /// None where the table's rows can't be told by organization.
    pub(crate) rows: Option<i64>,
    pub(crate) bytes: Option<i64>,
}

/// All organizations' usage of the fenced tables of the schemas, or of all. Each table is read once, by its
/// OID and past every policy: who may know that is decided by EXECUTE on the SQL function.
///
/// # Errors
/// 3F000 for a schema that does not exist.
pub(crate) fn usage(schemas: Option<Vec<String>>) -> Result<Vec<Usage>, Error> {
    let fenced = settings::neutral(|| {
        let schemas = schemas.map(idents).transpose()?;
        let tables = facts::protected(schemas.as_deref())?;
        let parts = catalog::read::<Parts>(PARTS, About::Many, &[tables.clone().into()]);
        let mut parts: HashMap<u32, Vec<u32>> = parts.into_iter().map(|p| (p.root, p.oids)).collect();
        let fenced = facts::read(&tables, &facts::Columns::default()).into_iter();
        Ok::<_, Error>(fenced.filter_map(|f| parts.remove(&f.oid).map(|p| (f, p))).collect::<Vec<_>>())
    })?;
    Ok(fenced.iter().flat_map(|(table, parts)| of_one(table, parts)).collect())
}

fn of_one(table: &Facts, parts: &[u32]) -> Vec<Usage> {
    let target = Oid::from_u32(table.oid);
    let mut complete = false;
    let mut found = Vec::new();
    if let Some((source, family)) = usage_key(table) {
        let count = || {
            let mut groups = Groups::new(family);
            let count = |part: &u32| groups.count(Oid::from_u32(*part), &source);
            // An expression is read as it was printed.
            let counted: Vec<bool> = settings::neutral(|| parts.iter().map(count).collect());
            (counted.iter().all(|counted| *counted), groups.finish())
        };
        let (all, groups) = match source {
            Source::Column(_) => count(),
            // One that fails for a row, with words that show its value, is no reason to count no other table.
            Source::Expression(_) | Source::Parent(_) => attempt::read(count).unwrap_or_default(),
        };
        complete = all;
        found.extend(groups.into_iter().map(|(org, tally)| Usage {
            org,
            target,
            rows: Some(tally.rows),
            bytes: Some(tally.bytes),
        }));
    }
    if !complete {
        report::warn(&Error::Uncountable { table: table.table() });
        found.push(Usage { org: None, target, rows: None, bytes: None });
    }
    found
}
