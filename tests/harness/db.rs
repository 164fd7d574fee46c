//! A database of one test's own.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use org_scope_cluster::Address;

use super::{Private, Role, Server, Session, System};

/// The database that `cargo xtask test` has put the extension into, in every shared server.
const TEMPLATE: &str = "org_scope_template";

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A fresh database with the extension in it. It and its roles are dropped with the value.
#[derive(Debug)]
pub(crate) struct Db {
    address: Address,
    name: String,
    roles: RefCell<Vec<Role>>,
}

impl Db {
    /// A database on a shared server. The test's name is for people who look at what is left.
    pub(crate) fn new(test: &str, server: Server) -> Self {
        let db = Self::named(test, server.address());
        db.maintenance(&format!("CREATE DATABASE {} TEMPLATE {TEMPLATE}", db.name));
        db
    }

    /// A database on a server of the test's own.
    pub(crate) fn on(server: &Private, test: &str) -> Self {
        let db = Self::empty_at(test, server.0.address().clone());
        db.superuser().run("CREATE EXTENSION org_scope");
        db
    }

    /// A database without the extension, for restoring a dump into.
    pub(crate) fn empty(test: &str, server: Server) -> Self {
        Self::empty_at(test, server.address())
    }

    /// The same on a server of the test's own.
    pub(crate) fn empty_on(server: &Private, test: &str) -> Self {
        Self::empty_at(test, server.0.address().clone())
    }

    /// Drops every role but the superuser and the server's own, with what it has here; for scripts that
    /// create roles with names of their own, on a server of the test's own.
    pub(crate) fn drop_every_role(&self) {
        let mut superuser = self.superuser();
        let roles = "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND oid <> 10";
        for role in superuser.column(roles) {
            superuser.run(&format!("DROP OWNED BY {role} CASCADE"));
            superuser.run(&format!("DROP ROLE {role}"));
        }
    }

    fn empty_at(test: &str, address: Address) -> Self {
        let db = Self::named(test, address);
        db.maintenance(&format!("CREATE DATABASE {} TEMPLATE template0", db.name));
        db
    }

    fn named(test: &str, address: Address) -> Self {
        // Names end at 63 bytes, and the unique part must stay.
        let short: String =
            test.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(30).collect();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{number}_{}", std::process::id(), short.to_ascii_lowercase());
        Self { address, name, roles: RefCell::new(Vec::new()) }
    }

    /// Its name, which needs no quoting.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where its server listens.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// A new login role without any privilege, named uniquely for this database.
    pub(crate) fn role(&self, name: &str) -> Role {
        self.role_with(name, "LOGIN")
    }

    /// A new role with these attributes.
    pub(crate) fn role_with(&self, name: &str, attributes: &str) -> Role {
        let role = Role::new(format!("{name}_{}", self.name));
        self.maintenance(&format!("CREATE ROLE {role} {attributes}"));
        self.roles.borrow_mut().push(role.clone());
        role
    }

    /// Gives a setting another default for every session of this database that begins from now on.
    pub(crate) fn configure(&self, setting: &str, value: &str) {
        self.maintenance(&format!("ALTER DATABASE {} SET {setting} = {value}", self.name));
    }

    /// A session of the superuser.
    pub(crate) fn superuser(&self) -> Session {
        Session::open(self.address.config(&self.name, "postgres"))
    }

    /// A session of a role.
    pub(crate) fn connect(&self, role: &Role) -> Session {
        Session::open(self.address.config(&self.name, role.name()))
    }

    /// A session of a role that a script has created, under a name of its own.
    pub(crate) fn connect_as(&self, role: &str) -> Session {
        Session::open(self.address.config(&self.name, role))
    }

    /// A session that passes `options` in its startup packet, as PGOPTIONS or a connection string would.
    pub(crate) fn connect_with_options(&self, role: &Role, options: &str) -> Session {
        let mut config = self.address.config(&self.name, role.name());
        config.options(options);
        Session::open(config)
    }

    /// The same, where the server may refuse the connection.
    pub(crate) fn try_connect_with_options(
        &self,
        role: &Role,
        options: &str,
    ) -> Result<Session, super::Refusal> {
        let mut config = self.address.config(&self.name, role.name());
        config.options(options);
        Session::try_open(config)
    }

    /// A session of a role in the copy of this database that another server has.
    pub(crate) fn connect_at(&self, server: &Address, role: &Role) -> Session {
        Session::open(server.config(&self.name, role.name()))
    }

    /// A session of a role on the standby, which has replayed everything that was committed until now.
    /// Only for databases of [`Server::Plain`], whose standby it is.
    pub(crate) fn connect_standby(&self, role: &str) -> Session {
        let standby = Server::standby();
        self.wait_for_replay(&standby);
        Session::open(standby.config(&self.name, role))
    }

    /// Waits until a standby has replayed everything that was committed until now.
    pub(crate) fn wait_for_replay(&self, standby: &Address) {
        // What is committed is flushed; what isn't flushed may stay so for seconds.
        let written = self.superuser().text("SELECT pg_current_wal_flush_lsn()");
        let mut there = Session::open(standby.config("postgres", "postgres"));
        let deadline = Instant::now() + Duration::from_secs(120);
        while there.text(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'")) != "t" {
            assert!(Instant::now() < deadline, "the standby did not replay {written} within two minutes");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Creates a system's tables and rows in the current schema of a new session of `owner`, who gets the
    /// right to create there.
    pub(crate) fn load(&self, system: System, owner: &Role) {
        self.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {owner}"));
        self.connect(owner).run(&system.sql());
    }

    fn maintenance(&self, sql: &str) {
        Session::open(self.address.config("postgres", "postgres")).run(sql);
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let Ok(mut client) = self.address.connect("postgres", "postgres") else { return };
        // A failure here must not hide the test's own.
        drop(client.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)));
        for role in self.roles.borrow().iter() {
            // Privileges on settings belong to no database, and would keep the role.
            drop(client.batch_execute(&format!("DROP OWNED BY {role}")));
            drop(client.batch_execute(&format!("DROP ROLE {role}")));
        }
    }
}
