//! One organization after the other.

use super::*;

#[test]
fn equals_share_a_plan() {
    let (_server, wall) = alone("skew_equals");
    for (first, second) in [("big", "twin"), ("twin", "big"), ("small1", "handful"), ("handful", "small2")] {
        let mut session = session(&wall);
        let made = session.expects_as(first, "sales");
        assert_eq!(session.expects_as(second, "sales"), made, "{second} after {first}");
        // So the plans of the two differ, and this was one of them.
        let mut other = super::session(&wall);
        let own = other.expects_as(second, "sales");
        assert!(own != made || second == "small2", "{second}: {own}");
    }
}

#[test]
fn another_size_gets_the_plan_that_it_would_have_got_first() {
    let wall = ground("skew_sizes");
    let mut owner = wall.owner();
    owner.run("CREATE INDEX ON sales (org_id, n)");
    let statements = [
        "SELECT * FROM sales",
        "SELECT * FROM sales WHERE n > 50 ORDER BY n LIMIT 10",
        "SELECT count(*) FROM sales JOIN lines ON sale = id WHERE pieces > 0",
        "SELECT org_id FROM (SELECT DISTINCT org_id FROM lines) AS l WHERE EXISTS (SELECT FROM sales WHERE n = 3)",
        "WITH s AS MATERIALIZED (SELECT * FROM sales) SELECT * FROM s",
        "UPDATE sales SET n = n + 1 WHERE n > 90",
        "DELETE FROM lines USING sales WHERE sale = id",
        "INSERT INTO lines SELECT id, org_id, 2 FROM sales",
    ];
    for (number, sql) in statements.into_iter().enumerate() {
        let plan = |session: &mut Session| session.column("EXPLAIN EXECUTE q").join("\n");
        let prepare = format!("PREPARE q AS {sql}");
        let sizes = ["big", "middle", "small1"];
        let first = sizes.map(|org| {
            let mut session = wall.app(org);
            session.run(&prepare);
            plan(&mut session)
        });
        assert!(first[0] != first[2], "{sql}: the sizes make no difference");
        let mut session = wall.app("big");
        session.run(&prepare);
        for turn in [0, 1, 0, 2, 1, 2, 0, 2, 2, 0] {
            session.act_for(sizes[turn]);
            assert_eq!(plan(&mut session), first[turn], "{number}: {sql} for {}", sizes[turn]);
        }
    }
}

#[test]
fn each_table_has_sizes_of_its_own() {
    let (_server, wall) = alone("skew_tables");
    let mut session = session(&wall);
    // Of one size in sales, of another in lines, and the other way round.
    let seen = |session: &mut Session, org: &str| {
        session.act_for(org);
        (session.expects("sales"), session.expects("lines"))
    };
    assert_eq!(seen(&mut session, "big"), (6000, 600));
    assert_eq!(seen(&mut session, "middle"), (1000, 10_000));
    assert_eq!(seen(&mut session, "twin"), (5600, 560));
    assert_eq!(seen(&mut session, "big"), (5600, 560));
    assert_eq!(seen(&mut session, "small1").0, SMALL);
}

#[test]
fn a_plan_that_was_made_for_nobody_is_not_anybodys() {
    let (_server, wall) = alone("skew_nobody");
    wall.db.configure("org_scope.missing_org", "empty");
    let mut session = session(&wall);
    assert_eq!(session.expects("sales"), 1);
    assert_eq!(session.expects_as("small1", "sales"), SMALL);
    session.run("SELECT org_scope.clear_context()");
    assert_eq!(session.touched("EXECUTE sales"), 0);
    assert_eq!(session.expects("sales"), SMALL, "and nobody needs one of his own");
    session.run("DEALLOCATE sales; PREPARE sales AS SELECT * FROM sales");
    assert_eq!(session.expects("sales"), 1);
    assert_eq!(session.expects_as("small1", "sales"), SMALL, "for the organization that was the last");
}

#[test]
fn an_organization_of_another_kind_changes_nothing() {
    let wall = ground("skew_unknown");
    let mut session = session(&wall);
    for (org, expected) in
        [("big", 6000), ("nowhere", SMALL), ("", SMALL), ("big", 6000), ("{}", SMALL), ("big", 6000)]
    {
        if org.is_empty() {
            session.refused("SELECT org_scope.set_current_org('')", "OS004");
        } else {
            session.act_for(org);
        }
        assert_eq!(session.expects("sales"), expected, "{org}");
    }
}
