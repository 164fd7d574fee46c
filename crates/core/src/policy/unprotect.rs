//! The way back: what protect brought goes, what it found returns.

use super::copy_view;
use super::protect::is_ours;
use super::{Action, FENCE, Facts, GATE, Kind, OrgKey, Step};
use crate::sql::Ident;

/// The steps that take the fence away; none where there is nothing of ours.
///
/// `is_expression` tells whether a remembered DEFAULT is one bare expression.
pub fn unprotect(facts: &Facts, is_expression: fn(&str) -> bool) -> Vec<Step> {
    let table = facts.table();
    let memory = facts.memory();
    let found = memory.as_ref().and_then(|m| m.found.as_ref());
    let (fence, gate) = (facts.policy(FENCE).is_some(), facts.policy(GATE).is_some());
    // An index's comment alone proves nothing: CREATE TABLE … (LIKE … INCLUDING ALL) copies it.
    if !fence && !gate && facts.guard.is_none() && facts.copy_view.is_none() {
        return Vec::new();
    }
    let mut steps = copy_view::removal(facts, "takes the copy view away");
    let mut push = |kind, action, reason: &str| steps.push(Step::planned(kind, &table, action, reason));
    if fence {
        push(Kind::Fence, Action::DropFence, "takes the fence away");
    }
    if gate {
        push(Kind::Gate, Action::DropGate, "takes the gate away");
    }
    if facts.guard.is_some() {
        push(Kind::TruncateGuard, Action::DropGuard, "takes the guard away");
    }
    let mut unknown = Vec::new();
    if let Some(column) = &facts.column {
        let ours = OrgKey::of(column).is_ok_and(|key| column.default.as_deref() == Some(key.default()));
        let name = column.name.clone();
        match (ours, found.map(|f| f.default.as_deref())) {
            (false, _) => {}
            (true, Some(Some(expression))) if is_expression(expression) => {
                let expression = expression.to_owned();
                push(
                    Kind::Default,
                    Action::SetDefault { column: name, expression },
                    "puts back the DEFAULT found",
                );
            }
            (true, Some(None)) => {
                push(Kind::Default, Action::DropDefault(name), "takes the DEFAULT away; none is remembered");
            }
            (true, _) => {
                push(Kind::Default, Action::DropDefault(name), "takes the DEFAULT away");
                unknown.push(Step::note(
                    Kind::Default,
                    None,
                    "which DEFAULT the column had before isn't known any more: the fence's comment is lost or altered",
                ));
            }
        }
    }
    // Policies that came after protect would go dormant with the flag, and the table would be open.
    let newer = found.is_some_and(|f| !f.policies) && facts.foreign_policies().next().is_some();
    match found {
        Some(found) => {
            if facts.force && !found.force {
                push(Kind::Force, Action::Force(false), "FORCE was off before");
            }
            if facts.row_security && !found.row_security {
                if newer {
                    unknown.push(Step::run_yourself(
                        Kind::RowSecurity,
                        &table,
                        Action::RowSecurity(false),
                        "row security was off before, but the table has other policies since, which would stop to hold",
                    ));
                } else {
                    push(Kind::RowSecurity, Action::RowSecurity(false), "row security was off before");
                }
            }
        }
        None if fence || gate => {
            let why = "whether it was on before protect isn't known: the fence's comment is lost or altered";
            if facts.force {
                unknown.push(Step::run_yourself(Kind::Force, &table, Action::Force(false), why));
            }
            if facts.row_security {
                unknown.push(Step::run_yourself(Kind::RowSecurity, &table, Action::RowSecurity(false), why));
            }
        }
        None => {}
    }
    for index in facts.indexes.iter().filter(|i| is_ours(i.comment.as_deref())) {
        push(Kind::Index, Action::DropIndex(index.name.clone()), "takes away the index that protect brought");
    }
    if let Some(column) = facts.column.as_ref().filter(|_| fence && memory.is_none()) {
        let names = super::index_name_candidates(&facts.name, &column.name);
        let unmarked = facts.indexes.iter().filter(|i| i.comment.is_none() && names.contains(&i.name));
        for index in unmarked {
            unknown.push(Step::run_yourself(
                Kind::Index,
                &table,
                Action::DropIndex(index.name.clone()),
                "whether protect brought this index isn't known: its comment is lost",
            ));
        }
    }
    steps.append(&mut unknown);
    steps
}

/// The steps that take the policies out of the way of an ALTER TABLE, and nothing else: row
/// security stays on, the index and the guard stay. The fence stays too, without the column, and
/// lets nothing pass: functions that the ALTER TABLE runs could ask for rows as somebody whom other
/// policies let see all.
///
/// FORCE goes meanwhile: with it the server's own checks of rows would run over an empty table.
pub fn lift(facts: &Facts) -> Vec<Step> {
    let table = facts.table();
    let mut steps = copy_view::removal(facts, "in the way of the statement; comes back after it");
    let mut push = |kind, action| {
        steps.push(Step::planned(kind, &table, action, "in the way of the statement; comes back after it"));
    };
    if let Some(fence) = facts.policy(FENCE) {
        if fence.permissive || fence.command != '*' {
            push(Kind::Fence, Action::DropFence);
            push(Kind::Fence, Action::CreateFence(NOTHING.into()));
        } else {
            push(Kind::Fence, Action::AlterFence(NOTHING.into()));
        }
    }
    if facts.policy(GATE).is_some() {
        push(Kind::Gate, Action::DropGate);
    }
    if default_is_ours(facts)
        && let Some(column) = &facts.column
    {
        push(Kind::Default, Action::DropDefault(column.name.clone()));
    }
    if facts.force {
        push(Kind::Force, Action::Force(false));
    }
    steps
}

/// The steps that put back what [`lift`] took and the fence's own options don't ask for: a FORCE
/// and a DEFAULT that somebody else had set.
pub fn put_back(before: &Facts, now: &Facts) -> Vec<Step> {
    let table = now.table();
    let mut steps = Vec::new();
    let mut push = |kind, action| {
        steps.push(Step::planned(kind, &table, action, "comes back after the statement"));
    };
    if let Some(column) = &now.column
        && let Ok(key) = OrgKey::of(column)
        && default_is_ours(before)
        && column.default.is_none()
        && !column.generated
        && !column.identity
    {
        let expression = key.default().to_owned();
        push(Kind::Default, Action::SetDefault { column: column.name.clone(), expression });
    }
    if before.force && !now.force {
        push(Kind::Force, Action::Force(true));
    }
    steps
}

/// The condition of a fence that is lifted.
const NOTHING: &str = "false";

fn default_is_ours(facts: &Facts) -> bool {
    facts.column.as_ref().is_some_and(|column| {
        OrgKey::of(column).is_ok_and(|key| column.default.as_deref() == Some(key.default()))
    })
}

/// The step that takes the DEFAULT away where the one found can't come back.
pub fn drop_default(facts: &Facts, column: &Ident) -> Step {
    Step::planned(
        Kind::Default,
        &facts.table(),
        Action::DropDefault(column.clone()),
        "takes the DEFAULT away",
    )
}
