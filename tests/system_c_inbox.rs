//! System C, the chat inbox: staff and administrators of one organization share its conversations.

use crate::harness::{Db, Role, Server, Session, System};

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
