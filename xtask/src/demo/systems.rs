//! The three applications, their organizations and their rows.

use anyhow::{Context as _, Result};

use super::stand::Stand;
use crate::table;
use crate::terminal::{Progress, heading};
use crate::workspace;

/// One of the applications.
pub(super) struct System {
    /// Its schema.
    pub(super) schema: &'static str,
    /// What it is.
    pub(super) title: &'static str,
    file: &'static str,
    /// The column that names the organization, in most of its tables.
    pub(super) org_column: &'static str,
    /// Two of its organizations.
    pub(super) orgs: [Org; 2],
}

/// An organization.
#[derive(Clone, Copy)]
pub(super) struct Org {
    /// For people.
    pub(super) name: &'static str,
    /// For the database.
    pub(super) id: &'static str,
}

pub(super) const ACME_VOICE: Org = Org { name: "Acme Voice", id: "org_38mpe7YzuKjtqIRiuiWGCruMwX5" };
pub(super) const GLOBEX_CALLS: Org = Org { name: "Globex Calls", id: "org_2hGq9TfW4sLxVbN6kYcZr8AeDpJ" };
pub(super) const ACME: Org = Org { name: "Acme Corp", id: "12938a96-648b-4aec-ab59-282e2345cec7" };

/// All three.
pub(super) const SYSTEMS: [System; 3] = [
    System {
        schema: "workflow",
        title: "workflow platform",
        file: "a.sql",
        org_column: "organization_id",
        orgs: [ACME, Org { name: "Globex", id: "7d0f3c52-91aa-4e0b-8a64-0b6a3f1c2d9e" }],
    },
    System {
        schema: "voice",
        title: "voice-agent product",
        file: "b.sql",
        org_column: "clerk_org_id",
        orgs: [ACME_VOICE, GLOBEX_CALLS],
    },
    System {
        schema: "inbox",
        title: "chat inbox",
        file: "c.sql",
        org_column: "organization_id",
        orgs: [Org { name: "org-xyz-123", id: "org-xyz-123" }, Org { name: "org-x-123", id: "org-x-123" }],
    },
];

/// Loads them as their owner, each into a schema of its own.
pub(super) fn load(stand: &mut Stand) -> Result<()> {
    heading("Three applications in one database");
    let progress = Progress::new("loading their tables and rows, as tests/systems/*.sql has them");
    for system in &SYSTEMS {
        let path = workspace::root().join("tests/systems").join(system.file);
        let sql = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let schema = system.schema;
        let script = format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {sql}");
        stand.owner.batch_execute(&script).with_context(|| format!("loading {}", path.display()))?;
    }
    progress.done();

    let mut rows = Vec::new();
    for system in &SYSTEMS {
        let tables = stand.tables(system.schema)?;
        let mut count = 0;
        for table in &tables {
            count += stand.count(&format!("SELECT count(*) FROM {table}"))?;
        }
        let orgs = format!("SELECT count(DISTINCT {}) FROM {}", system.org_column, tables_with(system));
        let orgs = stand.count(&orgs)?;
        let row = [system.title, system.schema, system.org_column].map(str::to_owned);
        rows.push(row.into_iter().chain([tables.len(), count, orgs].map(table::number)).collect());
    }
    table::show(&["application", "schema", "organization column", "tables", "rows", "organizations"], rows);
    Ok(())
}

fn tables_with(system: &System) -> &'static str {
    match system.schema {
        "workflow" => "workflow.executions",
        "voice" => "voice.calls",
        _ => "inbox.messages",
    }
}
