//! From the facts of a table to its fence: the difference, in the order in which it is executed.
//!
//! The index comes first: it takes long under a lock that readers don't feel. What needs ACCESS
//! EXCLUSIVE comes last and takes no time.

use std::collections::BTreeSet;

use super::action::INDEX_COMMENT;
use super::memory::VERSION;
use super::{Action, Column, FENCE, Facts, Found, GATE, Grantee, Kind, Memory, OrgKey, Refusal, Spec, Step};
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
    /// Tells whether a text is one bare expression, so that it can stand in SET DEFAULT.
    pub is_expression: Option<fn(&str) -> bool>,
}

/// Whether protect has to build an index: then its name and the table's size are needed.
pub fn wants_index(spec: &Spec, facts: &Facts) -> bool {
    spec.create_index && !facts.indexes.iter().any(|i| i.serves)
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
                steps.iter().filter(|s| s.state != super::State::Note).map(|s| s.kind).collect();
            if facts.through.as_ref().is_some_and(|through| !through.right) {
                kinds.insert(Kind::Through);
            }
            kinds.into_iter().collect()
        }
        Err(_) => vec![Kind::Table],
    }
}

/// The steps from the facts to the spec; none but notes where it stands already.
///
/// # Errors
/// [`Refusal`] where the table can't carry the fence.
pub fn protect(spec: &Spec, facts: &Facts, around: &Surroundings<'_>) -> Result<Vec<Step>, Refusal> {
    let (column, key) = Refusal::check(facts, &spec.column)?;
    let told = around.kept.cloned().or_else(|| facts.memory());
    let remains = facts.policy(FENCE).is_some() || facts.policy(GATE).is_some() || facts.guard.is_some();
    let first = told.is_none() && !remains;
    let mut plan = Plan {
        table: facts.table(),
        facts,
        spec,
        column,
        key,
        told,
        first,
        lifted: around.lifted,
        steps: Vec::new(),
    };
    plan.index(around);
    plan.guard();
    let default = plan.default(around);
    let fence_created = plan.fence();
    let gate = plan.gate(around.gone);
    plan.remember(fence_created, default, gate);
    plan.flags();
    Ok(plan.steps)
}

