//! Every place where the server keeps a plan. What it is like, auto_explain tells.

use super::*;

/// A session that is told each plan that it runs.
fn watched(wall: &Wall) -> Session {
    wall.db.superuser().run(&format!(
        "ALTER ROLE {0} SET session_preload_libraries = 'auto_explain';
         ALTER ROLE {0} SET auto_explain.log_min_duration = 0;
         ALTER ROLE {0} SET auto_explain.log_nested_statements = on;
         ALTER ROLE {0} SET auto_explain.log_level = notice",
        wall.app
    ));
    session(wall)
}

/// What the plans of `sales` that were run since the last call expected.
fn run(session: &mut Session) -> Vec<i64> {
    let plans = session.notices().into_iter().map(|notice| notice.message);
    let of_sales = plans.filter(|plan| plan.contains(" on sales "));
    of_sales.map(|plan| *estimates(&plan).last().expect("a node")).collect()
}

/// Each call runs one plan of sales for the organization: it is the one that was made for its size.
fn assert_sized(wall: &Wall, mut call: impl FnMut(&mut Session)) {
    let mut session = watched(wall);
    for org in ["big", "small1", "small2", "big", "middle", "twin", "small1"] {
        session.act_for(org);
        for _ in 0..2 {
            run(&mut session);
            call(&mut session);
            let expected = ROWS.iter().find(|(name, _)| *name == org).expect("one of them").1;
            assert_eq!(run(&mut session), [expected], "{org}");
        }
    }
}

#[test]
fn statements_that_sql_prepares() {
    let wall = ground("skew_sql");
    assert_sized(&wall, |session| session.run("EXECUTE sales"));
}

#[test]
fn statements_that_the_protocol_prepares() {
    let wall = ground("skew_protocol");
    let mut statement = None;
    assert_sized(&wall, |session| {
        let client = session.client();
        let prepare =
            |client: &mut postgres::Client| client.prepare("SELECT id FROM sales").expect("prepared");
        let statement = statement.get_or_insert_with(|| prepare(client));
        assert!(!client.query(statement, &[]).expect("rows").is_empty());
    });
}

#[test]
fn statements_with_parameters_past_the_custom_plans() {
    let wall = ground("skew_generic");
    wall.db.configure("plan_cache_mode", "force_generic_plan");
    let mut statement = None;
    assert_sized(&wall, |session| {
        let client = session.client();
        let prepare = |client: &mut postgres::Client| client.prepare("SELECT id FROM sales OFFSET $1");
        let statement = statement.get_or_insert_with(|| prepare(client).expect("prepared"));
        assert!(!client.query(statement, &[&1_i64]).expect("rows").is_empty());
    });
}

#[test]
fn statements_of_plpgsql() {
    let wall = ground("skew_plpgsql");
    wall.owner().run(
        "CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql
             AS $$ DECLARE c bigint; BEGIN SELECT count(n) INTO c FROM sales; RETURN c; END $$;
         CREATE FUNCTION expressed() RETURNS bigint LANGUAGE plpgsql
             AS $$ BEGIN RETURN (SELECT count(n) FROM sales); END $$;
         CREATE FUNCTION looped() RETURNS bigint LANGUAGE plpgsql
             AS $$ DECLARE c bigint = 0; s record; BEGIN FOR s IN SELECT * FROM sales LOOP c := c + 1; END LOOP; RETURN c; END $$;
         CREATE PROCEDURE ended() LANGUAGE plpgsql AS $$ BEGIN PERFORM count(n) FROM sales; ROLLBACK; END $$",
    );
    for call in ["SELECT counted()", "SELECT expressed()", "SELECT looped()", "CALL ended()"] {
        assert_sized(&wall, |session| session.run(call));
    }
}

#[test]
fn one_call_that_goes_through_organizations() {
    let wall = ground("skew_tour");
    let mut session = watched(&wall);
    run(&mut session);
    session.run(
        "DO $$ DECLARE o text; c bigint; BEGIN
             FOREACH o IN ARRAY ARRAY['big', 'small1', 'twin', 'middle', 'handful'] LOOP
                 PERFORM org_scope.set_current_org(o, true);
                 SELECT count(n) INTO c FROM sales;
             END LOOP;
         END $$",
    );
    assert_eq!(run(&mut session), [6000, SMALL, 5600, 1000, 120]);
}

#[test]
fn sql_functions() {
    let wall = ground("skew_functions");
    wall.owner().run(
        "CREATE FUNCTION of_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(n) FROM sales';
         CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(n) FROM sales; END;
         CREATE FUNCTION inlined() RETURNS SETOF sales STABLE LANGUAGE sql AS 'SELECT * FROM sales'",
    );
    for call in ["SELECT of_sql()", "SELECT atomic()", "SELECT * FROM inlined()"] {
        assert_sized(&wall, |session| session.run(call));
    }
}

#[test]
fn views() {
    let wall = ground("skew_views");
    let mut owner = wall.owner();
    owner.run("CREATE VIEW seen AS SELECT id FROM sales WHERE n >= 0");
    owner.run(&format!("GRANT ALL ON seen TO {}", wall.app));
    let mut is_prepared = false;
    assert_sized(&wall, |session| {
        if !is_prepared {
            session.run("PREPARE of_view AS SELECT * FROM seen");
        }
        is_prepared = true;
        session.run("EXECUTE of_view");
    });
}

/// Workers run the plan that their leader has.
#[test]
fn workers() {
    let wall = ground("skew_workers");
    let mut session = session(&wall);
    session.run(
        "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
         SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET enable_indexscan = off;
         SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
         PREPARE counted AS SELECT count(n) FROM sales",
    );
    for org in ["big", "small1", "middle", "twin", "small2"] {
        session.act_for(org);
        let rows = ROWS.iter().find(|(name, _)| *name == org).expect("one of them").1;
        let plan = session.column("EXPLAIN EXECUTE counted").join("\n");
        assert!(plan.contains("Parallel Seq Scan"), "{plan}");
        assert_eq!(session.number("EXECUTE counted"), rows, "{org}");
    }
}
