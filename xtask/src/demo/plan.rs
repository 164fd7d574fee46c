//! What the fence costs: nothing that the hand-written WHERE doesn't.

use anyhow::Result;

use super::answer::{self, Answer};
use super::stand::Stand;
use super::systems::GLOBEX_CALLS;
use super::table;
use crate::terminal::{heading, note};

const QUERY: &str = "SELECT direction, count(*) FROM voice.calls WHERE duration_seconds > 500";

pub(super) fn show(stand: &mut Stand) -> Result<()> {
    heading("EXPLAIN: what the planner makes of it");
    note(&format!(
        "For {}: the fenced query, and the one with a WHERE written by hand, without a fence.",
        GLOBEX_CALLS.name
    ));
    let fenced = format!("{QUERY}\nGROUP BY direction");
    let by_hand = format!("{QUERY}\nAND clerk_org_id = '{}'\nGROUP BY direction", GLOBEX_CALLS.id);
    let mut session = stand.acting_for(GLOBEX_CALLS)?;
    let plans = [explain(&mut session, &fenced)?, explain(&mut stand.superuser, &by_hand)?];
    let mut shown = table::new(&["org_scope", "by hand"]);
    table::widths(&mut shown, &[44, 44]);
    shown.add_row([fenced, by_hand]);
    shown.add_row(plans);
    table::print(&shown);
    Ok(())
}

fn explain(client: &mut postgres::Client, sql: &str) -> Result<String> {
    match answer::ask(client, &format!("EXPLAIN (COSTS OFF) {sql}"))? {
        Answer::Rows { rows, .. } => {
            Ok(rows.into_iter().map(|mut row| row.remove(0)).collect::<Vec<_>>().join("\n"))
        }
        refused @ Answer::Refused { .. } => anyhow::bail!("EXPLAIN {sql}\n{}", refused.text()),
    }
}
