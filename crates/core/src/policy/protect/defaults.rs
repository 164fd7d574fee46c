//! The DEFAULTs of the plan: a new row is the current organization's, and the current project's.

use super::Plan;
use crate::policy::{Action, Column, Compared, Kind, Step, Surroundings};

/// One of them.
struct Wish<'a> {
    column: &'a Column,
    /// Our expression.
    ours: &'static str,
    /// Whether it is asked for.
    asked: bool,
    /// Whether protect had set it.
    was_set: bool,
    /// What protect found then, where it had set its own.
    found: Option<Option<String>>,
    /// What protect found for the table above, whose DEFAULT was copied where this table was created under it.
    above: Option<String>,
    what: &'static str,
}

/// What the plan leads to.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    /// Whether the org column's is protect's in the end.
    pub(super) org_set: bool,
    /// What it found.
    pub(super) org: Option<String>,
    /// Whether the project column's is protect's in the end.
    pub(super) project_set: bool,
    /// What it found.
    pub(super) project: Option<String>,
}

impl Plan<'_> {
    pub(super) fn defaults(&mut self, around: &Surroundings<'_>) -> Defaults {
        let told = self.told.as_ref();
        let org_set = told.is_some_and(|m| m.default);
        let project_set = told.is_some_and(|m| m.project_default);
        let found = told.and_then(|m| m.found.clone());
        let mut defaults = Defaults::default();
        if self.org.column_name().is_some()
            && let Some(column) = &self.facts.column
        {
            let wish = Wish {
                column,
                ours: self.org.org_default(),
                // Where the parent gives the organization, a DEFAULT would say another one before it.
                asked: self.spec.set_default && self.facts.through.is_none(),
                was_set: org_set,
                found: found.as_ref().filter(|_| org_set).map(|f| f.default.clone()),
                above: around.under.and_then(|under| under.default.clone()),
                what: "a new row is the current organization's",
            };
            (defaults.org_set, defaults.org) = self.default(&wish, around);
        }
        let project = self.facts.project.as_ref();
        let ours = project.and_then(|column| Compared::column(column).ok()).map(|c| c.project_default());
        if let (Some(column), Some(ours)) = (project, ours) {
            let wish = Wish {
                column,
                ours,
                asked: self.spec.set_default && self.project.is_some(),
                was_set: project_set,
                found: found.as_ref().filter(|_| project_set).map(|f| f.project_default.clone()),
                above: around.under.and_then(|under| under.project_default.clone()),
                what: "a new row is the current project's",
            };
            (defaults.project_set, defaults.project) = self.default(&wish, around);
        }
        defaults
    }

    /// Whether the DEFAULT is protect's in the end, and what it found.
    fn default(&mut self, wish: &Wish<'_>, around: &Surroundings<'_>) -> (bool, Option<String>) {
        let is_ours = wish.column.default.as_deref() == Some(wish.ours);
        let found = match (&wish.found, is_ours) {
            (Some(found), _) => found.clone(),
            (None, true) => wish.above.clone(),
            (None, false) => wish.column.default.clone(),
        };
        let column = wish.column.name.clone();
        if !wish.asked {
            if wish.was_set && is_ours {
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
        if wish.column.generated || wish.column.identity {
            // Said once: a row that came with every call would read as if something were left to do.
            if self.first {
                let reason = format!("column {column} is generated, so it can have no DEFAULT");
                self.steps.push(Step::skipped(Kind::Default, reason));
            }
            return (false, None);
        }
        if !is_ours {
            let reason = match (&wish.column.default, wish.was_set) {
                (_, true) => self.missing("the DEFAULT had been changed").to_owned(),
                (Some(_), false) => {
                    format!("{}; the DEFAULT found is remembered and comes back with unprotect", wish.what)
                }
                (None, false) => wish.what.to_owned(),
            };
            let expression = wish.ours.to_owned();
            self.push(Kind::Default, Action::SetDefault { column, expression }, reason);
        }
        (true, found)
    }
}
