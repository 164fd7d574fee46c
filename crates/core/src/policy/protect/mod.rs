//! From the facts of a table to its fence: the difference, in the order in which it is executed.
//!
//! The index comes first: it takes long under a lock that readers don't feel. What needs ACCESS
//! EXCLUSIVE comes last and takes no time.

mod defaults;
mod index;
mod policies;
mod triggers;

use std::collections::BTreeSet;

use defaults::Defaults;
pub(super) use index::is_ours;

use super::copy_view;
use super::memory::VERSION;
use super::{
    Action, Actor, Compared, Extra, FENCE, Facts, Found, GATE, Grantee, Kind, Memory, Refusal, Spec, State,
    Step, Under,
};
use crate::sql::{Ident, QualifiedName};

/// What a plan needs to know beside the table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// The table's size in bytes.
    pub size: u64,
    /// Above it an index is left to CREATE INDEX CONCURRENTLY.
    pub max_inline_index: u64,
    /// A free name for an index.
    pub index_name: Option<&'a Ident>,
    /// Whether the policies were lifted on purpose, a moment ago in the same transaction.
    pub lifted: bool,
    /// What the fence's comment said before it was lifted.
    pub kept: Option<&'a Memory>,
    /// Which of [`gate_roles_told`] don't exist any more.
    pub gone: &'a [Ident],
    /// What the table takes over from the one above it.
    pub under: Option<&'a Under>,
    /// Tells whether a text is one bare expression, so that it can stand in SET DEFAULT.
    pub is_expression: Option<fn(&str) -> bool>,
}

/// Whether protect has to build an index: then its name and the table's size are needed.
///
/// A partitioned table has none of its own: an index of it would take up the ones that its partitions have
/// already, and take them along when it is dropped; nor could it be built CONCURRENTLY.
pub fn wants_index(spec: &Spec, facts: &Facts) -> bool {
    spec.create_index
        && !facts.is_partitioned()
        && Compared::of(facts, &spec.org).is_ok_and(|org| facts.serving(&org).next().is_none())
}

/// Roles of a gate that comes back by what the fence's comment says: nothing else names them, so
/// they may not exist any more.
pub fn gate_roles_told(spec: &Spec, facts: &Facts, kept: Option<&Memory>) -> Vec<Ident> {
    let stands = facts.policy(GATE).is_some() || facts.foreign_policies().any(|p| p.permissive);
    let told = kept.cloned().or_else(|| facts.memory()).and_then(|m| m.gate);
    match (&spec.roles, stands, told) {
        (None, false, Some(roles)) => roles.into_iter().filter_map(|role| role.0).collect(),
        _ => Vec::new(),
    }
}

/// The kinds of steps that a second, identical call would make: what has changed by hand.
pub fn drift(facts: &Facts) -> Vec<Kind> {
    let Some(spec) = Spec::read_back(facts) else { return vec![Kind::Fence] };
    match protect(&spec, facts, &Surroundings { max_inline_index: u64::MAX, ..Default::default() }) {
        Ok(steps) => {
            let mut kinds: BTreeSet<Kind> =
                steps.iter().filter(|s| s.state != State::Note).map(|s| s.kind).collect();
            if facts.through.as_ref().is_some_and(|through| !through.right) {
                kinds.insert(Kind::Through);
            }
            kinds.into_iter().collect()
        }
        Err(Refusal::MissingColumn(name)) if facts.standing_project().as_ref() == Some(&name) => {
            vec![Kind::Project]
        }
        Err(Refusal::MissingColumn(name)) if facts.standing_actor().is_some_and(|a| a.column == name) => {
            vec![Kind::Actor]
        }
        Err(_) => vec![Kind::Table],
    }
}

/// The steps from the facts to the spec; none but notes where it stands already.
///
/// # Errors
/// [`Refusal`] where the table can't carry the fence.
pub fn protect(spec: &Spec, facts: &Facts, around: &Surroundings<'_>) -> Result<Vec<Step>, Refusal> {
    let org = Refusal::check(facts, &spec.org)?.with_fallback(facts.fallback.clone());
    let told = around.kept.cloned().or_else(|| facts.memory());
    let project = match spec.project.or_standing(facts.standing_project()) {
        Some(name) => Some(Project::of(facts, name)?),
        None => None,
    };
    let actor = match spec.actor.or_standing(facts.standing_actor()) {
        // Known by what the comment says alone, as it has no trigger.
        Some(actor) if facts.is_partitioned() && facts.actor.is_none() && spec.actor == Extra::Keep => {
            Some(actor)
        }
        Some(actor) => Some(Refusal::check_actor(facts, actor)?),
        None => None,
    };
    let shared = spec
        .shared_rows
        .unwrap_or_else(|| told.as_ref().map_or_else(|| facts.standing_shared(), |m| m.shared));
    if shared && facts.through.is_some() {
        return Err(Refusal::SharedThrough);
    }
    if shared && facts.is_in_transition() {
        return Err(Refusal::SharedAdopted);
    }
    let mut plan = Plan {
        table: facts.table(),
        facts,
        spec,
        org,
        shared,
        project,
        actor,
        first: told.is_none() && !facts.has_remains(),
        told,
        lifted: around.lifted,
        steps: Vec::new(),
    };
    plan.index(around);
    plan.guard();
    plan.stamp();
    let defaults = plan.defaults(around);
    let fence_created = plan.fences();
    let gate = plan.gates(around);
    plan.remember(fence_created, defaults, gate);
    plan.flags();
    let copy_view = copy_view::steps(spec, facts, &plan.steps);
    plan.steps.extend(copy_view);
    Ok(plan.steps)
}

