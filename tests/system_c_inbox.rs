//! System C, the chat inbox: staff and administrators of one organization share its conversations.

use crate::harness::{Db, Private, Role, Server, Session, System};

const XYZ: &str = "org-xyz-123";
const X: &str = "org-x-123";

fn inbox(test: &str) -> (Db, Role) {
    let db = Db::new(test, Server::Plain);
    let (owner, app) = (db.role("owner"), db.role("app"));
    db.load(System::Inbox, &owner);
    let mut migration = db.connect(&owner);
    migration.run("CALL org_scope.protect_all('organization_id')");
    migration.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}"));
    db.superuser().run(&format!("SELECT org_scope.allow('{app}', 'direct')"));
    (db, app)
}

fn acting(db: &Db, role: &Role, org: &str, account: &str) -> Session {
    let mut session = db.connect(role);
    session
        .run(&format!("SELECT org_scope.set_current_org('{org}'), org_scope.set_current_user('{account}')"));
    session
}

#[test]
fn c8_staff_sees_and_answers_the_administrators_conversations() {
    let (db, app) = inbox("c8");
    let mut admin = acting(&db, &app, XYZ, "admin-123");
    let mut staff = acting(&db, &app, XYZ, "staff-456");
    let theirs = "SELECT id FROM conversations WHERE account_id = 'admin-123' ORDER BY id";
    let conversations = admin.column(theirs);
    assert!(!conversations.is_empty());
    assert_eq!(staff.column(theirs), conversations);
    let answer = format!(
        "INSERT INTO messages (conversation_id, account_id, text) \
         VALUES ({}, org_scope.current_user_id(), 'Response from staff') RETURNING id",
        conversations[0]
    );
    let id = staff.text(&answer);
    let seen = format!("SELECT account_id || ' ' || organization_id FROM messages WHERE id = {id}");
    assert_eq!(admin.text(&seen), format!("staff-456 {XYZ}"));
}

#[test]
fn c8_other_organizations_see_nothing() {
    let (db, app) = inbox("c8_others");
    let mut other = acting(&db, &app, X, "admin-a");
    let mut everything = db.superuser();
    for table in ["users", "integrations", "chatbots", "conversations", "messages"] {
        assert_eq!(other.column(&format!("SELECT DISTINCT organization_id FROM {table}")), [X], "{table}");
        assert_eq!(
            other.number(&format!("SELECT count(*) FROM {table}")),
            everything.number(&format!("SELECT count(*) FROM {table} WHERE organization_id = '{X}'")),
            "{table}"
        );
    }
    assert_eq!(other.number("SELECT count(*) FROM conversations WHERE account_id = 'admin-123'"), 0);
}

#[test]
fn c7_the_database_derives_the_organization_from_an_account_or_a_page() {
    let (db, app) = inbox("c7");
    let hook = db.role("hook");
    let mut superuser = db.superuser();
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', 'account_id');
         SELECT org_scope.define_lookup('page', 'integrations', 'page_id', 'organization_id');
         SELECT org_scope.allow('{app}', 'lookup', lookups => '{{account}}');
         SELECT org_scope.allow('{hook}', 'lookup', lookups => '{{page}}', pooled => true);
         GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {hook}"
    ));
    let mut session = db.connect(&app);
    for (account, org) in [("staff-456", XYZ), ("admin-a", X)] {
        let call = format!("SELECT org_scope.set_current_org_from('account', '{account}')");
        assert_eq!(session.text(&call), org);
        assert_eq!(session.text("SELECT org_scope.current_user_id()"), account);
        assert_eq!(session.column("SELECT DISTINCT organization_id FROM conversations"), [org]);
    }
    // The client claims nothing.
    session.refused(&format!("SELECT org_scope.set_current_org('{XYZ}')"), "OS002");
    session.refused("SELECT org_scope.set_current_org_from('page', 'x')", "OS002");
    session.refused("SELECT org_scope.set_current_org_from('account', 'staff-999')", "OS005");
    // A webhook names the page, in a transaction of its own.
    let pages = superuser.rows("SELECT page_id, organization_id FROM integrations WHERE page_id IS NOT NULL");
    assert!(!pages.is_empty());
    let mut webhook = db.connect(&hook);
    for page in pages {
        let [Some(page), Some(org)] = &page[..] else { panic!("{page:?}") };
        webhook.run("BEGIN");
        let call = format!("SELECT org_scope.set_current_org_from('page', '{page}', is_local => true)");
        assert_eq!(&webhook.text(&call), org);
        assert_eq!(webhook.column("SELECT DISTINCT organization_id FROM integrations"), [org.as_str()]);
        webhook.run("COMMIT");
    }
    webhook.refused("SELECT count(*) FROM integrations", "OS001");
}

/// The recipe's database, whose roles have plain names, with two organizations that were founded.
struct Founded {
    // Goes before its server.
    db: Db,
    orgs: [String; 2],
    _server: Private,
}

