//! The stamp of who acts.

use super::*;

/// `calls` with a stamped column of this type.
fn stamped(test: &str, column: &str, options: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE calls (id int PRIMARY KEY, org_id text, created_by {column}, note text);
         INSERT INTO calls VALUES (1, 'a', NULL, 'old'); GRANT ALL ON calls TO {}",
        wall.app
    ));
    stands_after(&mut owner, &format!("'calls', actor_column => 'created_by'{options}"));
    (wall, owner)
}

fn acting(wall: &Wall, user: &str) -> Session {
    let mut session = wall.app("a");
    session.run(&format!("SELECT org_scope.set_current_user('{user}')"));
    session
}

#[test]
fn the_database_says_who_and_the_application_cannot_say_another() {
    let (wall, _) = stamped("actor", "text", "");
    let mut session = acting(&wall, "alice");
    session.run("INSERT INTO calls (id) VALUES (2)");
    session.run("INSERT INTO calls (id, created_by) VALUES (3, NULL), (4, 'alice')");
    for forged in [
        "INSERT INTO calls (id, created_by) VALUES (9, 'bob')",
        "INSERT INTO calls (id, created_by) VALUES (2, 'alice') ON CONFLICT (id) DO UPDATE SET created_by = 'bob'",
        "UPDATE calls SET created_by = 'bob' WHERE id = 2",
        "UPDATE calls SET created_by = NULL WHERE id = 2",
        "UPDATE calls SET created_by = 'alice' WHERE id = 1",
        "MERGE INTO calls c USING (VALUES (2)) AS s(id) ON c.id = s.id WHEN MATCHED THEN UPDATE SET created_by = 'bob'",
        "MERGE INTO calls c USING (VALUES (9)) AS s(id) ON c.id = s.id WHEN NOT MATCHED THEN INSERT (id, created_by) VALUES (9, 'bob')",
    ] {
        session.refused(forged, "OS002").says("column created_by says who acts");
    }
    session.run("UPDATE calls SET note = 'x', created_by = created_by");
    session.run("SELECT org_scope.set_current_user('carol')");
    session.run("UPDATE calls SET note = 'y' WHERE id = 2");
    let who = "SELECT string_agg(concat(id, coalesce(created_by, '-')), ' ' ORDER BY id) FROM calls";
    assert_eq!(session.text(who), "1- 2alice 3alice 4alice");
}

#[test]
fn without_a_user_the_option_decides() {
    let (wall, mut owner) = stamped("actor_missing", "text", "");
    let mut session = wall.app("a");
    session.refused("INSERT INTO calls (id) VALUES (2)", "OS010").says("no user is set");
    session.refused("INSERT INTO calls (id, created_by) VALUES (2, 'bob')", "OS002");
    stands_after(&mut owner, "'calls', actor_column => 'created_by', actor_missing => 'null'");
    session.run("INSERT INTO calls (id) VALUES (2)");
    session.refused("INSERT INTO calls (id, created_by) VALUES (3, 'bob')", "OS002");
    assert_eq!(session.text("SELECT created_by IS NULL FROM calls WHERE id = 2"), "t");
    owner.refused("SELECT org_scope.protect('calls', actor_missing => 'whatever')", "22023");
}

#[test]
fn whom_no_policy_binds_may_say_who_acted() {
    let (wall, _) = stamped("actor_bypass", "text", "");
    let mut superuser = wall.db.superuser();
    superuser.run("INSERT INTO calls VALUES (2, 'a', 'anybody', ''), (3, 'a', NULL, '')");
    superuser.run("UPDATE calls SET created_by = 'somebody' WHERE id = 3");
    assert_eq!(
        superuser.text("SELECT string_agg(created_by, ' ' ORDER BY id) FROM calls"),
        "anybody somebody"
    );
}

#[test]
fn every_type_of_user_is_stamped_or_refused() {
    let id = "aaaaaaaa-0000-4000-8000-000000000001";
    for (number, (column, user, wrong)) in [
        ("uuid", id, "alice"),
        ("bigint", "12345678901", "x"),
        ("int", "17", "12345678901"),
        ("smallint", "17", "40000"),
        ("varchar(5)", "alice", "alicia"),
    ]
    .into_iter()
    .enumerate()
    {
        let (wall, _) = stamped(&format!("actor_type_{number}"), column, "");
        let mut session = acting(&wall, user);
        session.run("INSERT INTO calls (id) VALUES (2)");
        assert_eq!(session.text("SELECT created_by FROM calls WHERE id = 2"), user, "{column}");
        session.run(&format!("INSERT INTO calls (id, created_by) VALUES (3, '{user}')"));
        session.run(&format!("SELECT org_scope.set_current_user('{wrong}')"));
        session.refused("INSERT INTO calls (id) VALUES (4)", "OS004");
    }
    let wall = Wall::new("actor_refused");
    let mut owner = wall.owner();
    owner.run("CREATE TABLE calls (org_id text, a jsonb, b text GENERATED ALWAYS AS ('x') STORED)");
    for column in ["a", "b", "nothing"] {
        owner.refused(&format!("SELECT org_scope.protect('calls', actor_column => '{column}')"), "OS009");
    }
}

