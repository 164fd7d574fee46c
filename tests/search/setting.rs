//! Who decides that searches may use indexes, and since when.

use super::ground::{Ground, SETTING, found};

const SEARCH: &str = "SELECT count(*) FROM docs WHERE words @@ 'w3'::tsquery";

#[test]
fn it_is_off_by_default_and_a_superusers_alone() {
    let ground = Ground::new("search_setting");
    assert_eq!(ground.other("a").text(&format!("SHOW {SETTING}")), "off");
    assert_eq!(ground.searcher("a").text(&format!("SHOW {SETTING}")), "on");
    for role in [&ground.other, &ground.owner] {
        let mut session = ground.db.connect(role);
        session.run("SELECT org_scope.current_org()");
        for sql in [
            format!("SET {SETTING} = on"),
            format!("SET LOCAL {SETTING} = on"),
            format!("SELECT set_config('{SETTING}', 'on', false)"),
            format!("UPDATE pg_settings SET setting = 'on' WHERE name = '{SETTING}'"),
            format!("ALTER ROLE {role} SET {SETTING} = on"),
            format!("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET {SETTING} = on RETURN 1"),
        ] {
            session.refused(&sql, "42501").says("permission denied");
        }
        assert_eq!(session.text(&format!("SHOW {SETTING}")), "off");
    }
    // Before the library is there to refuse it.
    for early in [format!("SET {SETTING} = on"), format!("SELECT set_config('{SETTING}', 'on', false)")] {
        let mut session = ground.db.connect(&ground.other);
        session.run(&early);
        session.act_for("a");
        session.run("SET enable_seqscan = off");
        let plan = session.plan(SEARCH);
        assert!(!plan.contains("docs_words"), "{early}\n{plan}");
    }
    let mut session = ground.db.connect_with_options(&ground.other, &format!("-c {SETTING}=on"));
    session.act_for("a");
    session.run("SET enable_seqscan = off");
    assert!(!session.plan(SEARCH).contains("docs_words"));
}

/// A plan that was made while it was on is not used once it is off; nor does a rollback bring one back.
#[test]
fn no_cached_plan_outlives_the_setting() {
    let ground = Ground::new("search_cache");
    let mut session = ground.db.superuser();
    session.run("SET org_scope.bypass = off");
    session.act_for("a");
    let become_other = format!("SET SESSION AUTHORIZATION {}", ground.other);
    session.run(&format!(
        "{become_other}; SET enable_seqscan = off; PREPARE q AS {SEARCH};
         CREATE FUNCTION pg_temp.f() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
             RETURN QUERY EXPLAIN (COSTS OFF) EXECUTE q; END $$;
         RESET SESSION AUTHORIZATION"
    ));
    let uses = |session: &mut crate::harness::Session, expected: bool, when: &str| {
        session.run(&become_other);
        for sql in ["EXECUTE q", SEARCH] {
            let plan = session.plan(sql);
            assert_eq!(plan.contains("docs_words"), expected, "{when}: {sql}\n{plan}");
        }
        assert_eq!(session.number("EXECUTE q"), 13, "{when}");
        session.run("RESET SESSION AUTHORIZATION");
    };
    uses(&mut session, false, "at first");
    for _ in 0..2 {
        session.run(&format!("SET {SETTING} = on"));
        uses(&mut session, true, "on");
        session.run(&format!("SET {SETTING} = off"));
        uses(&mut session, false, "off");
    }
    session.run(&format!("BEGIN; SET LOCAL {SETTING} = on"));
    uses(&mut session, true, "locally");
    session.run("ROLLBACK");
    uses(&mut session, false, "rolled back");
    session.run(&format!("BEGIN; SET LOCAL {SETTING} = on; SAVEPOINT s; SET LOCAL {SETTING} = off"));
    uses(&mut session, false, "off inside");
    session.run("ROLLBACK TO s");
    uses(&mut session, true, "on again");
    session.run("COMMIT");
    uses(&mut session, false, "committed");
    session.run(&format!("ALTER ROLE {} SET {SETTING} = off", ground.searcher));
    let mut searcher = ground.searcher("a");
    assert!(!searcher.plan(SEARCH).contains("docs_words"));
    assert_eq!(found(&mut searcher, "docs", "words @@ 'w3'"), ground.truth("docs", "a", "words @@ 'w3'"));
}
