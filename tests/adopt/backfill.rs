//! C6: the rows that stand get their organization, batch by batch.

use std::time::{Duration, Instant};

use super::*;
use crate::harness::Private;

/// A trigger of the application's, whose function names its table without a schema.
#[test]
fn the_tables_own_triggers_find_what_they_find_in_every_update() {
    let inbox = Inbox::expanding("own_triggers");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE audit (id bigint, who name);
         CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN INSERT INTO audit VALUES (new.id, current_user); RETURN NULL; END $$;
         CREATE TRIGGER audited AFTER UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION audited()",
    );
    // As the table's owner, whoever calls.
    inbox.db.superuser().run("CALL org_scope.backfill('messages', batch_size => 1000)");
    assert_eq!(owner.number(LEFT), 0);
    assert_eq!(owner.column("SELECT DISTINCT who FROM audit"), [inbox.owner.name()]);
    assert_eq!(owner.number("SELECT count(*) FROM audit"), 4000);
}

/// Rows of `messages` without an organization.
const LEFT: &str = "SELECT count(*) FROM messages WHERE organization_id IS NULL";

/// More messages, none of them filled.
fn many(inbox: &Inbox, rows: u32) {
    inbox.db.superuser().run(&format!(
        "SET session_replication_role = replica;
         INSERT INTO messages (account_id, conversation_id, text)
         SELECT (ARRAY['admin-123', 'staff-b', 'admin-789'])[1 + n % 3], 1 + n % 1000, 'm' FROM generate_series(1, {rows}) n;
         ANALYZE messages"
    ));
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn c6_each_row_gets_its_accounts_organization_and_no_other_changes() {
    let inbox = Inbox::expanding("fills");
    many(&inbox, 3000);
    let mut owner = inbox.owner();
    let rest = "SELECT md5(string_agg((id, account_id, conversation_id, text, created_at)::text, ' ' ORDER BY id)) FROM messages";
    let before = owner.text(rest);
    owner.run("CALL org_scope.backfill('messages', batch_size => 170)");
    assert_eq!(owner.text(rest), before);
    let wrong = "SELECT count(*) FROM messages m LEFT JOIN users u USING (account_id) WHERE m.organization_id IS DISTINCT FROM u.organization_id";
    assert_eq!(inbox.db.superuser().number(wrong), 0);
    let said = owner.notices().pop().expect("a notice").message;
    assert!(
        said.contains("7000 rows filled") && said.contains("a second") && said.contains("0 without"),
        "{said}"
    );
    let status = "SELECT filled || ' ' || percent || ' ' || (rows_per_second > 0) || ' ' || (pid IS NULL) FROM org_scope.adoptions WHERE target = 'messages'::regclass";
    assert_eq!(owner.text(status), "7000 100 true true");
    // Again, there is nothing to do.
    owner.run("CALL org_scope.backfill('messages')");
    assert!(owner.notices().iter().any(|n| n.message.contains("0 rows filled")));
    // In a transaction of the caller's it is one piece of work, which goes back as one.
    owner.run("CALL org_scope.adopt('messages', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    inbox
        .db
        .superuser()
        .run("SET session_replication_role = replica; UPDATE messages SET organization_id = NULL");
    owner.run("BEGIN; CALL org_scope.backfill('messages', batch_size => 100)");
    assert_eq!(owner.number(LEFT), 0);
    owner.run("ROLLBACK");
    assert_eq!(owner.number(LEFT), 7000);
    owner.refused("CALL org_scope.backfill('messages', batch_size => 0)", "22023");
}

#[test]
fn c6_a_session_that_is_killed_loses_nothing_and_the_next_goes_on_where_it_was() {
    let inbox = Inbox::expanding("killed");
    many(&inbox, 30_000);
    let call = "CALL org_scope.backfill('messages', batch_size => 500, pause => '20 ms')";
    let mut superuser = inbox.db.superuser();
    let mut owner = inbox.owner();
    for round in 0..3 {
        let pid = owner.number("SELECT pg_backend_pid()");
        let running = std::thread::spawn(move || owner.client().batch_execute(call).is_err());
        let progress = "SELECT coalesce(max(filled), 0) FROM org_scope.backfill_progress WHERE target = 'messages'::regclass";
        let before = superuser.number(progress);
        wait_until("some batches", || superuser.number(progress) > before + 1000);
        superuser.run(&format!("SELECT pg_terminate_backend({pid})"));
        assert!(running.join().expect("no panic"), "the session was killed");
        // Exactly what the progress says is filled.
        wait_until("the end", || {
            superuser.number(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}")) == 0
        });
        assert_eq!(34_000 - superuser.number(LEFT), superuser.number(progress), "{round}");
        owner = inbox.owner();
    }
    owner.run("CALL org_scope.backfill('messages')");
    let said: Vec<String> = owner.notices().into_iter().map(|n| n.message).collect();
    assert!(said.iter().any(|m| m.contains("goes on at block")), "{said:#?}");
    assert_eq!(superuser.number(LEFT), 0);
}

#[test]
fn c6_a_server_that_crashes_goes_on_too() {
    let server = Private::new(false, &[]);
    let db = Db::on(&server, "crash");
    let (owner, app) = (db.role("owner"), db.role("app"));
    db.load(System::Accounts, &owner);
    let inbox = Inbox { db, owner, app };
    inbox
        .owner()
        .run("CALL org_scope.adopt('messages', 'organization_id', expression => $$'org-' || account_id$$)");
    many(&inbox, 30_000);
    let mut owner = inbox.owner();
    let running = std::thread::spawn(move || {
        owner
            .client()
            .batch_execute("CALL org_scope.backfill('messages', batch_size => 500, pause => '20 ms')")
            .is_err()
    });
    let progress = "SELECT coalesce(max(filled), 0) FROM org_scope.backfill_progress";
    let mut superuser = inbox.db.superuser();
    wait_until("some batches", || superuser.number(progress) > 1000);
    drop(superuser);
    server.0.crash().expect("a crash");
    server.0.start().expect("a start");
    assert!(running.join().expect("no panic"), "the server went");
    let mut superuser = inbox.db.superuser();
    assert_eq!(34_000 - superuser.number(LEFT), superuser.number(progress));
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('messages')");
    assert!(owner.notices().iter().any(|n| n.message.contains("goes on at block")));
    assert_eq!(superuser.number(LEFT), 0);
    assert_eq!(
        superuser.number(
            "SELECT count(*) FROM messages WHERE organization_id IS DISTINCT FROM 'org-' || account_id"
        ),
        0
    );
}

#[test]
fn c6_no_batch_is_much_larger_than_asked_for_whatever_the_statistics_say() {
    let inbox = Inbox::expanding("batches");
    many(&inbox, 30_000);
    let mut superuser = inbox.db.superuser();
    // As of a table that was nearly empty when somebody last looked.
    superuser.run("UPDATE pg_class SET reltuples = relpages WHERE oid = 'messages'::regclass");
    inbox.owner().run("CALL org_scope.backfill('messages', batch_size => 1000)");
    assert_eq!(superuser.number(LEFT), 0);
    let batches = "SELECT max(n) || ' ' || (count(*) < 100) FROM (SELECT count(*) AS n FROM messages GROUP BY xmin::text) AS b";
    let said = superuser.text(batches);
    let (largest, few) = said.split_once(' ').expect("two");
    assert!(largest.parse::<u32>().expect("a number") <= 2000 && few == "true", "{said}");
}

#[test]
fn c6_two_at_once_take_turns_and_do_nothing_twice() {
    let inbox = Inbox::expanding("two");
    many(&inbox, 20_000);
    let run = |mut session: Session| {
        std::thread::spawn(move || {
            session.run("CALL org_scope.backfill('messages', batch_size => 300)");
            let said = session.notices().pop().expect("a notice").message;
            said.split_whitespace().nth(1).and_then(|n| n.parse::<i64>().ok()).expect("a number")
        })
    };
    let both = [run(inbox.owner()), run(inbox.owner())];
    let filled: Vec<i64> = both.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(filled.iter().sum::<i64>(), 24_000, "{filled:?}");
    assert_eq!(inbox.db.superuser().number(LEFT), 0);
}

#[test]
fn c6_rows_that_others_hold_are_left_and_come_last() {
    let inbox = Inbox::expanding("locked");
    many(&inbox, 3000);
    let mut writer = inbox.silent();
    writer.run("BEGIN; SELECT count(*) FROM (SELECT FROM messages WHERE id IN (5, 6, 7) FOR UPDATE) AS held");
    let mut owner = inbox.owner();
    owner.run("SET lock_timeout = '200 ms'");
    owner.refused("CALL org_scope.backfill('messages', batch_size => 100)", "55P03");
    // Nothing but these is left.
    assert_eq!(inbox.db.superuser().number(LEFT), 3);
    writer.run("UPDATE messages SET text = 'written' WHERE id = 5; COMMIT");
    owner.run("CALL org_scope.backfill('messages', batch_size => 100)");
    assert_eq!(inbox.db.superuser().number(LEFT), 0);
    assert_eq!(owner.text("SELECT text FROM messages WHERE id = 5"), "written");
}

#[test]
fn a_batch_that_changes_fewer_rows_than_it_locked_is_an_error() {
    let inbox = Inbox::expanding("short");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN IF new.id = 1234 THEN RETURN NULL; END IF; new.text := 'touched'; RETURN new; END $$;
         CREATE TRIGGER swallow BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION swallow()",
    );
    let refusal = owner.refused("CALL org_scope.backfill('messages', batch_size => 500)", "09000");
    refusal.says("were changed").says("skip_triggers => true");
    // The batches before it stand; its own does not.
    let left = owner.number(LEFT);
    assert!(left > 1000 && left < 4000, "{left}");
    owner.run("CALL org_scope.backfill('messages', skip_triggers => true)");
    assert_eq!(owner.number(LEFT), 0);
    assert!(owner.number("SELECT count(*) FROM messages WHERE text = 'touched'") == 4000 - left);
    // For other statements it fires as before.
    owner.run("UPDATE messages SET created_at = created_at WHERE id = 4000");
    assert_eq!(owner.text("SELECT text FROM messages WHERE id = 4000"), "touched");
}

#[test]
fn c6_what_no_account_explains_is_listed_and_settled_on_the_record() {
    let inbox = Inbox::expanding("unresolved");
    inbox.owner().run("ALTER TABLE messages ALTER account_id DROP NOT NULL");
    inbox.db.superuser().run(
        "SET session_replication_role = replica;
         UPDATE messages SET account_id = 'gone' WHERE id <= 30; UPDATE messages SET account_id = NULL WHERE id BETWEEN 31 AND 33;
         UPDATE messages SET account_id = $$o'brien \\ \"x\"$$ WHERE id = 34",
    );
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('messages')");
    assert!(owner.notices().iter().any(|n| n.message.contains("34 without an organization")));
    let list = owner.rows("SELECT key, rows FROM org_scope.unresolved('messages')");
    let row = |key: Option<&str>, rows: &str| vec![key.map(str::to_owned), Some(rows.to_owned())];
    assert_eq!(list, [row(Some("gone"), "30"), row(None, "3"), row(Some("o'brien \\ \"x\""), "1")]);
    owner.run("CALL org_scope.advance('messages')");
    owner.refused("CALL org_scope.advance('messages')", "OS010").says("34 rows").says("org_scope.unresolved");
    assert_eq!(owner.number(&format!("SELECT org_scope.assign('messages', '{{gone,nobody}}', '{XYZ}')")), 30);
    assert_eq!(
        owner.number(&format!(
            "SELECT org_scope.assign('messages', ARRAY[NULL, $$o'brien \\ \"x\"$$], '{X}')"
        )),
        4
    );
    assert_eq!(owner.rows("SELECT * FROM org_scope.unresolved('messages')"), Vec::<Vec<_>>::new());
    let journal = "SELECT count(*) FROM org_scope.journal WHERE kind = 'assign' AND target = 'messages'::regclass AND rows IN (30, 4)";
    assert_eq!(inbox.db.superuser().number(journal), 2);
    // What an account explains can't be assigned to another.
    assert_eq!(owner.number(&format!("SELECT org_scope.assign('messages', '{{admin-a}}', '{XYZ}')")), 0);
    owner.run("CALL org_scope.advance('messages')");
    assert_eq!(inbox.phase("messages"), "enforced");
    assert_eq!(
        inbox.acting("staff-456").number("SELECT count(*) FROM messages WHERE account_id = 'gone'"),
        30
    );
}