#[test]
fn it_follows_a_rename_and_goes_with_unprotect() {
    let (wall, mut owner) = stamped("actor_rename", "text", "");
    owner.run("ALTER TABLE calls RENAME created_by TO \"Made By\"");
    assert_eq!(owner.text("SELECT actor_column FROM org_scope.protected_tables"), "Made By");
    stands_after(&mut owner, "'calls'");
    acting(&wall, "alice").refused("INSERT INTO calls (id, \"Made By\") VALUES (9, 'bob')", "OS002");
    wall.db.superuser().run("ALTER TABLE calls DISABLE TRIGGER org_scope_stamp_actor");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{actor}");
    stands_after(&mut owner, "'calls'");
    wall.db.superuser().run("DROP TRIGGER org_scope_stamp_actor ON calls");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{actor}");
    stands_after(&mut owner, "'calls'");
    // Without the trigger only the fence's comment tells the column, by the name that it had.
    wall.db
        .superuser()
        .run("DROP TRIGGER org_scope_stamp_actor ON calls; ALTER TABLE calls RENAME \"Made By\" TO by");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{actor}");
    owner.refused("SELECT org_scope.protect('calls')", "OS009").says("has no column \"Made By\"");
    let steps = owner.steps("protect('calls', actor_column => '')");
    assert_eq!(kinds(&steps), ["fence"], "only the memory: {steps:#?}");
    stands_after(&mut owner, "'calls', actor_column => 'by'");
    owner.run("SELECT org_scope.unprotect('calls')");
    assert_eq!(owner.number("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'calls'::regclass"), 0);
}

#[test]
fn as_another_trigger_it_refuses() {
    let wall = Wall::new("actor_misuse");
    let mut owner = wall.owner();
    owner.run("CREATE TABLE t (a text, b text)");
    for trigger in [
        "AFTER INSERT ON t FOR EACH ROW",
        "BEFORE INSERT ON t FOR EACH ROW",
        "BEFORE INSERT OR UPDATE OF a, b ON t FOR EACH ROW",
        "BEFORE INSERT ON t FOR EACH STATEMENT",
        "BEFORE DELETE ON t FOR EACH ROW",
    ] {
        owner.run(&format!("CREATE OR REPLACE TRIGGER x {trigger} EXECUTE FUNCTION org_scope.stamp_actor()"));
        let statement = if trigger.contains("DELETE") {
            owner.run("INSERT INTO t VALUES ('x')");
            "DELETE FROM t"
        } else {
            "INSERT INTO t VALUES ('x')"
        };
        owner.refused(statement, "0A000");
        owner.run("DROP TRIGGER x ON t");
    }
    owner.refused("SELECT org_scope.stamp_actor()", "0A000");
}

#[test]
fn a_row_that_moves_to_another_partition_keeps_who_made_it() {
    let wall = Wall::new("actor_moves");
    wall.owner().run(&format!(
        "CREATE TABLE calls (id int, org_id text, year int, created_by text) PARTITION BY RANGE (year);
         CREATE TABLE calls_1 PARTITION OF calls FOR VALUES FROM (0) TO (10);
         CREATE TABLE calls_2 PARTITION OF calls FOR VALUES FROM (10) TO (20);
         INSERT INTO calls VALUES (1, 'a', 1, 'alice'), (2, 'a', 1, NULL); GRANT ALL ON calls TO {0};
         SELECT org_scope.protect('calls', actor_column => 'created_by');
         CREATE FUNCTION forge() RETURNS int LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO calls VALUES (9, 'a', 1, 'alice'); RETURN 1; END $$",
        wall.app
    ));
    let mut session = acting(&wall, "bob");
    session.run("UPDATE calls SET year = year + 10");
    for forged in [
        "UPDATE calls SET year = 1, created_by = 'bob'",
        "WITH new AS (INSERT INTO calls VALUES (9, 'a', 1, 'alice') RETURNING id) UPDATE calls SET year = 1 FROM new",
        "UPDATE calls SET year = forge()",
        "INSERT INTO calls VALUES (9, 'a', 11, 'alice')",
    ] {
        session.refused(forged, "OS002");
    }
    session.run("INSERT INTO calls VALUES (3, 'a', 1)");
    assert_eq!(
        session.text(
            "SELECT string_agg(concat(id, '@', year, coalesce(created_by, '-')), ' ' ORDER BY id) FROM calls"
        ),
        "1@11alice 2@11- 3@1bob"
    );
}
