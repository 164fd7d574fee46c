//! What a table takes over from the one that it is a partition of, or inherits from.

use super::{Action, Facts, GATE, Grantee, Memory, Step};

/// Of the table above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Under {
    /// Whom its gate is for; none where it has none.
    pub gate: Option<Vec<Grantee>>,
    /// The DEFAULT that protect found there.
    pub default: Option<String>,
}

impl Under {
    /// The table above as it will be after its steps.
    pub fn new(above: &Facts, steps: &[Step]) -> Self {
        let actions = || steps.iter().rev().filter_map(|step| step.action.as_ref());
        let gate = actions().find_map(|action| match action {
            Action::CreateGate { roles, .. } | Action::AlterGate { roles, .. } => Some(roles.clone()),
            _ => None,
        });
        let memory = actions().find_map(|action| match action {
            Action::CommentOnFence(comment) => Memory::parse(comment),
            _ => None,
        });
        Self {
            gate: gate.or_else(|| above.policy(GATE).map(|gate| gate.roles.clone())),
            default: memory.or_else(|| above.memory()).and_then(|m| m.found).and_then(|found| found.default),
        }
    }
}
