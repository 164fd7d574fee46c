//! Dumps of fenced trees come back whole.

use super::*;
use crate::harness::{Db, Server};

const ROWS: &str = "SELECT string_agg(tableoid::regclass || body, ' ' ORDER BY id) FROM events";

/// Asserts that a copy has the same fences and rows.
#[track_caller]
fn is_the_same(copy: &Db, wall: &Wall) {
    let (mut there, mut here) = (copy.superuser(), wall.db.superuser());
    for table in ALL.iter().chain(&["parent", "heir"]) {
        assert_eq!(there.fence_of(table), here.fence_of(table), "{table}");
    }
    assert_eq!(there.text(ROWS), here.text(ROWS));
    stands(&mut there, &[&ALL[..], &["parent", "heir"]].concat());
    let mut app = copy.connect(&wall.app);
    app.run("SELECT org_scope.set_current_org('a')");
    assert_eq!(app.number("SELECT count(*) FROM events"), 4);
    assert_eq!(app.number("SELECT count(*) FROM y2026_0_a"), 2);
}

fn dumped(test: &str) -> (Wall, Session) {
    let (wall, mut owner) = fenced(test);
    owner.run(
        "CREATE TABLE parent (org_id text); CREATE TABLE heir () INHERITS (parent); SELECT org_scope.protect('parent')",
    );
    (wall, owner)
}

#[test]
fn a_script_restores_into_an_empty_database() {
    let (wall, _owner) = dumped("dump_tree");
    for arguments in [&[][..], &["--inserts"], &["--load-via-partition-root"], &["--clean", "--if-exists"]] {
        let copy = Db::empty("tree_back", Server::Plain);
        let said = copy.psql_superuser(&wall.db.dump(arguments));
        assert!(!said.stderr.contains("ERROR"), "{said:#?}");
        said.ok();
        is_the_same(&copy, &wall);
    }
}

#[test]
fn a_clean_script_restores_over_what_stands() {
    let (wall, _owner) = dumped("clean_tree");
    let script = wall.db.dump(&["--clean"]);
    let copy = Db::empty("clean_back", Server::Plain);
    copy.psql_superuser(&wall.db.dump(&[])).ok();
    for _ in 0..2 {
        let said = copy.psql_superuser(&script);
        assert!(!said.stderr.contains("ERROR"), "{said:#?}");
        said.ok();
        is_the_same(&copy, &wall);
    }
}

#[test]
fn an_archive_restores_in_parallel() {
    let (wall, _owner) = dumped("parallel_tree");
    let directory = std::env::temp_dir().join(format!("{}_archive", wall.db.name()));
    let directory = directory.to_str().expect("a path");
    wall.db.dump(&["--format=directory", "--file", directory]);
    let copy = Db::empty("parallel_back", Server::Plain);
    let mut restore = copy.client("pg_restore", "postgres");
    let output = restore.args(["--jobs=4", "--exit-on-error", directory]).output().expect("pg_restore");
    drop(std::fs::remove_dir_all(directory));
    assert!(output.status.success(), "{output:#?}");
    is_the_same(&copy, &wall);
}

#[test]
fn replicas_and_restores_under_replica_are_left_alone() {
    let (wall, mut owner) = fenced("replica");
    wall.tamper(
        "CREATE TABLE open (id int, org_id text NOT NULL, year int, body text) PARTITION BY RANGE (year);
         ALTER TABLE events DETACH PARTITION y2025;
         ALTER TABLE open ATTACH PARTITION y2025 DEFAULT",
    );
    let drift = "SELECT drift FROM org_scope.protected_tables WHERE target = 'y2025'::regclass";
    assert_eq!(owner.text(drift), "{table}", "but it is seen");
}
