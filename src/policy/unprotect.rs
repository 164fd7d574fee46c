//! Takes fences away.

use std::collections::HashSet;

use org_scope_core::Error;
use org_scope_core::policy::{self, Facts, Kind, Step};
use pgrx::pg_sys::Oid;

use super::protect::execute;
use super::survey::{Hindrance, Planned, whole_trees};
use super::through::untie;
use super::{Row, facts, family, rows};
use crate::pg::{parse, relation, settings};

/// Takes away what protect brought to the table and to all below it, and puts back what it found.
pub(crate) fn unprotect(target: Oid) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let planned = plan(&[target]);
        match planned.iter().find(|p| p.table.oid == target.to_u32()).map(|p| &p.steps) {
            Some(Err(why)) => Err(why.error()),
            _ => Ok(lift(&[target])),
        }
    })
}

/// The same inside a run.
pub(super) fn lift(roots: &[Oid]) -> Vec<Row> {
    let mut planned = plan(roots);
    let mut held = HashSet::new();
    loop {
        let all = planned.iter().filter(|p| p.steps.as_ref().is_ok_and(|steps| !steps.is_empty()));
        let fresh: Vec<u32> = all.map(|p| p.table.oid).filter(|oid| held.insert(*oid)).collect();
        if fresh.is_empty() {
            break;
        }
        fresh.into_iter().for_each(|oid| relation::lock(Oid::from_u32(oid), relation::Lock::Ddl));
        planned = plan(roots);
    }
    let all = planned.into_iter().flat_map(|Planned { table, steps }| {
        let target = Oid::from_u32(table.oid);
        match steps {
            Err(why) => rows(table.oid, vec![why.skipped()]).collect::<Vec<_>>(),
            Ok(steps) => rows(table.oid, execute(target, steps)).chain(untie(target)).collect(),
        }
    });
    all.collect()
}

fn plan(roots: &[Oid]) -> Vec<Planned> {
    let tables = facts::read(&family::below(roots), &facts::Columns::default());
    let going: HashSet<_> = tables.iter().map(Facts::table).collect();
    let mut planned: Vec<Planned> = tables
        .into_iter()
        .map(|table| {
            let steps = policy::unprotect(&table, parse::is_expression);
            let roots = roots.iter().any(|root| root.to_u32() == table.oid);
            let above = table.fenced_above().find(|parent| !going.contains(parent));
            let steps = match above {
                _ if steps.is_empty() => Ok(steps),
                _ if !table.owned => Err(Hindrance::not_owned(&table)),
                Some(parent) if roots => {
                    let parent = if table.is_partition { table.whole() } else { parent };
                    Err(Hindrance::Refused(Error::ProtectedAbove { table: table.table(), parent }))
                }
                // A child of two parents.
                Some(parent) => Ok(vec![Step::note(
                    Kind::Inheritance,
                    None,
                    format!("stays protected, as {parent} above it is"),
                )]),
                None => Ok(steps),
            };
            Planned { table, steps }
        })
        .collect();
    planned
        .sort_by_cached_key(|p| (p.table.open_parents.len() + p.table.fenced_parents.len(), p.table.table()));
    whole_trees(planned)
}
