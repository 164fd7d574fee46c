//! Steps as rows, and runs of them: `org_scope.last_run`.

use pgrx::IntoDatum;

use crate::pg::entry::{Answer, Call, entry};
use crate::run::{self, Row};

/// The rows that every function of the generator answers.
pub(super) fn answer(call: &Call, rows: Vec<Row>) -> Answer {
    call.rows(rows.into_iter().zip(1_i32..).map(|(row, ordinal)| {
        let Row { target, step } = row;
        vec![
            ordinal.into_datum(),
            target.into_datum(),
            step.kind.word().into_datum(),
            step.statement.into_datum(),
            step.state.word().into_datum(),
            step.reason.into_datum(),
        ]
    }))
}

entry!(org_scope_run_step, pg_finfo_org_scope_run_step, |_| Ok(Some(run::step()?).into()));
entry!(org_scope_last_run, pg_finfo_org_scope_last_run, |call| Ok(answer(call, run::last_run())));
