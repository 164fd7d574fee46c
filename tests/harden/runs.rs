//! The procedure: what it commits, how it goes on, and that it shows what it does.

use super::*;

/// Everything about keys, to compare.
fn shape(session: &mut Session) -> String {
    session.text(
        "SELECT string_agg(concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)), E'\\n' ORDER BY 1)
         FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    )
}

#[test]
fn the_statements_shown_are_those_that_are_executed() {
    let build = "ALTER TABLE parent ADD UNIQUE (name); ALTER TABLE child ADD boss int REFERENCES child ON DELETE SET NULL";
    let (wall, mut owner) = pair("shown", "ON DELETE CASCADE");
    owner.run(build);
    let planned = owner.steps("plan_harden('child')");
    assert!(work(&planned).iter().all(|s| s.state == "planned"), "{planned:#?}");
    owner.run("CALL org_scope.harden('child')");
    let done = ran(&mut owner);
    let as_done: Vec<Step> =
        planned.into_iter().map(|s| Step { state: s.state.replace("planned", "done"), ..s }).collect();
    assert_eq!(done.len(), as_done.len());
    for (done, planned) in done.iter().zip(&as_done) {
        assert_eq!((&done.state, &done.kind), (&planned.state, &planned.kind));
        assert_eq!(done.statement, planned.statement);
    }
    let stands = shape(&mut owner);
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(work(&ran(&mut owner)), NONE, "a second run has nothing to do");
    assert_eq!(shape(&mut owner), stands);
    // By hand they make the same; what checks rows is for a role that sees them.
    let (by_hand, mut other) = pair("by_hand", "ON DELETE CASCADE");
    other.run(build);
    for step in work(&other.steps("plan_harden('child')")) {
        by_hand.db.superuser().run(&step.statement);
    }
    assert_eq!(shape(&mut other), stands);
    assert_eq!(work(&other.steps("plan_harden('child')")), NONE);
    // The journal has what was checked past the fence.
    let journal =
        "SELECT count(*) FROM org_scope.journal WHERE kind = 'harden' AND statement LIKE '%VALIDATE%'";
    assert_eq!(wall.db.superuser().number(journal), 2);
}

#[test]
fn a_run_inside_a_transaction_is_gone_with_it() {
    let (_wall, mut owner) = pair("rolled_back", "");
    let before = shape(&mut owner);
    owner.run("BEGIN; CALL org_scope.harden('child'); ROLLBACK");
    assert_eq!(shape(&mut owner), before);
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"), 0);
    let path = owner.text("SHOW search_path");
    owner.run("BEGIN; CALL org_scope.harden('child'); COMMIT");
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    assert_eq!(owner.text("SHOW search_path"), path);
}

#[test]
fn a_run_that_stops_goes_on_where_it_was() {
    let (wall, mut owner) = pair("resume", "");
    // Dropping the old key waits for a reader of the parent; what stands by then is committed.
    let mut reader = wall.db.superuser();
    reader.run("BEGIN; SELECT count(*) FROM parent");
    owner.run("SET lock_timeout = '300ms'");
    owner.refused("CALL org_scope.harden('child')", "55P03");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"), 4);
    assert_eq!(
        keys_of(&mut owner, "child")[1].split(':').next().map(|n| n.starts_with("org_scope_key_")),
        Some(true)
    );
    wall.app("b").refused("INSERT INTO child (id, parent_id) VALUES (66, 1)", "23503");
    reader.run("ROLLBACK");
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"), 2);
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    assert_eq!(keys_of(&mut owner, "child").len(), 1);
}

#[test]
fn a_large_parent_leaves_its_key_to_the_user() {
    let (wall, mut owner) = pair("large", "");
    wall.db
        .superuser()
        .run(&format!("ALTER DATABASE {} SET org_scope.max_inline_index_size = 0", wall.db.name()));
    let mut owner_again = wall.owner();
    owner_again.run("CALL org_scope.harden('child')");
    let steps = ran(&mut owner_again);
    let states: Vec<_> = work(&steps).iter().map(|s| (s.kind.as_str(), s.state.as_str())).collect();
    assert_eq!(states, [("unique_key", "run_yourself"), ("foreign_key", "skipped")], "{steps:#?}");
    let statement = work(&steps)[0].statement.clone();
    assert!(statement.starts_with("CREATE UNIQUE INDEX CONCURRENTLY"), "{statement}");
    // Interrupted, it is to be repaired.
    let mut open = wall.db.superuser();
    open.run("BEGIN; INSERT INTO parent VALUES (50, 'a')");
    owner.run("SET lock_timeout = '200ms'");
    assert!(owner.try_run(&statement).is_err());
    open.run("ROLLBACK");
    let steps = owner_again.steps("plan_harden('child')");
    assert!(work(&steps)[0].statement.starts_with("REINDEX INDEX CONCURRENTLY"), "{steps:#?}");
    owner.run(&work(&steps)[0].statement);
    owner_again.run("CALL org_scope.harden('child')");
    assert_eq!(work(&owner_again.steps("plan_harden('child')")), NONE);
    // The table's own unique keys, too.
    owner_again.run("CALL org_scope.harden('child', '{child_pkey}')");
    let steps = ran(&mut owner_again);
    assert_eq!(work(&steps)[0].state, "run_yourself", "{steps:#?}");
    owner.run(&work(&steps)[0].statement);
    owner_again.run("CALL org_scope.harden('child', '{child_pkey}')");
    assert_eq!(work(&owner_again.steps("plan_harden('child', '{child_pkey}')")), NONE);
}

#[test]
fn nothing_of_the_callers_search_path_is_called() {
    let (wall, mut owner) = pair("path", "");
    wall.db
        .superuser()
        .run(&format!("CREATE SCHEMA evil AUTHORIZATION {0}; GRANT ALL ON SCHEMA evil TO {0}", wall.owner));
    owner.run(
        "CREATE FUNCTION evil.no(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;
         CREATE FUNCTION evil.no(int, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;
         CREATE FUNCTION evil.count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.no);
         CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.no);
         SET search_path = evil, pg_catalog, public;
         CALL org_scope.harden('child')",
    );
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    assert_eq!(owner.text("SHOW search_path"), "evil, pg_catalog, public");
}
