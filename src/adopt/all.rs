//! `adopt_all`: the tables of an application, one after the other.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::adopt::{By, Candidate, order};
use org_scope_core::policy::{Kind, Step};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::Options;
use super::run::adopt_in_run;
use crate::pg::catalog::{self, About};
use crate::pg::{lookup, relation, settings, transaction, watched};
use crate::policy::adopted::require_schemas;
use crate::run::{Run, Turn, rows};

const CANDIDATES: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("candidates.sql"), "\0").as_bytes()) {
        Ok(query) => query,
        Err(_) => panic!("a query ends with its only NUL"),
    };

/// Plans a run of `adopt_all`: by the lookup every table that has the legacy column, and by its parent every other that
/// leads to one of them. Says whether the caller may commit between its steps.
pub(crate) fn begin_adopt_all(
    org_column: String,
    org_type: Oid,
    lookup_name: String,
    legacy_column: String,
    schemas: Vec<String>,
) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let mut run = Run::new()?;
        let name = Ident::new(lookup_name.clone()).map_err(|_| Error::BadName)?;
        let known = lookup::of(&lookup_name).ok_or(Error::NoSuchLookup { lookup: name })?;
        require_schemas(&schemas)?;
        let args = [schemas.into(), legacy_column.clone().into(), known.table.into()];
        let mut candidates: Vec<Candidate> = catalog::read(CANDIDATES, About::Many, &args);
        let globals = watched::globals();
        candidates.retain(|c| {
            !globals.iter().any(|global| global.is(Oid::from_u32(c.oid), c.schema.raw(), c.name.raw()))
        });
        let (ordered, left) = order(&candidates);
        for (candidate, by) in ordered {
            let blank = Options {
                org_column: org_column.clone(),
                org_type,
                lookup: None,
                legacy_column: Some(legacy_column.clone()),
                parent: None,
                parent_key: None,
                expression: None,
                constant: None,
            };
            let options = match by {
                By::Legacy => Options { lookup: Some(lookup_name.clone()), ..blank },
                By::Parent(parent, column) => Options {
                    parent: Some(Oid::from_u32(parent)),
                    legacy_column: Some(column.raw().to_owned()),
                    ..blank
                },
            };
            let target = Oid::from_u32(candidate.oid);
            run.add(Box::new(move || {
                relation::require_owner(target);
                adopt_in_run(target, options)
            }));
        }
        for candidate in left {
            let reason = format!(
                "{} has no {legacy_column} and leads to no table with an organization: adopt it by an expression or a \
                 constant, or declare it global",
                candidate.table()
            );
            run.tell(rows(candidate.oid, vec![Step::skipped(Kind::Table, reason)]));
        }
        run.begin();
        Ok(may_commit)
    })
}

/// A job of one table, or what kept it out.
pub(super) fn skipped(target: Oid, error: &Error) -> Turn {
    let report = error.report();
    let step = Step::skipped(Kind::Table, report.message.clone());
    Turn { rows: rows(target.to_u32(), vec![step]).collect(), rest: None, said: Some(report.message) }
}
