//! Looking at the plans of a cell.

use anyhow::{Context as _, Result};

use super::backend::{Backend, Message};
use super::cell::{A, B, C, Cell, Contestant, D, FENCE, Group, Mode};
use super::stand::Stand;
use crate::plan::Plan;

/// What the plans of a cell came to.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// What was asked, as the fence's session wrote it.
    pub(super) sql: String,
    /// The plan whose twin it should be: A's, or B's where only that one is the same.
    pub(super) twin: Seen,
    /// The plan under the fence.
    pub(super) ours: Seen,
    /// What distinguishes them.
    pub(super) differs: Option<&'static str>,
    /// Whose plan has the same nodes as the fence's.
    pub(super) alike: Vec<&'static str>,
}

/// One contestant's plan.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Whose it is.
    pub(super) name: &'static str,
    /// The plan.
    pub(super) plan: Plan,
    /// Of a prepared statement: whether it is the generic one.
    pub(super) generic: Option<bool>,
}

const ANALYZE: &str = "ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON";
const SHAPE: &str = "FORMAT JSON";
/// Past the five custom plans.
const USES: usize = 8;
/// Percent by which the blocks of writes may differ.
const SLACK_OF_WRITES: u64 = 15;

/// Compares the fence's plan with A's, and with B's.
pub(super) fn look(stand: &Stand<'_>, cell: &Cell) -> Result<Option<Look>> {
    let of = |name: &str| cell.contestants.iter().find(|contestant| contestant.name == name);
    let (Some(a), Some(fence), true) = (of(A), of(FENCE), cell.plans) else { return Ok(None) };
    let slack = if cell.writes.is_some() { SLACK_OF_WRITES } else { 0 };
    let ours = see(stand, cell, fence, None)?;
    // Each once: a write leaves more behind each time.
    let others = [A, B, C, D].into_iter().filter_map(of).map(|contestant| see(stand, cell, contestant, None));
    let others = others.collect::<Result<Vec<_>>>()?;
    let alike = alike(&ours, &others);
    let twins = others.iter().filter(|seen| [A, B].contains(&seen.name));
    let same = twins.clone().find(|seen| ours.plan.differs(&seen.plan, slack).is_none());
    let mut twin = same.or(twins.clone().next()).context("A is missing")?.clone();
    let mut differs = ours.plan.differs(&twin.plan, slack);
    if let (Some(of_b), Some(_), Some(true), Group::Reads | Group::Writes) =
        (of(B), differs, ours.generic, cell.group)
    {
        // Under the fence the organization is no parameter, so where it would be the only one the plan is always
        // generic, and its twin is the generic plan of B, whether or not B's session came to choose it.
        let b = see(stand, cell, of_b, Some("SET plan_cache_mode = force_generic_plan"))?;
        if ours.plan.differs(&b.plan, slack).is_none() {
            (twin, differs) = (b, None);
        }
    }
    if differs.is_none() && cell.mode == Mode::Simple && cell.writes.is_none() {
        // With workers allowed the plan must be the same too, though it isn't run here.
        let (parallel, theirs) = (see_parallel(stand, fence)?, see_parallel(stand, a)?);
        if parallel.lines != theirs.lines {
            differs = Some("shape with workers");
            (twin.plan, twin.generic) = (theirs, None);
            let ours = Seen { name: FENCE, plan: parallel, generic: None };
            return Ok(Some(Look { sql: shown(fence), twin, ours, differs, alike }));
        }
    }
    Ok(Some(Look { sql: shown(fence), twin, ours, differs, alike }))
}

/// Those whose plan has the nodes of the fence's. Of A and B only those whose plan was also made as ours was, for one
/// execution or for all: making it is most of a short statement.
fn alike(ours: &Seen, others: &[Seen]) -> Vec<&'static str> {
    let is_alike = |seen: &&Seen| {
        let same_kind = seen.generic == ours.generic || [C, D].contains(&seen.name);
        same_kind && seen.plan.bones == ours.plan.bones
    };
    let mut alike: Vec<_> = others.iter().filter(is_alike).map(|seen| seen.name).collect();
    if !alike.iter().any(|name| [A, B].contains(name)) {
        // Then the better of the two must do.
        alike.extend([A, B]);
    }
    alike
}

fn shown(contestant: &Contestant) -> String {
    match (contestant.statements.first(), (contestant.turn)(0).first()) {
        (Some((sql, _)), _) => sql.clone(),
        (None, Some(Message::Simple(sql))) => sql.clone(),
        _ => String::new(),
    }
}

fn see(stand: &Stand<'_>, cell: &Cell, contestant: &Contestant, set: Option<&str>) -> Result<Seen> {
    let backend = contestant.open(&stand.server)?;
    if let Some(set) = set {
        backend.rows(set)?;
    }
    let message = statement(contestant)?;
    if cell.writes.is_some() {
        backend.rows("BEGIN")?;
    }
    if matches!(message, Message::Execute(..)) {
        let explain = backend.explain("COSTS OFF", &message)?;
        for _ in 0..USES {
            backend.rows(&explain)?;
        }
    }
    let before = generic(&backend, &message)?;
    let mut plan = explained(&backend, ANALYZE, &message)?;
    let generic = generic(&backend, &message)?.map(|now| Some(now) > before);
    if cell.writes.is_some() {
        backend.rows("ROLLBACK")?;
    } else {
        // The second time everything is where it was left.
        plan = explained(&backend, ANALYZE, &message)?;
    }
    Ok(Seen { name: contestant.name, plan, generic })
}

fn see_parallel(stand: &Stand<'_>, contestant: &Contestant) -> Result<Plan> {
    let backend = contestant.open(&stand.server)?;
    backend.rows("SET max_parallel_workers_per_gather = 2")?;
    explained(&backend, SHAPE, &statement(contestant)?)
}

fn statement(contestant: &Contestant) -> Result<Message> {
    (contestant.turn)(0).into_iter().next().with_context(|| format!("{} does nothing", contestant.name))
}

fn explained(backend: &Backend, options: &str, message: &Message) -> Result<Plan> {
    let lines = backend.column(&backend.explain(options, message)?)?;
    Ok(Plan::read(&serde_json::from_str(&lines.join("\n"))?))
}

fn generic(backend: &Backend, message: &Message) -> Result<Option<u64>> {
    match message {
        Message::Simple(_) => Ok(None),
        Message::Execute(place, _) => Ok(Some(backend.prepared(*place)?.1)),
    }
}