impl Founded {
    fn new(test: &str) -> Self {
        let server = Private::new(false, &[]);
        let db = Db::empty_on(&server, test);
        let said = db.psql_script(include_str!("../examples/founding.sql"));
        assert!(!said.stderr.contains("ERROR"), "{said:#?}");
        let mut signup = db.connect_as("signup");
        let orgs = ["a", "b"].map(|n| {
            signup.text(&format!("SELECT found_organization('Org {n}', 'admin-{n}', '{n}@example.org')"))
        });
        Self { db, orgs, _server: server }
    }

    /// A transaction of the application for whoever has this account.
    fn acting(&self, account: &str) -> Session {
        let mut session = self.db.connect_as("inbox_app");
        session.run("BEGIN");
        session.run(&format!(
            "SELECT org_scope.set_current_org_from('account', '{account}', is_local => true); SAVEPOINT s"
        ));
        session
    }
}

#[test]
fn c2_who_registers_founds_an_organization_and_sees_nothing_else() {
    let founded = Founded::new("c2_founds");
    assert_ne!(founded.orgs[0], founded.orgs[1]);
    for (n, org) in ["a", "b"].iter().zip(&founded.orgs) {
        let mut admin = founded.acting(&format!("admin-{n}"));
        assert_eq!(&admin.text("SELECT org_scope.current_org()"), org);
        assert_eq!(admin.column("SELECT name FROM organizations"), [format!("Org {n}")]);
        assert_eq!(
            admin.column("SELECT account_id || role || organization_id FROM users"),
            [format!("admin-{n}admin{org}")]
        );
    }
    // The registration founds, and that is all.
    let mut signup = founded.db.connect_as("signup");
    for (attack, sqlstate) in [
        ("SELECT * FROM users", "OS001"),
        ("SELECT * FROM organizations", "OS001"),
        ("INSERT INTO users VALUES ('x', 'mine', 'staff', NULL, 'x')", "42501"),
        ("INSERT INTO organizations VALUES ('mine', 'mine')", "42501"),
        ("SET ROLE registrar", "42501"),
        ("SELECT org_scope.set_current_org('mine')", "OS002"),
        ("SELECT org_scope.set_current_org_from('account', 'admin-a')", "OS002"),
        // An account that is somebody's already.
        ("SELECT found_organization('again', 'admin-a', 'x')", "23505"),
    ] {
        signup.refused(attack, sqlstate);
    }
    // Tables of its own do not catch what it registers, nor run anything as the function's owner.
    signup.run(
        "CREATE TEMP TABLE organizations (id text, name text);
         CREATE TEMP TABLE users (LIKE organizations);
         SET search_path = pg_temp, public;
         SELECT found_organization('third', 'admin-c', 'c@example.org')",
    );
    assert_eq!(signup.number("SELECT count(*) FROM pg_temp.organizations"), 0);
    // Founded are three, not the one that was refused in between.
    let mut everything = founded.db.superuser();
    assert_eq!(
        everything.column("SELECT name FROM organizations ORDER BY name"),
        ["Org a", "Org b", "third"]
    );
    let who = "SELECT count(*) FROM information_schema.table_privileges WHERE grantee = 'registrar' AND privilege_type <> 'INSERT'";
    assert_eq!(everything.number(who), 0);
    for other in ["inbox_app", "inbox"] {
        founded.db.connect_as(other).refused("SELECT found_organization('x', 'x', 'x')", "42501");
    }
}

#[test]
fn c2_staff_comes_into_its_administrators_organization_and_into_no_other() {
    let founded = Founded::new("c2_joins");
    let [a, b] = &founded.orgs;
    let mut admin = founded.acting("admin-a");
    let staff = "INSERT INTO users (account_id, role, email) VALUES ('staff-a', 'staff', 's') RETURNING organization_id || admin_id";
    assert_eq!(admin.text(staff), format!("{a}admin-a"));
    admin.run("SAVEPOINT s");
    for (attack, sqlstate) in [
        // The organization, by name, by an UPDATE, by taking somebody over.
        (format!("INSERT INTO users (account_id, organization_id, role, email) VALUES ('x', '{b}', 'staff', 'x')"), "42501"),
        (format!("UPDATE users SET organization_id = '{b}' WHERE account_id = 'staff-a'"), "42501"),
        ("INSERT INTO users (account_id, role, email) VALUES ('admin-b', 'staff', 'x') ON CONFLICT (account_id) DO UPDATE SET email = 'mine'".to_owned(), "42501"),
        // An administrator of another organization.
        ("INSERT INTO users (account_id, role, admin_id, email) VALUES ('x', 'staff', 'admin-b', 'x')".to_owned(), "23503"),
        // And the session's own.
        (format!("SELECT org_scope.set_current_org('{b}', is_local => true)"), "OS002"),
        ("SELECT org_scope.set_current_org_from('account', 'admin-b', is_local => true)".to_owned(), "OS003"),
    ] {
        admin.refused(&attack, sqlstate);
        admin.run("ROLLBACK TO s");
    }
    admin.run("COMMIT");
    let mut joined = founded.acting("staff-a");
    assert_eq!(joined.text("SELECT org_scope.current_org()"), *a);
    assert_eq!(joined.column("SELECT account_id FROM users ORDER BY 1"), ["admin-a", "staff-a"]);
    let mut other = founded.acting("admin-b");
    assert_eq!(other.column("SELECT account_id FROM users"), ["admin-b"]);
}
