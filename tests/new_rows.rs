//! What a new row is asked: once where fence and gate ask the same, and not at all where an UPDATE leaves
//! the column of the row that it has found. Everything that could change the row all the same is an attack.

mod planning;
mod statements;
mod twin;
mod variants;

use std::thread;
use std::time::Duration;

use crate::harness::{A, B, Server, Session, Walled};

const MODES: [&str; 2] = ["force_custom_plan", "force_generic_plan"];

/// The statement as text and, prepared, in each plan mode is refused, and nothing has moved.
#[track_caller]
fn refused(walled: &Walled, statement: &str, why: &str) {
    let truth = walled.truth();
    let mut app = walled.app_as(A);
    app.refused(statement, "42501").says("row-level security");
    for mode in MODES {
        app.run(&format!("SET plan_cache_mode = {mode}; PREPARE attack AS {statement}"));
        app.refused("EXECUTE attack", "42501").says("row-level security");
        app.run("DEALLOCATE attack");
    }
    assert_eq!(walled.truth(), truth, "{why}");
}

/// How often a session's reader was called by a statement, from the plan that a function of our own counts.
fn calls(superuser: &mut Session, app: &mut Session, statement: &str) -> i64 {
    superuser.run("SELECT pg_stat_reset()");
    app.run(statement);
    app.run("SELECT pg_stat_force_next_flush()");
    superuser.number("SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_user_functions WHERE funcname = 'fence_org_uuid'")
}

#[test]
fn an_update_that_leaves_the_column_asks_the_row_that_it_found_and_no_other() {
    let walled = Walled::new("asked", Server::Plain);
    walled.db.configure("track_functions", "'all'");
    walled.db.configure("org_scope.plan_folding", "off");
    let mut superuser = walled.superuser();
    let mut app = walled.app_as(A);
    // One call for the row that is found (its index key, or its filter) and nothing for what is written.
    let scan = calls(&mut superuser, &mut app, "SELECT * FROM notes WHERE id = 1");
    let update = calls(&mut superuser, &mut app, "UPDATE notes SET body = 'new' WHERE id = 1");
    assert_eq!(update, scan, "an UPDATE that leaves the column");
    let moved = calls(&mut superuser, &mut app, &format!("UPDATE notes SET org_id = '{A}' WHERE id = 1"));
    assert_eq!(moved, scan + 1, "an UPDATE that writes the column is asked once");
    let insert =
        calls(&mut superuser, &mut app, &format!("INSERT INTO notes VALUES (11, '{A}', 'x') RETURNING id"));
    assert_eq!(insert, 1, "an INSERT is asked once");
}

#[test]
fn an_assigned_column_is_asked_for_however_it_is_assigned() {
    let walled = Walled::new("assigned", Server::Plain);
    walled.owner().run("CREATE VIEW v WITH (security_invoker) AS SELECT * FROM notes");
    walled.owner().run(&format!("GRANT ALL ON v TO {}", walled.app));
    for statement in [
        "UPDATE notes SET org_id = '%B%'",
        "UPDATE notes SET body = 'x', org_id = '%B%' WHERE id = 1",
        "UPDATE notes SET (org_id, body) = ('%B%', 'x')",
        "UPDATE notes SET (body, org_id) = (SELECT 'x', '%B%'::uuid) WHERE id = 2",
        "UPDATE notes SET org_id = f.o FROM (VALUES (1, '%B%'::uuid)) f(i, o) WHERE id = f.i",
        "UPDATE v SET org_id = '%B%'",
        "WITH w AS (UPDATE notes SET org_id = '%B%' RETURNING 1) SELECT count(*) FROM w",
        "INSERT INTO notes VALUES (1, '%A%', 'x') ON CONFLICT (id) DO UPDATE SET org_id = '%B%'",
        "INSERT INTO notes VALUES (4, '%A%', 'x') ON CONFLICT (id) DO UPDATE SET body = 'stolen'",
        "INSERT INTO notes VALUES (12, '%B%', 'x')",
        "MERGE INTO notes USING (VALUES (1)) s(i) ON id = i WHEN MATCHED THEN UPDATE SET org_id = '%B%'",
    ] {
        refused(&walled, &statement.replace("%A%", A).replace("%B%", B), statement);
    }
}

#[test]
fn a_trigger_that_moves_the_row_is_caught_also_by_a_plan_that_is_older_than_the_trigger() {
    let walled = Walled::new("moved", Server::Plain);
    let statement = "UPDATE notes SET body = body WHERE id = 1";
    let mut app = walled.app_as(A);
    app.run("SET plan_cache_mode = force_generic_plan");
    app.run(&format!("PREPARE cached AS {statement}"));
    for _ in 0..3 {
        assert_eq!(app.touched("EXECUTE cached"), 1);
    }
    walled.owner().run(&format!(
        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN new.org_id := '{B}'; RETURN new; END $$;
         CREATE TRIGGER move BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move()"
    ));
    app.refused("EXECUTE cached", "42501").says("row-level security");
    refused(&walled, statement, "a BEFORE trigger");
    walled.owner().run("ALTER TABLE notes DISABLE TRIGGER move");
    assert_eq!(app.touched("EXECUTE cached"), 1);
    walled.owner().run("ALTER TABLE notes ENABLE ALWAYS TRIGGER move");
    app.refused("EXECUTE cached", "42501").says("row-level security");
}

