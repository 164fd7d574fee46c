//! `harden`: a phase at a time, so that the procedure around it can commit between them.

use std::collections::HashMap;

use org_scope_core::Error;
use org_scope_core::harden::{Change, Crossing};
use org_scope_core::policy::Step;
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;

use super::facts::Keys;
use super::plan::{as_rows, look, names};
use crate::pg::journal::{self, Entry};
use crate::pg::{noforce, relation, report, settings, spi, transaction};
use crate::run::{Row, Run, Turn, rows};

/// What is left of one call.
struct Work {
    target: Oid,
    name: QualifiedName,
    asked: Vec<Ident>,
    /// As they were counted when the call began: what has come since, the server's own check finds.
    crossing: HashMap<u32, Crossing>,
    /// How many phases there were: a plan that doesn't get shorter must not run for ever.
    phases: usize,
    notes: Vec<Row>,
}

/// Plans a run of `harden`, and says what stays as it is; whether the caller may commit between its steps.
pub(crate) fn begin_harden(target: Oid, unique_per_org: Vec<String>) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    relation::require_owner(target);
    settings::neutral(|| {
        let mut run = Run::new()?;
        let asked = names(unique_per_org)?;
        let mut crossing = HashMap::new();
        let (name, plan) = look(target, &asked, &mut crossing, Keys::All)?;
        for entry in &plan.reports {
            report::notice(&entry.step.reason);
        }
        run.tell(as_rows(plan.reports));
        let notes = as_rows(plan.notes);
        if plan.phases.is_empty() {
            run.tell(notes);
        } else {
            let work = Work { target, name, asked, crossing, phases: plan.phases.len(), notes };
            run.add(Box::new(move || work.step()));
        }
        run.begin();
        Ok(may_commit)
    })
}

impl Work {
    /// Runs the next phase of what is to do as things stand now.
    fn step(mut self) -> Result<Turn, Error> {
        relation::require_owner(self.target);
        // Against other DDL, and against another call of harden.
        relation::lock(self.target, relation::Lock::Ddl);
        relation::require_owner(self.target);
        let (_, plan) = look(self.target, &self.asked, &mut self.crossing, Keys::Leaving)?;
        let mut phases = plan.phases.into_iter();
        let done: Vec<Row> = phases
            .next()
            .unwrap_or_default()
            .into_iter()
            .flat_map(|change| rows(change.target, vec![execute(self.target, change)]))
            .collect();
        self.phases -= 1;
        if self.phases > 0 && phases.len() > 0 {
            return Ok(Turn { rows: done, rest: Some(Box::new(move || self.step())), said: None });
        }
        let said = format!("hardened {}", self.name);
        Ok(Turn { rows: [done, self.notes].concat(), rest: None, said: Some(said) })
    }
}

/// Executes a change as it is shown. What the server checks then, it must see whole: the fence would let
/// it see one organization's rows, and call the key valid.
fn execute(target: Oid, change: Change) -> Step {
    let Change { action, step, .. } = change;
    let Some(statement) = step.statement.as_deref() else { return step };
    if action.checks_rows() {
        noforce::lift(|| spi::execute(statement));
        journal::record(Entry { kind: "harden", target: Some(target), statement, rows: None, reason: None });
    } else {
        spi::execute(statement);
    }
    step.done()
}
