//! Plans the fences of many tables in a handful of queries.

use std::collections::{HashMap, HashSet};

use org_scope_core::Error;
use org_scope_core::policy::{
    self, Facts, Kind, Memory, Refusal, Spec, State, Step, Surroundings, Under, notes,
};
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;

use super::facts::{Columns, IndexRoom};
use super::{copy_view, facts, findings};
use crate::pg::{parse, relation};

/// A table's part of a survey.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) table: Facts,
    pub(super) steps: Result<Vec<Step>, Hindrance>,
}

/// Why a table is left out.
#[derive(Debug, Clone)]
pub(super) enum Hindrance {
    /// It, or one of its partitions, belongs to somebody else.
    NotOwned {
        /// The table that does.
        oid: u32,
        /// Its name.
        table: QualifiedName,
        /// Whom it belongs to.
        owner: Ident,
    },
    /// It can't be.
    Refused(Error),
}

impl Hindrance {
    pub(super) fn not_owned(table: &Facts) -> Self {
        Self::NotOwned { oid: table.oid, table: table.table(), owner: table.owner.clone() }
    }

    /// As the row of a run that goes on without the table.
    pub(super) fn skipped(&self) -> Step {
        match self {
            Self::NotOwned { table, owner, .. } => {
                Step::skipped(Kind::Table, format!("{table} belongs to {owner}, whose rights you don't have"))
            }
            Self::Refused(error) => {
                let report = error.report();
                let hint = report.hint.filter(|h| h.ends_with(';'));
                Step { statement: hint, ..Step::skipped(Kind::Table, report.message) }
            }
        }
    }

    /// As the error of a call for this table; raises the server's own 42501 where it belongs to somebody else.
    pub(super) fn error(&self) -> Error {
        match self {
            Self::NotOwned { oid, .. } => {
                relation::require_owner(Oid::from_u32(*oid));
                Error::NoSuchRelation { oid: *oid }
            }
            Self::Refused(error) => error.clone(),
        }
    }
}

/// Plans the tables, in the order in which the steps run. A partition is planned with its whole tree or not at all.
pub(super) fn survey(spec: &Spec, mut tables: Vec<Facts>) -> Vec<Planned> {
    // Parents first: whatever is open above a parent is open above its children as well, and so is
    // the parent.
    tables.sort_by_cached_key(|table| (table.open_parents.len(), table.table()));
    copy_view::add(&mut tables, spec);
    let rooms = facts::index_room(spec, &tables);
    let mut foreign = foreign_partitions(&tables);
    let mut under = outside(spec, &tables);
    // What has a fence when its turn is over.
    let mut fenced = HashSet::new();
    let mut planned = Vec::new();
    for (mut table, room) in tables.into_iter().zip(&rooms) {
        table.open_parents.retain(|parent| !fenced.contains(parent));
        let above = table.parents.iter().find_map(|oid| under.get(oid));
        let spec = &above.map_or_else(|| spec.clone(), |above| spec.below(above));
        if !spec.is_told_by(&table)
            && let Some(told) = facts::read_one(Oid::from_u32(table.oid), &Columns::of(spec))
        {
            (table.project, table.actor) = (told.project, told.actor);
        }
        let outcome = match foreign.remove(&name(&table)) {
            Some(partitions) => {
                let why = Refusal::ForeignPartitions(partitions);
                Err(Hindrance::Refused(Error::CannotProtect { table: table.table(), why }))
            }
            None => match steps(spec, &table, room, above, None) {
                Err(error) if table.owned => Err(Hindrance::Refused(error)),
                Ok(steps) if table.owned => Ok(steps),
                // Below a table of the caller's, it stands in the way only where something is to do.
                Ok(steps) if !table.parents.is_empty() && steps.iter().all(|s| s.state != State::Planned) => {
                    Ok(steps)
                }
                _ => Err(Hindrance::not_owned(&table)),
            },
        };
        if let Ok(steps) = &outcome {
            fenced.insert(name(&table));
            under.insert(table.oid, Under::new(&table, steps));
        }
        planned.push(Planned { table, steps: outcome });
    }
    for Planned { table, .. } in &mut planned {
        table.open_children.retain(|child| !fenced.contains(child));
    }
    whole_trees(planned)
}

