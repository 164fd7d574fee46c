//! Plans, and the rows without an organization that they count.

use super::*;

#[test]
fn rows_without_an_organization_are_counted_also_under_force() {
    let wall = Wall::new("nulls");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents ALTER org_id DROP NOT NULL; INSERT INTO agents VALUES (6)");
    for settings in ["", "SET org_scope.missing_org = empty", "SET row_security = off"] {
        drop(owner.try_run(settings));
        for call in ["plan('agents')", "protect('agents')", "plan('agents')", "plan_all('org_id')"] {
            let steps = owner.steps(call);
            let found = notes(&steps, "null_rows");
            assert_eq!(found.len(), 1, "{call}: {steps:#?}");
            assert!(found[0].reason.starts_with("1 row "), "{found:?}");
        }
        // The count lifts the fence for itself alone.
        let mut session = wall.owner();
        session.run("SELECT org_scope.protect('agents')");
        session.refused(COUNT, "OS001");
    }
}

// Plans

#[test]
fn a_plan_changes_nothing() {
    let wall = Wall::new("plan_nothing");
    let mut owner = wall.agents();
    owner.run("CREATE TABLE other (org_id uuid)");
    let before = world(&mut owner);
    for _ in 0..2 {
        owner.steps("plan('agents')");
        owner.steps("plan('agents', force => false, roles => '{public}')");
        owner.steps("plan_all('org_id')");
        assert_eq!(world(&mut owner), before);
    }
    // It holds no lock that stops anybody, and burns no transaction number.
    owner.run("BEGIN; SELECT org_scope.plan('agents'); SELECT org_scope.plan_all('org_id')");
    assert_eq!(owner.text("SELECT pg_current_xact_id_if_assigned()"), "");
    let mut other = wall.owner();
    other.run("SET lock_timeout = '100ms'; BEGIN; LOCK TABLE agents IN ROW EXCLUSIVE MODE; ROLLBACK");
    owner.run("COMMIT");
}

#[test]
fn a_plan_works_on_a_standby() {
    let wall = Wall::new("plan_standby");
    let mut owner = wall.agents();
    owner.run("CREATE TABLE other (org_id text)");
    let planned = owner.steps("plan('agents')");
    let mut standby = wall.db.connect_standby(wall.owner.name());
    assert_eq!(standby.steps("plan('agents')"), planned);
    standby.refused("SELECT org_scope.protect('agents')", "55000");
}

#[test]
fn the_statements_shown_are_those_that_are_executed() {
    for options in
        ["", ", force => false", ", set_default => false, create_index => false", ", roles => '{public}'"]
    {
        let wall = Wall::new("shown");
        let mut owner = wall.agents();
        owner.run("CREATE TABLE twin (LIKE agents INCLUDING ALL)");
        let planned = owner.steps(&format!("plan('agents'{options})"));
        assert!(work(&planned).iter().all(|s| s.state == "planned"), "{planned:#?}");
        let done = owner.steps(&format!("protect('agents'{options})"));
        let as_done: Vec<Step> =
            planned.into_iter().map(|s| Step { state: s.state.replace("planned", "done"), ..s }).collect();
        assert_eq!(done, as_done);
        // By hand they make the same.
        let stands = owner.fence_of("agents");
        owner.run("SELECT org_scope.unprotect('agents')");
        for step in work(&done) {
            owner.run(&step.statement);
        }
        assert_eq!(owner.fence_of("agents"), stands);
        assert_eq!(work(&owner.steps(&format!("protect('agents'{options})"))), NONE);
        // The way back, too, where no event trigger takes it for an accident.
        owner.run("BEGIN");
        let back = owner.steps("unprotect('agents')");
        let bare = owner.fence_of("agents");
        owner.run("ROLLBACK");
        for step in work(&back) {
            wall.tamper(&step.statement);
        }
        assert_eq!(owner.fence_of("agents"), bare);
    }
}
