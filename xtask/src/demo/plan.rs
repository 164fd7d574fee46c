//! What the fence costs: nothing that the hand-written WHERE doesn't.

use anyhow::Result;
use console::style;
use postgres::Client;

use super::answer::{self, Answer};
use super::stand::Stand;
use super::systems::GLOBEX_CALLS;
use crate::terminal::{heading, note};

const QUERY: &str = "SELECT direction, count(*) FROM voice.calls WHERE duration_seconds > 500";

pub(super) fn show(stand: &mut Stand) -> Result<()> {
    heading("EXPLAIN: what the planner makes of it");
    let mut session = stand.acting_for(GLOBEX_CALLS)?;
    note(&format!("Fenced, in a session of {}:", GLOBEX_CALLS.name));
    explain(&mut session, &format!("{QUERY} GROUP BY 1"))?;
    println!();
    note("Without a fence, as the superuser, with the WHERE written by hand:");
    explain(
        &mut stand.superuser,
        &format!("{QUERY}\n      AND clerk_org_id = '{}' GROUP BY 1", GLOBEX_CALLS.id),
    )
}

fn explain(client: &mut Client, sql: &str) -> Result<()> {
    println!("    {}", style(format!("{sql};")).green());
    match answer::ask(client, &format!("EXPLAIN (COSTS OFF) {sql}"))? {
        Answer::Rows { rows, .. } => {
            for row in rows {
                println!("      {}", row.concat());
            }
            Ok(())
        }
        refused @ Answer::Refused { .. } => anyhow::bail!("EXPLAIN {sql}\n{}", refused.text()),
    }
}
