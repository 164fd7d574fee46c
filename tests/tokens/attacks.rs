//! A role with access `token` tries to become another organization by anything but a token of it.

use super::*;

#[test]
fn nothing_but_another_token_makes_it_another_organization() {
    let (wall, mut owner) = walled("token_attack");
    let (direct, group) = (wall.db.role("direct"), wall.db.role("group"));
    let mut superuser = wall.db.superuser();
    superuser.run(&format!(
        "SELECT org_scope.allow('{direct}', 'direct'); GRANT {direct}, {group} TO {app}; SELECT org_scope.allow('{group}', 'parameter');
         GRANT pg_read_all_data, pg_write_all_data, pg_monitor TO {app};
         CREATE FUNCTION definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT org_scope.set_current_org('b') $$",
        app = wall.app
    ));
    owner.run(
        "CREATE FUNCTION mine() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT org_scope.set_current_org('b') $$;
         CREATE FUNCTION reset() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'RESET ALL'; RETURN (SELECT count(*) FROM agents WHERE org_id = 'b'); END $$",
    );
    let mut app = wall.db.connect(&wall.app);
    app.shows(&token_of("a", "user_1"), false).expect("taken");
    for attack in [
        "SELECT org_scope.set_current_org('b')",
        "SELECT org_scope.set_current_org('b', true)",
        "SELECT org_scope.set_current_user('admin')",
        "SELECT org_scope.set_current_org_from('x', 'y')",
        "SET org_scope.current_org = 'b'",
        "SET LOCAL org_scope.current_org = 'b'",
        r#"SET org_scope."current_user" = 'admin'"#,
        "SELECT set_config('org_scope.current_org', 'b', false)",
        "SELECT set_config('org_scope.current_org', E'{\"how\":\"token\",\"expires\":99999999999}\\x01b', false)",
        "UPDATE pg_settings SET setting = 'b' WHERE name = 'org_scope.current_org'",
        "CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE sql SET org_scope.current_org = 'b' AS 'SELECT 1'",
        "ALTER ROLE CURRENT_USER SET org_scope.current_org = 'b'",
        "SELECT definer()",
        "SELECT mine()",
        "SELECT org_scope.allow(CURRENT_USER::regrole, 'direct')",
        "UPDATE org_scope.role_access SET how = 'direct'",
        "DELETE FROM org_scope.signing_key",
    ] {
        match app.try_run(attack) {
            // Row security shows it no row of our tables.
            Ok(()) => assert!(
                attack.contains("org_scope.role_access") || attack.contains("signing_key"),
                "{attack}"
            ),
            Err(refusal) => {
                assert!(["OS002", "42501", "22023"].contains(&&*refusal.sqlstate), "{attack}: {refusal:#?}")
            }
        }
        assert_eq!(
            app.text("SELECT org_scope.current_org() || org_scope.current_user_id()"),
            "auser_1",
            "{attack}"
        );
        assert_eq!(app.number(COUNT), 2, "{attack}");
    }
    for role in [&direct, &group] {
        app.run(&format!("SET ROLE {role}"));
        app.refused("SELECT org_scope.set_current_org('b')", "OS002");
        let refusal = app.try_run("SET org_scope.current_org = 'b'").expect_err("no role of its sets it");
        assert!(["42501", "OS002"].contains(&&*refusal.sqlstate), "{refusal:#?}");
        app.run("RESET ROLE");
    }
    app.refused("SELECT reset()", "OS001");
    for end in ["RESET ALL", "DISCARD ALL"] {
        app.shows(&token_of("a", "user_1"), false).expect("taken");
        app.run(end);
        app.refused(COUNT, "OS001");
    }
    // Nor at the start of a session.
    for options in ["-c org_scope.current_org=b", "-c role=postgres"] {
        if let Ok(mut session) = wall.db.try_connect_with_options(&wall.app, options) {
            session.refused(COUNT, "OS001");
        }
    }
}

#[test]
fn an_aborted_transaction_brings_nothing_back() {
    let (wall, _owner) = walled("token_abort");
    let mut app = wall.db.connect(&wall.app);
    app.shows(&token_of("a", "user_1"), false).expect("taken");
    app.run("BEGIN; SAVEPOINT s");
    app.shows(&token_of("b", "user_2"), false).expect("taken");
    app.run("ROLLBACK TO s");
    assert_eq!(app.number(COUNT), 2);
    app.shows(&token_of("b", "user_2"), true).expect("taken");
    assert_eq!(app.number(COUNT), 3);
    app.refused("SELECT 1/0", "22012");
    app.run("ROLLBACK");
    assert_eq!(app.number(COUNT), 2);
    app.run("SELECT org_scope.clear_context(); BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT");
    app.refused(COUNT, "OS001");
}

#[test]
fn tokens_that_are_not_good_are_refused_by_name_and_change_nothing() {
    let (wall, _owner) = walled("token_bad");
    let mut app = wall.db.connect(&wall.app);
    app.shows(&token_of("b", "user_9"), false).expect("taken");
    let good = token_of("org_a", "user_1");
    let (text, signature) = good.rsplit_once('.').expect("three parts");
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":{},"org_id":"org_a"}}"#, now() + 600);
    let unsigned = |header: &str| with_signature(header, &claims, |_| vec![0; 32]);
    let of = |claims: &str| signed("k1", claims);
    for (bad, sqlstate) in [
        (String::new(), "OS007"),
        ("Bearer x".to_owned(), "OS007"),
        (text.to_owned(), "OS007"),
        (format!("{text}."), "OS007"),
        (format!("{text}.{}", signature.chars().rev().collect::<String>()), "OS007"),
        (unsigned(r#"{"alg":"none","kid":"k1"}"#), "OS007"),
        (unsigned(r#"{"alg":"HS512","kid":"k1"}"#), "OS007"),
        (unsigned(r#"{"alg":"HS256","kid":"k1' OR true --"}"#), "OS007"),
        (unsigned(r#"{"alg":"HS256","kid":"k1","jku":"https://evil.example.com"}"#), "OS007"),
        (of(&format!(r#"{{"iss":"{ISSUER}","exp":{},"org_id":"org_a"}}"#, now() - 1)), "OS008"),
        (of(&format!(r#"{{"iss":"{ISSUER}","exp":{}.5,"org_id":"org_a"}}"#, now() + 60)), "OS007"),
        (of(&format!(r#"{{"iss":"{ISSUER}","exp":1e12,"org_id":"org_a"}}"#)), "OS007"),
        (of(&format!(r#"{{"iss":"{ISSUER}","org_id":"org_a"}}"#)), "OS007"),
        (
            of(&format!(r#"{{"iss":"https://evil.example.com","exp":{},"org_id":"org_a"}}"#, now() + 60)),
            "OS007",
        ),
        (
            of(&format!(r#"{{"iss":"{ISSUER}","exp":{},"aud":"other","org_id":"org_a"}}"#, now() + 60)),
            "OS007",
        ),
        (
            of(&format!(r#"{{"iss":"{ISSUER}","exp":{0},"org_id":"b","org_id":"org_a"}}"#, now() + 60)),
            "OS007",
        ),
        (
            of(&format!(
                r#"{{"iss":"{ISSUER}","exp":{},"nbf":{},"org_id":"org_a"}}"#,
                now() + 60,
                now() + 30
            )),
            "OS007",
        ),
        ("x".repeat(65 * 1024), "OS007"),
    ] {
        app.refuses(&bad, sqlstate);
        assert_eq!(app.text("SELECT org_scope.current_org()"), "b");
    }
}
