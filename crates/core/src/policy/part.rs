//! The policies that make a fence, each by its name.

use super::{Clause, Compared, Facts, Kind};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// What every row of every command must pass.
    Fence,
    /// What an UPDATE must pass where more rows can be read.
    UpdateFence,
    /// What a DELETE must pass where more rows can be read.
    DeleteFence,
    /// The project inside the organization.
    Project,
    /// What lets rows pass where nothing else does.
    Gate,
    /// The same for rows that belong to nobody.
    SharedGate,
}

/// All of them, in the order in which they are set.
pub(super) const PARTS: [Part; 6] =
    [Part::Fence, Part::UpdateFence, Part::DeleteFence, Part::Project, Part::Gate, Part::SharedGate];

impl Part {
    /// The policy's name. The fences' come before the gates': `pg_dump --clean` drops policies by their names
    /// backwards, and a table without a gate is closed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fence => super::FENCE,
            Self::UpdateFence => "org_scope_fence_update",
            Self::DeleteFence => "org_scope_fence_delete",
            Self::Project => "org_scope_fence_project",
            Self::Gate => super::GATE,
            Self::SharedGate => "org_scope_gate_shared",
        }
    }

    /// PERMISSIVE or RESTRICTIVE.
    pub fn permissive(self) -> bool {
        matches!(self, Self::Gate | Self::SharedGate)
    }

    /// `polcmd`.
    pub fn command(self) -> char {
        match self {
            Self::UpdateFence => 'w',
            Self::DeleteFence => 'd',
            Self::SharedGate => 'r',
            Self::Fence | Self::Project | Self::Gate => '*',
        }
    }

    /// The command as a statement names it.
    pub(super) fn command_word(self) -> &'static str {
        match self.command() {
            'w' => "UPDATE",
            'd' => "DELETE",
            'r' => "SELECT",
            _ => "ALL",
        }
    }

    /// What a step about it is about.
    pub fn kind(self) -> Kind {
        match self {
            Self::Fence | Self::UpdateFence | Self::DeleteFence => Kind::Fence,
            Self::Project => Kind::Project,
            Self::Gate | Self::SharedGate => Kind::Gate,
        }
    }

    /// What people read about it; the fence's comment holds its memory.
    pub(super) fn comment(self) -> Option<&'static str> {
        Some(match self {
            Self::Fence => return None,
            Self::UpdateFence => {
                "Rows that belong to nobody can be read by all and changed by none (org_scope.protect)."
            }
            Self::DeleteFence => {
                "Rows that belong to nobody can be read by all and deleted by none (org_scope.protect)."
            }
            Self::Project => "Only rows of the session's project pass, where it has one (org_scope.protect).",
            Self::Gate => {
                "Lets the current organization's rows pass (org_scope.protect). Finer policies may replace it."
            }
            Self::SharedGate => "Lets rows that belong to nobody be read (org_scope.protect).",
        })
    }
}

/// Whether a policy of this name is ours.
pub(super) fn is_ours(name: &str) -> bool {
    PARTS.iter().any(|part| part.name() == name)
}

/// Whether a policy of this name is ours, and narrows what others let pass.
pub fn is_restrictive(name: &str) -> bool {
    PARTS.iter().any(|part| part.name() == name && !part.permissive())
}

/// A policy as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub part: Part,
    /// USING.
    pub using: Clause,
    /// WITH CHECK, where it is said: a command without new rows has none.
    pub check: Option<Clause>,
}

/// The restrictive policies, beginning with the fence.
///
/// The fence alone would let a row that is read be changed too, and so be stolen: where rows are shared,
/// UPDATE and DELETE have a stricter one beside it.
pub(super) fn restrictive(org: &Compared, shared: bool, project: Option<&Compared>) -> Vec<Wanted> {
    let (own, new) = (org.seen(), org.own_new());
    let (using, mut parts) = if shared {
        let update = Wanted { part: Part::UpdateFence, using: own.clone(), check: Some(new.clone()) };
        let delete = Wanted { part: Part::DeleteFence, using: own.clone(), check: None };
        (own.or(org.shared()), vec![update, delete])
    } else {
        (own, Vec::new())
    };
    parts.insert(0, Wanted { part: Part::Fence, using, check: Some(new) });
    parts.extend(project.map(|project| {
        let inside = project.in_project();
        Wanted { part: Part::Project, using: inside.clone(), check: Some(inside) }
    }));
    parts
}

/// The permissive policies, beginning with the gate. They repeat what the fence says of each command:
/// what takes the fence away, or makes it permissive, still shows no row of another organization.
pub(super) fn permissive(org: &Compared, shared: bool) -> Vec<Wanted> {
    let gate = Wanted { part: Part::Gate, using: org.seen(), check: Some(org.own_new()) };
    let nobodys = shared.then(|| Wanted { part: Part::SharedGate, using: org.shared(), check: None });
    [gate].into_iter().chain(nobodys).collect()
}

/// The expression that a table is fenced on, where no column is: as the fence's WITH CHECK has it.
pub(super) fn expression_of(facts: &Facts) -> Option<super::Expression> {
    let read = |part: Part| facts.policy(part.name())?.check.as_deref().and_then(Compared::read_back);
    read(Part::Fence).or_else(|| read(Part::Gate))
}
