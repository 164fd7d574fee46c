//! What a migration does: the tables are protected, two logins get access.

use anyhow::{Context as _, Result};
use console::style;

use super::answer;
use super::stand::{PARTNER, Stand, WEB};
use super::systems::{GLOBEX_CALLS, SYSTEMS};
use crate::table;
use crate::terminal::{heading, note};

/// What the tables' owner calls. Each stands alone: a procedure commits between its steps.
const PROTECT: [&str; 5] = [
    "CALL org_scope.protect_all('organization_id', schemas => '{workflow}')",
    "SELECT * FROM org_scope.protect('workflow.organizations', 'id', set_default => false)",
    "CALL org_scope.protect_all('clerk_org_id', schemas => '{voice}')",
    "SELECT * FROM org_scope.protect('voice.clients', 'clerk_organization_id')",
    "CALL org_scope.protect_all('organization_id', schemas => '{inbox}')",
];

pub(super) fn run(stand: &mut Stand) -> Result<()> {
    heading("The migration, run by the owner of the tables");
    note("What protecting one table means, asked for beforehand:");
    statement("SELECT kind, statement FROM org_scope.plan('voice.calls', 'clerk_org_id')");
    let plan = "SELECT kind, statement FROM org_scope.plan('voice.calls', 'clerk_org_id') ORDER BY ordinal";
    let rows = match answer::ask(&mut stand.owner, plan)? {
        answer::Answer::Rows { rows, .. } => rows,
        refused @ answer::Answer::Refused { .. } => anyhow::bail!("{plan}\n{}", refused.text()),
    };
    let mut shown = table::new(&["kind", "statement"]);
    table::widths(&mut shown, &[18, 72]);
    shown.add_rows(rows);
    table::print(&shown);

    println!();
    note("And done:");
    for sql in PROTECT {
        statement(sql);
        stand.owner.batch_execute(sql).with_context(|| sql.to_owned())?;
    }

    println!();
    note("Two logins: one that acts for any organization and says for which, one that is always the same.");
    for sql in access() {
        statement(&sql);
        stand.superuser.batch_execute(&sql).with_context(|| sql.clone())?;
    }
    grants(stand)
}

fn access() -> [String; 2] {
    [
        format!("SELECT org_scope.allow('{WEB}', 'direct')"),
        format!("SELECT org_scope.bind_role('{PARTNER}', '{}')", GLOBEX_CALLS.id),
    ]
}

/// Both logins get everything that an application may have, TRUNCATE included, on every table that has a fence,
/// and nothing on the others.
fn grants(stand: &mut Stand) -> Result<()> {
    let mut rows = Vec::new();
    for system in &SYSTEMS {
        let fenced = stand.fenced(system.schema)?;
        let all = stand.tables(system.schema)?;
        let open: Vec<&str> = all
            .iter()
            .filter(|name| !fenced.contains(name))
            .filter_map(|name| name.split('.').nth(1))
            .collect();
        stand.owner.batch_execute(&format!(
            "GRANT USAGE ON SCHEMA {} TO {WEB}, {PARTNER}; \
             GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {} TO {WEB}, {PARTNER}",
            system.schema,
            fenced.join(", ")
        ))?;
        rows.push(vec![system.schema.to_owned(), table::number(fenced.len()), open.join(", ")]);
    }
    stand.owner.batch_execute(&format!("GRANT SELECT ON workflow.dashboard TO {WEB}, {PARTNER}"))?;
    println!();
    note("They are granted SELECT, INSERT, UPDATE, DELETE and even TRUNCATE on what has a fence now:");
    table::show(&["schema", "fenced tables", "no organization column of their own: not granted"], rows);
    Ok(())
}

fn statement(sql: &str) {
    println!("    {}", style(format!("{sql};")).green());
}
