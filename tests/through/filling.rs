//! What the call installs, at any depth, and that it takes all of it away.

use super::*;

#[test]
fn four_levels_show_one_organization_each() {
    let tree = Tree::new("levels");
    for table in ["steps", "logs", "lines"] {
        assert_eq!(tree.truth(table), "1:a 2:a 3:a 4:a 5:b 6:b", "{table}");
        let ids = format!("SELECT string_agg(id::text, ' ' ORDER BY id) FROM {table}");
        assert_eq!(tree.app("a").text(&ids), "1 2 3 4", "{table}");
        assert_eq!(tree.app("b").text(&ids), "5 6", "{table}");
        let mut nobody = tree.wall.db.connect(&tree.wall.app);
        nobody.refused(&format!("SELECT count(*) FROM {table}"), "OS001");
        nobody.refused(&format!("INSERT INTO {table} VALUES (9, 1)"), "OS001");
    }
    let mut app = tree.app("a");
    app.run(
        "INSERT INTO steps VALUES (7, 1); INSERT INTO logs VALUES (7, 7); INSERT INTO lines VALUES (7, 7)",
    );
    assert_eq!(tree.truth("lines"), "1:a 2:a 3:a 4:a 5:b 6:b 7:a");
}

#[test]
fn a_plan_is_what_is_done_and_a_second_call_does_nothing() {
    let tree = Tree::open("plan");
    let mut owner = tree.owner();
    for (table, call) in LEVELS {
        let before = world(&mut owner);
        let would = owner.steps(&call.replace("protect_through", "plan_through"));
        assert_eq!(world(&mut owner), before, "{table}: a plan changes nothing");
        let did = owner.steps(call);
        let said = |steps: &[crate::harness::Step]| -> Vec<String> {
            work(steps).iter().map(|s| s.statement.clone()).collect()
        };
        assert_eq!(said(&would), said(&did), "{table}");
        assert!(work(&did).iter().all(|s| s.state == "done"), "{did:#?}");
        let again = owner.steps(call);
        assert!(work(&again).is_empty(), "{table}: {again:#?}");
    }
    assert_eq!(owner.column("SELECT DISTINCT drift::text FROM org_scope.protected_tables"), ["{}"]);
}

#[test]
fn unprotect_takes_away_exactly_what_came() {
    let tree = Tree::open("undo");
    let mut owner = tree.owner();
    let mut before = vec![world(&mut owner)];
    for (_, call) in LEVELS {
        owner.run(&format!("SELECT org_scope.{call}"));
        before.push(world(&mut owner));
    }
    for (table, _) in LEVELS.iter().rev() {
        before.pop();
        let steps = owner.steps(&format!("unprotect('{table}')"));
        assert!(work(&steps).iter().all(|s| s.state == "done"), "{steps:#?}");
        assert_eq!(Some(&world(&mut owner)), before.last(), "{table}");
        assert_eq!(owner.steps(&format!("unprotect('{table}')")), []);
    }
}

#[test]
fn a_column_that_was_there_is_filled_and_stays() {
    let tree = Tree::open("own_column");
    let mut owner = tree.owner();
    owner.run("ALTER TABLE steps ADD org_id text; UPDATE steps SET org_id = 'a' WHERE id = 1");
    let call = LEVELS[0].1;
    owner.run(&format!("SELECT org_scope.{call}"));
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b");
    let steps = owner.steps("unprotect('steps')");
    assert_eq!(notes(&steps, "column").len(), 1, "{steps:#?}");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b");
    // One that contradicts the parents is not overwritten.
    owner.run("UPDATE steps SET org_id = 'b' WHERE id = 1");
    let refusal = owner.refused(&format!("SELECT org_scope.{call}"), "OS009").says("1 rows");
    assert!(refusal.hint.contains("across_orgs"), "{refusal:#?}");
}

#[test]
fn rows_without_a_parent_are_closed_and_counted() {
    let tree = Tree::open("orphans");
    let mut owner = tree.owner();
    owner.run("INSERT INTO lines VALUES (8, NULL), (9, 99)");
    for (_, call) in &LEVELS[..2] {
        owner.run(&format!("SELECT org_scope.{call}"));
    }
    let steps = owner.steps(LEVELS[2].1);
    let said = notes(&steps, "null_rows");
    assert!(said.len() == 1 && said[0].reason.contains('2'), "{steps:#?}");
    assert_eq!(tree.truth("lines"), "1:a 2:a 3:a 4:a 5:b 6:b 8:- 9:-");
    for org in ["a", "b"] {
        assert_eq!(tree.app(org).number("SELECT count(*) FROM lines WHERE id > 7"), 0);
        assert_eq!(tree.app(org).touched("UPDATE lines SET body = 'x' WHERE id > 7"), 0);
        assert_eq!(tree.app(org).touched("DELETE FROM lines WHERE id > 7"), 0);
    }
    let again = owner.steps(LEVELS[2].1);
    assert!(work(&again).is_empty(), "{again:#?}");
}