#[test]
fn a_generated_column_and_a_partition_are_asked() {
    let walled = Walled::new("generated", Server::Plain);
    let mut owner = walled.owner();
    owner.run(&format!(
        "CREATE TABLE kept (id int, home text, org_id uuid GENERATED ALWAYS AS (CASE home WHEN 'a' THEN '{A}'::uuid ELSE '{B}'::uuid END) STORED);
         INSERT INTO kept VALUES (1, 'a'), (2, 'b');
         GRANT ALL ON kept TO {0};
         ALTER TABLE kept ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY fence ON kept AS RESTRICTIVE USING (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid());
         CREATE POLICY gate ON kept USING (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid());
         CREATE TABLE parted (id int, org_id uuid, body text) PARTITION BY LIST (id);
         CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
         CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN new.org_id := '{B}'; RETURN new; END $$;
         CREATE TRIGGER move BEFORE UPDATE ON parted_1 FOR EACH ROW EXECUTE FUNCTION move();
         INSERT INTO parted VALUES (1, '{A}', 'a1');
         GRANT ALL ON parted TO {0};
         ALTER TABLE parted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY fence ON parted AS RESTRICTIVE USING (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid());
         CREATE POLICY gate ON parted USING (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid())",
        walled.app
    ));
    refused(&walled, "UPDATE kept SET home = 'b'", "a generated column");
    refused(&walled, "UPDATE parted SET body = 'x'", "a partition's trigger");
}

#[test]
fn a_policy_of_the_users_own_is_asked_as_often_as_before() {
    let walled = Walled::new("own", Server::Plain);
    walled.owner().run(
        "CREATE POLICY mine ON notes AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (body <> 'forbidden');
         CREATE POLICY late ON notes AS RESTRICTIVE FOR UPDATE USING (true)
             WITH CHECK (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid() AND id < 100)",
    );
    refused(&walled, "UPDATE notes SET body = 'forbidden' WHERE id = 1", "a WITH CHECK of its own");
    refused(&walled, "UPDATE notes SET id = 100 WHERE id = 1", "a longer WITH CHECK");
    let mut app = walled.app_as(A);
    assert_eq!(app.touched("UPDATE notes SET body = 'allowed' WHERE id = 1"), 1);
}

#[test]
fn the_fence_is_asked_where_another_gate_lets_everything_in() {
    let walled = Walled::new("gate", Server::Plain);
    walled.owner().run("DROP POLICY org_scope_gate ON notes; CREATE POLICY open ON notes USING (true)");
    for statement in [
        "UPDATE notes SET org_id = '%B%'",
        "INSERT INTO notes VALUES (12, '%B%', 'x')",
        "INSERT INTO notes VALUES (12, '%B%', 'x') RETURNING id",
        "INSERT INTO notes VALUES (1, '%A%', 'x') ON CONFLICT (id) DO UPDATE SET org_id = '%B%'",
    ] {
        refused(&walled, &statement.replace("%A%", A).replace("%B%", B), statement);
    }
}

#[test]
fn a_fence_that_asks_an_update_for_less_is_asked_of_the_new_row() {
    let walled = Walled::new("wider", Server::Plain);
    // The row that is found was asked something else than the new one.
    walled.owner().run(
        "CREATE TABLE shared (id int, org_id uuid, body text);
         ALTER TABLE shared ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY see ON shared FOR SELECT USING (true);
         CREATE POLICY change ON shared FOR UPDATE USING (true)
             WITH CHECK (org_id OPERATOR(pg_catalog.=) org_scope.fence_org_uuid())",
    );
    walled.owner().run(&format!("GRANT ALL ON shared TO {}", walled.app));
    walled.superuser().run(&format!("INSERT INTO shared VALUES (1, '{B}', 'b1')"));
    refused(&walled, "UPDATE shared SET body = 'stolen'", "USING (true)");
}

#[test]
fn a_row_that_has_moved_while_the_update_waited_is_not_updated() {
    let walled = Walled::new("waited", Server::Plain);
    for mode in ["auto", "force_generic_plan"] {
        let mut superuser = walled.superuser();
        superuser.run(&format!("UPDATE notes SET org_id = '{A}', body = 'a1' WHERE id = 1"));
        superuser.run(&format!("BEGIN; UPDATE notes SET org_id = '{B}' WHERE id = 1"));
        let mut app = walled.app_as(A);
        app.run(&format!(
            "SET plan_cache_mode = {mode}; PREPARE q AS UPDATE notes SET body = 'stolen' WHERE id = 1"
        ));
        let waiter = thread::spawn(move || app.touched("EXECUTE q"));
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut watcher = walled.superuser();
        while watcher.number(waits) == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        superuser.run("COMMIT");
        assert_eq!(waiter.join().expect("the waiter"), 0, "{mode}");
        assert_eq!(watcher.text("SELECT body FROM notes WHERE id = 1"), "a1", "{mode}");
    }
}
