//! Where an organization can come from.

use super::*;
use crate::harness::work;

#[test]
fn a_parent_tells_of_its_children_while_both_are_on_their_way() {
    let inbox = Inbox::with_users("parent");
    let mut owner = inbox.owner();
    // A8, B5: messages follow their conversation, whoever wrote them.
    owner.run(
        "CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id');
         CALL org_scope.adopt('messages', 'organization_id', parent => 'conversations', legacy_column => 'conversation_id')",
    );
    // The parent has none yet, so the child has none.
    inbox.silent().run(
        "INSERT INTO messages (id, account_id, conversation_id, text) VALUES (9001, 'admin-123', 1, 'x')",
    );
    assert_eq!(inbox.truth("messages", "id = 9001"), "9001:admin-123:-");
    owner.run("CALL org_scope.backfill('messages')");
    assert_eq!(owner.number("SELECT count(organization_id) FROM messages"), 0);
    owner
        .refused("CALL org_scope.advance('messages')", "OS010")
        .says("CALL org_scope.advance('public.conversations')");
    owner.run("CALL org_scope.backfill('conversations')");
    inbox.silent().run(
        "INSERT INTO messages (id, account_id, conversation_id, text) VALUES (9002, 'staff-456', 1, 'x')",
    );
    assert_eq!(inbox.truth("messages", "id = 9002"), format!("9002:staff-456:{XYZ}"));
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('conversations')");
    }
    owner.run("CALL org_scope.advance('messages')");
    // Not filled yet, and seen by their conversation's organization alone.
    assert_eq!(owner.number("SELECT count(*) FROM pg_policy WHERE polrelid = 'messages'::regclass"), 2);
    assert_eq!(inbox.acting("staff-457").number("SELECT count(*) FROM messages"), 2402);
    assert_eq!(inbox.acting("admin-789").number("SELECT count(*) FROM messages"), 400);
    owner.run("CALL org_scope.backfill('messages')");
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('messages')");
    }
    assert_eq!(inbox.phase("messages"), "finished");
    // From then on it is what protect_through would have made of it.
    let again = owner.steps(
        "protect_through('messages', 'conversation_id', 'conversations', org_column => 'organization_id')",
    );
    assert!(work(&again).is_empty(), "{again:#?}");
    let mut staff = inbox.acting("staff-456");
    let answer = "INSERT INTO messages (account_id, conversation_id, text) VALUES ('staff-456', 1, 'x') RETURNING organization_id";
    assert_eq!(staff.text(answer), XYZ);
    staff.refused(
        "INSERT INTO messages (account_id, conversation_id, text) VALUES ('staff-456', 7, 'x')",
        "42501",
    );
    assert_eq!(inbox.acting("staff-457").number("SELECT count(*) FROM messages"), 2403);
}

#[test]
fn one_customers_database_becomes_many_customers() {
    let inbox = Inbox::new("constant");
    let mut owner = inbox.owner();
    inbox.db.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", inbox.app));
    let first = "12938a96-648b-4aec-ab59-282e2345cec7";
    let second = "5d3f0e0a-33a0-4a43-a7c7-1f3c8f0a8a11";
    owner.run(&format!(
        "CALL org_scope.adopt('chatbots', 'organization_id', org_type => 'uuid', constant => '{first}')"
    ));
    inbox.silent().run("INSERT INTO chatbots (id, account_id, name) VALUES (50, 'admin-123', 'by old code')");
    let mut new = inbox.silent();
    new.run(&format!("SELECT org_scope.set_current_org('{second}')"));
    new.run("INSERT INTO chatbots (id, account_id, name) VALUES (51, 'x', 'by new code')");
    new.run(&format!("INSERT INTO chatbots (id, account_id, name, organization_id) VALUES (52, 'x', 'by new code', '{first}')"));
    assert_eq!(
        inbox.truth("chatbots", "id >= 50"),
        format!("50:admin-123:{first} 51:x:{second} 52:x:{first}")
    );
    owner.run("CALL org_scope.advance('chatbots')");
    assert_eq!(new.column("SELECT id FROM chatbots"), ["51"]);
    assert_eq!(new.touched("UPDATE chatbots SET name = 'stolen'"), 1);
    let mut legacy = inbox.silent();
    legacy.run(&format!("SELECT org_scope.set_current_org('{first}')"));
    assert_eq!(legacy.number("SELECT count(*) FROM chatbots"), 12);
    assert_eq!(legacy.touched("UPDATE chatbots SET name = name WHERE id = 1"), 1);
    assert_eq!(inbox.truth("chatbots", "id = 1"), format!("1:admin-123:{first}"));
    owner.run("CALL org_scope.backfill('chatbots')");
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('chatbots')");
    }
    assert_eq!(legacy.number("SELECT count(*) FROM chatbots"), 12);
    assert_eq!(new.number("SELECT count(*) FROM chatbots"), 1);
}

