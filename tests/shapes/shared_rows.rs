//! Rows without an organization are everybody's to read and nobody's to write.

use super::*;

const VOICES: &str = "SELECT coalesce(string_agg(name, ' ' ORDER BY id), '') FROM voices";

/// `voices` of the organizations a (2) and b (1), and two that are nobody's.
fn shared(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE voices (id int PRIMARY KEY, org_id text, name text);
         INSERT INTO voices VALUES (1, NULL, 'alto'), (2, NULL, 'bass'), (3, 'a', 'a1'), (4, 'a', 'a2'), (5, 'b', 'b1');
         GRANT ALL ON voices TO {}",
        wall.app
    ));
    stands_after(&mut owner, "'voices', shared_rows => true");
    (wall, owner)
}

#[test]
fn every_organization_reads_them_beside_its_own() {
    let (wall, _) = shared("shared_read");
    assert_eq!(wall.app("a").text(VOICES), "alto bass a1 a2");
    assert_eq!(wall.app("b").text(VOICES), "alto bass b1");
    wall.db.connect(&wall.app).refused(VOICES, "OS001");
}

#[test]
fn none_can_write_steal_lock_or_make_one() {
    let (wall, _) = shared("shared_write");
    let truth = "SELECT string_agg(concat(id, org_id, name), ' ' ORDER BY id) FROM voices";
    let before = wall.db.superuser().text(truth);
    let mut session = wall.app("a");
    for attempt in [
        "UPDATE voices SET name = 'mine' WHERE id = 1",
        "UPDATE voices SET org_id = 'a' WHERE org_id IS NULL",
        "UPDATE voices SET name = name WHERE org_id IS NULL",
        "DELETE FROM voices WHERE id = 1",
        "DELETE FROM voices USING (SELECT 1) AS s WHERE org_id IS NULL",
        "MERGE INTO voices v USING (VALUES (1), (2)) AS s(id) ON v.id = s.id WHEN MATCHED THEN DO NOTHING",
        "SELECT FROM voices WHERE org_id IS NULL FOR UPDATE",
        "SELECT FROM voices WHERE org_id IS NULL FOR KEY SHARE",
    ] {
        assert_eq!(session.touched(attempt), 0, "{attempt}");
    }
    for attempt in [
        "INSERT INTO voices VALUES (6, NULL, 'new')",
        "INSERT INTO voices VALUES (6, 'b', 'new')",
        "INSERT INTO voices VALUES (1, 'a', 'new') ON CONFLICT (id) DO UPDATE SET org_id = 'a'",
        "INSERT INTO voices VALUES (1, 'a', 'new') ON CONFLICT (id) DO UPDATE SET name = 'mine'",
        "UPDATE voices SET org_id = NULL WHERE id = 3",
        "UPDATE voices SET org_id = 'b' WHERE id = 3",
        "MERGE INTO voices v USING (VALUES (1)) AS s(id) ON v.id = s.id WHEN MATCHED THEN UPDATE SET name = 'mine'",
        "MERGE INTO voices v USING (VALUES (1)) AS s(id) ON v.id = s.id WHEN MATCHED THEN DELETE",
    ] {
        session.refused(attempt, "42501");
    }
    session.refused("TRUNCATE voices", "OS002");
    assert_eq!(wall.db.superuser().text(truth), before);
    assert_eq!(session.touched("UPDATE voices SET name = 'a3' WHERE org_id = 'a'"), 2, "its own go on");
    assert_eq!(session.touched("DELETE FROM voices"), 2, "and nobody else's go");
}

#[test]
fn a_wide_policy_beside_the_fence_opens_nothing() {
    let (wall, mut owner) = shared("shared_wide");
    owner.run("CREATE POLICY wide ON voices USING (true) WITH CHECK (true)");
    let mut session = wall.app("a");
    assert_eq!(session.text(VOICES), "alto bass a1 a2");
    assert_eq!(session.touched("UPDATE voices SET name = 'x' WHERE id IN (1, 5)"), 0);
    assert_eq!(session.touched("DELETE FROM voices WHERE id IN (1, 5)"), 0);
    session.refused("INSERT INTO voices VALUES (6, NULL, 'new')", "42501");
}

#[test]
fn what_loses_the_fence_still_gives_nobodys_rows_away() {
    let (wall, _) = shared("shared_gate");
    wall.db.superuser().run(
        "DROP POLICY org_scope_fence ON voices; DROP POLICY org_scope_fence_update ON voices;
         DROP POLICY org_scope_fence_delete ON voices",
    );
    let mut session = wall.app("a");
    assert_eq!(session.text(VOICES), "alto bass a1 a2");
    assert_eq!(session.touched("UPDATE voices SET org_id = 'a' WHERE id IN (1, 5)"), 0);
    assert_eq!(session.touched("DELETE FROM voices WHERE id IN (1, 5)"), 0);
}

#[test]
fn the_option_stays_until_it_is_taken_back() {
    let (wall, mut owner) = shared("shared_option");
    assert_eq!(work(&owner.steps("protect('voices')")), NONE, "left out means as it is");
    let steps = owner.steps("protect('voices', shared_rows => false)");
    assert_eq!(kinds(&steps), ["fence", "gate", "fence"], "{steps:#?}");
    assert_eq!(wall.app("a").text(VOICES), "a1 a2");
    stands_after(&mut owner, "'voices', shared_rows => false");
    stands_after(&mut owner, "'voices', shared_rows => true");
    for damage in [
        "DROP POLICY org_scope_fence_update ON voices",
        "ALTER POLICY org_scope_fence_delete ON voices USING (true)",
        "DROP POLICY org_scope_gate_shared ON voices",
        "ALTER POLICY org_scope_fence ON voices USING (true)",
    ] {
        wall.db.superuser().run(damage);
        assert_ne!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}", "{damage}");
        stands_after(&mut owner, "'voices'");
    }
    assert_eq!(wall.app("b").text(VOICES), "alto bass b1");
}

#[test]
fn unprotect_takes_all_of_it_away() {
    let wall = Wall::new("shared_unprotect");
    let mut owner = wall.owner();
    owner.run("CREATE TABLE voices (id int PRIMARY KEY, org_id text)");
    let before = owner.fence_of("voices");
    owner.run("SELECT org_scope.protect('voices', shared_rows => true)");
    owner.run("SELECT org_scope.unprotect('voices')");
    assert_eq!(owner.fence_of("voices"), before);
}

#[test]
fn a_note_says_whose_they_are() {
    let (_wall, mut owner) = shared("shared_note");
    let steps = owner.steps("plan('voices')");
    let note = steps.iter().find(|s| s.kind == "null_rows").expect("a note");
    assert_eq!(
        note.reason,
        "2 rows have no organization: every organization can read them, and none can change them"
    );
}

#[test]
fn both_arms_use_the_index() {
    let (wall, _) = shared("shared_plan");
    wall.db.superuser().run("INSERT INTO voices SELECT n, 'o' || n % 1000, 'x' FROM generate_series(10, 20000) AS n; ANALYZE voices");
    for folding in ["on", "off"] {
        wall.db.configure("org_scope.plan_folding", folding);
        let plan = wall.app("a").plan(VOICES);
        assert!(plan.contains("BitmapOr") && !plan.contains("Seq Scan"), "folding {folding}:\n{plan}");
    }
}
