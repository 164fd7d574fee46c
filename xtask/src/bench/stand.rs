//! The databases: one for each way of keeping organizations apart, all with the same rows in the same places.

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::{Cluster, Options};
use postgres::Client;

use super::backend::Server;
use super::data::{self, Facts, Partitioned};
use crate::terminal::Progress;

/// No row security.
pub(super) const PLAIN: &str = "plain";
/// Another copy of it.
pub(super) const PLAIN_AGAIN: &str = "plain_again";
/// Policies with `current_setting(…)::uuid`.
pub(super) const SETTING: &str = "setting";
/// Policies with `(SELECT current_setting(…)::uuid)`.
pub(super) const INITPLAN: &str = "initplan";
/// Row security with a policy that lets everything pass.
pub(super) const OPEN: &str = "open";
/// Tables that `protect` has fenced.
pub(super) const FENCED: &str = "fenced";
/// The login of every measured session.
pub(super) const APP: &str = "app";

const OWNER: &str = "owner";
const TEMPLATE: &str = "ground";
const TABLES: [&str; 3] = ["items", "orders", "tickets"];
const INDEXES: [(&str, &str); 6] = [
    ("items", "id"),
    ("items", "org_id"),
    ("orders", "id"),
    ("orders", "org_id"),
    ("tickets", "org_id"),
    ("notes", "id"),
];
const DATABASES: [&str; 6] = [PLAIN, PLAIN_AGAIN, OPEN, SETTING, INITPLAN, FENCED];

/// The settings of the server, beside those of every throwaway one (no fsync, no autovacuum).
pub(super) const SETTINGS: [&str; 9] = [
    "shared_buffers = '3GB'",
    "work_mem = '64MB'",
    "maintenance_work_mem = '256MB'",
    "random_page_cost = 1.1",
    "jit = off",
    // A worker's processor time is not its leader's, so statements run in one process.
    "max_parallel_workers_per_gather = 0",
    "max_wal_size = '8GB'",
    "checkpoint_timeout = '1h'",
    // A transaction that makes a thousand partitions.
    "max_locks_per_transaction = 4096",
];

/// The server's options.
pub(super) fn options() -> Options {
    Options { preload: false, conf: SETTINGS.iter().map(|line| (*line).to_owned()).collect() }
}

/// A server with its databases.
pub(super) struct Stand<'a> {
    cluster: &'a Cluster,
    /// Where measured sessions come from.
    pub(super) server: Server,
    /// What is in the databases.
    pub(super) facts: Facts,
    /// Rows of the table `items`.
    pub(super) rows: usize,
    /// The partitioned tables.
    pub(super) partitioned: Vec<Partitioned>,
    /// Whether there are documents to search.
    documents: bool,
}

impl<'a> Stand<'a> {
    /// Makes the databases.
    pub(super) fn new(
        cluster: &'a Cluster,
        rows: usize,
        partitioned: &[Partitioned],
        documents: bool,
    ) -> Result<Self> {
        let mut maintenance = cluster.connect("postgres", "postgres")?;
        maintenance.batch_execute(&format!("CREATE ROLE {OWNER} LOGIN; CREATE ROLE {APP} LOGIN"))?;
        ground(cluster, &mut maintenance, rows, partitioned, documents)?;
        let names: Vec<&str> = further(partitioned, documents).collect();
        for database in DATABASES {
            let progress = Progress::new(&format!("a copy of it: {}", describe(database)));
            // Files, not pages through the log: faster, and the same rows at the same places.
            maintenance.batch_execute(&format!(
                "CREATE DATABASE {database} TEMPLATE {TEMPLATE} STRATEGY file_copy OWNER {OWNER}"
            ))?;
            match database {
                SETTING => by_hand(cluster, database, [OF_SETTING; 2], &names)?,
                INITPLAN => {
                    by_hand(cluster, database, [OF_SUBSELECT; 2], &names)?;
                }
                OPEN => by_hand(cluster, database, ["true", OF_ANYBODY], &names)?,
                FENCED => fence(cluster, &names)?,
                _ => {}
            }
            progress.done();
        }
        // Not from a copy: there it would bring pages into memory in another order than in the others, which alone
        // makes its scans some percent slower.
        let server = Server::new(cluster.address())?;
        let facts = Facts::read(&server.connect(TEMPLATE, "postgres")?, rows)?;
        maintenance.batch_execute(&format!("DROP DATABASE {TEMPLATE} WITH (FORCE)"))?;
        maintenance.batch_execute("CHECKPOINT")?;
        Ok(Self { cluster, server, facts, rows, partitioned: partitioned.to_vec(), documents })
    }

    /// Takes away what rolled-back writes left, in every database alike.
    pub(super) fn sweep(&self, table: &str) -> Result<()> {
        for database in DATABASES {
            let mut client = self.cluster.connect(database, "postgres")?;
            client.batch_execute(&format!("VACUUM (INDEX_CLEANUP ON) {table}"))?;
        }
        Ok(())
    }

    /// Reads every table and every index once and in the same order, so that nobody's statements pay for the disk,
    /// and pages lie in memory in one database as in the other.
    pub(super) fn warm(&self) -> Result<()> {
        let progress = Progress::new("reading all of it once");
        let further = further(&self.partitioned, self.documents);
        for database in DATABASES {
            let mut client = self.cluster.connect(database, "postgres")?;
            for table in TABLES.into_iter().chain(["notes"]).chain(further.clone()) {
                client.batch_execute(&format!("SELECT count(t) FROM {table} AS t"))?;
            }
            client.batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off")?;
            for (table, column) in INDEXES.into_iter().chain(further.clone().map(|table| (table, "org_id"))) {
                // The smallest there can be, so that the index is read from one end to the other.
                let least = if column == "id" { "0" } else { "'00000000-0000-0000-0000-000000000000'" };
                client.batch_execute(&format!("SELECT count(*) FROM {table} WHERE {column} >= {least}"))?;
            }
        }
        progress.done();
        Ok(())
    }
}

