//! An adoption that is under way survives what happens to databases.

use super::*;

/// Half filled, behind the fence.
fn under_way(test: &str) -> Inbox {
    let inbox = Inbox::expanding(test);
    inbox.silent().run("UPDATE conversations SET customer = customer WHERE id % 2 = 0");
    inbox.owner().run("CALL org_scope.advance('conversations')");
    inbox
}

fn count(session: &mut Session) -> i64 {
    session.number("SELECT count(*) FROM conversations")
}

#[test]
fn dump_and_restore_also_without_comments() {
    for options in [&[][..], &["--no-comments"][..]] {
        let inbox = under_way("dump");
        let dump = inbox.db.dump(options);
        let restored = Db::empty("dump_restored", Server::Plain);
        let said = restored.psql_superuser(&dump);
        assert!(!said.stderr.contains("ERROR"), "{}", said.stderr);
        let other = Inbox { db: restored, owner: inbox.owner.clone(), app: inbox.app.clone() };
        assert_eq!(count(&mut other.acting("staff-456")), 600);
        assert_eq!(count(&mut other.acting("admin-789")), 100);
        let mut owner = other.owner();
        assert_eq!(
            owner.text("SELECT phase FROM org_scope.adoptions WHERE target = 'conversations'::regclass"),
            "fallback"
        );
        owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
        owner.run("CALL org_scope.backfill('conversations')");
        for _ in 0..2 {
            owner.run("CALL org_scope.advance('conversations')");
        }
        assert_eq!(count(&mut other.acting("staff-b")), 300);
        drop(other);
    }
}

#[test]
fn renames_of_everything() {
    let inbox = under_way("renames");
    let mut owner = inbox.owner();
    inbox.db.superuser().run(&format!(
        "CREATE SCHEMA \"new Home\" AUTHORIZATION {}; GRANT USAGE ON SCHEMA \"new Home\" TO PUBLIC",
        inbox.owner
    ));
    owner.run(
        "ALTER TABLE conversations RENAME organization_id TO \"Org's\";
         ALTER TABLE conversations RENAME account_id TO \"new account\";
         ALTER TABLE conversations RENAME TO \"Talks\";
         ALTER TABLE \"Talks\" SET SCHEMA \"new Home\"",
    );
    let mut old = inbox.acting("staff-456");
    let written = "INSERT INTO \"new Home\".\"Talks\" (\"new account\", customer) VALUES ('staff-456', 'x') RETURNING \"Org's\"";
    assert_eq!(old.text(written), XYZ);
    assert_eq!(old.number("SELECT count(*) FROM \"new Home\".\"Talks\""), 601);
    assert_eq!(old.touched("UPDATE \"new Home\".\"Talks\" SET customer = 'y' WHERE id IN (1, 7)"), 1);
    let status = "SELECT phase || missing::text || source FROM org_scope.adoptions WHERE target = '\"new Home\".\"Talks\"'::regclass";
    assert_eq!(owner.text(status), "fallback{}lookup account by \"new account\"");
    owner.run("CALL org_scope.backfill('\"new Home\".\"Talks\"')");
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('\"new Home\".\"Talks\"')");
    }
    assert_eq!(inbox.acting("admin-789").number("SELECT count(*) FROM \"new Home\".\"Talks\""), 100);
}

#[test]
fn the_lookup_taken_away_and_given_back() {
    let inbox = under_way("lookup");
    let mut session = inbox.acting("staff-456");
    inbox.db.superuser().run("SELECT org_scope.undefine_lookup('account')");
    // Loudly, and closed: nobody writes what nothing tells of.
    inbox
        .db
        .superuser()
        .refused("INSERT INTO conversations (account_id, customer) VALUES ('staff-456', 'x')", "OS010")
        .says("gone or altered");
    let mut owner = inbox.owner();
    owner.refused("CALL org_scope.backfill('conversations')", "OS010").says("gone or altered");
    assert_eq!(
        owner.text("SELECT missing::text FROM org_scope.adoptions WHERE target = 'conversations'::regclass"),
        "{source}"
    );
    inbox.db.superuser().run(
        "SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', 'account_id')",
    );
    assert_eq!(count(&mut session), 600);
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run("CALL org_scope.advance('conversations')");
}

#[test]
fn a_table_rewritten_in_between_is_walked_from_the_beginning() {
    let inbox = Inbox::expanding("rewritten");
    let mut owner = inbox.owner();
    // A run that did not come to its end.
    inbox.silent().run("BEGIN; SELECT FROM messages WHERE id = 3999 FOR UPDATE");
    let mut writer = inbox.silent();
    writer.run("BEGIN; SELECT count(*) FROM (SELECT FROM messages WHERE id IN (1, 3999) FOR UPDATE) AS held");
    owner.run("SET lock_timeout = '100 ms'");
    owner.refused("CALL org_scope.backfill('messages', batch_size => 100)", "55P03");
    writer.run("COMMIT");
    owner.run("CLUSTER messages USING messages_conversation");
    owner.notices();
    owner.run("CALL org_scope.backfill('messages', batch_size => 100)");
    assert!(!owner.notices().iter().any(|n| n.message.contains("goes on")));
    assert_eq!(owner.number("SELECT count(*) FROM messages WHERE organization_id IS NULL"), 0);
}
