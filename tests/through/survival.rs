//! Dumps, replication, renames, and transactions that put things off.

use super::*;
use crate::harness::{Db, Server};

#[test]
fn every_name_can_change() {
    let tree = Tree::new("renames");
    let mut app = tree.app("a");
    app.run("INSERT INTO steps VALUES (50, 1)");
    tree.owner().run(
        "ALTER TABLE runs RENAME COLUMN id TO \"Run\"; ALTER TABLE runs RENAME COLUMN org_id TO \"Org\";
         ALTER TABLE runs RENAME TO \"the runs\"; ALTER TABLE steps RENAME COLUMN run_id TO \"of run\";
         ALTER TABLE steps RENAME COLUMN org_id TO \"table\"; ALTER TABLE steps RENAME TO \"Steps\"",
    );
    app.run("INSERT INTO \"Steps\" VALUES (51, 1)");
    app.refused("INSERT INTO \"Steps\" VALUES (52, 3)", "42501");
    tree.wall.db.superuser().run("UPDATE \"the runs\" SET \"Org\" = 'b' WHERE \"Run\" = 1");
    assert_eq!(tree.truth("logs"), "1:b 2:b 3:a 4:a 5:b 6:b");
    let mut owner = tree.owner();
    let again = owner.steps("protect_through('\"Steps\"', 'of run', '\"the runs\"', org_column => 'table')");
    assert!(work(&again).is_empty(), "{again:#?}");
    owner.run("SELECT org_scope.unprotect('lines'); SELECT org_scope.unprotect('logs'); SELECT org_scope.unprotect('\"Steps\"')");
    assert_eq!(
        owner.number("SELECT count(*) FROM pg_trigger WHERE tgname ~ '^org_scope_(fill|through|ch|or)'"),
        0
    );
}

#[test]
fn a_dump_brings_all_of_it_back() {
    for options in [&[][..], &["--no-comments"]] {
        let tree = Tree::new("dump");
        let dump = tree.wall.db.dump(options);
        let there = Db::empty("restored", Server::Plain);
        let said = there.psql_superuser(&dump);
        assert!(!said.stderr.contains("ERROR"), "{said:#?}");
        let mut superuser = there.superuser();
        let ids = "SELECT string_agg(id || ':' || coalesce(org_id, '-'), ' ' ORDER BY id) FROM lines";
        assert_eq!(superuser.text(ids), "1:a 2:a 3:a 4:a 5:b 6:b");
        assert_eq!(superuser.column("SELECT DISTINCT drift::text FROM org_scope.protected_tables"), ["{}"]);
        superuser.run("INSERT INTO steps VALUES (50, 3); UPDATE runs SET org_id = 'a' WHERE id = 3");
        assert_eq!(superuser.text(ids), "1:a 2:a 3:a 4:a 5:a 6:a");
        for (_, call) in LEVELS {
            assert!(work(&superuser.steps(call)).is_empty(), "{call}");
        }
    }
}

#[test]
fn data_alone_goes_into_tables_that_stand() {
    let tree = Tree::new("data_only");
    let data =
        tree.wall.db.dump(&["--data-only", "--table=runs", "--table=steps", "--table=logs", "--table=lines"]);
    let switched = tree.wall.db.dump(&[
        "--data-only",
        "--disable-triggers",
        "--table=runs",
        "--table=steps",
        "--table=logs",
        "--table=lines",
    ]);
    for data in [data, switched] {
        let mut superuser = tree.wall.db.superuser();
        superuser.run("TRUNCATE runs, steps, logs, lines");
        let said = tree.wall.db.psql_superuser(&data);
        assert!(!said.stderr.contains("ERROR"), "{said:#?}");
        for table in ["steps", "logs", "lines"] {
            assert_eq!(tree.truth(table), "1:a 2:a 3:a 4:a 5:b 6:b", "{table}");
        }
        let drifted = "SELECT count(*) FROM org_scope.protected_tables WHERE 'through' = ANY (drift)";
        assert_eq!(superuser.number(drifted), 0);
    }
}

#[test]
fn a_replica_takes_rows_as_they_come() {
    let tree = Tree::new("replica");
    let mut replica = tree.wall.db.superuser();
    replica.run("SET session_replication_role = replica");
    replica.run("INSERT INTO steps (id, run_id, org_id) VALUES (50, 77, 'a'), (51, 1, NULL)");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b 50:a 51:-");
    tree.app("a").refused("SET session_replication_role = replica", "42501");
}

#[test]
fn a_parent_must_be_there_before_its_child_also_where_checks_are_put_off() {
    let tree = Tree::open("deferred");
    let mut owner = tree.owner();
    owner.run(&format!(
        "CREATE TABLE late (id int PRIMARY KEY, run_id int REFERENCES runs DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO late VALUES (1, 1), (3, 3); GRANT ALL ON late TO {}",
        tree.wall.app
    ));
    owner.run("SELECT org_scope.protect_through('late', 'run_id', 'runs')");
    let mut app = tree.app("a");
    app.refused("INSERT INTO late VALUES (9, 9)", "42501");
    // What else was put off still is: the parent goes first, its child in the same transaction.
    app.run("INSERT INTO runs VALUES (20); INSERT INTO late VALUES (20, 20)");
    app.run("BEGIN; DELETE FROM runs WHERE id = 20; DELETE FROM late WHERE id = 20; COMMIT");
    app.run("INSERT INTO runs VALUES (21); INSERT INTO late VALUES (21, 21)");
    app.refused("BEGIN; DELETE FROM runs WHERE id = 21; COMMIT", "23503");
    app.run("ROLLBACK; BEGIN; INSERT INTO runs (id) VALUES (9); INSERT INTO late VALUES (9, 9); COMMIT");
    assert_eq!(tree.truth("late"), "1:a 3:b 9:a 21:a");
    app.run("BEGIN; SAVEPOINT s; INSERT INTO late VALUES (10, 9); ROLLBACK TO s; INSERT INTO late VALUES (11, 9); COMMIT");
    assert_eq!(tree.truth("late"), "1:a 3:b 9:a 11:a 21:a");
}
