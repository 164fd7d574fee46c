//! The view `adoptions`: how far each table has come, and what is next.

use std::collections::BTreeSet;
use std::ffi::CStr;

use org_scope_core::adopt::{Phase, Standing};
use org_scope_core::policy::State;
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use super::plan::steps;
use crate::pg::catalog::{self, About};
use crate::pg::{owner, role, settings};
use crate::policy::adopted;
use crate::policy::fallback::{self, Question};

/// Whatever carries something of an adoption.
const ADOPTED: &CStr = c"
SELECT c.oid::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid IN (
  SELECT t.tgrelid FROM pg_catalog.pg_trigger t WHERE t.tgname = 'org_scope_adopt' AND NOT t.tgisinternal
  UNION
  SELECT d.objoid FROM pg_catalog.pg_description d
  WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid > 0
    AND d.description LIKE '%Brought by org_scope.adopt.%')
ORDER BY n.nspname, c.relname";

const PROGRESS: &CStr = c"
SELECT pg_catalog.json_build_object(
  'filled', p.filled,
  'percent', CASE WHEN p.ended IS NOT NULL OR p.end_block = 0 THEN 100 ELSE p.next_block * 100 / p.end_block END,
  'rate', p.filled / NULLIF(EXTRACT(EPOCH FROM p.last - p.began), 0),
  'left', CASE WHEN p.ended IS NULL AND p.next_block > 0
    THEN EXTRACT(EPOCH FROM p.last - p.began) / p.next_block * (p.end_block - p.next_block) END,
  'pid', CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(p.pid)) THEN p.pid END,
  'ended', p.ended IS NOT NULL)::pg_catalog.text
FROM org_scope.backfill_progress p
WHERE p.target = $1::pg_catalog.oid";

/// A backfill, as its row tells of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Backfill {
    pub(crate) filled: i64,
    pub(crate) percent: i32,
    pub(crate) rate: Option<f64>,
    pub(crate) left: Option<f64>,
    pub(crate) pid: Option<i32>,
    ended: bool,
}

/// One row of the view.
#[derive(Debug)]
pub(crate) struct Adoption {
    pub(crate) target: Oid,
    pub(crate) org_column: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) phase: &'static str,
    pub(crate) missing: Vec<String>,
    /// None to whom the table's rows are none of their business.
    pub(crate) backfill: Option<Backfill>,
    pub(crate) next: Option<String>,
}

/// All of them.
pub(crate) fn adoptions() -> Vec<Adoption> {
    settings::neutral(|| {
        let tables: Vec<u32> = catalog::read(ADOPTED, About::Many, &[]);
        tables.into_iter().map(Oid::from_u32).filter_map(adoption).collect()
    })
}

fn adoption(target: Oid) -> Option<Adoption> {
    let standing = fallback::standing(target, Question::default())?;
    let marked = || fallback::finished(target);
    let (standing, phase) = match Phase::of(&standing) {
        Some(phase) => (standing, phase),
        None => (marked()?, Phase::Finished),
    };
    let known = fallback::known(target).ok();
    let owned = role::has_rights_of(role::current(), Oid::from_u32(standing.owner));
    let backfill = if owned { backfill(target) } else { None };
    let missing = match (&known, phase) {
        (_, Phase::Finished) => BTreeSet::new(),
        (None, _) => BTreeSet::from(["source"]),
        (Some(known), _) => adopted::read(target)
            .map(|facts| {
                let (first, index) = steps(&facts, &known.standing, &known.adopted, "");
                let all = first.into_iter().chain(index);
                // Where every row has an organization, nothing is left to find by the rest.
                let needed = all.filter(|step| phase < Phase::Enforced && step.state != State::Note);
                needed.map(|step| step.kind.word()).collect()
            })
            .unwrap_or_default(),
    };
    Some(Adoption {
        target,
        org_column: standing.org.as_ref().map(|org| org.name.raw().to_owned()),
        source: known.as_ref().map(|known| known.adopted.source.words()),
        phase: phase.word(),
        missing: missing.into_iter().map(str::to_owned).collect(),
        next: next(&standing, phase, backfill.as_ref()),
        backfill,
    })
}

fn backfill(target: Oid) -> Option<Backfill> {
    owner::as_extension_owner(|| catalog::read_once(PROGRESS, &[target.into()])).into_iter().next()
}

fn next(standing: &Standing, phase: Phase, backfill: Option<&Backfill>) -> Option<String> {
    let table = standing.table().to_string().replace('\'', "''");
    let filled = backfill.is_some_and(|backfill| backfill.ended);
    match phase {
        Phase::Expanding | Phase::Fallback if !filled => Some(format!("CALL org_scope.backfill('{table}');")),
        Phase::Finished => None,
        _ => Some(format!("CALL org_scope.advance('{table}');")),
    }
}
