//! What is written while a table is on its way.

use super::*;

#[test]
fn c4_old_code_gets_the_organization_and_new_code_the_account() {
    let inbox = Inbox::expanding("dual");
    let mut old = inbox.silent();
    old.run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'staff-456', 'by old code')");
    let mut new = inbox.acting("staff-b");
    new.run("INSERT INTO conversations (id, organization_id, customer) VALUES (2002, 'org-admin-a', 'by new code')");
    new.run("INSERT INTO conversations (id, customer) VALUES (2003, 'by newer code')");
    new.run("INSERT INTO conversations (id, account_id, organization_id, customer) VALUES (2004, 'admin-a', 'org-admin-a', 'both')");
    let expected = format!("2001:staff-456:{XYZ} 2002:staff-b:{X} 2003:staff-b:{X} 2004:admin-a:{X}");
    assert_eq!(inbox.truth("conversations", "id > 2000"), expected);
    // A row that was there is adopted with the first thing that is written of it.
    old.run("UPDATE conversations SET customer = 'changed' WHERE id IN (1, 8)");
    assert_eq!(inbox.truth("conversations", "id IN (1, 8)"), format!("1:admin-123:{XYZ} 8:admin-a:{X}"));
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    for phase in ["fallback", "enforced"] {
        owner.run("CALL org_scope.advance('conversations')");
        let mut old = inbox.acting("staff-456");
        old.run("INSERT INTO conversations (account_id, customer) VALUES ('staff-456', 'by old code')");
        old.run("INSERT INTO conversations (account_id, customer) VALUES ('admin-123', 'by old code')");
        let mut new = inbox.acting("staff-b");
        new.run(
            "INSERT INTO conversations (organization_id, customer) VALUES ('org-admin-a', 'by new code')",
        );
        new.run("INSERT INTO conversations (customer) VALUES ('by newer code')");
        let written = inbox.db.superuser().column(
            "SELECT account_id || ':' || organization_id FROM conversations WHERE id >= 100000 ORDER BY id",
        );
        let once = [
            format!("staff-456:{XYZ}"),
            format!("admin-123:{XYZ}"),
            format!("staff-b:{X}"),
            format!("staff-b:{X}"),
        ];
        assert_eq!(written, once, "{phase}");
        inbox.db.superuser().run("DELETE FROM conversations WHERE id >= 100000");
    }
}

#[test]
fn c3_the_account_says_who_wrote_also_in_anothers_conversation() {
    let inbox = Inbox::expanding("actor");
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations'); ");
    owner.run("CALL org_scope.backfill('messages')");
    for _ in 0..3 {
        owner.run("CALL org_scope.advance('conversations')");
        owner.run("CALL org_scope.advance('messages')");
    }
    let mut staff = inbox.acting("staff-456");
    let answer = "INSERT INTO messages (conversation_id, account_id, text) \
                  VALUES (1, org_scope.current_user_id(), 'Response from staff') RETURNING organization_id || ' ' || account_id";
    assert_eq!(staff.text(answer), format!("{XYZ} staff-456"));
    // Stamped by the database from then on, where that is asked for.
    owner.run("SELECT org_scope.protect('messages', 'organization_id', actor_column => 'account_id')");
    staff.refused(
        "INSERT INTO messages (conversation_id, account_id, text) VALUES (1, 'admin-123', 'forged')",
        "OS002",
    );
    assert_eq!(
        staff.text("INSERT INTO messages (conversation_id, text) VALUES (1, 'x') RETURNING account_id"),
        "staff-456"
    );
}

#[test]
fn a_row_that_contradicts_itself_is_refused_in_every_phase() {
    let inbox = Inbox::expanding("contradicts");
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    for phase in ["expanding", "fallback", "enforced"] {
        let mut session = inbox.acting("staff-456");
        let mut superuser = inbox.db.superuser();
        for attack in [
            format!(
                "INSERT INTO conversations (account_id, organization_id, customer) VALUES ('staff-456', '{X}', 'x')"
            ),
            format!(
                "INSERT INTO conversations (account_id, organization_id, customer) VALUES ('admin-a', '{XYZ}', 'x')"
            ),
            format!("UPDATE conversations SET organization_id = '{X}' WHERE id = 1"),
            format!(
                "UPDATE conversations SET organization_id = '{ABC}', account_id = 'admin-a' WHERE id = 1"
            ),
        ] {
            session.refused(&attack, "23503").says("account_id");
            superuser.refused(&attack, "23503");
        }
        // What was written before stays, whoever writes it again.
        session.run("UPDATE conversations SET account_id = account_id, organization_id = organization_id WHERE id = 1");
        assert_eq!(inbox.truth("conversations", "id = 1"), format!("1:admin-123:{XYZ}"), "{phase}");
        owner.run("CALL org_scope.advance('conversations')");
    }
}

