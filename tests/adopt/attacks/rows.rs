//! Roads to another organization's rows while they have no organization of their own.

use std::io::Read;

use super::*;

#[test]
fn no_road_leads_to_anothers_row_without_an_organization() {
    let inbox = fenced("roads", &["integrations", "conversations", "messages"]);
    inbox.owner().run(&format!(
        "CREATE VIEW seen AS SELECT * FROM conversations;
         CREATE VIEW invoked WITH (security_invoker) AS SELECT * FROM conversations;
         CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM conversations WHERE id = 3';
         GRANT SELECT, UPDATE ON seen, invoked TO {}",
        inbox.app
    ));
    // Conversation 3 is admin-123's.
    let before = inbox.truth("conversations", "true");
    for (account, sees) in [("staff-456", 1), ("admin-a", 0), ("admin-789", 0)] {
        let mut session = inbox.acting(account);
        for read in [
            "SELECT count(*) FROM conversations WHERE id = 3",
            "SELECT count(*) FROM seen WHERE id = 3",
            "SELECT count(*) FROM invoked WHERE id = 3",
            "SELECT counted()",
            "SELECT count(*) FROM (SELECT FROM conversations WHERE id = 3 FOR UPDATE) AS locked",
            "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.id = 3 AND m.id = 9",
        ] {
            assert_eq!(session.number(read), sees, "{account}: {read}");
        }
        let mut copied = String::new();
        let copy = "COPY conversations (id) TO STDOUT";
        session.client().copy_out(copy).expect("allowed").read_to_string(&mut copied).expect("text");
        assert_eq!(copied.lines().filter(|id| *id == "3").count(), usize::from(sees == 1), "{account}");
    }
    let mut thief = inbox.acting("admin-a");
    for attack in [
        "UPDATE conversations SET customer = 'x' WHERE id = 3",
        "UPDATE conversations SET organization_id = 'org-admin-a', account_id = 'admin-a' WHERE id = 3",
        "UPDATE conversations SET organization_id = organization_id WHERE id = 3",
        "UPDATE seen SET account_id = 'admin-a' WHERE id = 3",
        "UPDATE invoked SET account_id = 'admin-a' WHERE id = 3",
        "DELETE FROM conversations WHERE id = 3",
        "MERGE INTO conversations c USING (VALUES (3)) v (id) ON c.id = v.id WHEN MATCHED THEN UPDATE SET account_id = 'admin-a'",
        "MERGE INTO conversations c USING (VALUES (3)) v (id) ON c.id = v.id WHEN MATCHED THEN DELETE",
        "INSERT INTO conversations (id, account_id, customer) VALUES (3, 'admin-a', 'x') ON CONFLICT DO NOTHING",
    ] {
        assert_eq!(thief.touched(attack), 0, "{attack}");
    }
    for upsert in ["customer = 'x'", "account_id = 'admin-a'", "organization_id = excluded.organization_id"] {
        let upsert = format!(
            "INSERT INTO conversations (id, account_id, customer) VALUES (3, 'admin-a', 'x') ON CONFLICT (id) DO UPDATE SET {upsert} RETURNING *"
        );
        thief.refused(&upsert, "42501").keeps_quiet_about("admin-123").keeps_quiet_about(XYZ);
    }
    // Who says nothing sees and does nothing, in either way of saying so.
    inbox.silent().refused("DELETE FROM conversations", "OS001");
    inbox.db.superuser().run(&format!("ALTER ROLE {} SET org_scope.missing_org = 'empty'", inbox.app));
    let mut silent = inbox.silent();
    assert_eq!(silent.number("SELECT count(*) FROM conversations"), 0);
    assert_eq!(silent.touched("UPDATE conversations SET account_id = 'admin-a'"), 0);
    assert_eq!(silent.touched("DELETE FROM conversations"), 0);
    silent.refused("INSERT INTO conversations (account_id, customer) VALUES ('admin-a', 'x')", "23503");
    assert_eq!(inbox.truth("conversations", "true"), before);
}

