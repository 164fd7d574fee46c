//! One query's plans for organizations of several sizes, beside each other.

use super::*;
use crate::harness::Role;

/// A role that may ask, and is fenced as all others are.
fn dba(wall: &Wall) -> Role {
    let dba = wall.db.role("dba");
    wall.db.superuser().run(&format!(
        "SELECT org_scope.allow('{dba}', 'direct');
         GRANT EXECUTE ON FUNCTION org_scope.explain_org(text, text[]) TO {dba};
         GRANT SELECT ON sales, lines TO {dba}"
    ));
    dba
}

fn explain(query: &str) -> String {
    format!("SELECT * FROM org_scope.explain_org($q${query}$q$)")
}

fn explain_for(query: &str, orgs: &str) -> String {
    format!("SELECT * FROM org_scope.explain_org($q${query}$q$, '{orgs}')")
}

/// The fields of a line, without the first.
#[track_caller]
fn fields(lines: &[String], begin: &str) -> Vec<String> {
    let line = lines.iter().find(|line| line.trim_start().starts_with(begin));
    let line = line.unwrap_or_else(|| panic!("no line {begin:?} in {lines:#?}"));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.split('│').skip(1).map(words).collect()
}

#[test]
fn a_big_a_middle_and_a_small_one_are_picked_and_run() {
    let wall = ground("explain_picks");
    let mut session = wall.db.connect(&dba(&wall));
    let shown = session.column(&explain("SELECT * FROM sales WHERE n >= 0"));
    assert_eq!(fields(&shown, "│")[..2], ["big", "middle"], "{shown:#?}");
    let small = &fields(&shown, "│")[2];
    assert!(small.starts_with("small"), "{shown:#?}");
    assert_eq!(fields(&shown[1..], "│"), ["30.4 % of sales", "5.1 % of sales", "0.35 % of sales"]);
    let rows: Vec<String> = shown
        .iter()
        .flat_map(|line| line.split('│').skip(1))
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for expected in ["6,000 6,000", "1,000 1,000", "70 70"] {
        assert!(rows.contains(&expected.to_owned()), "{expected}: {shown:#?}");
    }
    assert!(fields(&shown, "time").iter().all(|time| time.ends_with(" ms")));
    assert_eq!(fields(&shown, "pages").len(), 3);
}

#[test]
fn the_largest_table_says_who_is_big_and_anybody_can_be_named() {
    let wall = ground("explain_tables");
    let mut session = wall.db.connect(&dba(&wall));
    let shown = session.column(&explain("SELECT count(*) FROM lines JOIN sales ON sale = id"));
    assert_eq!(fields(&shown, "│")[0], "big");
    let shown = session.column(&explain("SELECT count(*) FROM lines"));
    assert_eq!(fields(&shown, "│")[0], "middle");
    let shown = session.column(&explain_for("SELECT count(*) FROM lines", "{twin,nowhere}"));
    assert_eq!(fields(&shown, "│"), ["twin", "nowhere"]);
    assert_eq!(fields(&shown, "Aggregate"), ["1 1", "1 1"]);
    let view = "CREATE VIEW seen AS SELECT id AS number FROM sales; GRANT SELECT ON seen TO PUBLIC";
    wall.owner().run(view);
    let shown = session.column(&explain("SELECT number FROM seen"));
    assert_eq!(fields(&shown, "│")[0], "big", "which the view's owner may read, and the one who asks");
}

#[test]
fn plans_are_those_of_statements_sent_as_text() {
    let wall = ground("explain_folded");
    wall.owner().run("CREATE INDEX of_big ON sales (n) WHERE org_id = 'big'");
    let mut session = wall.db.connect(&dba(&wall));
    let shown = session.column(&explain_for("SELECT id FROM sales WHERE n = 3", "{big,twin}"));
    let text = shown.join("\n");
    assert!(text.contains("on of_big") || text.contains("using of_big"), "{text}");
    assert!(text.contains("The plans differ"), "{text}");
}

#[test]
fn nothing_of_it_is_left() {
    let wall = ground("explain_left");
    let role = dba(&wall);
    wall.owner().run(
        "CREATE TABLE written (org text); GRANT ALL ON written TO PUBLIC;
         CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO public.written VALUES (org_scope.current_org());
             PERFORM set_config('work_mem', '1MB', false); RETURN 1; END $$",
    );
    let mut session = wall.db.connect(&role);
    let mut superuser = wall.db.superuser();
    let query = explain("SELECT writes() FROM sales LIMIT 1");
    session.run(&query);
    session.refused("SELECT count(*) FROM sales", "OS001");
    let context = "SELECT concat_ws(' ', org_scope.current_org(), org_scope.current_user_id(), current_setting('work_mem'))";
    for local in [false, true] {
        session.run(&format!("BEGIN; SELECT org_scope.set_current_org('middle', {local}), org_scope.set_current_user('u', {local})"));
        let before = session.text(context);
        session.run(&query);
        assert_eq!(session.text(context), before);
        assert_eq!(session.number("SELECT count(*) FROM sales"), 1000);
        session.run("COMMIT");
    }
    assert_eq!(superuser.number("SELECT count(*) FROM written"), 0);
}