/// The tables that only some groups need.
fn further(partitioned: &[Partitioned], documents: bool) -> impl Iterator<Item = &str> + Clone {
    partitioned.iter().map(|table| table.name).chain(documents.then_some(data::DOCS))
}

fn describe(database: &str) -> &'static str {
    match database {
        PLAIN => "no row security (A, B)",
        PLAIN_AGAIN => "the same again, to see what the instrument sees where nothing is (A again)",
        SETTING => "policies with current_setting() (C)",
        OPEN => "policies that let everything pass (E)",
        INITPLAN => "policies with (SELECT current_setting()) (D)",
        _ => "org_scope, as protect leaves it",
    }
}

fn ground(
    cluster: &Cluster,
    maintenance: &mut Client,
    rows: usize,
    partitioned: &[Partitioned],
    documents: bool,
) -> Result<()> {
    let mut progress = Progress::new(&format!(
        "loading {} rows of {} organizations",
        crate::table::number(rows),
        data::ORGS
    ));
    maintenance.batch_execute(&format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0"))?;
    let mut client = cluster.connect(TEMPLATE, "postgres")?;
    if documents {
        client.batch_execute("CREATE EXTENSION pg_trgm")?;
    }
    client.batch_execute(&format!(
        "GRANT CREATE ON SCHEMA public TO {OWNER}; SET ROLE {OWNER}; SET timezone = 'UTC'"
    ))?;
    progress.busy("items, orders, notes");
    data::load(&mut client, rows)?;
    for table in partitioned {
        progress.busy(table.name);
        data::add_partitioned(&mut client, *table)?;
    }
    if documents {
        progress.busy(data::DOCS);
        data::add_documents(&mut client)?;
    }
    progress.busy("statistics");
    client.batch_execute(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP}"
    ))?;
    // Frozen and seen by all: nobody's first read writes hint bits, and nothing is swept later.
    client.batch_execute("RESET ROLE")?;
    client.batch_execute("VACUUM (FREEZE, ANALYZE)")?;
    progress.done();
    Ok(())
}

/// The policies that people write by hand.
const OF_SETTING: &str = "org_id = current_setting('app.org')::uuid";
const OF_SUBSELECT: &str = "org_id = (SELECT current_setting('app.org')::uuid)";
/// Asks as much of a new row as a literal would, and lets every one pass.
const OF_ANYBODY: &str = "org_id >= '00000000-0000-0000-0000-000000000000'";

/// Policies as people write them: the conditions on rows that are found and on new ones.
fn by_hand(cluster: &Cluster, database: &str, [found, new]: [&str; 2], further: &[&str]) -> Result<()> {
    let mut client = cluster.connect(database, OWNER)?;
    for table in TABLES.iter().chain(further) {
        client.batch_execute(&format!(
            "CREATE POLICY own_organization ON {table} USING ({found}) WITH CHECK ({new}); \
             ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        ))?;
    }
    // As org_scope's, who writes an item need not say whose it is. (A sub-select can't be a default.)
    let default = "ALTER TABLE items ALTER org_id SET DEFAULT current_setting('app.org')::uuid";
    client.batch_execute(default).context(default)
}

/// The fence, by nobody's hand but protect's.
fn fence(cluster: &Cluster, further: &[&str]) -> Result<()> {
    let mut superuser = cluster.connect(FENCED, "postgres")?;
    superuser.batch_execute(&format!(
        "CREATE EXTENSION org_scope; SELECT org_scope.allow('{APP}', 'direct');
             GRANT SET ON PARAMETER org_scope.index_search_operators, org_scope.plan_classes TO {APP}"
    ))?;
    let mut owner = cluster.connect(FENCED, OWNER)?;
    for table in TABLES {
        owner
            .batch_execute(&format!("SELECT org_scope.protect('{table}')"))
            .with_context(|| table.to_owned())?;
    }
    for table in further {
        match owner.batch_execute(&format!("SELECT org_scope.protect('{table}')")) {
            Ok(()) => {}
            // A generator that can't do it yet says so.
            Err(error) if error.code().is_some_and(|code| code.code() == "OS009") => {
                owner.batch_execute(&as_on_items(table)).with_context(|| format!("fencing {table}"))?;
            }
            Err(error) => return Err(error).with_context(|| format!("protecting {table}")),
        }
    }
    let open = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = ANY ($1) AND NOT relrowsecurity";
    let all: Vec<&str> = TABLES.iter().chain(further).copied().collect();
    let open: i64 = owner.query_one(open, &[&all])?.get(0);
    ensure!(open == 0, "{open} tables have no fence");
    Ok(())
}

/// Gives a partitioned table and its partitions the policies that protect gave to items.
fn as_on_items(table: &str) -> String {
    format!(
        "DO $do$ DECLARE t regclass; p record; BEGIN
             FOR t IN SELECT relid FROM pg_partition_tree('{table}') LOOP
                 FOR p IN SELECT * FROM pg_policies WHERE schemaname = 'public' AND tablename = 'items' LOOP
                     EXECUTE format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.policyname, t, p.permissive,
                                    p.cmd, array_to_string(p.roles, ', '))
                         || coalesce(' USING (' || p.qual || ')', '')
                         || coalesce(' WITH CHECK (' || p.with_check || ')', '');
                 END LOOP;
                 EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
                 EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
             END LOOP;
         END $do$"
    )
}
