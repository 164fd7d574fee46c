//! The policies of the plan.

use super::{Plan, Surroundings, as_set};
use crate::policy::{Action, Grantee, Kind, Part, Policy, Step, Wanted, part};

impl Plan<'_> {
    /// The restrictive policies. Says whether the fence itself is new.
    pub(super) fn fences(&mut self) -> bool {
        let wanted = part::restrictive(&self.org, self.shared, self.project.as_ref().map(|p| &p.compared));
        let created = wanted.iter().fold(false, |created, policy| {
            let new = self.fence(policy);
            created || (new && policy.part == Part::Fence)
        });
        for part in [Part::UpdateFence, Part::DeleteFence, Part::Project] {
            if self.facts.has(part) && wanted.iter().all(|w| w.part != part) {
                self.push(part.kind(), Action::DropPolicy(part), "isn't asked for any more");
            }
        }
        created
    }

    fn fence(&mut self, wanted: &Wanted) -> bool {
        let part = wanted.part;
        let everyone = || vec![Grantee::PUBLIC];
        let create = || Action::CreatePolicy { policy: wanted.clone(), roles: everyone() };
        let alter = || Action::AlterPolicy { policy: wanted.clone(), roles: everyone() };
        let Some(standing) = self.facts.policy(part.name()) else {
            let brought = self.told_of(part);
            let why = match part {
                Part::Project => "the project's policy had been dropped",
                _ => "the fence had been dropped",
            };
            let reason = if brought { self.missing(why) } else { self.what_for(part) };
            self.push(part.kind(), create(), reason);
            self.comment(part);
            return true;
        };
        if standing.permissive || standing.command != part.command() {
            let reason = self.missing("the fence had been made PERMISSIVE, or for other commands");
            self.push(part.kind(), Action::DropPolicy(part), reason);
            self.push(part.kind(), create(), reason);
            self.comment(part);
            return true;
        }
        if standing.roles != [Grantee::PUBLIC] {
            self.push(part.kind(), alter(), "the fence had been taken off some roles");
        } else if !says(standing, wanted) {
            let other = part == Part::Fence && self.told.as_ref().is_some_and(|m| m.shared != self.shared);
            let reason = if other {
                "other options were given"
            } else {
                self.missing("the fence's condition had been changed")
            };
            self.push(part.kind(), alter(), reason);
        }
        false
    }

    fn what_for(&self, part: Part) -> &'static str {
        if part == Part::Fence && self.org.asks_parent() { ASKS_PARENT } else { what_for(part) }
    }

    /// Whether protect has brought this one before.
    fn told_of(&self, part: Part) -> bool {
        !self.first
            && match part {
                Part::UpdateFence | Part::DeleteFence | Part::SharedGate => self.facts.standing_shared(),
                Part::Project => self.told.as_ref().is_some_and(|m| m.project.is_some()),
                Part::Fence | Part::Gate => true,
            }
    }

    fn comment(&mut self, part: Part) {
        if part.comment().is_some() {
            self.push(part.kind(), Action::CommentOnPolicy(part), "says what it is for");
        }
    }

    /// The permissive policies. Whom the gate that protect brings is for; none where it brings none.
    pub(super) fn gates(&mut self, around: &Surroundings<'_>) -> Option<Vec<Grantee>> {
        let mut wanted = part::permissive(&self.org, self.shared).into_iter();
        let gate = wanted.next().map(|gate| self.gate(&gate, around)).unwrap_or_default();
        match (wanted.next(), gate.stands_for) {
            // Where no gate of ours stands, finer policies say what can be read.
            (Some(shared), Some(roles)) => self.shared_gate(&shared, roles),
            _ if self.facts.has(Part::SharedGate) => {
                self.push(Kind::Gate, Action::DropPolicy(Part::SharedGate), "isn't asked for any more");
            }
            _ => {}
        }
        gate.remembered
    }

    /// The shared gate goes with the gate.
    fn shared_gate(&mut self, wanted: &Wanted, roles: Vec<Grantee>) {
        let same_roles =
            |standing: &Policy| as_set(&standing.roles) == as_set(&roles) && says(standing, wanted);
        let standing = self.facts.policy(Part::SharedGate.name());
        let shape = standing.is_none_or(|s| !s.permissive || s.command != wanted.part.command());
        if standing.is_some() && shape {
            self.push(Kind::Gate, Action::DropPolicy(Part::SharedGate), "the gate had been altered");
        }
        if shape {
            let reason = "lets rows that belong to nobody be read";
            self.push(Kind::Gate, Action::CreatePolicy { policy: wanted.clone(), roles }, reason);
            self.comment(Part::SharedGate);
        } else if !standing.is_some_and(same_roles) {
            self.push(
                Kind::Gate,
                Action::AlterPolicy { policy: wanted.clone(), roles },
                "goes with the gate",
            );
        }
    }

    fn gate(&mut self, wanted: &Wanted, around: &Surroundings<'_>) -> Gated {
        let create =
            |roles: &[Grantee]| Action::CreatePolicy { policy: wanted.clone(), roles: roles.to_vec() };
        let told = self.told.as_ref().and_then(|m| m.gate.clone());
        let Some(gate) = self.facts.policy(Part::Gate.name()) else {
            let others = self.facts.foreign_policies().any(|p| p.permissive);
            let (roles, reason) = match (&self.spec.roles, &told) {
                (Some(roles), _) => (
                    roles.clone(),
                    self.missing("lets the current organization's rows pass for the roles given"),
                ),
                // Finer policies took its place.
                (None, Some(_)) if others => return Gated { remembered: told, stands_for: None },
                (None, Some(roles)) => {
                    let here =
                        |role: &&Grantee| role.0.as_ref().is_none_or(|name| !around.gone.contains(name));
                    let here: Vec<_> = roles.iter().filter(here).cloned().collect();
                    if here.is_empty() {
                        let reason = "the gate had been dropped, and the roles that it was for are gone: \
                                      nobody sees a row until the call names roles";
                        self.steps.push(Step::note(Kind::Gate, None, reason));
                        return Gated { remembered: told, stands_for: None };
                    }
                    (here, "the gate had been dropped, and no policy took its place")
                }
                // A gate beside policies that stand already would OR with them and widen them.
                (None, None) if !self.first || self.facts.row_security || !self.facts.policies.is_empty() => {
                    return Gated::default();
                }
                (None, None) => {
                    // By its own name a partition shows what its parent shows, and not more.
                    let all = || Some(vec![Grantee::PUBLIC]);
                    let Some(roles) = around.under.map_or_else(all, |under| under.gate.clone()) else {
                        return Gated::default();
                    };
                    let reason = "without a PERMISSIVE policy the fence would show nothing; it carries the same condition";
                    (roles, reason)
                }
            };
            self.push(Kind::Gate, create(&roles), reason);
            self.comment(Part::Gate);
            return Gated { remembered: Some(roles.clone()), stands_for: Some(roles) };
        };
        let roles = self.spec.roles.clone().unwrap_or_else(|| gate.roles.clone());
        let same_roles = as_set(&roles) == as_set(&gate.roles);
        let alter = || Action::AlterPolicy { policy: wanted.clone(), roles: roles.clone() };
        if !gate.permissive || gate.command != '*' {
            let reason = "the gate had been made RESTRICTIVE, or for one command only";
            self.push(Kind::Gate, Action::DropPolicy(Part::Gate), reason);
            self.push(Kind::Gate, create(&roles), reason);
            self.comment(Part::Gate);
        } else if !says(gate, wanted) {
            self.push(Kind::Gate, alter(), "the gate's condition had been changed");
        } else if !same_roles {
            self.push(Kind::Gate, alter(), "other roles were given");
        }
        let remembered = match told {
            // The gate's roles are read from the gate; the memory only has to differ where the spec does.
            Some(told) if self.spec.roles.is_none() => told,
            _ => roles.clone(),
        };
        Gated { remembered: Some(remembered), stands_for: Some(roles) }
    }
}

/// Whom a gate is for.
#[derive(Default)]
struct Gated {
    /// By the fence's comment; none if protect brings none.
    remembered: Option<Vec<Grantee>>,
    /// By the gate that will stand; none if none will.
    stands_for: Option<Vec<Grantee>>,
}

fn says(standing: &Policy, wanted: &Wanted) -> bool {
    standing.using.as_ref() == Some(&wanted.using.printed)
        && standing.check.as_ref() == wanted.check.as_ref().map(|check| &check.printed)
}

/// What a fence costs that asks a parent, said when it is chosen.
const ASKS_PARENT: &str = "asks the parent: each statement first reads the keys of all the organization's parents, so that \
    where these are many a lookup takes ten times as long as with an org column, and a page of the newest rows \
    hundreds of times; each new row costs a lookup in the parent. Without reading => true a column is filled instead";

fn what_for(part: Part) -> &'static str {
    match part {
        Part::UpdateFence | Part::DeleteFence => {
            "a row that belongs to nobody is read by all, so it must be said that none changes it"
        }
        Part::Project => "only the rows of the session's project pass, where it has one",
        Part::Fence | Part::Gate | Part::SharedGate => {
            "ANDs the organization onto every command of every role; nothing added later widens it"
        }
    }
}