#[test]
fn a_statement_keeps_its_organization_while_rows_have_none() {
    let inbox = fenced("one", &["conversations"]);
    let mut session = inbox.acting("admin-a");
    session.run("SET plan_cache_mode = force_generic_plan; PREPARE mine AS SELECT DISTINCT account_id FROM conversations");
    assert_eq!(session.column("EXECUTE mine"), ["admin-a"]);
    session.run("SELECT org_scope.set_current_org_from('account', 'admin-789')");
    assert_eq!(session.column("EXECUTE mine"), ["admin-789"]);
    // The keys of the organization are asked for with the first row, not when the cursor is opened.
    session.run("BEGIN; DECLARE c CURSOR FOR SELECT account_id FROM conversations");
    session.run("SELECT org_scope.set_current_org_from('account', 'admin-a')");
    session.refused("FETCH c", "OS003");
    session.run("ROLLBACK");
    // A savepoint's context ends with it, for the trigger too.
    session.run(
        "BEGIN; SAVEPOINT s; SELECT org_scope.set_current_org_from('account', 'admin-a'); ROLLBACK TO s",
    );
    session.refused("INSERT INTO conversations (account_id, customer) VALUES ('admin-a', 'x')", "23503");
    session.run("ROLLBACK");
}

#[test]
fn a_condition_that_raises_tells_nothing_of_other_organizations() {
    let inbox = Inbox::with_users("raises");
    inbox.db.superuser().run(
        "SELECT org_scope.define_lookup('cautious', 'users', 'account_id', 'organization_id',
           condition => $$1 / (CASE account_id WHEN 'admin-789' THEN 0 ELSE 1 END) = 1$$)",
    );
    let mut owner = inbox.owner();
    owner.run("DELETE FROM messages; DELETE FROM conversations WHERE account_id = 'admin-789'");
    owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'cautious', legacy_column => 'account_id')");
    // The condition is the owner's to mend before anything goes on; here it turns bad behind the fence.
    inbox.db.superuser().run("UPDATE users SET account_id = 'admin-7' WHERE account_id = 'admin-789'");
    owner.run("CALL org_scope.advance('conversations')");
    inbox.db.superuser().run("UPDATE users SET account_id = 'admin-789' WHERE account_id = 'admin-7'");
    let mut session = inbox.acting("admin-a");
    assert_eq!(session.column("SELECT DISTINCT account_id FROM conversations"), ["admin-a"]);
    let insert =
        |account: &str| format!("INSERT INTO conversations (account_id, customer) VALUES ('{account}', 'x')");
    session.run(&insert("staff-b"));
    let unknown = session.refused(&insert("nobody"), "23503");
    assert_eq!(session.refused(&insert("admin-789"), "23503"), unknown);
    // Whose it is, is told what is wrong.
    inbox.acting("admin-789").refused("SELECT FROM conversations", "22012");
}