/// A project column that is to be.
struct Project {
    name: Ident,
    compared: Compared,
}

impl Project {
    fn of(facts: &Facts, name: Ident) -> Result<Self, Refusal> {
        let column = facts.project.as_ref().filter(|c| c.name == name);
        let column = column.ok_or_else(|| Refusal::MissingColumn(name.clone()))?;
        Ok(Self { compared: Compared::column(column)?, name })
    }
}

struct Plan<'a> {
    table: QualifiedName,
    facts: &'a Facts,
    spec: &'a Spec,
    org: Compared,
    shared: bool,
    project: Option<Project>,
    actor: Option<Actor>,
    /// What the fence's comment remembers.
    told: Option<Memory>,
    /// Whether the table was never protected.
    first: bool,
    /// Whether the policies were lifted on purpose.
    lifted: bool,
    steps: Vec<Step>,
}

impl Plan<'_> {
    fn push(&mut self, kind: Kind, action: Action, reason: impl Into<String>) {
        self.steps.push(Step::planned(kind, &self.table, action, reason));
    }

    fn run_yourself(&mut self, kind: Kind, action: Action, reason: impl Into<String>) {
        self.steps.push(Step::run_yourself(kind, &self.table, action, reason));
    }

    /// Why something that protect once brought is missing.
    fn missing(&self, why: &'static str) -> &'static str {
        if self.lifted { "comes back after the statement" } else { why }
    }

    fn remember(&mut self, created: bool, defaults: Defaults, gate: Option<Vec<Grantee>>) {
        if !created && self.told.is_none() {
            // What was found before is not known any more, and a new comment would pretend otherwise.
            return;
        }
        let mut found = match &self.told {
            Some(told) => told.found.clone(),
            None => self.first.then_some(Found {
                row_security: self.facts.row_security,
                force: self.facts.force,
                policies: !self.facts.policies.is_empty(),
                default: None,
                project_default: None,
            }),
        };
        if let Some(found) = &mut found {
            found.default = defaults.org;
            found.project_default = defaults.project;
        }
        let memory = Memory {
            version: VERSION,
            force: self.spec.force,
            index: self.spec.create_index,
            default: defaults.org_set,
            project_default: defaults.project_set,
            expression: self.spec.org.column().is_none(),
            shared: self.shared,
            project: self.project.as_ref().map(|p| p.name.clone()),
            actor: self.actor.clone(),
            gate: gate.map(|roles| as_set(&roles).into_iter().cloned().collect()),
            found,
        };
        let standing = self.facts.policy(FENCE).and_then(|f| f.comment.as_deref()).and_then(Memory::parse);
        if created || standing.as_ref() != Some(&memory) {
            let reason = "remembers the options, and what unprotect puts back";
            self.push(Kind::Fence, Action::Remember(memory.comment()), reason);
        }
    }

    fn flags(&mut self) {
        if !self.facts.row_security {
            let reason =
                if self.first { "switches the policies on" } else { "row security had been switched off" };
            self.push(Kind::RowSecurity, Action::RowSecurity(true), reason);
        }
        let told = self.told.as_ref();
        if self.spec.force && !self.facts.force {
            let reason = match told {
                Some(told) if told.force => self.missing("FORCE had been switched off"),
                _ => "the table's owner is fenced too",
            };
            self.push(Kind::Force, Action::Force(true), reason);
        } else if !self.spec.force && self.facts.force {
            // A FORCE that somebody else set is not ours to take.
            let reason = match told.and_then(|m| m.found.as_ref()) {
                Some(found) if !found.force => {
                    return self.push(Kind::Force, Action::Force(false), "force was switched off");
                }
                Some(_) => "the table was FORCEd before protect, so it stays so",
                None => "whether the table was FORCEd before protect isn't known, so it stays so",
            };
            let statement = Action::Force(false).statement(&self.table);
            self.steps.push(Step::note(Kind::Force, Some(statement), reason));
        }
    }
}

fn as_set(roles: &[Grantee]) -> BTreeSet<&Grantee> {
    roles.iter().collect()
}
