//! What can't go through a parent, and what to do instead.

use super::*;

#[test]
fn a_refusal_says_why_and_changes_nothing() {
    let tree = Tree::open("refusals");
    let mut owner = tree.owner();
    owner.run(
        "CREATE TABLE open (id int PRIMARY KEY, org_id text);
         CREATE TABLE keyless (id int, org_id text); SELECT org_scope.protect('keyless');
         CREATE TABLE twice (id int, sid int, org_id text, PRIMARY KEY (id, sid)); SELECT org_scope.protect('twice');
         CREATE TABLE typed (id int, run_id int, org_id uuid);
         CREATE TABLE dated (id int, day date);
         CREATE TABLE computed (id int, run_id int GENERATED ALWAYS AS (id + 1) STORED);
         CREATE TABLE parted (id int, run_id int) PARTITION BY LIST (id);
         CREATE TABLE part PARTITION OF parted FOR VALUES IN (1);
         CREATE TABLE forebear (id int, run_id int); CREATE TABLE heir () INHERITS (forebear)",
    );
    for (arguments, state, says) in [
        ("'steps', 'run_id', 'open'", "OS010", "protect('public.open')"),
        ("'runs', 'id', 'runs'", "OS009", "own parent"),
        ("'steps', 'run_id', 'keyless'", "OS009", "primary key"),
        ("'steps', 'run_id', 'keyless', parent_key => 'id'", "OS009", "same id"),
        ("'steps', 'run_id', 'keyless', parent_key => 'nothing'", "OS009", "nothing"),
        ("'steps', 'run_id', 'twice'", "OS009", "primary key"),
        ("'typed', 'run_id', 'runs'", "OS009", "no text"),
        ("'dated', 'day', 'runs'", "OS009", "day"),
        ("'computed', 'run_id', 'runs'", "OS009", "computes"),
        ("'parted', 'run_id', 'runs'", "OS009", "partition"),
        ("'part', 'run_id', 'runs'", "OS009", "partition"),
        ("'forebear', 'run_id', 'runs'", "OS009", "hands them down"),
        ("'heir', 'run_id', 'runs'", "OS009", "inherits"),
        ("'steps', NULL, 'runs'", "22004", "key"),
        ("NULL, 'run_id', 'runs'", "22004", "target"),
        ("'steps', 'run_id', NULL", "22004", "parent"),
    ] {
        for function in ["plan_through", "protect_through"] {
            let before = world(&mut owner);
            owner.refused(&format!("SELECT org_scope.{function}({arguments})"), state).says(says);
            assert_eq!(world(&mut owner), before, "{arguments}");
        }
    }
}

#[test]
fn both_tables_must_be_the_callers() {
    let tree = Tree::open("rights");
    let other = tree.wall.db.role("other");
    let mut superuser = tree.wall.db.superuser();
    superuser.run(&format!("ALTER TABLE logs OWNER TO {other}; GRANT CREATE ON SCHEMA public TO {other}"));
    let mut owner = tree.owner();
    owner.run(&format!("SELECT org_scope.{}", LEVELS[0].1));
    owner.refused(&format!("SELECT org_scope.{}", LEVELS[1].1), "42501").says("logs");
    tree.wall.db.connect(&other).refused(&format!("SELECT org_scope.{}", LEVELS[1].1), "42501").says("steps");
    // Who may do both is told that the owners don't fit.
    superuser.refused(&format!("SELECT org_scope.{}", LEVELS[1].1), "OS009").says("rights");
    // An owner that comes later is noticed, and nothing is filled with rights that it hasn't.
    superuser.run(&format!("ALTER TABLE steps OWNER TO {other}"));
    tree.app("a").refused("INSERT INTO steps VALUES (50, 1)", "OS010");
    superuser.run(&format!("ALTER TABLE steps OWNER TO {}", tree.wall.owner));
    tree.app("a").run("INSERT INTO steps VALUES (50, 1)");
}

#[test]
fn another_parent_is_another_call_and_a_second_key_is_named() {
    let tree = Tree::open("two_parents");
    let mut owner = tree.owner();
    owner.run(
        "CREATE TABLE tags (id int PRIMARY KEY, org_id text); SELECT org_scope.protect('tags');
         ALTER TABLE steps ADD tag_id int REFERENCES tags",
    );
    let steps = owner.steps(LEVELS[0].1);
    let said = notes(&steps, "through");
    assert!(said.iter().any(|n| n.reason.contains("public.tags")), "{steps:#?}");
    owner.refused("SELECT org_scope.protect_through('steps', 'tag_id', 'tags')", "OS009").says("runs");
}

#[test]
fn rows_without_a_parent_are_shared_with_nobody() {
    let tree = Tree::open("shared");
    let mut owner = tree.owner();
    owner.run("ALTER TABLE steps ADD org_id text; INSERT INTO steps VALUES (8, NULL, 'x')");
    owner.run("SELECT org_scope.protect('steps', shared_rows => true)");
    assert_eq!(tree.app("a").number("SELECT count(*) FROM steps WHERE id = 8"), 1);
    owner.run(&format!("SELECT org_scope.{}", LEVELS[0].1));
    assert_eq!(tree.app("a").number("SELECT count(*) FROM steps WHERE id = 8"), 0);
    assert_eq!(tree.app("a").number("SELECT count(*) FROM steps"), 4);
    owner.refused("SELECT org_scope.protect('steps', shared_rows => true)", "OS009").says("parent");
}