#[test]
fn an_expression_over_the_row_tells_of_it() {
    let inbox = Inbox::new("expression");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE api_keys (id int PRIMARY KEY, settings jsonb, account_id text);
         INSERT INTO api_keys SELECT n, jsonb_build_object('org', n % 3), 'k' || n FROM generate_series(1, 90) n;
         INSERT INTO api_keys VALUES (91, '{}', 'k91'), (92, NULL, 'k92')",
    );
    let app = &inbox.app;
    owner.run(&format!("GRANT ALL ON api_keys TO {app}"));
    inbox.db.superuser().run(&format!("SELECT org_scope.allow('{app}', 'direct')"));
    let adopt = "CALL org_scope.adopt('api_keys', 'org_id', org_type => 'bigint', legacy_column => 'account_id', \
                 expression => $$CASE WHEN settings->>'org' ~ '^[0-9]{1,9}$' THEN (settings->>'org')::bigint END$$)";
    owner.run(adopt);
    owner.run(adopt);
    assert!(work(&owner.last_run("api_keys")).is_empty());
    let mut old = inbox.silent();
    old.run("INSERT INTO api_keys VALUES (100, '{\"org\": 2}', 'k100'), (101, '{\"org\": \"x\"}', 'k101')");
    old.run("UPDATE api_keys SET settings = '{\"org\": 1}' WHERE id = 2");
    old.refused("INSERT INTO api_keys VALUES (102, '{\"org\": 2}', 'k102', 1)", "23503");
    let truth = "SELECT string_agg(id || ':' || coalesce(org_id::text, '-'), ' ' ORDER BY id) FROM api_keys WHERE id IN (1, 2, 100, 101)";
    assert_eq!(inbox.db.superuser().text(truth), "1:- 2:1 100:2 101:-");
    owner.run("CALL org_scope.advance('api_keys')");
    let mut session = inbox.silent();
    session.run("SELECT org_scope.set_current_org(2)");
    assert_eq!(session.number("SELECT count(*) FROM api_keys"), 30);
    assert_eq!(session.touched("UPDATE api_keys SET account_id = 'x' WHERE id IN (3, 5)"), 1);
    owner.run("CALL org_scope.backfill('api_keys')");
    assert_eq!(
        owner.column("SELECT key FROM org_scope.unresolved('api_keys') ORDER BY 1"),
        ["k101", "k91", "k92"]
    );
    assert_eq!(owner.number("SELECT org_scope.assign('api_keys', '{k101,k91,k92}', '7')"), 3);
    owner.refused("SELECT org_scope.assign('api_keys', '{k91}', 'x')", "OS004");
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('api_keys')");
    }
    assert_eq!(session.number("SELECT count(*) FROM api_keys"), 30);
}

#[test]
fn a_lookup_with_a_condition_tells_of_what_fulfils_it() {
    let inbox = Inbox::with_users("condition");
    let mut owner = inbox.owner();
    inbox.db.superuser().run(
        "SELECT org_scope.define_lookup('admins', 'users', 'account_id', 'organization_id', 'account_id', condition => $$role = 'admin'$$)",
    );
    owner.run("CALL org_scope.adopt('messages', 'organization_id', lookup => 'admins', legacy_column => 'account_id')");
    inbox.silent().run("INSERT INTO messages (id, account_id, conversation_id, text) VALUES (9001, 'admin-a', 7, 'x'), (9002, 'staff-b', 7, 'x')");
    assert_eq!(inbox.truth("messages", "id > 9000"), format!("9001:admin-a:{X} 9002:staff-b:-"));
    owner.run("CALL org_scope.backfill('messages')");
    assert_eq!(owner.column("SELECT key FROM org_scope.unresolved('messages')"), ["staff-456", "staff-b"]);
    owner.run("CALL org_scope.advance('messages')");
    inbox.db.superuser().run("SET session_replication_role = replica; UPDATE messages SET organization_id = NULL WHERE id IN (9001, 1)");
    assert_eq!(
        inbox.acting("admin-a").column("SELECT id FROM messages WHERE organization_id IS NULL"),
        ["9001"]
    );
    assert_eq!(
        inbox.acting("admin-a").number("SELECT count(*) FROM messages WHERE account_id = 'staff-b'"),
        0
    );
}

#[test]
fn c1_adopt_all_takes_an_application_parents_first() {
    let inbox = Inbox::with_users("all");
    let mut owner = inbox.owner();
    owner.run(
        "ALTER TABLE messages DROP account_id;
         CREATE TABLE attachments (id int PRIMARY KEY, message_id bigint NOT NULL REFERENCES messages, file text);
         CREATE TABLE countries (code text PRIMARY KEY);
         INSERT INTO attachments SELECT n, n, 'f' FROM generate_series(1, 100) n",
    );
    owner.run(&format!("GRANT SELECT ON attachments TO {}", inbox.app));
    owner.run(
        "CALL org_scope.adopt_all('organization_id', lookup => 'account', legacy_column => 'account_id')",
    );
    let status =
        "SELECT target || ': ' || coalesce(source, '-') FROM org_scope.adoptions ORDER BY target::text";
    assert_eq!(
        owner.column(status),
        [
            "attachments: parent public.messages by message_id",
            "chatbots: lookup account by account_id",
            "conversations: lookup account by account_id",
            "integrations: lookup account by account_id",
            "messages: parent public.conversations by conversation_id",
            "users: expression ('org-'::text || COALESCE(admin_id, account_id))",
        ]
    );
    let skipped =
        "SELECT reason FROM org_scope.last_run WHERE state = 'skipped' AND target = 'countries'::regclass";
    assert!(owner.text(skipped).contains("declare it global"));
    // The view leads the way: what it says is next, until nothing is.
    for _ in 0..40 {
        let next = owner.column("SELECT next FROM org_scope.adoptions WHERE next IS NOT NULL ORDER BY source LIKE 'parent%', target::oid");
        let Some(done) = next.iter().find(|statement| owner.try_run(statement).is_ok()) else { break };
        assert!(done.starts_with("CALL"), "{done}");
    }
    assert_eq!(owner.column("SELECT DISTINCT phase FROM org_scope.adoptions"), ["finished"]);
    assert_eq!(inbox.acting("staff-b").number("SELECT count(*) FROM attachments"), 24);
}