#[test]
fn a_row_handed_to_another_account_goes_along_until_the_fence_forbids_it() {
    let inbox = Inbox::expanding("handed");
    let mut owner = inbox.owner();
    let mut old = inbox.silent();
    owner.run("CALL org_scope.backfill('conversations')");
    old.run("UPDATE conversations SET account_id = 'admin-a' WHERE id = 1");
    assert_eq!(inbox.truth("conversations", "id = 1"), format!("1:admin-a:{X}"));
    // An account that nobody knows tells of nothing.
    old.run("UPDATE conversations SET account_id = 'deleted' WHERE id = 1");
    assert_eq!(inbox.truth("conversations", "id = 1"), format!("1:deleted:{X}"));
    old.run("UPDATE conversations SET account_id = 'staff-457' WHERE id = 1");
    assert_eq!(inbox.truth("conversations", "id = 1"), format!("1:staff-457:{XYZ}"));
    for phase in ["fallback", "enforced"] {
        owner.run("CALL org_scope.advance('conversations')");
        let mut session = inbox.acting("staff-456");
        session.run("UPDATE conversations SET account_id = 'staff-456' WHERE id = 1");
        // Another organization's account and one that nobody has are refused alike.
        let said: Vec<_> = ["admin-a", "deleted"]
            .iter()
            .map(|account| {
                session.refused(
                    &format!("UPDATE conversations SET account_id = '{account}' WHERE id = 1"),
                    "23503",
                )
            })
            .collect();
        assert_eq!(said[0], said[1], "{phase}");
        let said: Vec<_> = ["admin-a", "deleted"]
            .iter()
            .map(|account| {
                session.refused(
                    &format!("INSERT INTO conversations (account_id, customer) VALUES ('{account}', 'x')"),
                    "23503",
                )
            })
            .collect();
        assert_eq!(said[0], said[1], "{phase}");
        assert_eq!(inbox.truth("conversations", "id = 1"), format!("1:staff-456:{XYZ}"), "{phase}");
        // Whom no policy binds may hand it over, and it goes along.
        inbox.db.superuser().run("UPDATE conversations SET account_id = 'admin-a' WHERE id = 1");
        assert_eq!(inbox.truth("conversations", "id = 1"), format!("1:admin-a:{X}"), "{phase}");
        inbox.db.superuser().run("UPDATE conversations SET account_id = 'staff-457' WHERE id = 1");
    }
}

#[test]
fn an_account_handed_over_takes_along_what_is_not_fenced() {
    let inbox = Inbox::expanding("account");
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    // Before the fence: all of its rows, at the latest with the next backfill, without which nothing goes on.
    inbox.db.superuser().run(&format!(
        "UPDATE users SET organization_id = '{ABC}', admin_id = 'admin-789' WHERE account_id = 'admin-a'"
    ));
    inbox.silent().run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'admin-a', 'x')");
    assert_eq!(inbox.truth("conversations", "id = 2001"), format!("2001:admin-a:{ABC}"));
    owner.refused("CALL org_scope.advance('conversations')", "OS010").says("300 rows");
    owner.run("CALL org_scope.backfill('conversations', batch_size => 100)");
    assert_eq!(inbox.truth("conversations", "id = 7"), format!("7:admin-a:{ABC}"));
    owner.run("CALL org_scope.advance('conversations')");
    // Behind the fence: what has no organization yet, and nothing that has.
    inbox.db.superuser().run(
        "SET session_replication_role = replica; UPDATE conversations SET organization_id = NULL WHERE id = 7; RESET session_replication_role;
         UPDATE users SET organization_id = 'org-admin-a', admin_id = NULL WHERE account_id = 'admin-a'"
    );
    assert_eq!(inbox.acting("admin-a").column("SELECT id FROM conversations"), ["7"]);
    assert_eq!(inbox.acting("admin-789").number("SELECT count(*) FROM conversations WHERE id = 7"), 0);
    owner.run("CALL org_scope.backfill('conversations')");
    assert_eq!(inbox.truth("conversations", "id IN (7, 8)"), format!("7:admin-a:{X} 8:admin-a:{ABC}"));
}
