//! The same queries in two sessions of the same login.

use anyhow::Result;

use super::answer::{self, Answer};
use super::stand::{Stand, WEB};
use super::systems::SYSTEMS;
use crate::table;
use crate::terminal::{heading, note};

/// Queries without a WHERE, for each schema.
const QUERIES: [(&str, &[&str]); 3] = [
    (
        "workflow",
        &[
            "SELECT string_agg(name, ', ') FROM organizations",
            "SELECT count(*) FROM projects",
            "SELECT count(*) FROM executions",
            "SELECT count(*) FROM executions WHERE project_id IS NULL",
            "SELECT sum(cost_cents) FROM dashboard",
            "SELECT sum(value)::bigint FROM telemetry",
        ],
    ),
    (
        "voice",
        &[
            "SELECT count(DISTINCT clerk_org_id) FROM calls",
            "SELECT count(*) FROM calls",
            "SELECT sum(duration_seconds) / 60 FROM calls",
            "SELECT count(DISTINCT created_by_user_id) FROM calls",
            "SELECT max(name) FROM clients",
            "SELECT count(*) FROM contacts JOIN calls ON contact_id = contacts.id",
        ],
    ),
    (
        "inbox",
        &[
            "SELECT string_agg(account_id, ', ' ORDER BY account_id) FROM users",
            "SELECT count(*) FROM conversations",
            "SELECT string_agg(DISTINCT account_id, ', ') FROM messages",
            "SELECT string_agg(page_id, ', ' ORDER BY page_id) FROM integrations",
        ],
    ),
];

pub(super) fn run(stand: &mut Stand) -> Result<()> {
    heading("Two organizations side by side");
    note(&format!(
        "Two sessions of the login \"{WEB}\" in each application, and the superuser, whom no wall binds."
    ));
    let mut refused = false;
    for (system, (schema, queries)) in SYSTEMS.iter().zip(QUERIES) {
        let [one, two] = system.orgs;
        let mut sessions = [stand.acting_for(one)?, stand.acting_for(two)?, stand.connect("postgres")?];
        for session in &mut sessions {
            session.batch_execute(&format!("SET search_path = {schema}"))?;
        }
        println!();
        let mut shown = table::new(&[system.title, one.name, two.name, "everything"]);
        table::widths(&mut shown, &[43, 15, 15, 12]);
        for query in queries {
            let mut row = vec![table::cell((*query).to_owned())];
            let [one, two, superuser] = &mut sessions;
            for session in [one, two] {
                row.push(table::cell(table::group(&answer::value(session, query)?)));
            }
            row.push(match answer::ask(superuser, query)? {
                Answer::Refused { sqlstate, message, .. } => {
                    refused = true;
                    table::cell(format!("{sqlstate}: {message}"))
                }
                Answer::Rows { rows, .. } => table::cell(table::group(&rows.concat().concat())),
            });
            shown.add_row(row);
        }
        table::print(&shown);
        if std::mem::take(&mut refused) {
            note(
                "(A view reads as its owner, whom the fence binds: so it asks even the superuser for whom.)",
            );
        }
    }
    Ok(())
}
