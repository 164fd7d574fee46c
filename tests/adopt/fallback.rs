//! C5: rows that are not filled yet.

use super::*;

/// Half of the conversations are filled, and the fence stands.
fn half(test: &str) -> Inbox {
    let inbox = Inbox::expanding(test);
    inbox.silent().run("UPDATE conversations SET customer = customer WHERE id % 2 = 0");
    inbox.owner().run("CALL org_scope.advance('conversations')");
    inbox
}

#[test]
fn c5_a_row_without_an_organization_is_its_accounts_organizations_and_nobody_elses() {
    let inbox = half("half");
    assert_eq!(inbox.truth("conversations", "id IN (1, 2)"), format!("1:admin-123:- 2:admin-123:{XYZ}"));
    for (account, theirs) in [
        ("admin-123", "id % 10 < 6"),
        ("staff-457", "id % 10 < 6"),
        ("staff-b", "id % 10 BETWEEN 6 AND 8"),
        ("admin-789", "id % 10 = 9"),
    ] {
        let ids = |which: &str| {
            format!("SELECT md5(string_agg(id::text, ' ' ORDER BY id)) FROM conversations WHERE {which}")
        };
        let seen = inbox.acting(account).text(&ids("true"));
        assert_eq!(seen, inbox.db.superuser().text(&ids(theirs)), "{account}");
    }
    inbox.silent().refused("SELECT count(*) FROM conversations", "OS001");
    // A row that no account explains is nobody's.
    inbox.db.superuser().run(
        "SET session_replication_role = replica; UPDATE conversations SET account_id = 'deleted' WHERE id IN (1, 11)",
    );
    for account in ["admin-123", "admin-a", "admin-789"] {
        assert_eq!(inbox.acting(account).number("SELECT count(*) FROM conversations WHERE id IN (1, 11)"), 0);
    }
}

#[test]
fn c5_writing_a_row_adopts_it() {
    let inbox = half("writing");
    let mut staff = inbox.acting("staff-456");
    assert_eq!(staff.touched("UPDATE conversations SET customer = 'read' WHERE id IN (1, 7, 9)"), 1);
    assert_eq!(
        inbox.truth("conversations", "id IN (1, 7, 9)"),
        format!("1:admin-123:{XYZ} 7:admin-a:- 9:admin-789:-")
    );
    assert_eq!(staff.touched("DELETE FROM conversations WHERE id IN (1003, 7)"), 0);
    let mut other = inbox.acting("admin-a");
    // Another organization's rows can't be stolen.
    for attack in [
        format!("UPDATE conversations SET organization_id = '{X}' WHERE id = 3"),
        "UPDATE conversations SET account_id = 'admin-a' WHERE id = 3".to_owned(),
        "DELETE FROM conversations WHERE id = 3".to_owned(),
    ] {
        assert_eq!(other.touched(&attack), 0, "{attack}");
    }
    let upsert = "INSERT INTO conversations (id, account_id, customer) VALUES (3, 'admin-a', 'x') ON CONFLICT (id) DO UPDATE SET account_id = 'admin-a'";
    other.refused(upsert, "42501");
    assert_eq!(inbox.truth("conversations", "id = 3"), "3:admin-123:-");
}

#[test]
fn c5_the_strict_fence_comes_only_when_every_row_has_an_organization() {
    let inbox = half("strict");
    let mut owner = inbox.owner();
    owner.refused("CALL org_scope.advance('conversations')", "OS010").says("500 rows");
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run("CALL org_scope.advance('conversations')");
    let using = "SELECT string_agg(DISTINCT pg_get_expr(polqual, polrelid), '; ') FROM pg_policy WHERE polrelid = 'conversations'::regclass";
    assert_eq!(owner.text(using), "(organization_id = org_scope.fence_org())");
    inbox.db.superuser().refused(
        "SET session_replication_role = replica; INSERT INTO conversations (account_id, customer) VALUES ('admin-a', 'x')",
        "23502",
    );
}

#[test]
fn the_fallback_reads_no_more_than_what_is_left() {
    let inbox = half("plan");
    inbox.db.superuser().run(
        "SET session_replication_role = replica;
         INSERT INTO users (account_id, role, email, organization_id) SELECT 'a' || n, 'admin', n, 'org-a' || n FROM generate_series(1, 2000) n;
         INSERT INTO conversations (account_id, customer) SELECT 'a' || n % 2000, 'x' FROM generate_series(1, 40000) n;
         ANALYZE users, conversations",
    );
    let mut session = inbox.acting("admin-789");
    let plan = session.plan("SELECT count(customer) FROM conversations");
    assert!(plan.contains("BitmapOr") && plan.contains("conversations_adopt"), "{plan}");
}

#[test]
fn c5_the_fence_itself_asks_whose_the_key_is_also_where_nobody_fences_the_source() {
    let inbox = Inbox::with_users("open_source");
    let mut owner = inbox.owner();
    owner.run(&format!(
        "CREATE TABLE pages (page_id text PRIMARY KEY, org text NOT NULL);
         INSERT INTO pages VALUES ('page-x', '{X}'), ('page-xyz', '{XYZ}');
         CREATE TABLE clicks (id int PRIMARY KEY, page_id text);
         INSERT INTO clicks VALUES (1, 'page-x'), (2, 'page-xyz'), (3, 'page-0'), (4, NULL);
         GRANT SELECT ON pages TO {app};
         GRANT SELECT, INSERT, UPDATE, DELETE ON clicks TO {app}",
        app = inbox.app
    ));
    inbox.db.superuser().run("SELECT org_scope.define_lookup('page', 'pages', 'page_id', 'org')");
    owner.run(
        "CALL org_scope.adopt('clicks', 'organization_id', lookup => 'page', legacy_column => 'page_id')",
    );
    owner.run("CALL org_scope.advance('clicks')");
    for (account, seen) in [("admin-a", vec!["1"]), ("staff-456", vec!["2"]), ("admin-789", vec![])] {
        assert_eq!(inbox.acting(account).column("SELECT id FROM clicks"), seen, "{account}");
    }
    let mut staff = inbox.acting("staff-456");
    assert_eq!(staff.touched("UPDATE clicks SET page_id = page_id"), 1);
    assert_eq!(staff.touched("DELETE FROM clicks"), 1);
}

#[test]
fn what_is_written_has_an_organization_of_its_own_also_where_no_trigger_gives_it() {
    let inbox = half("no_trigger");
    inbox.db.superuser().run(
        "ALTER TABLE conversations DISABLE TRIGGER org_scope_adopt; ALTER TABLE conversations DISABLE TRIGGER org_scope_adopt_rest;
         ALTER TABLE conversations ALTER organization_id DROP DEFAULT",
    );
    let mut staff = inbox.acting("staff-456");
    for attack in [
        "INSERT INTO conversations (account_id, customer) VALUES ('staff-456', 'x')",
        "UPDATE conversations SET customer = 'x' WHERE id = 1",
        "UPDATE conversations SET organization_id = NULL WHERE id = 2",
        "UPDATE conversations SET organization_id = 'org-admin-a' WHERE id = 2",
    ] {
        staff.refused(attack, "42501").says("row-level security");
    }
    assert_eq!(inbox.truth("conversations", "id IN (1, 2)"), format!("1:admin-123:- 2:admin-123:{XYZ}"));
}
