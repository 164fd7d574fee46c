//! The way back: what protect brought goes, what it found returns.

use super::copy_view;
use super::part::PARTS;
use super::protect::is_ours;
use super::{Action, Clause, Column, Compared, FENCE, Facts, Grantee, Kind, Part, Source, Step, Wanted};
use crate::sql::Ident;

/// The steps that take the fence away; none where there is nothing of ours.
///
/// `is_expression` tells whether a remembered DEFAULT is one bare expression.
pub fn unprotect(facts: &Facts, is_expression: fn(&str) -> bool) -> Vec<Step> {
    let table = facts.table();
    let memory = facts.memory();
    let found = memory.as_ref().and_then(|m| m.found.as_ref());
    // An index's comment alone proves nothing: CREATE TABLE … (LIKE … INCLUDING ALL) copies it.
    if !facts.has_remains() {
        return Vec::new();
    }
    let policies = PARTS.iter().copied().filter(|part| facts.has(*part)).collect::<Vec<_>>();
    let mut steps = copy_view::removal(facts, "takes the copy view away");
    let mut push = |kind, action, reason: &str| steps.push(Step::planned(kind, &table, action, reason));

    for part in &policies {
        let reason = match part {
            Part::Fence => "takes the fence away",
            Part::Gate => "takes the gate away",
            _ => "goes with the fence",
        };
        push(part.kind(), Action::DropPolicy(*part), reason);
    }
    if facts.guard.is_some() {
        push(Kind::TruncateGuard, Action::DropGuard, "takes the guard away");
    }
    if facts.stamp.is_some() {
        push(Kind::Actor, Action::DropStamp, "takes the trigger away");
    }
    let mut unknown = Vec::new();
    let org = found.map(|f| f.default.as_deref());
    let project = found.map(|f| f.project_default.as_deref());
    for (column, ours, found) in defaults(facts)
        .into_iter()
        .zip([org, project])
        .filter_map(|(column, found)| column.map(|(column, ours)| (column, ours, found)))
    {
        let ours = column.default.as_deref() == Some(ours);
        let name = column.name.clone();
        match (ours, found) {
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
        None if !policies.is_empty() => {
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
    let unsure = facts.column.as_ref().filter(|_| facts.has(Part::Fence) && memory.is_none());
    if let Some(column) = unsure {
        let names = super::index_name_candidates(&facts.name, &Source::Column(column.name.clone()));
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
        let nothing = Clause { text: NOTHING.into(), printed: NOTHING.into() };
        let policy = Wanted { part: Part::Fence, using: nothing.clone(), check: Some(nothing) };
        let roles = vec![Grantee::PUBLIC];
        if fence.permissive || fence.command != Part::Fence.command() {
            push(Kind::Fence, Action::DropPolicy(Part::Fence));
            push(Kind::Fence, Action::CreatePolicy { policy, roles });
        } else {
            push(Kind::Fence, Action::AlterPolicy { policy, roles });
        }
    }
    for part in PARTS.into_iter().filter(|part| *part != Part::Fence && facts.has(*part)) {
        push(part.kind(), Action::DropPolicy(part));
    }
    for (column, ours) in defaults(facts).into_iter().flatten() {
        if column.default.as_deref() == Some(ours) {
            push(Kind::Default, Action::DropDefault(column.name.clone()));
        }
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
    for (before, now) in defaults(before).into_iter().zip(defaults(now)) {
        if let (Some((before, ours)), Some((column, default))) = (before, now)
            && before.default.as_deref() == Some(ours)
            && column.default.is_none()
            && !column.generated
            && !column.identity
        {
            let expression = default.to_owned();
            push(Kind::Default, Action::SetDefault { column: column.name.clone(), expression });
        }
    }
    if before.force && !now.force {
        push(Kind::Force, Action::Force(true));
    }
    steps
}

/// The condition of a fence that is lifted.
const NOTHING: &str = "false";

/// The org column and the project column, each with the DEFAULT that protect would set.
fn defaults(facts: &Facts) -> [Option<(&Column, &'static str)>; 2] {
    let compared = |column: &Column| Compared::column(column).ok();
    let org = facts.column.as_ref().and_then(|c| Some((c, compared(c)?.org_default())));
    let project = facts.project.as_ref().and_then(|c| Some((c, compared(c)?.project_default())));
    [org, project]
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