#[test]
fn it_runs_one_query_and_nothing_else() {
    let wall = ground("explain_one");
    let mut session = wall.db.connect(&dba(&wall));
    for query in [
        "DELETE FROM sales",
        "INSERT INTO sales VALUES (0, 'big', 1)",
        "UPDATE sales SET n = 0",
        "SELECT 1; SELECT 2",
        "SELECT * FROM sales; DELETE FROM sales",
        "WITH d AS (DELETE FROM sales RETURNING id) SELECT * FROM d",
        "SELECT * INTO copied FROM sales",
        "SELECT id INTO copied FROM sales UNION SELECT 1",
        "CREATE TABLE copied AS SELECT * FROM sales",
        "COPY sales TO STDOUT",
        "EXPLAIN SELECT * FROM sales",
        "DECLARE c CURSOR FOR SELECT * FROM sales",
        "TRUNCATE sales",
        "CALL nothing()",
        "",
        "-- nothing",
    ] {
        session.refused(&explain(query), "22023").says("one SELECT");
    }
    session.refused(&explain("SELECT FROM WHERE"), "42601");
    session.refused(&explain("SELECT * FROM nowhere"), "42P01");
    session.refused("SELECT * FROM org_scope.explain_org(NULL)", "22004");
    session.refused(&explain("SELECT 1"), "OS010").says("no protected table");
    assert_eq!(wall.db.superuser().number("SELECT count(*) FROM sales"), 19_720);
    // A query in any form of one.
    for query in [
        "TABLE sales",
        "VALUES ((SELECT count(*) FROM sales)) -- that is all",
        "SELECT * FROM sales FOR UPDATE;",
    ] {
        if query.contains("UPDATE") {
            wall.db.superuser().run("GRANT UPDATE ON sales TO PUBLIC");
        }
        assert!(session.column(&explain(query)).len() > 5, "{query}");
    }
}

#[test]
fn a_failure_stands_in_its_column() {
    let wall = ground("explain_fails");
    let mut session = wall.db.connect(&dba(&wall));
    let query = "SELECT 10 / (count(*) - 1000) FROM sales";
    let shown = session.column(&explain_for(query, "{big,middle,NULL,twin}"));
    let times = fields(&shown, "time");
    assert_eq!(times[1..3], ["failed", "failed"], "{shown:#?}");
    assert!(times[0].ends_with("ms") && times[3].ends_with("ms"));
    let text = shown.join("\n");
    assert!(text.contains("middle failed: 22012: division by zero"), "{text}");
    assert!(text.contains("(none) failed: OS004"), "{text}");
    session.run("SET statement_timeout = '300ms'");
    session.refused(&explain("SELECT pg_sleep(1) FROM sales LIMIT 1"), "57014");
}

#[test]
fn it_shows_nothing_to_who_may_not_know() {
    let wall = ground("explain_rights");
    wall.app("big").refused(&explain("SELECT * FROM sales"), "42501");
    let role = dba(&wall);
    let mut session = wall.db.connect(&role);
    let mut superuser = wall.db.superuser();
    // Who may not read a column is not told what is in it.
    superuser.run(&format!("REVOKE SELECT ON sales FROM {role}; GRANT SELECT (id) ON sales TO {role}"));
    session.refused(&explain("SELECT id FROM sales"), "OS010").keeps_quiet_about("twin");
    assert!(session.column(&explain_for("SELECT id FROM sales", "{big}")).len() > 5);
    superuser.run(&format!("GRANT SELECT (org_id) ON sales TO {role}"));
    assert_eq!(fields(&session.column(&explain("SELECT id FROM sales")), "│")[0], "big");
    let shown = session.column(&explain_for("SELECT n FROM sales", "{big}")).join("\n");
    assert!(shown.contains("big failed: 42501: permission denied for table sales"), "{shown}");
    for (access, sqlstate) in [
        (format!("SELECT org_scope.allow('{role}', 'direct', pooled => true)"), "OS003"),
        (format!("SELECT org_scope.allow('{role}', 'token')"), "OS002"),
        (format!("SELECT org_scope.disallow('{role}')"), "OS002"),
        (format!("SELECT org_scope.bind_role('{role}', 'big')"), "OS003"),
    ] {
        superuser.run(&access);
        session.refused(&explain("SELECT id FROM sales"), sqlstate).keeps_quiet_about("twin");
    }
    // Whom no fence binds sees what is no organization's plan.
    superuser.refused(&explain("SELECT id FROM sales"), "OS010").says("no protected table");
    superuser.run(&format!("GRANT SELECT ON sales TO {role}; SET ROLE {role}"));
    assert_eq!(fields(&superuser.column(&explain("SELECT id FROM sales")), "│")[0], "big");
}

#[test]
fn organizations_of_every_type_are_named_as_they_are_set() {
    let wall = Wall::new("explain_types");
    let role = wall.app.clone();
    wall.db
        .superuser()
        .run(&format!("GRANT EXECUTE ON FUNCTION org_scope.explain_org(text, text[]) TO {role}"));
    let mut owner = wall.owner();
    for (column, value, big) in [
        ("bigint", "o - 1", "-1"),
        ("uuid", "('00000000-0000-4000-8000-' || lpad(o::text, 12, '0'))", "00000000-00…000000000000"),
        ("varchar(9)", "'o' || o", "o0"),
    ] {
        owner.run(&format!(
            "DROP TABLE IF EXISTS typed; CREATE TABLE typed (org_id {column} NOT NULL, n int);
             INSERT INTO typed SELECT ({value})::{column}, i FROM generate_series(1, 9000) AS i,
                 LATERAL (SELECT CASE WHEN i <= 5000 THEN 0 ELSE 1 + i % 200 END) AS of (o);
             GRANT ALL ON typed TO {role}; SELECT org_scope.protect('typed')"
        ));
        let mut session = wall.db.connect(&role);
        session.refused(&explain("SELECT * FROM typed"), "OS010").says("known from statistics");
        owner.run("ANALYZE typed");
        let shown = session.column(&explain("SELECT * FROM typed"));
        assert_eq!(fields(&shown, "│")[0], big, "{column}: {shown:#?}");
        assert!(shown.join("").contains("5,000"), "{column}: {shown:#?}");
        assert!(!shown.join("").contains("failed"), "{column}: {shown:#?}");
    }
}
