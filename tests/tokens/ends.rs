//! A context from a token ends with the token.

use super::*;
use crate::harness::{Db, Private};

/// A token that ends in `seconds`.
fn short(seconds: u64) -> String {
    signed("k1", &format!(r#"{{"iss":"{ISSUER}","exp":{},"org_id":"a","sub":"user_1"}}"#, now() + seconds))
}

/// Waits until a token is over that was made when, or a moment after, `end` was reckoned.
fn wait_for_the_end(wall: &Wall, end: u64) {
    let mut clock = wall.db.superuser();
    let now = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint";
    while clock.number(now) <= i64::try_from(end).expect("soon") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn every_statement_that_starts_later_is_closed() {
    // A server of its own: whatever other tests do to roles makes every backend think again.
    let server = Private::new(false, &[]);
    let (wall, mut owner) = walled_at(Wall::at(Db::on(&server, "token_ends")));
    owner.run(&format!(
        "CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM agents); END $$;
         CREATE VIEW seen AS SELECT * FROM agents; ALTER VIEW seen SET (security_invoker = true); GRANT SELECT ON seen TO {}",
        wall.app
    ));
    let mut sessions: Vec<Session> = ["auto", "force_generic_plan", "force_custom_plan"]
        .iter()
        .map(|mode| {
            let mut app = wall.db.connect(&wall.app);
            app.run(&format!("SET plan_cache_mode = {mode}; PREPARE p AS {COUNT}"));
            app
        })
        .collect();
    let end = now() + 6;
    let token = short(6);
    for app in &mut sessions {
        app.shows(&token, false).expect("taken");
        for _ in 0..2 {
            assert_eq!(app.number(COUNT) + app.number("EXECUTE p") + app.number("SELECT counted()"), 6);
        }
        // A transaction, one of them with its snapshot taken, does not hold the end off.
        app.run("BEGIN");
        assert_eq!(app.number(COUNT), 2);
    }
    wait_for_the_end(&wall, end);
    for app in &mut sessions {
        app.run("SAVEPOINT s");
        for statement in [
            COUNT,
            "EXECUTE p",
            "SELECT counted()",
            "SELECT * FROM seen",
            "UPDATE agents SET name = name",
            "INSERT INTO agents (id, name) VALUES (9, 'x')",
            "DELETE FROM agents",
            "DO $$ BEGIN PERFORM * FROM agents; END $$",
            "COPY (SELECT * FROM agents) TO STDOUT",
        ] {
            app.refused(statement, "OS008").says("expired");
            app.run("ROLLBACK TO s");
        }
        assert_eq!(app.value("SELECT org_scope.current_org()"), None);
        assert_eq!(app.value("SELECT org_scope.current_user_id()"), None);
        app.run("ROLLBACK");
        app.refused(COUNT, "OS008");
        // Nor is it good again, though this backend knows it; another one is.
        app.refuses(&token, "OS008");
        app.refused(COUNT, "OS008");
        app.shows(&token_of("b", "user_2"), false).expect("taken");
        assert_eq!(app.number(COUNT), 3);
    }
}

#[test]
fn a_cursor_shows_rows_of_its_own_organization_or_none() {
    let (wall, _owner) = walled("token_cursor");
    let mut app = wall.db.connect(&wall.app);
    let end = now() + 4;
    app.shows(&short(4), false).expect("taken");
    app.run("BEGIN; DECLARE c CURSOR FOR SELECT org_id FROM agents; FETCH 1 FROM c");
    wait_for_the_end(&wall, end);
    match app.try_run("FETCH ALL FROM c") {
        Ok(()) => {}
        Err(refusal) => assert!(["OS003", "OS008"].contains(&&*refusal.sqlstate), "{refusal:#?}"),
    }
}

#[test]
fn missing_org_empty_does_not_hide_the_end() {
    let (wall, _owner) = walled("token_empty");
    wall.db.configure("org_scope.missing_org", "empty");
    let mut app = wall.db.connect(&wall.app);
    assert_eq!(app.number(COUNT), 0);
    let end = now() + 4;
    app.shows(&short(4), false).expect("taken");
    assert_eq!(app.number(COUNT), 2);
    wait_for_the_end(&wall, end);
    app.refused(COUNT, "OS008");
}

#[test]
fn a_token_for_a_transaction_ends_inside_it() {
    let (wall, _owner) = walled("token_local_end");
    wall.db.superuser().run(&format!("SELECT org_scope.allow('{}', 'token', pooled => true)", wall.app));
    let mut app = wall.db.connect(&wall.app);
    app.refuses(&token_of("a", "user_1"), "OS003");
    app.run("BEGIN");
    app.shows(&short(4), true).expect("taken");
    assert_eq!(app.number(COUNT), 2);
    // One organization in each transaction, also when its token has ended.
    assert_eq!(app.shows(&token_of("b", "user_2"), true).expect_err("second").sqlstate, "OS003");
    app.run("ROLLBACK; BEGIN");
    let end = now() + 4;
    app.shows(&short(4), true).expect("taken");
    wait_for_the_end(&wall, end);
    app.refused(COUNT, "OS008");
    app.run("ROLLBACK");
    app.refused(COUNT, "OS001");
}
