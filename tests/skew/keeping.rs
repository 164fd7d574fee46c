//! What undoes an organization, and what else may change while a plan is kept.

use super::*;

#[test]
fn what_a_rollback_brings_back_gets_its_plan_back() {
    let wall = ground("skew_rollback");
    for local in [true, false] {
        let mut session = session(&wall);
        let set = |org: &str| format!("SELECT org_scope.set_current_org('{org}', {local})");
        session.run("SELECT org_scope.set_current_org('big')");
        assert_eq!(session.expects("sales"), 6000);
        for end in [
            "ROLLBACK",
            "COMMIT",
            "ROLLBACK AND CHAIN; COMMIT",
            "PREPARE nothing AS SELECT 1; ABORT; DEALLOCATE ALL",
        ] {
            session.run("BEGIN");
            session.run(&set("small1"));
            assert_eq!(session.expects("sales"), SMALL);
            session.run("SAVEPOINT one");
            session.run(&set("middle"));
            assert_eq!(session.expects("sales"), 1000);
            session.run("SAVEPOINT two");
            session.run(&set("twin"));
            assert_eq!(session.expects("sales"), 5600);
            session.run("ROLLBACK TO two");
            assert_eq!(session.expects("sales"), 1000);
            session.refused("SELECT 1 / 0", "22012");
            session.run("ROLLBACK TO one");
            assert_eq!(session.expects("sales"), SMALL);
            session.run(end);
            if end.ends_with("ALL") {
                break;
            }
            let kept = !local && end == "COMMIT";
            assert_eq!(session.expects("sales"), if kept { SMALL } else { 6000 }, "{end}, local {local}");
            session.run("SELECT org_scope.set_current_org('big')");
        }
    }
}

#[test]
fn a_caught_error_brings_it_back_too() {
    let wall = ground("skew_caught");
    let mut session = session(&wall);
    session.act_for("big");
    session.run(
        "DO $$ BEGIN
             BEGIN PERFORM org_scope.set_current_org('small1'); PERFORM count(*) FROM sales; RAISE division_by_zero;
             EXCEPTION WHEN division_by_zero THEN NULL; END;
         END $$",
    );
    assert_eq!(session.expects("sales"), 6000);
    assert_eq!(session.touched("EXECUTE sales"), 6000);
}

#[test]
fn discarding_and_resetting_leave_no_plan_of_another_size() {
    let (_server, wall) = alone("skew_discard");
    let mut session = session(&wall);
    session.act_for("big");
    assert_eq!(session.expects("sales"), 6000);
    session.run("RESET ALL");
    session.refused("EXECUTE sales", "OS001");
    assert_eq!(session.expects_as("small1", "sales"), SMALL);
    session.run("DISCARD PLANS");
    assert_eq!(session.expects("sales"), SMALL);
    session.run("DISCARD ALL");
    session.run("PREPARE sales AS SELECT * FROM sales");
    assert_eq!(session.expects_as("big", "sales"), 6000);
    session.run("SELECT org_scope.clear_context()");
    assert_eq!(session.expects_as("twin", "sales"), 6000);
    assert_eq!(session.expects_as("small1", "sales"), SMALL);
}

#[test]
fn new_statistics_are_new_sizes() {
    let (_server, wall) = alone("skew_analyze");
    let (mut session, mut superuser) = (session(&wall), wall.db.superuser());
    assert_eq!(session.expects_as("big", "sales"), 6000);
    assert_eq!(session.expects_as("small1", "sales"), SMALL);
    for sql in
        ["UPDATE sales SET org_id = 'small1' WHERE org_id = 'big'", "VACUUM FULL sales", "ANALYZE sales"]
    {
        superuser.run(sql);
    }
    let expected = 6000 + SMALL;
    assert_eq!(session.expects_as("small2", "sales"), SMALL);
    assert_eq!(session.expects_as("small1", "sales"), expected);
    assert_eq!(session.expects_as("twin", "sales"), expected, "which is of its size now");
    assert_eq!(session.expects_as("big", "sales"), SMALL, "which has none");
}

/// The row in pg_class stays as it is, so that nothing but the statistics says that they have changed.
#[test]
fn statistics_alone_make_plans_anew() {
    let (_server, wall) = alone("skew_statistics");
    let (mut session, mut superuser) = (session(&wall), wall.db.superuser());
    assert_eq!(session.expects_as("small1", "sales"), SMALL);
    superuser.run("DELETE FROM pg_statistic WHERE starelid = 'sales'::regclass AND staattnum = 2");
    // Of the size of the last one, by the statistics that there were.
    let unknown = session.expects_as("small2", "sales");
    assert!(unknown != 6000 && unknown != SMALL, "without statistics it is the planner's guess: {unknown}");
    assert_eq!(session.expects_as("big", "sales"), unknown);
}

#[test]
fn it_can_be_switched_off() {
    let (_server, wall) = alone("skew_off");
    wall.db.configure("org_scope.plan_classes", "off");
    let mut session = session(&wall);
    for org in ["big", "small1", "middle"] {
        assert_eq!(session.expects_as(org, "sales"), 6000, "{org} has the plan that came first");
        let rows = ROWS.iter().find(|(name, _)| *name == org).expect("one of them").1;
        assert_eq!(session.touched("EXECUTE sales"), rows as u64);
    }
    session.refused("SET org_scope.plan_classes = on", "42501");
}

#[test]
fn switching_it_on_again_is_no_harm() {
    let (_server, wall) = alone("skew_on_again");
    wall.db.superuser().run(&format!("GRANT SET ON PARAMETER org_scope.plan_classes TO {}", wall.app));
    let mut session = session(&wall);
    assert_eq!(session.expects_as("big", "sales"), 6000);
    session.run("SET org_scope.plan_classes = off");
    assert_eq!(session.expects_as("middle", "sales"), 6000);
    assert_eq!(session.expects("lines"), 10_000);
    session.run("SET org_scope.plan_classes = on");
    assert_eq!(session.expects_as("small1", "sales"), SMALL);
    assert_eq!(session.expects_as("big", "sales"), 6000);
    assert_eq!(session.expects("lines"), 10_000, "which was made while it was off");
    assert_eq!(session.touched("EXECUTE lines"), 600);
}
