//! A parent that goes to another organization, or goes.

use std::thread;
use std::time::Duration;

use super::*;

#[test]
fn a_parent_takes_all_below_it_along() {
    let tree = Tree::new("move");
    let mut owner = tree.across();
    owner.run("SELECT org_scope.across_orgs($$UPDATE runs SET org_id = 'b' WHERE id = 1$$)");
    for table in ["steps", "logs", "lines"] {
        assert_eq!(tree.truth(table), "1:b 2:b 3:a 4:a 5:b 6:b", "{table}");
    }
    // A superuser has no organization, and moves it back.
    tree.wall.db.superuser().run("UPDATE runs SET org_id = 'a' WHERE id = 1");
    for table in ["steps", "logs", "lines"] {
        assert_eq!(tree.truth(table), "1:a 2:a 3:a 4:a 5:b 6:b", "{table}");
    }
    // Also in the middle of the tree.
    tree.wall.db.superuser().run("UPDATE steps SET run_id = 3 WHERE id = 1");
    assert_eq!(tree.truth("lines"), "1:b 2:a 3:a 4:a 5:b 6:b");
    tree.app("a").refused("UPDATE runs SET org_id = 'b' WHERE id = 1", "42501");
}

#[test]
fn what_happened_to_the_children_of_a_deleted_parent_still_does() {
    let tree = Tree::new("delete");
    let mut app = tree.app("a");
    app.run("DELETE FROM runs WHERE id = 1");
    assert_eq!(tree.truth("steps"), "3:a 4:a 5:b 6:b", "ON DELETE CASCADE");
    // No foreign key stood there: the line stays, and is closed.
    assert_eq!(tree.truth("lines"), "1:- 2:- 3:a 4:a 5:b 6:b");
    assert_eq!(app.number("SELECT count(*) FROM lines"), 2);
    for (action, left) in [
        ("ON DELETE SET NULL", "1:- 2:a 3:b"),
        ("ON DELETE SET DEFAULT", "1:a 2:a 3:b"),
        ("ON DELETE NO ACTION", ""),
        ("ON DELETE RESTRICT", ""),
        ("ON DELETE CASCADE", "2:a 3:b"),
    ] {
        let tree = Tree::open("delete_action");
        let mut owner = tree.owner();
        owner.run(&format!(
            "CREATE TABLE kids (id int PRIMARY KEY, run_id int DEFAULT 2 REFERENCES runs {action});
             INSERT INTO kids VALUES (1, 1), (2, 2), (3, 3); GRANT ALL ON kids TO {};
             SELECT org_scope.protect_through('kids', 'run_id', 'runs')",
            tree.wall.app
        ));
        owner.run("DELETE FROM steps WHERE run_id = 1");
        let mut app = tree.app("a");
        if left.is_empty() {
            app.refused("DELETE FROM runs WHERE id = 1", "23503");
        } else {
            app.run("DELETE FROM runs WHERE id = 1");
            assert_eq!(tree.truth("kids"), left, "{action}");
        }
    }
}

/// Runs a statement in another session while this one holds its transaction open, and tells what it said
/// once `end` has ended the transaction.
fn meanwhile(
    tree: &Tree,
    holder: &mut Session,
    mut other: Session,
    sql: &str,
    end: &str,
) -> Result<(), String> {
    let sql = sql.to_owned();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || other.try_run(&sql).map_err(|r| r.sqlstate));
        let mut watcher = tree.wall.db.superuser();
        for _ in 0..100 {
            let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
            if watcher.number(blocked) > 0 {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        assert!(!waiting.is_finished(), "it waits for the other transaction");
        holder.run(end);
        waiting.join().expect("a thread")
    })
}

#[test]
fn a_child_that_is_written_while_its_parent_moves() {
    let tree = Tree::new("inflight");
    let mut mover = tree.wall.db.superuser();
    // The move comes first: the child waits for it, and finds the parent gone.
    mover.run("BEGIN; UPDATE runs SET org_id = 'b' WHERE id = 1");
    let said = meanwhile(&tree, &mut mover, tree.app("a"), "INSERT INTO steps VALUES (50, 1)", "COMMIT");
    assert_eq!(said, Err("42501".into()));
    mover.run("UPDATE runs SET org_id = 'a' WHERE id = 1");
    // The same by somebody whom no policy binds: the child goes where the parent went.
    mover.run("BEGIN; UPDATE runs SET org_id = 'b' WHERE id = 1");
    let job = tree.wall.db.superuser();
    let said = meanwhile(&tree, &mut mover, job, "INSERT INTO steps VALUES (51, 1)", "COMMIT");
    assert_eq!(said, Ok(()));
    assert_eq!(tree.truth("steps"), "1:b 2:b 3:a 4:a 5:b 6:b 51:b");
    mover.run("UPDATE runs SET org_id = 'a' WHERE id = 1");
    // The child comes first: the move waits for it, and takes it along.
    let mut app = tree.app("a");
    app.run("BEGIN; INSERT INTO steps VALUES (52, 1)");
    let update = "UPDATE runs SET org_id = 'b' WHERE id = 1";
    assert_eq!(meanwhile(&tree, &mut app, mover, update, "COMMIT"), Ok(()));
    assert_eq!(tree.truth("steps"), "1:b 2:b 3:a 4:a 5:b 6:b 51:b 52:b");
}

#[test]
fn a_repeatable_read_that_does_not_see_the_move_fails() {
    let tree = Tree::new("repeatable");
    let mut app = tree.app("a");
    app.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM steps");
    tree.wall.db.superuser().run("UPDATE runs SET org_id = 'b' WHERE id = 1");
    app.refused("INSERT INTO steps VALUES (50, 1)", "40001");
    app.run("ROLLBACK");
    assert_eq!(tree.truth("steps"), "1:b 2:b 3:a 4:a 5:b 6:b");
}

#[test]
fn a_trigger_that_a_move_fires_on_a_child_is_fenced() {
    let tree = Tree::new("fenced_trigger");
    let mut owner = tree.across();
    owner.run(
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE NOTICE 'sees %', (SELECT count(*) FROM steps); RETURN new; END$$;
         CREATE TRIGGER look BEFORE UPDATE ON steps FOR EACH ROW EXECUTE FUNCTION look()",
    );
    let mut superuser = tree.wall.db.superuser();
    superuser.run("SET org_scope.bypass = off; SELECT org_scope.set_current_org('a')");
    superuser.notices();
    superuser.run("UPDATE runs SET org_id = 'b' WHERE id = 2");
    let said: Vec<_> = superuser.notices().into_iter().map(|n| n.message).collect();
    assert_eq!(said, ["sees 4", "sees 3"], "the owner's trigger sees the organization of the session");
}