struct Plan<'a> {
    table: QualifiedName,
    facts: &'a Facts,
    spec: &'a Spec,
    column: &'a Column,
    key: OrgKey,
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

    fn index(&mut self, around: &Surroundings<'_>) {
        if !self.spec.create_index || self.facts.indexes.iter().any(|i| i.serves && i.valid) {
            return;
        }
        if let Some(broken) = self.facts.indexes.iter().find(|i| i.serves) {
            let reason = "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted";
            return self.run_yourself(Kind::Index, Action::Reindex(broken.name.clone()), reason);
        }
        let fallback = super::index_name_candidates(&self.facts.name, &self.column.name).into_iter().next();
        let Some(index) = around.index_name.cloned().or(fallback) else { return };
        let create = |concurrently| Action::CreateIndex {
            index: index.clone(),
            column: self.column.name.clone(),
            concurrently,
        };
        if !self.facts.may_create_index {
            let reason = format!(
                "an index led by the org column is missing, and you have no CREATE privilege on schema {}",
                self.table.schema
            );
            self.run_yourself(Kind::Index, create(true), reason);
        } else if around.size > around.max_inline_index {
            let reason = "an index led by the org column is missing, and the table is larger than \
                          org_scope.max_inline_index_size: building it here would block writers";
            self.run_yourself(Kind::Index, create(true), reason);
        } else {
            self.push(Kind::Index, create(false), "finds an organization's rows without reading the others'");
            self.push(Kind::Index, Action::MarkIndex(index), "marks the index as brought by protect");
        }
    }

    fn guard(&mut self) {
        let reason = "TRUNCATE passes no policy; the guard stops it for every role that the fence binds";
        match &self.facts.guard {
            Some(guard) if guard.right => {
                if guard.enabled != 'A' {
                    self.push(Kind::TruncateGuard, Action::ArmGuard, "the guard had been switched off");
                }
                return;
            }
            Some(_) => {
                self.push(Kind::TruncateGuard, Action::DropGuard, "the guard had been altered");
                self.push(Kind::TruncateGuard, Action::CreateGuard, reason);
            }
            None if self.first => self.push(Kind::TruncateGuard, Action::CreateGuard, reason),
            None => self.push(Kind::TruncateGuard, Action::CreateGuard, "the guard had been dropped"),
        }
        self.push(Kind::TruncateGuard, Action::ArmGuard, "holds also under session_replication_role");
        self.push(Kind::TruncateGuard, Action::CommentOnGuard, "says what it is for");
    }

    /// Whether the DEFAULT is protect's in the end, and what it found.
    fn default(&mut self, around: &Surroundings<'_>) -> (bool, Option<String>) {
        let ours = self.key.default();
        let is_ours = self.column.default.as_deref() == Some(ours);
        let before = self.told.as_ref().filter(|m| m.default).and_then(|m| m.found.clone());
        let was_set = self.told.as_ref().is_some_and(|m| m.default);
        let found = match (before, is_ours) {
            (Some(found), _) => found.default,
            (None, true) => None,
            (None, false) => self.column.default.clone(),
        };
        let column = self.column.name.clone();
        // Where the parent gives the organization, a DEFAULT would say another one before it.
        if !self.spec.set_default || self.facts.through.is_some() {
            if was_set && is_ours {
                let reason = "set_default was switched off; the DEFAULT is again as it was found";
                let back = found.as_deref().filter(|e| around.is_expression.is_some_and(|is| is(e)));
                let action = match back {
                    Some(expression) => Action::SetDefault { column, expression: expression.to_owned() },
                    None => Action::DropDefault(column),
                };
                self.push(Kind::Default, action, reason);
            }
            return (false, None);
        }
        if self.column.generated || self.column.identity {
            // Said once: a row that came with every call would read as if something were left to do.
            if self.first {
                let reason = format!("column {column} is generated, so it can have no DEFAULT");
                self.steps.push(Step::skipped(Kind::Default, reason));
            }
            return (false, None);
        }
        if !is_ours {
            let reason = match (&self.column.default, was_set) {
                (_, true) => self.missing("the DEFAULT had been changed").to_owned(),
                (Some(_), false) => "a new row is the current organization's; the DEFAULT found is \
                                     remembered and comes back with unprotect"
                    .to_owned(),
                (None, false) => "a new row is the current organization's".to_owned(),
            };
            self.push(Kind::Default, Action::SetDefault { column, expression: ours.to_owned() }, reason);
        }
        (true, found)
    }

    fn fence(&mut self) -> bool {
        let condition = self.key.condition(&self.column.name);
        let printed = self.key.printed(self.column);
        let reason = "ANDs the organization onto every command of every role; nothing added later widens it";
        let Some(fence) = self.facts.policy(FENCE) else {
            let reason = if self.first { reason } else { self.missing("the fence had been dropped") };
            self.push(Kind::Fence, Action::CreateFence(condition), reason);
            return true;
        };
        if fence.permissive || fence.command != '*' {
            let reason = self.missing("the fence had been made PERMISSIVE, or for one command only");
            self.push(Kind::Fence, Action::DropFence, reason);
            self.push(Kind::Fence, Action::CreateFence(condition), reason);
            return true;
        }
        if fence.roles != [Grantee::PUBLIC] {
            self.push(Kind::Fence, Action::AlterFence(condition), "the fence had been taken off some roles");
        } else if fence.using.as_ref() != Some(&printed) || fence.check.as_ref() != Some(&printed) {
            let reason = self.missing("the fence's condition had been changed");
            self.push(Kind::Fence, Action::AlterFence(condition), reason);
        }
        false
    }

    /// Whom the gate that protect brings is for; none where it brings none.
    fn gate(&mut self, gone: &[Ident]) -> Option<Vec<Grantee>> {
        let condition = self.key.condition(&self.column.name);
        let printed = self.key.printed(self.column);
        let told = self.told.as_ref().and_then(|m| m.gate.clone());
        let Some(gate) = self.facts.policy(GATE) else {
            let others = self.facts.foreign_policies().any(|p| p.permissive);
            let (roles, reason) = match (&self.spec.roles, &told) {
                (Some(roles), _) => (
                    roles.clone(),
                    self.missing("lets the current organization's rows pass for the roles given"),
                ),
                // Finer policies took its place.
                (None, Some(_)) if others => return told,
                (None, Some(roles)) => {
                    let here = |role: &&Grantee| role.0.as_ref().is_none_or(|name| !gone.contains(name));
                    let here: Vec<_> = roles.iter().filter(here).cloned().collect();
                    if here.is_empty() {
                        let reason = "the gate had been dropped, and the roles that it was for are gone: \
                                      nobody sees a row until the call names roles";
                        self.steps.push(Step::note(Kind::Gate, None, reason));
                        return told;
                    }
                    (here, "the gate had been dropped, and no policy took its place")
                }
                // A gate beside policies that stand already would OR with them and widen them.
                (None, None) if !self.first || self.facts.row_security || !self.facts.policies.is_empty() => {
                    return None;
                }
                (None, None) => (
                    vec![Grantee::PUBLIC],
                    "without a PERMISSIVE policy the fence would show nothing; it carries the same condition",
                ),
            };
            self.push(Kind::Gate, Action::CreateGate { condition, roles: roles.clone() }, reason);
            self.push(Kind::Gate, Action::CommentOnGate, "says what it is for");
            return Some(roles);
        };
        let roles = self.spec.roles.clone().unwrap_or_else(|| gate.roles.clone());
        let same_roles = as_set(&roles) == as_set(&gate.roles);
        if !gate.permissive || gate.command != '*' {
            let reason = "the gate had been made RESTRICTIVE, or for one command only";
            self.push(Kind::Gate, Action::DropGate, reason);
            self.push(Kind::Gate, Action::CreateGate { condition, roles: roles.clone() }, reason);
            self.push(Kind::Gate, Action::CommentOnGate, "says what it is for");
        } else if gate.using.as_ref() != Some(&printed) || gate.check.as_ref() != Some(&printed) {
            let reason = "the gate's condition had been changed";
            self.push(Kind::Gate, Action::AlterGate { condition, roles: roles.clone() }, reason);
        } else if !same_roles {
            self.push(
                Kind::Gate,
                Action::AlterGate { condition, roles: roles.clone() },
                "other roles were given",
            );
        }
        match told {
            // The gate's roles are read from the gate; the memory only has to differ where the spec does.
            Some(told) if self.spec.roles.is_none() => Some(told),
            _ => Some(roles),
        }
    }

    fn remember(&mut self, created: bool, default: (bool, Option<String>), gate: Option<Vec<Grantee>>) {
        if !created && self.told.is_none() {
            // What was found before is not known any more, and a new comment would pretend otherwise.
            return;
        }
        let (default, found_default) = default;
        let mut found = match &self.told {
            Some(told) => told.found.clone(),
            None => self.first.then_some(Found {
                row_security: self.facts.row_security,
                force: self.facts.force,
                policies: !self.facts.policies.is_empty(),
                default: None,
            }),
        };
        if let Some(found) = &mut found {
            found.default = found_default;
        }
        let gate = gate.map(|roles| as_set(&roles).into_iter().cloned().collect());
        let index = self.spec.create_index;
        let memory = Memory { version: VERSION, force: self.spec.force, index, default, gate, found };
        let standing = self.facts.policy(FENCE).and_then(|f| f.comment.as_deref()).and_then(Memory::parse);
        if created || standing.as_ref() != Some(&memory) {
            let reason = "remembers the options, and what unprotect puts back";
            self.push(Kind::Fence, Action::CommentOnFence(memory.comment()), reason);
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

/// Whether an index carries our mark.
pub(super) fn is_ours(comment: Option<&str>) -> bool {
    comment == Some(INDEX_COMMENT)
}
