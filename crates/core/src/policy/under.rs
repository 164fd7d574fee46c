//! What a table takes over from the one that it is a partition of, or inherits from.

use super::{Action, Actor, Extra, Facts, GATE, Grantee, Memory, Part, Spec, Step};
use crate::sql::Ident;

/// Of the table above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Under {
    /// Whom its gate is for; none where it has none.
    pub gate: Option<Vec<Grantee>>,
    /// The DEFAULT that protect found there for the organization.
    pub default: Option<String>,
    /// And for the project.
    pub project_default: Option<String>,
    shared: bool,
    project: Option<Ident>,
    actor: Option<Actor>,
}

impl Under {
    /// The table above as it will be after its steps.
    pub fn new(above: &Facts, steps: &[Step]) -> Self {
        let actions = || steps.iter().rev().filter_map(|step| step.action.as_ref());
        let gate = actions().find_map(|action| match action {
            Action::CreatePolicy { policy, roles } | Action::AlterPolicy { policy, roles }
                if policy.part == Part::Gate =>
            {
                Some(roles.clone())
            }
            _ => None,
        });
        let told = actions().find_map(|action| match action {
            Action::Remember(comment) => Memory::parse(comment),
            _ => None,
        });
        let found = told.clone().or_else(|| above.memory()).and_then(|m| m.found);
        // By the policies and triggers, which follow renames, where these stay as they are.
        let (shared, project, actor) = match told {
            Some(told) => (told.shared, told.project, told.actor),
            None => (above.standing_shared(), above.standing_project(), above.standing_actor()),
        };
        Self {
            gate: gate.or_else(|| above.policy(GATE).map(|gate| gate.roles.clone())),
            default: found.as_ref().and_then(|found| found.default.clone()),
            project_default: found.and_then(|found| found.project_default),
            shared,
            project,
            actor,
        }
    }
}

impl Spec {
    /// The options for a table below: what the call leaves as it is, is as the table above has it. A project or an actor
    /// that the table below has for itself stays, as it makes nothing looser.
    #[must_use]
    pub fn below(&self, above: &Under) -> Self {
        let mut spec = self.clone();
        spec.shared_rows = self.shared_rows.or(Some(above.shared));
        if let (Extra::Keep, Some(project)) = (&self.project, &above.project) {
            spec.project = Extra::With(project.clone());
        }
        if let (Extra::Keep, Some(actor)) = (&self.actor, &above.actor) {
            spec.actor = Extra::With(actor.clone());
        }
        // What is copied into the table above reaches all below it.
        spec.copy_view = None;
        spec
    }

    /// Whether the facts tell of the columns that it names.
    pub fn is_told_by(&self, facts: &Facts) -> bool {
        let told = |asked: Option<&Ident>, column: Option<&Ident>| asked.is_none() || asked == column;
        told(self.project.asked(), facts.project.as_ref().map(|c| &c.name))
            && told(self.actor.asked().map(|a| &a.column), facts.actor.as_ref().map(|c| &c.name))
    }
}
