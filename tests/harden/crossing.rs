//! Rows that cross organizations already: reported, counted, shown, and never touched.

use std::thread;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn they_are_counted_over_all_organizations_and_their_key_stays() {
    let (wall, mut owner) = pair("crossing", "");
    let mut superuser = wall.db.superuser();
    superuser.run("INSERT INTO child VALUES (21, 'b', 1), (22, 'b', 2), (23, 'c', NULL)");
    let before = superuser.column("SELECT child::text FROM child ORDER BY 1");
    let keys = keys_of(&mut owner, "child");
    for settings in ["", "SET org_scope.missing_org = empty", "SET row_security = off"] {
        drop(owner.try_run(settings));
        for _ in 0..2 {
            owner.notices();
            owner.run("CALL org_scope.harden('child')");
            assert!(owner.notices().iter().any(|n| n.message.contains("2 rows")));
            let steps = ran(&mut owner);
            let work = work(&steps);
            let states: Vec<_> = work.iter().map(|s| (s.kind.as_str(), s.state.as_str())).collect();
            assert_eq!(states, [("cross_org_rows", "run_yourself"), ("foreign_key", "skipped")]);
            assert!(work.iter().all(|s| s.reason.contains("2 rows reference")), "{work:#?}");
            assert_eq!(superuser.column(&work[0].statement), ["21", "22"], "the query shows them");
        }
    }
    assert_eq!(keys_of(&mut owner, "child"), keys);
    assert_eq!(superuser.column("SELECT child::text FROM child ORDER BY 1"), before);
    // Mended, it goes on.
    superuser.run("UPDATE child SET parent_id = 3 WHERE id > 20 AND org_id = 'b'");
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    wall.app("b").refused("UPDATE child SET parent_id = 1", "23503");
}

#[test]
fn rows_of_no_organization_count_as_no_key_would_check_them() {
    let (wall, mut owner) = pair("crossing_null", "");
    owner.run("ALTER TABLE child ALTER org_id DROP NOT NULL; ALTER TABLE parent ALTER org_id DROP NOT NULL");
    let mut superuser = wall.db.superuser();
    for (rows, count) in [
        ("INSERT INTO child VALUES (21, NULL, 1)", "1 row references"),
        ("INSERT INTO parent VALUES (9, NULL); INSERT INTO child VALUES (22, NULL, 9)", "2 rows"),
        ("INSERT INTO child VALUES (23, 'a', 9)", "3 rows"),
    ] {
        superuser.run(rows);
        let steps = owner.steps("plan_harden('child')");
        assert!(work(&steps)[0].reason.contains(count), "{count}: {steps:#?}");
    }
}

#[test]
fn a_row_that_crosses_meanwhile_is_found_by_the_servers_own_check() {
    let (wall, mut owner) = pair("meanwhile", "");
    let mut superuser = wall.db.superuser();
    // The parent's lock keeps the new key out until b's row has crossed.
    let mut blocker = wall.db.superuser();
    blocker.run("BEGIN; LOCK TABLE parent IN ROW EXCLUSIVE MODE");
    owner.run("SET lock_timeout = '30s'; SET statement_timeout = '60s'");
    let call = thread::spawn(move || {
        let result = owner.try_run("CALL org_scope.harden('child')");
        (owner, result)
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'parent'::regclass";
    let deadline = Instant::now() + Duration::from_secs(20);
    while superuser.number(waits) == 0 {
        assert!(!call.is_finished(), "the call waits for the parent's lock");
        assert!(Instant::now() < deadline, "the call has not come to the parent within 20 seconds");
        thread::sleep(Duration::from_millis(20));
    }
    blocker.run("INSERT INTO child VALUES (21, 'b', 1); COMMIT");
    let (mut owner, result) = call.join().expect("the call");
    assert_eq!(result.expect_err("the row crosses").sqlstate, "23503");
    // The old key stands, and the new one keeps further rows out.
    assert_eq!(keys_of(&mut owner, "child").len(), 2);
    wall.app("b").refused("INSERT INTO child (id, parent_id) VALUES (66, 1)", "23503");
    let steps = owner.steps("plan_harden('child')");
    assert!(work(&steps)[0].reason.contains("1 row references"), "{steps:#?}");
    superuser.run("DELETE FROM child WHERE id = 21");
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    assert_eq!(keys_of(&mut owner, "child").len(), 1);
}

#[test]
fn counting_runs_as_the_tables_owner_and_leaves_nothing_behind() {
    let (wall, mut owner) = pair("count_as", "");
    owner.run("BEGIN; SELECT * FROM org_scope.plan_harden('child')");
    assert_eq!(owner.text("SELECT pg_current_xact_id_if_assigned()"), "");
    let mut other = wall.owner();
    other.run(
        "SET lock_timeout = '100ms'; BEGIN; LOCK TABLE child, parent IN ACCESS EXCLUSIVE MODE; ROLLBACK",
    );
    owner.run("COMMIT");
    owner.refused("SELECT count(*) FROM child", "OS001");
    // A plan works on a standby.
    let planned = owner.steps("plan_harden('child')");
    let mut standby = wall.db.connect_standby(wall.owner.name());
    assert_eq!(standby.steps("plan_harden('child')"), planned);
    // The superuser's plan reads as the owner too.
    assert_eq!(wall.db.superuser().steps("plan_harden('child')"), planned);
}
