//! What a tenant can do to another through a key that both share, and can't any more.

use super::*;

/// The application of b hangs a row of its own on a's parent.
const HANG_ON: &str = "INSERT INTO child (id, parent_id) VALUES (66, 1)";

#[test]
fn a_row_cannot_reference_another_organizations() {
    let (wall, mut owner) = pair("hang_on", "");
    let mut b = wall.app("b");
    b.run("BEGIN");
    b.run(HANG_ON);
    b.run("ROLLBACK");
    owner.run("CALL org_scope.harden('child')");
    b.refused(HANG_ON, "23503");
    b.refused("UPDATE child SET parent_id = 1 WHERE id = 13", "23503");
    b.refused("INSERT INTO child VALUES (13, 'b', 3) ON CONFLICT (id) DO UPDATE SET parent_id = 1", "23503");
    b.refused(
        "WITH x AS (INSERT INTO child (id, parent_id) VALUES (66, 2) RETURNING 1) SELECT * FROM x",
        "23503",
    );
    b.run("INSERT INTO child (id, parent_id) VALUES (66, 3), (67, NULL)");
    b.run("UPDATE child SET parent_id = 3 WHERE id = 67");
}

#[test]
fn a_foreign_parent_and_a_missing_one_give_the_same_error() {
    let (wall, mut owner) = pair("probe", "");
    let mut b = wall.app("b");
    let answers = |b: &mut Session| {
        ["1", "777"].map(|parent| {
            let refused =
                b.try_run(&format!("BEGIN; INSERT INTO child (id, parent_id) VALUES (66, {parent})"));
            b.run("ROLLBACK");
            refused.err().map(|r| (r.sqlstate, r.message, r.detail, r.hint))
        })
    };
    let [foreign, missing] = answers(&mut b);
    assert_ne!(foreign, missing, "before, the answer tells which keys others have");
    owner.run("CALL org_scope.harden('child')");
    let [foreign, missing] = answers(&mut b);
    assert_eq!(foreign, missing);
    assert!(foreign.is_some_and(|f| f.0 == "23503" && f.2 == "Key is not present in table \"parent\"."));
}

#[test]
fn nobody_keeps_another_organizations_row_from_being_deleted() {
    let (wall, mut owner) = pair("hostage", "");
    wall.app("b").run("UPDATE child SET parent_id = 1 WHERE id = 13");
    let mut a = wall.app("a");
    a.run("DELETE FROM child");
    a.refused("DELETE FROM parent WHERE id = 1", "23503");
    wall.app("b").run("UPDATE child SET parent_id = 3 WHERE id = 13");
    owner.run("CALL org_scope.harden('child')");
    wall.app("b").refused("UPDATE child SET parent_id = 1 WHERE id = 13", "23503");
    assert_eq!(a.touched("DELETE FROM parent WHERE id = 1"), 1);
}

#[test]
fn nothing_that_happens_to_a_parent_reaches_another_organizations_rows() {
    for (options, act, reached) in [
        ("ON DELETE CASCADE", "DELETE FROM parent WHERE id = 1", "0 0"),
        ("ON DELETE SET NULL", "DELETE FROM parent WHERE id = 1", "1 0"),
        ("ON DELETE SET DEFAULT", "DELETE FROM parent WHERE id = 1", "1 1"),
        ("ON UPDATE CASCADE", "UPDATE parent SET id = 9 WHERE id = 1", "1 1"),
    ] {
        let (wall, _owner) = pair("reach", options);
        let state = |wall: &Wall| {
            wall.db.superuser().text(
                "SELECT count(*) || ' ' || count(parent_id) FROM child WHERE org_id = 'b' AND parent_id IS DISTINCT FROM 1",
            )
        };
        let mut b = wall.app("b");
        b.run("UPDATE child SET parent_id = 1 WHERE id = 13");
        let mut a = wall.app("a");
        a.run("DELETE FROM child WHERE id = 12");
        a.run(act);
        assert_eq!(state(&wall), reached, "before: {options}");
        drop((a, b, wall));
        let (wall, _owner) = hardened("out_of_reach", options);
        let mut b = wall.app("b");
        b.refused("UPDATE child SET parent_id = 1 WHERE id = 13", "23503");
        wall.app("a").run(act);
        assert_eq!(state(&wall), "1 1", "{options}");
        assert_eq!(b.text("SELECT parent_id FROM child"), "3");
    }
}

#[test]
fn a_unique_key_per_organization_tells_nothing_of_the_others() {
    let (wall, mut owner) = pair("unique_probe", "");
    owner.run("ALTER TABLE parent ADD CONSTRAINT parent_name_key UNIQUE (name)");
    let probe = "INSERT INTO parent (id, name) VALUES (66, 'a1')";
    let upsert =
        "INSERT INTO parent (id, name) VALUES (66, 'a1') ON CONFLICT (name) DO UPDATE SET name = 'mine'";
    let mut b = wall.app("b");
    b.refused(probe, "23505");
    b.refused(upsert, "42501");
    owner.run("CALL org_scope.harden('parent', unique_per_org => '{parent_name_key}')");
    b.run(probe);
    b.refused("INSERT INTO parent (id, name) VALUES (67, 'a1')", "23505");
    b.refused(upsert, "42P10");
    b.run("INSERT INTO parent (id, name) VALUES (68, 'b3') ON CONFLICT (org_id, name) DO UPDATE SET name = 'mine'");
    assert_eq!(wall.app("a").column("SELECT name FROM parent ORDER BY id"), ["a1", "a2"]);
}

#[test]
fn a_hardened_pair_stays_hard_when_columns_and_tables_change() {
    let (wall, mut owner) = hardened("altered", "");
    owner.run(
        "ALTER TABLE parent RENAME org_id TO tenant; ALTER TABLE parent RENAME TO \"Parents\";
         ALTER TABLE child RENAME parent_id TO up",
    );
    let attack = "INSERT INTO child (id, up) VALUES (66, 1)";
    wall.app("b").refused(attack, "23503");
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    owner.run("SELECT org_scope.alter_protected('child', 'ALTER TABLE child ALTER org_id TYPE varchar(40)')");
    owner.run("SELECT org_scope.alter_protected('child', 'ALTER TABLE child ALTER up TYPE bigint')");
    wall.app("b").refused(attack, "23503");
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    // What takes the key away is seen by the next plan.
    owner.run("ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey");
    owner.run("ALTER TABLE child ADD CONSTRAINT child_parent_id_fkey FOREIGN KEY (up) REFERENCES \"Parents\" NOT VALID");
    let steps = owner.steps("plan_harden('child')");
    assert_eq!(work(&steps)[0].state, "skipped", "{steps:#?}");
    assert!(work(&steps)[0].statement.contains("VALIDATE CONSTRAINT"), "{steps:#?}");
}

#[test]
fn a_parent_that_moves_takes_its_children_along_or_stays() {
    let move_it = "SELECT org_scope.across_orgs('UPDATE parent SET org_id = ''b'' WHERE id = 1')";
    for (options, moves) in [("", false), ("ON UPDATE CASCADE", true)] {
        let (wall, mut owner) = hardened("moves", options);
        wall.db
            .superuser()
            .run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {}", wall.owner));
        if moves {
            owner.run(move_it);
            assert_eq!(wall.app("b").column("SELECT id FROM child ORDER BY id"), ["11", "13"]);
        } else {
            owner.refused(move_it, "23503");
        }
        // A session can't move it in either case.
        wall.app("a").refused("UPDATE parent SET org_id = 'b' WHERE id = 2", "42501");
    }
}
