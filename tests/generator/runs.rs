//! Runs over schemas.

use super::*;

fn three(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE t1 (org_id text); CREATE TABLE t2 (org_id uuid); CREATE TABLE t3 (org_id bigint);
         CREATE TABLE bystander (id int); CREATE TABLE unfit (org_id json); CREATE VIEW v AS SELECT * FROM t1",
    );
    (wall, owner)
}

const LISTED: &str = "SELECT target FROM org_scope.protected_tables WHERE drift = '{}' ORDER BY target::text";

#[test]
fn a_run_protects_every_table_that_can_be_and_says_what_cannot() {
    let (_wall, mut owner) = three("run");
    let planned = owner.steps("plan_all('org_id')");
    owner.notices();
    owner.run("CALL org_scope.protect_all('org_id')");
    let said: Vec<String> = owner.notices().into_iter().map(|n| n.message).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    for (table, progress) in [("t1", "(1 of 3)"), ("t2", "(2 of 3)"), ("t3", "(3 of 3)")] {
        assert!(said.iter().any(|m| m.contains(table) && m.contains(progress)), "{said:?}");
    }
    assert_eq!(owner.column(LISTED), ["t1", "t2", "t3"]);
    let ran = owner.column("SELECT statement FROM org_scope.last_run WHERE state = 'done'");
    let would: Vec<String> =
        work(&planned).iter().filter(|s| s.state == "planned").map(|s| s.statement.clone()).collect();
    assert_eq!(ran, would);
    let unfit = owner.last_run("unfit");
    assert_eq!((unfit.len(), unfit[0].state.as_str()), (1, "skipped"));
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"), 0);
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(owner.column(LISTED), Vec::<String>::new());
    owner.refused("CALL org_scope.unprotect_all()", "42883");
}

/// Runs a statement while table t2 is locked, and returns what another session sees meanwhile.
fn while_t2_is_locked(wall: &Wall, statement: &str) -> (Vec<String>, Option<String>) {
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE t2 IN ACCESS SHARE MODE");
    let mut runner = wall.owner();
    runner.run("SET lock_timeout = '3s'");
    thread::scope(|scope| {
        let running = scope.spawn(move || runner.try_run(statement).err().map(|r| r.sqlstate));
        let mut watcher = wall.db.superuser();
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't2'::regclass";
        for _ in 0..100 {
            if watcher.number(waiting) > 0 {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let seen = watcher.column(LISTED);
        (seen, running.join().expect("a thread"))
    })
}

#[test]
fn a_run_commits_between_tables_where_the_caller_allows_it() {
    for (statement, commits) in [
        ("CALL org_scope.protect_all('org_id')", true),
        ("DO $$ BEGIN CALL org_scope.protect_all('org_id'); END $$", true),
        ("CALL nested()", true),
        (
            "DO $$ BEGIN BEGIN CALL org_scope.protect_all('org_id'); EXCEPTION WHEN division_by_zero THEN NULL; END; END $$",
            false,
        ),
        ("BEGIN; CALL org_scope.protect_all('org_id'); COMMIT", false),
        ("SELECT in_function()", false),
        ("CALL with_settings()", false),
    ] {
        let (wall, mut owner) = three("commits");
        owner.run(
            "CREATE PROCEDURE nested() LANGUAGE plpgsql AS $$BEGIN CALL org_scope.protect_all('org_id'); END$$;
             CREATE FUNCTION in_function() RETURNS void LANGUAGE plpgsql AS $$BEGIN CALL org_scope.protect_all('org_id'); END$$;
             CREATE PROCEDURE with_settings() LANGUAGE plpgsql SET work_mem = '4MB' AS $$BEGIN CALL org_scope.protect_all('org_id'); END$$",
        );
        let (seen, error) = while_t2_is_locked(&wall, statement);
        // t2 stays locked until the run gives up: what was done is kept, or nothing is.
        assert_eq!(error.as_deref(), Some("55P03"), "{statement}");
        let kept: &[&str] = if commits { &["t1"] } else { &[] };
        assert_eq!(seen, kept, "{statement}, while it runs");
        assert_eq!(owner.column(LISTED), kept, "{statement}, afterwards");
        owner.run(statement);
        assert_eq!(owner.column(LISTED), ["t1", "t2", "t3"], "{statement}, the lock gone");
    }
}

#[test]
fn after_an_error_a_run_begins_again_where_it_was() {
    let (wall, mut owner) = three("resume");
    let path = owner.text("SHOW search_path");
    let (_, error) = while_t2_is_locked(&wall, "CALL org_scope.protect_all('org_id')");
    assert_eq!(error.as_deref(), Some("55P03"));
    owner.run("SET lock_timeout = '100ms'");
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE t2 IN ACCESS SHARE MODE");
    owner.refused("CALL org_scope.protect_all('org_id')", "55P03");
    assert_eq!(owner.text("SHOW search_path"), path);
    blocker.run("ROLLBACK");
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(owner.column(LISTED), ["t1", "t2", "t3"]);
    assert_eq!(
        owner.number(
            "SELECT count(*) FROM org_scope.last_run WHERE target = 't1'::regclass AND state = 'done'"
        ),
        0
    );
    // The way back stops and goes on alike.
    let (_, error) = while_t2_is_locked(&wall, "CALL org_scope.unprotect_all('{public}')");
    assert_eq!(error.as_deref(), Some("55P03"));
    assert_eq!(owner.column(LISTED), ["t2", "t3"]);
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(owner.column(LISTED), Vec::<String>::new());
}

#[test]
fn a_run_that_is_rolled_back_is_gone_whole() {
    let (_wall, mut owner) = three("rolled_back");
    let before = ["t1", "t2", "t3"].map(|table| owner.fence_of(table));
    owner.run("BEGIN; CALL org_scope.protect_all('org_id'); ROLLBACK");
    assert_eq!(["t1", "t2", "t3"].map(|table| owner.fence_of(table)), before);
    owner.run("BEGIN; SAVEPOINT s; CALL org_scope.protect_all('org_id'); ROLLBACK TO s; COMMIT");
    assert_eq!(["t1", "t2", "t3"].map(|table| owner.fence_of(table)), before);
}

#[test]
fn the_view_of_the_last_run_says_done_only_of_what_was() {
    let (_wall, mut owner) = three("last_run");
    owner.run("BEGIN; CALL org_scope.protect_all('org_id'); ROLLBACK");
    assert_eq!(
        owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"),
        0,
        "what was rolled back was not done"
    );
}
