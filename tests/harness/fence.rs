//! A fenced table, for attacks.

use super::{Db, Private, Role, Server, Session};

/// An organization with three rows in [`Walled`].
pub(crate) const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// An organization with two rows in [`Walled`].
pub(crate) const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// Puts a fence around a table.
#[track_caller]
pub(crate) fn fence(owner: &mut Session, table: &str, column: &str) {
    owner.run(&format!("SELECT org_scope.protect('{table}', '{column}')"));
}

/// A database with one fenced table, `notes (id, org_id, body)`: a1 a2 a3 of [`A`] and b4 b5 of [`B`].
///
/// `owner` owns it and has no access to the context; `app` may do everything to the rows and has access
/// `direct`.
#[derive(Debug)]
pub(crate) struct Walled {
    pub(crate) db: Db,
    pub(crate) owner: Role,
    pub(crate) app: Role,
}

impl Walled {
    /// On a shared server.
    #[track_caller]
    pub(crate) fn new(test: &str, server: Server) -> Self {
        Self::build(Db::new(test, server))
    }

    /// On a server of the test's own.
    #[track_caller]
    pub(crate) fn on(server: &Private, test: &str) -> Self {
        Self::build(Db::on(server, test))
    }

    #[track_caller]
    fn build(db: Db) -> Self {
        let (owner, app) = (db.role("owner"), db.role("app"));
        let mut superuser = db.superuser();
        superuser.run(&format!(
            "GRANT CREATE ON SCHEMA public TO {owner}, {app};
             SELECT org_scope.allow('{app}', 'direct')"
        ));
        let mut session = db.connect(&owner);
        session.run(&format!(
            "CREATE TABLE notes (id int PRIMARY KEY, org_id uuid NOT NULL, body text NOT NULL);
             INSERT INTO notes VALUES
                 (1, '{A}', 'a1'), (2, '{A}', 'a2'), (3, '{A}', 'a3'), (4, '{B}', 'b4'), (5, '{B}', 'b5');
             CREATE INDEX idx_notes_org_id ON notes (org_id);
             GRANT ALL ON notes TO {app}"
        ));
        fence(&mut session, "notes", "org_id");
        Self { db, owner, app }
    }

    /// A session of the application's role without an organization.
    #[track_caller]
    pub(crate) fn app(&self) -> Session {
        self.db.connect(&self.app)
    }

    /// A session of the application's role that acts for an organization.
    #[track_caller]
    pub(crate) fn app_as(&self, org: &str) -> Session {
        let mut session = self.app();
        session.act_for(org);
        session
    }

    /// A session of the table's owner, without an organization.
    #[track_caller]
    pub(crate) fn owner(&self) -> Session {
        self.db.connect(&self.owner)
    }

    /// A session of the superuser.
    #[track_caller]
    pub(crate) fn superuser(&self) -> Session {
        self.db.superuser()
    }

    /// A login role that may do everything to the rows, and nothing to the context.
    #[track_caller]
    pub(crate) fn role(&self, name: &str) -> Role {
        let role = self.db.role(name);
        self.owner().run(&format!("GRANT ALL ON notes TO {role}"));
        role
    }

    /// All rows as they are, read past every policy.
    #[track_caller]
    pub(crate) fn truth(&self) -> String {
        self.superuser().text("SELECT string_agg(body, ' ' ORDER BY id) FROM notes")
    }

    /// Makes every scan of `notes` ask the fence for each row, not once for an index.
    #[track_caller]
    pub(crate) fn without_index(&self) -> &Self {
        self.owner().run("DROP INDEX idx_notes_org_id");
        self
    }
}

impl Session {
    /// Sets the organization for the session.
    #[track_caller]
    pub(crate) fn act_for(&mut self, org: &str) {
        self.run(&format!("SELECT org_scope.set_current_org('{org}')"));
    }

    /// What the session sees of `notes`: the bodies, in order.
    #[track_caller]
    pub(crate) fn notes(&mut self) -> String {
        self.text("SELECT string_agg(body, ' ' ORDER BY id) FROM notes")
    }

    /// Asserts that the fence is closed for want of an organization.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        self.refused("SELECT count(*) FROM notes", "OS001").says("no organization is set");
    }
}
