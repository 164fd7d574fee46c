//! A table's owner and an application's login, as most tests of the fence begin.

use super::{Db, Role, Server, Session};

/// A database with an owner, who may create in `public`, and an application that may set its organization.
#[derive(Debug)]
pub(crate) struct Wall {
    pub(crate) db: Db,
    /// Owns the tables; an ordinary role.
    pub(crate) owner: Role,
    /// Has no privilege but what the test grants.
    pub(crate) app: Role,
}

impl Wall {
    /// On the server that doesn't preload the library.
    pub(crate) fn new(test: &str) -> Self {
        Self::at(Db::new(test, Server::Plain))
    }

    /// In a database that is there already.
    pub(crate) fn at(db: Db) -> Self {
        let (owner, app) = (db.role("owner"), db.role("app"));
        db.superuser().run(&format!(
            "GRANT CREATE ON SCHEMA public TO {owner}; SELECT org_scope.allow('{app}', 'direct')"
        ));
        Self { db, owner, app }
    }

    /// A session of the owner.
    pub(crate) fn owner(&self) -> Session {
        self.db.connect(&self.owner)
    }

    /// A session of the application for one organization.
    pub(crate) fn app(&self, org: &str) -> Session {
        let mut session = self.db.connect(&self.app);
        session.run(&format!("SELECT org_scope.set_current_org('{org}')"));
        session
    }

    /// Changes something as nobody can who meets the event triggers.
    #[track_caller]
    pub(crate) fn tamper(&self, sql: &str) {
        self.db.superuser().run(&format!("SET session_replication_role = replica; {sql}"));
    }

    /// A session of the owner, who has made `agents` with rows of the organizations `a` (2) and `b` (3),
    /// and lets the application read and write them.
    pub(crate) fn agents(&self) -> Session {
        let mut owner = self.owner();
        owner.run(&format!(
            "CREATE TABLE agents (id int PRIMARY KEY, org_id text NOT NULL, name text);
             INSERT INTO agents VALUES (1, 'a', 'a1'), (2, 'a', 'a2'), (3, 'b', 'b1'), (4, 'b', 'b2'), (5, 'b', 'b3');
             GRANT SELECT, INSERT, UPDATE, DELETE ON agents TO {}",
            self.app
        ));
        owner
    }
}

/// One row of the generator's answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: String,
    pub(crate) state: String,
    /// Empty where it has none.
    pub(crate) statement: String,
    pub(crate) reason: String,
}

impl Session {
    /// Calls a function of the generator, `protect('agents')` for instance, and returns its rows.
    #[track_caller]
    pub(crate) fn steps(&mut self, call: &str) -> Vec<Step> {
        self.steps_of(&format!("SELECT kind, state, statement, reason FROM org_scope.{call}"))
    }

    /// What the last `protect_all` or `unprotect_all` of this session did to a table.
    #[track_caller]
    pub(crate) fn last_run(&mut self, table: &str) -> Vec<Step> {
        self.steps_of(&format!(
            "SELECT kind, state, statement, reason FROM org_scope.last_run WHERE target = '{table}'::regclass"
        ))
    }

    /// Runs a statement that a note gave, `SELECT * FROM org_scope.protect(…)`, and returns its rows.
    #[track_caller]
    pub(crate) fn steps_of_statement(&mut self, statement: &str) -> Vec<Step> {
        self.steps_of(&format!("SELECT kind, state, statement, reason FROM ({statement}) AS s"))
    }

    #[track_caller]
    fn steps_of(&mut self, sql: &str) -> Vec<Step> {
        self.rows(sql)
            .into_iter()
            .map(|row| {
                let mut row = row.into_iter().map(Option::unwrap_or_default);
                let mut next = || row.next().unwrap_or_default();
                Step { kind: next(), state: next(), statement: next(), reason: next() }
            })
            .collect()
    }

    /// Everything about a table that a fence is made of, as the catalogs have it.
    #[track_caller]
    pub(crate) fn fence_of(&mut self, table: &str) -> String {
        self.text(&format!(
            "SELECT jsonb_pretty(jsonb_build_object(
                'flags', ARRAY[c.relrowsecurity, c.relforcerowsecurity],
                'policies', (SELECT jsonb_object_agg(polname, jsonb_build_array(polpermissive, polcmd, polroles::regrole[],
                    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), obj_description(oid, 'pg_policy')))
                    FROM pg_policy WHERE polrelid = c.oid),
                'triggers', (SELECT jsonb_object_agg(tgname, jsonb_build_array(pg_get_triggerdef(oid), tgenabled,
                    obj_description(oid, 'pg_trigger'))) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal),
                'columns', (SELECT jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod), attnotnull,
                    (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = c.oid AND adnum = attnum)) ORDER BY attnum)
                    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
                'indexes', (SELECT jsonb_object_agg(indexrelid::regclass, jsonb_build_array(pg_get_indexdef(indexrelid),
                    indisvalid, obj_description(indexrelid, 'pg_class'))) FROM pg_index WHERE indrelid = c.oid)))
             FROM pg_class c WHERE c.oid = '{table}'::regclass"
        ))
    }
}

/// What is to do or was done: everything but notes.
pub(crate) fn work(steps: &[Step]) -> Vec<&Step> {
    steps.iter().filter(|step| step.state != "note").collect()
}

/// The notes of one kind.
pub(crate) fn notes<'s>(steps: &'s [Step], kind: &str) -> Vec<&'s Step> {
    steps.iter().filter(|step| step.state == "note" && step.kind == kind).collect()
}

/// The kinds of what is to do or was done, each once, in order.
pub(crate) fn kinds(steps: &[Step]) -> Vec<&str> {
    let mut kinds: Vec<&str> = work(steps).into_iter().map(|step| step.kind.as_str()).collect();
    kinds.dedup();
    kinds
}
