//! A live application on its way from a legacy key to an org column.

mod attacks;
mod backfill;
mod fallback;
mod live;
mod phases;
mod sources;
mod survives;
mod writes;

use crate::harness::{Db, Role, Server, Session, System};

/// The organizations as the expression of `users` makes them.
const XYZ: &str = "org-admin-123";
const X: &str = "org-admin-a";
const ABC: &str = "org-admin-789";

/// The tables that are adopted after `users`.
const TABLES: [&str; 4] = ["integrations", "chatbots", "conversations", "messages"];

/// The chat inbox as it was, with a role of its application.
struct Inbox {
    db: Db,
    owner: Role,
    app: Role,
}

impl Inbox {
    /// Isolated by account, in the application alone.
    fn new(test: &str) -> Self {
        let db = Db::new(test, Server::Plain);
        let (owner, app) = (db.role("owner"), db.role("app"));
        db.load(System::Accounts, &owner);
        let inbox = Self { db, owner, app };
        inbox.owner().run(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            inbox.app
        ));
        inbox
    }

    /// `users` has its organizations, and the lookup by account is defined; nothing else is adopted.
    fn with_users(test: &str) -> Self {
        let inbox = Self::new(test);
        let mut owner = inbox.owner();
        owner.run(
            "CALL org_scope.adopt('users', 'organization_id', legacy_column => 'account_id', \
             expression => $$'org-' || coalesce(admin_id, account_id)$$)",
        );
        owner.run("CALL org_scope.backfill('users')");
        for _ in 0..2 {
            owner.run("CALL org_scope.advance('users')");
        }
        inbox.db.superuser().run(&format!(
            "SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', 'account_id');
             SELECT org_scope.allow('{app}', 'lookup', lookups => '{{account}}')",
            app = inbox.app
        ));
        inbox
    }

    /// Every table is expanding.
    fn expanding(test: &str) -> Self {
        let inbox = Self::with_users(test);
        inbox.owner().run(
            "CALL org_scope.adopt_all('organization_id', lookup => 'account', legacy_column => 'account_id')",
        );
        inbox
    }

    fn owner(&self) -> Session {
        self.db.connect(&self.owner)
    }

    /// A session of the application that says nothing: old code, in the first phase.
    fn silent(&self) -> Session {
        self.db.connect(&self.app)
    }

    /// A session of the application for whoever has this account.
    fn acting(&self, account: &str) -> Session {
        let mut session = self.silent();
        session.run(&format!("SELECT org_scope.set_current_org_from('account', '{account}')"));
        session
    }

    /// All rows of a table, as `id:account:organization`, whoever they belong to.
    fn truth(&self, table: &str, which: &str) -> String {
        self.db.superuser().text(&format!(
            "SELECT string_agg(id || ':' || coalesce(account_id, '-') || ':' || coalesce(organization_id::text, '-'), ' ' ORDER BY id) \
             FROM {table} WHERE {which}"
        ))
    }

    fn phase(&self, table: &str) -> String {
        self.owner()
            .text(&format!("SELECT phase FROM org_scope.adoptions WHERE target = '{table}'::regclass"))
    }
}
