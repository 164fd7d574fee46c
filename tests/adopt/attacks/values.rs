//! Rows and columns of every build.

use super::*;

#[test]
fn a_column_that_leads_to_two_tables_tells_of_neither() {
    let inbox = Inbox::with_users("two");
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run(
        "CREATE TABLE archive (id bigint PRIMARY KEY, organization_id text);
         INSERT INTO archive SELECT id, 'org-x' FROM conversations;
         ALTER TABLE messages ADD CONSTRAINT a_first FOREIGN KEY (conversation_id) REFERENCES archive",
    );
    let adopt = "CALL org_scope.adopt('messages', 'organization_id', parent => 'conversations', legacy_column => 'conversation_id')";
    owner.refused(adopt, "OS009");
    owner.run("ALTER TABLE messages DROP CONSTRAINT a_first");
    owner.run(adopt);
    owner.run("ALTER TABLE messages ADD CONSTRAINT a_first FOREIGN KEY (conversation_id) REFERENCES archive");
    let insert = "INSERT INTO messages (account_id, conversation_id, text) VALUES ('admin-a', 7, 'x') RETURNING organization_id";
    owner.refused(insert, "OS010");
    owner.run("ALTER TABLE messages DROP CONSTRAINT a_first");
    assert_eq!(owner.text(insert), X);
}

#[test]
fn what_triggers_write_during_a_backfill_is_written_as_ever() {
    let inbox = Inbox::expanding("nested");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE FUNCTION answers() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
           INSERT INTO public.chatbots (account_id, name) VALUES ('admin-a', 'by a trigger');
           RETURN NULL;
         END$$;
         CREATE TRIGGER answers AFTER UPDATE ON chatbots FOR EACH STATEMENT EXECUTE FUNCTION answers()",
    );
    owner.run("CALL org_scope.backfill('chatbots')");
    assert_eq!(
        owner.column("SELECT DISTINCT organization_id FROM chatbots WHERE name = 'by a trigger'"),
        [X]
    );
}

#[test]
fn organizations_are_stored_as_what_their_column_takes() {
    let inbox = Inbox::with_users("types");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE narrow (account_id text, organization_id varchar(11));
         CREATE TABLE wide (told jsonb);
         CREATE TABLE small (n int)",
    );
    owner.run("CALL org_scope.adopt('narrow', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    // Eleven characters fit, thirteen don't, and are not cut off to be somebody else's.
    let insert =
        "INSERT INTO narrow VALUES ('admin-a'), ('admin-123') RETURNING coalesce(organization_id, '-')";
    assert_eq!(owner.column(insert), [X, "-"]);
    owner.refused("CALL org_scope.backfill('narrow')", "22001");
    owner.run(
        "CALL org_scope.adopt('wide', 'org', org_type => 'bigint', expression => $$(told->>'org')::int$$)",
    );
    assert_eq!(owner.text(r#"INSERT INTO wide VALUES ('{"org": 7}') RETURNING org"#), "7");
    assert_eq!(owner.text(r#"UPDATE wide SET told = '{"org": -1}' RETURNING org"#), "-1");
    owner.refused(
        "CALL org_scope.adopt('small', 'org', org_type => 'smallint', constant => '99999')",
        "OS004",
    );
    owner.run("CALL org_scope.adopt('small', 'org', org_type => 'smallint', constant => '-7')");
    assert_eq!(owner.text("INSERT INTO small VALUES (1) RETURNING org"), "-7");
}

#[test]
fn a_default_does_not_lock_out_old_code() {
    let inbox = Inbox::with_users("default");
    let mut owner = inbox.owner();
    owner.run("ALTER TABLE conversations ADD COLUMN organization_id text DEFAULT 'org-x'");
    let adopt = "CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')";
    let said = owner.refused(adopt, "OS009");
    owner.run(&said.hint);
    owner.run(adopt);
    inbox.silent().run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'staff-b', 'x')");
    assert_eq!(inbox.truth("conversations", "id = 2001"), format!("2001:staff-b:{X}"));
    owner.run("CREATE TABLE small (n int, org text DEFAULT 'org-x')");
    owner.run("CALL org_scope.adopt('small', 'org', constant => 'org-x')");
    assert_eq!(owner.text("INSERT INTO small VALUES (1) RETURNING org"), "org-x");
}

#[test]
fn rows_of_every_build_go_through() {
    let inbox = Inbox::with_users("built");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE built (id int PRIMARY KEY, gone int, account_id text, body text, says text GENERATED ALWAYS AS (account_id || '!') STORED, last int);
         ALTER TABLE built ALTER body SET STORAGE EXTERNAL;
         INSERT INTO built (id, gone, account_id, body) SELECT n, n, 'staff-b', repeat(md5(n::text), 400) FROM generate_series(1, 20) n;
         ALTER TABLE built DROP COLUMN gone",
    );
    owner.run("CALL org_scope.adopt('built', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    owner.run("INSERT INTO built (id, account_id, body) VALUES (21, 'admin-789', repeat('x', 9000))");
    // The session knows the way by now.
    owner.run("ALTER TABLE built ADD COLUMN later int DEFAULT 7, DROP COLUMN last; ALTER TABLE built RENAME organization_id TO org; ALTER TABLE built RENAME account_id TO account");
    owner.run("INSERT INTO built (id, account, body) VALUES (22, 'admin-789', repeat('y', 9000))");
    owner.run("UPDATE built SET account = 'admin-123' WHERE id = 1");
    owner.run("CALL org_scope.backfill('built', batch_size => 3)");
    assert_eq!(
        owner.column("SELECT concat_ws(' ', org, says, later, count(*), sum(length(body))) FROM built GROUP BY org, says, later ORDER BY 1"),
        ["org-admin-123 admin-123! 7 1 12800", "org-admin-789 admin-789! 7 2 18000", "org-admin-a staff-b! 7 19 243200"]
    );
    // What tells of the organization lies outside of its row.
    owner.run("CREATE TABLE long (id int, body text); ALTER TABLE long ALTER body SET STORAGE EXTERNAL");
    owner.run("CALL org_scope.adopt('long', 'org', expression => 'body')");
    owner.run("INSERT INTO long VALUES (1, repeat('o', 9000)); UPDATE long SET id = 2; UPDATE long SET body = body || 'p'");
    assert_eq!(owner.text("SELECT length(org) || ' ' || (org = body) FROM long"), "9001 true");
    owner.refused("UPDATE long SET org = 'x'", "23503");
}
