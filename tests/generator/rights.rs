//! Who may put a fence up.

use super::*;

#[test]
fn only_the_owner_may_and_a_member_counts() {
    let wall = Wall::new("rights");
    let mut owner = wall.agents();
    let (stranger, member) = (wall.db.role("stranger"), wall.db.role("member"));
    wall.db.superuser().run(&format!("GRANT {} TO {member}; GRANT ALL ON agents TO {stranger}", wall.owner));
    let bare = owner.fence_of("agents");
    let mut session = wall.db.connect(&stranger);
    for call in [
        "protect('agents')",
        "plan('agents')",
        "unprotect('agents')",
        "alter_protected('agents', 'ALTER TABLE agents ADD x int')",
    ] {
        session.refused(&format!("SELECT org_scope.{call}"), "42501").says("agents");
    }
    // A run passes over what isn't the caller's.
    session.run("CALL org_scope.protect_all('org_id')");
    let steps = session.last_run("agents");
    assert_eq!((steps.len(), steps[0].state.as_str()), (1, "skipped"), "{steps:#?}");
    assert_eq!(owner.fence_of("agents"), bare);
    let mut session = wall.db.connect(&member);
    assert!(work(&session.steps("protect('agents')")).iter().all(|s| s.state == "done"));
    session.refused(COUNT, "OS001");
    session.run("SELECT org_scope.unprotect('agents')");
    assert_eq!(owner.fence_of("agents"), bare);
    // Everybody may look at what the catalogs tell anyway.
    wall.db
        .connect(&stranger)
        .run("SELECT * FROM org_scope.protected_tables; SELECT * FROM org_scope.last_run");
}

#[test]
fn a_plan_over_tables_of_others_asks_nothing_of_their_rows() {
    let wall = Wall::new("plan_all_stranger");
    let mut owner = wall.agents();
    let stranger = wall.db.role("stranger");
    owner.run(&format!(
        "GRANT SELECT ON agents TO {stranger}; ALTER TABLE agents ALTER org_id DROP NOT NULL; SELECT org_scope.protect('agents')"
    ));
    let mut session = wall.db.connect(&stranger);
    let steps = session.steps("plan_all('org_id')");
    assert_eq!((steps.len(), steps[0].state.as_str()), (1, "skipped"), "{steps:#?}");
}

#[test]
fn without_create_on_the_schema_the_index_is_left_to_the_user() {
    let wall = Wall::new("no_create");
    let mut owner = wall.agents();
    wall.db.superuser().run(&format!("REVOKE CREATE ON SCHEMA public FROM {}", wall.owner));
    for _ in 0..2 {
        let steps = owner.steps("protect('agents')");
        let left: Vec<&Step> = steps.iter().filter(|s| s.state == "run_yourself").collect();
        assert_eq!(left.len(), 1, "{steps:#?}");
        assert!(left[0].kind == "index" && left[0].reason.contains("CREATE"), "{left:#?}");
        assert_eq!(wall.app("a").number(COUNT), 2, "the fence stands all the same");
    }
    let statement = owner.steps("protect('agents')").remove(0).statement;
    wall.db.superuser().run(&statement);
    assert_eq!(owner.steps("protect('agents')"), []);
}
