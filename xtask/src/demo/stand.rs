//! The stage that the demo plays on: a database, its roles and their sessions.

use anyhow::{Context as _, Result};
use org_scope_cluster::{Address, Cluster};
use postgres::{Client, NoTls};

use super::answer::{self, Answer};
use super::systems::Org;

/// The database.
pub(super) const DATABASE: &str = "org_scope_demo";
/// The login of the application, for all of its customers.
pub(super) const WEB: &str = "web";
/// A login that belongs to one organization for good.
pub(super) const PARTNER: &str = "partner";
/// Owns the tables and runs the migrations.
const OWNER: &str = "owner";

/// The database with the sessions that most scenes need.
pub(super) struct Stand {
    address: Address,
    /// A superuser, whom no policy binds: it sees what is really there.
    pub(super) superuser: Client,
    /// The tables' owner.
    pub(super) owner: Client,
}

impl Stand {
    /// Creates database and roles, and puts the extension in.
    pub(super) fn new(cluster: &Cluster) -> Result<Self> {
        let mut maintenance = cluster.connect("postgres", "postgres")?;
        for sql in [
            format!("CREATE ROLE {OWNER} LOGIN"),
            format!("CREATE ROLE {WEB} LOGIN"),
            format!("CREATE ROLE {PARTNER} LOGIN"),
            format!("CREATE DATABASE {DATABASE} TEMPLATE template0"),
            format!("GRANT CREATE ON DATABASE {DATABASE} TO {OWNER}"),
        ] {
            maintenance.batch_execute(&sql)?;
        }
        let address = cluster.address().clone();
        let mut superuser = address.connect(DATABASE, "postgres")?;
        superuser.batch_execute("CREATE EXTENSION org_scope").context("CREATE EXTENSION org_scope")?;
        let owner = address.connect(DATABASE, OWNER)?;
        Ok(Self { address, superuser, owner })
    }

    /// A new session of a role.
    pub(super) fn connect(&self, role: &str) -> Result<Client> {
        self.address.connect(DATABASE, role)
    }

    /// A new session of the application, acting for an organization.
    pub(super) fn acting_for(&self, org: Org) -> Result<Client> {
        let mut client = self.connect(WEB)?;
        client.batch_execute(&format!("SELECT org_scope.set_current_org('{}')", org.id))?;
        Ok(client)
    }

    /// A new session that passes options in its startup packet; the server may refuse it.
    pub(super) fn connect_with_options(&self, role: &str, options: &str) -> Result<Result<Client, Answer>> {
        let mut config = self.address.config(DATABASE, role);
        match config.options(options).connect(NoTls) {
            Ok(client) => Ok(Ok(client)),
            Err(error) => Ok(Err(answer::refusal(error)?)),
        }
    }

    /// What the superuser counts.
    pub(super) fn count(&mut self, sql: &str) -> Result<usize> {
        let count: i64 = self.superuser.query_one(sql, &[]).with_context(|| sql.to_owned())?.get(0);
        Ok(usize::try_from(count)?)
    }

    /// The tables of a schema, written so that they can stand in statements.
    pub(super) fn tables(&mut self, schema: &str) -> Result<Vec<String>> {
        self.relations(schema, "c.relkind = 'r'")
    }

    /// Those of them that have a fence: row security enabled, and forced for their owner too.
    pub(super) fn fenced(&mut self, schema: &str) -> Result<Vec<String>> {
        self.relations(schema, "c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity")
    }

    fn relations(&mut self, schema: &str, condition: &str) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND {condition} ORDER BY c.relname"
        );
        let rows = self.superuser.query(&sql, &[&schema])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