#[test]
fn a_table_tells_nothing_of_a_source_that_its_owner_may_not_read() {
    let inbox = Inbox::expanding("untrusted");
    let stranger = inbox.db.role("stranger");
    inbox.db.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {stranger}"));
    let mut own = inbox.db.connect(&stranger);
    own.run("CREATE TABLE probe (account_id text, conversation_id bigint, org text)");
    let adopt = "CALL org_scope.adopt('probe', 'org', lookup => 'account', legacy_column => 'account_id')";
    own.refused(adopt, "OS009").keeps_quiet_about("org-admin");
    let trigger = |arguments: &str| {
        format!(
            "CREATE OR REPLACE TRIGGER org_scope_adopt BEFORE INSERT OR UPDATE OF account_id, org ON probe FOR EACH ROW \
             EXECUTE FUNCTION org_scope.adopt_row({arguments})"
        )
    };
    // A trigger made by hand, told what it likes.
    for arguments in
        ["'lookup', 'account'", "'lookup'", "'lookup', 'none'", "'parent'", "'expression'", "'constant'", ""]
    {
        own.run(&trigger(arguments));
        let known = own.refused("INSERT INTO probe (account_id) VALUES ('admin-789')", "OS010");
        assert_eq!(
            own.refused("INSERT INTO probe (account_id) VALUES ('nobody')", "OS010"),
            known,
            "{arguments}"
        );
    }
    own.run(&trigger("'lookup', 'account'"));
    for call in [
        "SELECT * FROM org_scope.unresolved('probe')",
        "SELECT org_scope.assign('probe', '{admin-a}', 'x')",
        "CALL org_scope.backfill('probe')",
        "CALL org_scope.advance('probe')",
    ] {
        own.refused(call, "OS010").keeps_quiet_about("org-admin");
    }
    own.run("DROP TRIGGER org_scope_adopt ON probe");
    for (trigger, sqlstate) in [
        (
            "BEFORE INSERT OR DELETE ON probe FOR EACH ROW EXECUTE FUNCTION org_scope.adopt_row('constant', 'x')",
            "OS010",
        ),
        (
            "AFTER INSERT ON probe FOR EACH ROW EXECUTE FUNCTION org_scope.adopt_row('lookup', 'account')",
            "0A000",
        ),
        (
            "BEFORE INSERT ON probe FOR EACH STATEMENT EXECUTE FUNCTION org_scope.adopt_row('lookup', 'account')",
            "0A000",
        ),
    ] {
        own.run(&format!("CREATE TRIGGER other {trigger}"));
        own.refused("INSERT INTO probe (account_id) VALUES ('admin-789')", sqlstate);
        own.run("DROP TRIGGER other ON probe");
    }
}

#[test]
fn a_foreign_key_takes_no_row_of_another_organization_along() {
    let inbox = Inbox::expanding("cascade");
    // The owner's own would look at the rows of one organization only.
    inbox.db.superuser().run(
        "ALTER TABLE conversations ADD FOREIGN KEY (account_id) REFERENCES users ON UPDATE CASCADE;
         ALTER TABLE messages ADD FOREIGN KEY (account_id) REFERENCES users ON UPDATE CASCADE",
    );
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run("CALL org_scope.advance('conversations')");
    owner.run("CALL org_scope.advance('messages')");
    let rename =
        |from: &str, to: &str| format!("UPDATE users SET account_id = '{to}' WHERE account_id = '{from}'");
    // What was written for one organization by an account that another has by now.
    inbox.db.superuser().run("UPDATE users SET admin_id = 'admin-a' WHERE account_id = 'staff-456'");
    inbox
        .db
        .superuser()
        .run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'staff-456', 'new')");
    inbox.db.superuser().run(
        "SET session_replication_role = replica; UPDATE conversations SET account_id = 'staff-456' WHERE id = 1",
    );
    let mut thief = inbox.acting("staff-b");
    assert_eq!(thief.touched(&rename("staff-456", "staff-c")), 1);
    assert_eq!(
        inbox.truth("conversations", "id IN (1, 2001)"),
        format!("1:staff-c:{XYZ} 2001:staff-c:{X}"),
        "a row stays with its organization"
    );
    assert_eq!(thief.number("SELECT count(*) FROM conversations WHERE id IN (1, 2001)"), 1);
    // Rows without one are the account's, and are adopted by whoever has it.
    let written = inbox
        .db
        .superuser()
        .column("SELECT DISTINCT organization_id FROM messages WHERE account_id = 'staff-c'");
    assert_eq!(written, [X]);
    // While nothing is fenced a row goes along.
    inbox
        .db
        .superuser()
        .run("ALTER TABLE chatbots ADD FOREIGN KEY (account_id) REFERENCES users ON UPDATE CASCADE");
    owner.run("CALL org_scope.backfill('chatbots')");
    inbox.db.superuser().run("SET session_replication_role = replica; UPDATE chatbots SET organization_id = 'org-admin-789' WHERE account_id = 'admin-789'");
    inbox.db.superuser().run(&rename("admin-789", "admin-7"));
    assert_eq!(
        inbox
            .db
            .superuser()
            .column("SELECT DISTINCT organization_id FROM chatbots WHERE account_id = 'admin-7'"),
        ["org-admin-7"]
    );
}