/// Leaves partition trees out in which something can't be done: the root says why.
pub(super) fn whole_trees(planned: Vec<Planned>) -> Vec<Planned> {
    let here: HashSet<u32> = planned.iter().map(|p| p.table.oid).collect();
    let mut failed: HashMap<QualifiedName, Hindrance> = HashMap::new();
    for Planned { table, steps } in &planned {
        if let (Err(why), true) = (steps, table.is_partition || table.kind == 'p') {
            failed.entry(table.whole()).or_insert_with(|| why.clone());
        }
    }
    planned
        .into_iter()
        .filter_map(|p| match failed.get(&p.table.whole()) {
            // Below a table that is itself among these.
            Some(_) if p.table.is_partition && p.table.parents.iter().any(|oid| here.contains(oid)) => None,
            Some(why) => Some(Planned { steps: Err(why.clone()), ..p }),
            None => Some(p),
        })
        .collect()
}

fn name(table: &Facts) -> (Ident, Ident) {
    (table.schema.clone(), table.name.clone())
}

/// The foreign tables among partitions, by the topmost parent, with the table from which each can be detached.
fn foreign_partitions(tables: &[Facts]) -> HashMap<(Ident, Ident), Vec<(QualifiedName, QualifiedName)>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for table in tables.iter().filter(|t| t.kind == 'f') {
        let parent = tables.iter().find(|t| table.parents.contains(&t.oid));
        if let (Some(root), Some(parent)) = (&table.root, parent) {
            found.entry(root.clone()).or_default().push((parent.table(), table.table()));
        }
    }
    found
}

/// What tables take over from parents that are not among them.
fn outside(spec: &Spec, tables: &[Facts]) -> HashMap<u32, Under> {
    let here: HashSet<u32> = tables.iter().map(|t| t.oid).collect();
    let parents: HashSet<u32> =
        tables.iter().flat_map(|t| &t.parents).filter(|oid| !here.contains(oid)).copied().collect();
    if parents.is_empty() {
        return HashMap::new();
    }
    let parents: Vec<Oid> = parents.into_iter().map(Oid::from_u32).collect();
    facts::read(&parents, &Columns::of_org(spec.org.leading()))
        .into_iter()
        .filter(|parent| parent.policy(policy::FENCE).is_some())
        .map(|parent| (parent.oid, Under::new(&parent, &[])))
        .collect()
}

/// The steps of one table. `lifted` is given where its policies were lifted a moment ago: with what the fence's
/// comment said.
pub(super) fn steps(
    spec: &Spec,
    table: &Facts,
    room: &IndexRoom,
    under: Option<&Under>,
    lifted: Option<Option<&Memory>>,
) -> Result<Vec<Step>, Error> {
    let kept = lifted.flatten();
    let gone = facts::missing_roles(&policy::gate_roles_told(spec, table, kept));
    let around = Surroundings {
        size: room.size,
        max_inline_index: room.max_inline,
        index_name: room.name.as_ref(),
        lifted: lifted.is_some(),
        kept,
        gone: &gone,
        under,
        is_expression: Some(parse::is_expression),
    };
    policy::protect(spec, table, &around).map_err(|why| Error::CannotProtect { table: table.table(), why })
}

/// What is to know about the caller's tables, by their OID; rows are counted only when asked.
pub(super) fn all_notes(spec: &Spec, planned: &[Planned], count: bool) -> HashMap<u32, Vec<Step>> {
    let owned = planned.iter().filter(|p| p.table.owned);
    let good = owned.filter_map(|p| p.steps.as_ref().ok().map(|steps| (&p.table, steps)));
    let (tables, steps): (Vec<&Facts>, Vec<&Vec<Step>>) = good.unzip();
    let findings = findings::read(spec, &tables, &steps, count);
    tables.iter().zip(findings).map(|(table, found)| (table.oid, notes(spec, table, &found))).collect()
}