#[test]
fn whoever_no_policy_binds_gets_the_parents_organization_too() {
    let tree = Tree::new("jobs");
    let job = tree.wall.db.role_with("job", "LOGIN BYPASSRLS");
    tree.owner().run(&format!("GRANT INSERT, UPDATE ON steps TO {job}"));
    let mut job = tree.wall.db.connect(&job);
    // It has no right on the parent, which the trigger reads for it.
    job.refused("SELECT count(*) FROM runs", "42501");
    job.run("INSERT INTO steps VALUES (7, 1), (8, 3)");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b 7:a 8:b");
    job.refused("INSERT INTO steps VALUES (9, 99)", "23503");
    job.refused("INSERT INTO steps (id, run_id, org_id) VALUES (9, 1, 'b')", "23503");
}

#[test]
fn a_role_without_a_right_on_the_parent_can_write_children() {
    let tree = Tree::new("no_right");
    let clerk = tree.wall.db.role("clerk");
    tree.owner().run(&format!("GRANT SELECT, INSERT ON steps TO {clerk}"));
    tree.wall.db.superuser().run(&format!("SELECT org_scope.allow('{clerk}', 'direct')"));
    let mut clerk = tree.wall.db.connect(&clerk);
    clerk.run("SELECT org_scope.set_current_org('a')");
    clerk.refused("SELECT count(*) FROM runs", "42501");
    clerk.run("INSERT INTO steps VALUES (7, 1)");
    assert_eq!(clerk.number("SELECT count(*) FROM steps"), 5);
    clerk.refused("INSERT INTO steps VALUES (8, 3)", "42501").says("row-level security");
}

#[test]
fn plain_protect_leaves_what_the_parent_gives() {
    let tree = Tree::new("protect_all");
    let mut owner = tree.owner();
    let before = world(&mut owner);
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(world(&mut owner), before, "no DEFAULT comes, which would say another organization first");
    for (_, call) in LEVELS {
        assert!(work(&owner.steps(call)).is_empty());
    }
}

#[test]
fn drift_is_listed_and_mended() {
    let tree = Tree::new("drift");
    let mut owner = tree.owner();
    let clean = owner.fence_of("steps");
    for damage in [
        "ALTER TABLE steps DISABLE TRIGGER org_scope_fill",
        "DROP TRIGGER org_scope_fill ON steps",
        "ALTER TABLE steps DROP CONSTRAINT org_scope_through",
        "ALTER TABLE steps DROP CONSTRAINT org_scope_through; ALTER TABLE steps ADD CONSTRAINT org_scope_through \
         FOREIGN KEY (run_id, org_id) REFERENCES runs (id, org_id) ON DELETE CASCADE NOT VALID",
        "DROP TRIGGER org_scope_fill ON steps; CREATE TRIGGER org_scope_fill BEFORE INSERT ON steps FOR EACH ROW \
         EXECUTE FUNCTION org_scope.fill_from_parent()",
    ] {
        tree.wall.tamper(damage);
        let drift = "SELECT array_to_string(drift, ' ') FROM org_scope.protected_tables WHERE target = 'steps'::regclass";
        assert_eq!(owner.text(drift), "through", "{damage}");
        let steps = owner.steps(LEVELS[0].1);
        assert_eq!(kinds(&steps), ["through"], "{damage}: {steps:#?}");
        assert_eq!(owner.fence_of("steps"), clean, "{damage}");
        assert_eq!(owner.text(drift), "", "{damage}");
    }
}

#[test]
fn rows_that_lost_their_organization_are_filled_again() {
    let tree = Tree::new("refill");
    let mut owner = tree.owner();
    tree.wall
        .db
        .superuser()
        .run("SET session_replication_role = replica; UPDATE steps SET org_id = NULL WHERE id = 1");
    assert_eq!(tree.app("a").number("SELECT count(*) FROM steps"), 3, "closed");
    let steps = owner.steps(LEVELS[0].1);
    assert_eq!(kinds(&steps), ["fill"], "{steps:#?}");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b");
}

#[test]
fn a_run_over_the_schema_takes_it_away_too() {
    let tree = Tree::open("unprotect_all");
    let mut owner = tree.owner();
    let columns = "SELECT count(*) FROM pg_attribute WHERE attname = 'org_id' AND attrelid::regclass::text IN ('steps', 'logs', 'lines')";
    for (_, call) in LEVELS {
        owner.run(&format!("SELECT org_scope.{call}"));
    }
    assert_eq!(owner.number(columns), 3);
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(owner.number(columns), 0);
    assert_eq!(owner.number("SELECT count(*) FROM pg_trigger WHERE tgname ~ '^org_scope'"), 0);
    assert_eq!(
        owner.number("SELECT count(*) FROM org_scope.last_run WHERE kind = 'column' AND state = 'done'"),
        3
    );
}
