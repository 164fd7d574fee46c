//! Guarantee 2: only our functions change the context, each after asking the access table.

use crate::harness::{A, B, Db, Private, Role, Server, Session, Walled};

const BOTH: [Server; 2] = [Server::Plain, Server::Preloaded];

/// Ways to write a setting in a running session.
fn ways_to_set(setting: &str, value: &str) -> Vec<String> {
    vec![
        format!("SET {setting} = '{value}'"),
        format!("SET SESSION {setting} TO '{value}'"),
        format!("BEGIN; SET LOCAL {setting} = '{value}'"),
        format!("SELECT set_config('{setting}', '{value}', false)"),
        format!("BEGIN; SELECT set_config('{setting}', '{value}', true)"),
        format!("UPDATE pg_settings SET setting = '{value}' WHERE name = '{setting}'"),
        format!("DO $$ BEGIN PERFORM set_config('{setting}', '{value}', false); END $$"),
        format!("DO $$ BEGIN EXECUTE 'SET {setting} = ''{value}'''; END $$"),
        format!("SELECT * FROM notes, set_config('{setting}', '{value}', false)"),
    ]
}

/// Whatever the server said to the attempt, the session must end up as `expected`: the notes that it sees,
/// or nothing for a closed fence.
#[track_caller]
fn ends_up(session: &mut Session, attack: &str, expected: Option<&str>) {
    drop(session.try_run("ROLLBACK"));
    match expected {
        Some(notes) => assert_eq!(session.notes(), notes, "{attack}"),
        None => {
            let refusal = session.refused("SELECT count(*) FROM notes", "OS001");
            assert_eq!(refusal.message, "no organization is set", "{attack}");
        }
    }
}

#[test]
fn no_kind_of_set_makes_a_session_into_another_org() {
    for server in BOTH {
        let walled = Walled::new("set", server);
        for attack in ways_to_set("org_scope.current_org", B) {
            let mut app = walled.app_as(A);
            let refusal = app.try_run(&attack).expect_err(&attack);
            assert!(["42501", "OS002"].contains(&refusal.sqlstate.as_str()), "{attack}: {refusal:?}");
            ends_up(&mut app, &attack, Some("a1 a2 a3"));
        }
    }
}

/// What the setting holds when a setter has written it: the origin, a separator, the organization.
fn as_our_setter_leaves_it(org: &str) -> String {
    format!("{{\"how\":\"direct\"}}\u{1}{org}")
}

#[test]
fn a_placeholder_from_before_the_library_counts_for_nothing() {
    let walled = Walled::new("placeholder", Server::Plain);
    let nobody = walled.role("nobody");
    for role in [&walled.app, &nobody] {
        for (setting, value) in [
            ("org_scope.current_org", B),
            ("org_scope.current_org", &as_our_setter_leaves_it(B)),
            ("org_scope.missing_org", "empty"),
        ] {
            for attack in ways_to_set(setting, value) {
                let mut session = walled.db.connect(role);
                // Some are refused, some make a placeholder; none may count.
                drop(session.try_run(&attack));
                ends_up(&mut session, &format!("{role}: {attack}"), None);
            }
        }
        // As our setter would leave it.
        let mut session = walled.db.connect(role);
        let forged = as_our_setter_leaves_it(B);
        session.run(&format!("SET org_scope.current_org = '{forged}'"));
        assert_eq!(session.text("SHOW org_scope.current_org"), forged, "the library is not loaded yet");
        ends_up(&mut session, "org and origin", None);
        let warnings = session.notices();
        assert!(warnings.iter().any(|w| w.severity == "WARNING"), "{warnings:?}");
        assert_eq!(session.text("SELECT org_scope.current_org()"), "");
    }
}

#[test]
fn a_placeholder_inside_a_running_transaction_counts_for_nothing() {
    let walled = Walled::new("stacked", Server::Plain);
    let mut app = walled.app();
    app.run(&format!(
        "BEGIN; SET LOCAL org_scope.current_org = '{B}'; SAVEPOINT s; SET LOCAL org_scope.current_org = '{A}'"
    ));
    assert_eq!(app.text("SELECT org_scope.current_org()"), "");
    app.run("ROLLBACK TO s");
    assert_eq!(app.text("SELECT org_scope.current_org()"), "");
    app.is_closed();
}

#[test]
fn startup_options_count_for_nothing() {
    for server in BOTH {
        let walled = Walled::new("startup", server);
        let nobody = walled.role("nobody");
        for role in [&walled.app, &nobody] {
            for options in [
                format!("-c org_scope.current_org={B}"),
                format!("--org_scope.current_org={B}"),
                format!("-c org_scope.current_org={}", as_our_setter_leaves_it(B)),
                format!("-c session_preload_libraries=org_scope -c org_scope.current_org={B}"),
                format!("-c ORG_SCOPE.CURRENT_ORG={B}"),
            ] {
                match walled.db.try_connect_with_options(role, &options) {
                    Ok(mut session) => {
                        ends_up(&mut session, &options, None);
                        session.run("RESET ALL");
                        ends_up(&mut session, &format!("{options}, then RESET ALL"), None);
                        session.run("DISCARD ALL");
                        ends_up(&mut session, &format!("{options}, then DISCARD ALL"), None);
                    }
                    Err(refusal) => {
                        assert!(["42501", "OS002"].contains(&refusal.sqlstate.as_str()), "{refusal:?}");
                    }
                }
            }
        }
        let psql = walled.db.psql_with_env(
            walled.app.name(),
            "SELECT count(*) FROM notes",
            &[("PGOPTIONS", &format!("-c org_scope.current_org={B}"))],
        );
        assert!(!psql.success, "{psql:?}");
    }
}

#[test]
fn settings_of_roles_and_databases_count_for_nothing() {
    for server in BOTH {
        let walled = Walled::new("rolesetting", server);
        let (db, app) = (walled.db.name().to_owned(), walled.app.clone());
        for (by, attack) in [
            ("app", format!("ALTER ROLE {app} SET org_scope.current_org = '{B}'")),
            ("app", format!("ALTER ROLE {app} IN DATABASE {db} SET org_scope.current_org = '{B}'")),
            ("postgres", format!("ALTER ROLE {app} SET org_scope.current_org = '{B}'")),
            ("postgres", format!("ALTER ROLE {app} IN DATABASE {db} SET org_scope.current_org = '{B}'")),
            ("postgres", format!("ALTER DATABASE {db} SET org_scope.current_org = '{B}'")),
            (
                "postgres",
                format!("ALTER ROLE {app} SET org_scope.current_org = '{}'", as_our_setter_leaves_it(B)),
            ),
        ] {
            // From a session that hasn't loaded the library, the best case for the attacker.
            let mut session = if by == "app" { walled.app() } else { walled.superuser() };
            drop(session.try_run(&attack));
            match walled.db.try_connect_with_options(&app, "") {
                Ok(mut session) => ends_up(&mut session, &format!("{by}: {attack}"), None),
                Err(refusal) => panic!("{attack} locked the role out: {refusal:?}"),
            }
        }
        // All of them are still there for whoever logs in next.
        let mut session = walled.app_as(A);
        ends_up(&mut session, "all together, then a setter", Some("a1 a2 a3"));
        session.run("RESET ALL");
        ends_up(&mut session, "all together, then RESET ALL", None);
    }
}

#[test]
fn configuration_files_count_for_nothing() {
    for preload in [false, true] {
        let server = Private::new(preload, &[&format!("org_scope.current_org = '{B}'")]);
        let walled = Walled::on(&server, "conf");
        ends_up(&mut walled.app(), "a line of postgresql.conf", None);
        ends_up(&mut walled.app_as(A), "the same, with a setter", Some("a1 a2 a3"));
        let mut superuser = walled.superuser();
        superuser.run("SELECT org_scope.current_org()");
        assert!(superuser.try_run(&format!("ALTER SYSTEM SET org_scope.current_org = '{B}'")).is_err());
        // A reload reaches sessions in which the library is loaded.
        let (mut with, mut without) = (walled.app_as(A), walled.app());
        without.run("SELECT org_scope.current_org()");
        server.0.configure(&format!("org_scope.current_org = '{B}x'")).expect("a line more");
        server.0.configure("log_min_duration_statement = 54321").expect("a line more");
        superuser.run("SELECT pg_reload_conf()");
        for session in [&mut with, &mut without, &mut superuser] {
            for attempt in 0.. {
                if session.text("SHOW log_min_duration_statement") == "54321ms" {
                    break;
                }
                assert!(attempt < 500, "the reload did not arrive");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        ends_up(&mut with, "a reload", Some("a1 a2 a3"));
        ends_up(&mut without, "a reload", None);
    }
}

#[test]
fn a_functions_set_clause_counts_for_nothing() {
    for server in BOTH {
        let walled = Walled::new("setclause", server);
        for (by, definer) in
            [("app", ""), ("app", "SECURITY DEFINER"), ("postgres", ""), ("postgres", "SECURITY DEFINER")]
        {
            let mut maker = if by == "app" { walled.app() } else { walled.superuser() };
            let made = maker.try_run(&format!(
                "CREATE OR REPLACE FUNCTION as_b() RETURNS text LANGUAGE plpgsql {definer}
                 SET org_scope.current_org = '{B}' AS $$ BEGIN RETURN org_scope.current_org(); END $$"
            ));
            if made.is_ok() {
                // A placeholder at the call, and the library comes inside it; then with the library there.
                for mut session in [walled.app(), walled.app_as(A)] {
                    for _ in 0..2 {
                        match session.client().query_one("SELECT as_b()", &[]) {
                            Ok(row) => assert_ne!(row.get::<_, Option<&str>>(0), Some(B), "{by} {definer}"),
                            Err(error) => assert!(error.as_db_error().is_some(), "{error}"),
                        }
                    }
                }
            }
            drop(walled.superuser().try_run("DROP FUNCTION IF EXISTS as_b()"));
        }
    }
}

#[test]
fn definer_functions_lend_nobody_their_owners_access() {
    let walled = Walled::new("definer", Server::Plain);
    let nobody = walled.role("nobody");
    // The best lenders there are: the superuser, and a role with access.
    for (by, mut maker) in [("postgres", walled.superuser()), ("app", walled.app())] {
        maker.run(&format!(
            "CREATE OR REPLACE FUNCTION public.lend_{by}(org text) RETURNS text LANGUAGE sql SECURITY DEFINER
                 AS 'SELECT org_scope.set_current_org(org)';
             CREATE OR REPLACE FUNCTION public.lend_guc_{by}(org text) RETURNS text LANGUAGE sql SECURITY DEFINER
                 AS 'SELECT set_config(''org_scope.current_org'', org, false)'"
        ));
        let mut session = walled.db.connect(&nobody);
        let refusal = session.refused(&format!("SELECT public.lend_{by}('{B}')"), "OS002");
        assert!(refusal.message.contains(nobody.name()), "{refusal:?}");
        drop(session.try_run(&format!("SELECT public.lend_guc_{by}('{B}')")));
        ends_up(&mut session, by, None);
    }
}

#[test]
fn set_role_and_membership_lend_no_access() {
    let walled = Walled::new("membership", Server::Plain);
    let (nobody, group) = (walled.role("nobody"), walled.db.role_with("group", "NOLOGIN"));
    walled.superuser().run(&format!(
        "GRANT {}, {group} TO {nobody}; SELECT org_scope.allow('{group}', 'direct')",
        walled.app
    ));
    let mut session = walled.db.connect(&nobody);
    for become_role in [walled.app.clone(), group.clone()] {
        session.run(&format!("SET ROLE {become_role}"));
        session.refused(&format!("SELECT org_scope.set_current_org('{B}')"), "OS002").says(nobody.name());
        session.run("RESET ROLE");
    }
    // And back: a role with access keeps it as somebody else, because it is the login that counts.
    let helper = walled.role("helper");
    walled.superuser().run(&format!("GRANT {helper} TO {}", walled.app));
    let mut app = walled.app();
    app.run(&format!("SET ROLE {helper}"));
    app.act_for(A);
    assert_eq!(app.notes(), "a1 a2 a3");
}

#[test]
fn set_session_authorization_changes_whose_access_counts() {
    let walled = Walled::new("authorization", Server::Plain);
    let nobody = walled.role("nobody");
    let mut app = walled.app_as(A);
    app.refused("SET SESSION AUTHORIZATION postgres", "42501");
    let mut superuser = walled.superuser();
    superuser.act_for(A);
    superuser.run(&format!("SET SESSION AUTHORIZATION {}", walled.app));
    assert_eq!(superuser.notes(), "a1 a2 a3", "a role with access keeps it");
    superuser.run(&format!("SET SESSION AUTHORIZATION {nobody}"));
    superuser.is_closed();
    superuser.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
}

#[test]
fn a_hand_made_grant_on_the_parameter_is_not_enough() {
    for server in BOTH {
        let walled = Walled::new("grant", server);
        let nobody = walled.role("nobody");
        walled.superuser().run(&format!(
            "SELECT org_scope.current_org();
             GRANT SET ON PARAMETER org_scope.current_org, org_scope.current_project TO {}, {nobody}",
            walled.app
        ));
        for role in [&walled.app, &nobody] {
            let mut session = walled.db.connect(role);
            session.run("SELECT org_scope.current_org()");
            for (setting, value) in [
                ("org_scope.current_org", B),
                ("org_scope.current_org", &as_our_setter_leaves_it(B)),
                ("org_scope.current_project", "p"),
            ] {
                for attack in ways_to_set(setting, value) {
                    let refusal = session.try_run(&attack).expect_err(&attack);
                    assert!(["OS001", "OS002"].contains(&refusal.sqlstate.as_str()), "{attack}: {refusal:?}");
                    ends_up(&mut session, &attack, None);
                }
            }
            let options = format!("-c org_scope.current_org={B}");
            if let Ok(mut session) = walled.db.try_connect_with_options(role, &options) {
                ends_up(&mut session, &options, None);
            }
        }
    }
}

#[test]
fn the_other_settings_are_closed_even_to_superusers() {
    let walled = Walled::new("others", Server::Preloaded);
    let mut superuser = walled.superuser();
    for setting in ["current_org", "current_user", "current_project"] {
        let refusal =
            superuser.refused(&format!("SELECT set_config('org_scope.{setting}', 'x', false)"), "OS002");
        assert_eq!(
            refusal.message,
            format!("parameter \"org_scope.{setting}\" can be set by org_scope's functions only")
        );
        assert_eq!(refusal.hint, "SELECT org_scope.set_current_org('...');");
    }
    superuser.refused("SET org_scope.current_orgs = 'x'", "42602");
}

#[test]
fn nobody_without_access_sets_anything() {
    for server in BOTH {
        let walled = Walled::new("nobody", server);
        let nobody = walled.role("nobody");
        let mut session = walled.db.connect(&nobody);
        for call in [
            format!("set_current_org('{B}')"),
            format!("set_current_org('{B}'::uuid)"),
            "set_current_org(7)".into(),
            format!("set_current_org('{B}', true)"),
            format!("set_current_org(org => '{B}', is_local => true)"),
            "set_current_user('root')".into(),
        ] {
            let refusal = session.refused(&format!("SELECT org_scope.{call}"), "OS002");
            assert_eq!(refusal.hint, format!("SELECT org_scope.allow('{nobody}', 'direct');"), "{call}");
        }
        session.refused("SELECT org_scope.set_current_project('p')", "OS001");
        for call in ["allow('x', 'direct')", "disallow('x')", "bind_role('x', 'y')", "unbind_role('x')"] {
            let call = call.replace("'x'", &format!("'{nobody}'"));
            session.refused(&format!("SELECT org_scope.{call}"), "42501");
        }
        session.is_closed();
    }
}

#[test]
fn reset_all_and_discard_all_lead_back_to_the_start() {
    for server in BOTH {
        let walled = Walled::new("reset", server);
        let tenant = walled.role("tenant");
        walled.superuser().run(&format!("SELECT org_scope.allow('{tenant}', 'parameter')"));
        let options = format!("-c org_scope.current_org={A}");
        for back in ["RESET ALL", "DISCARD ALL", "RESET org_scope.current_org"] {
            let mut session = walled.db.connect_with_options(&tenant, &options);
            assert_eq!(session.notes(), "a1 a2 a3", "{back}");
            session.act_for(B);
            assert_eq!(session.notes(), "b4 b5", "{back}");
            session.run(back);
            assert_eq!(session.notes(), "a1 a2 a3", "{back}");
        }
    }
}

#[test]
fn disallow_closes_what_is_open() {
    for server in BOTH {
        for begin in
            ["", "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE"]
        {
            let walled = Walled::new("disallow", server);
            let mut app = walled.app_as(A);
            app.run(
                "PREPARE q AS SELECT count(*) FROM notes; SET plan_cache_mode = force_generic_plan; SELECT 1",
            );
            app.run(if begin.is_empty() { "SELECT 1" } else { begin });
            for _ in 0..3 {
                assert_eq!(app.number("EXECUTE q"), 3);
            }
            walled.superuser().run(&format!("SELECT org_scope.disallow('{}')", walled.app));
            let refusal = app.refused("EXECUTE q", "OS001");
            assert_eq!(refusal.message, "no organization is set", "{server:?} {begin:?}");
            drop(app.try_run("ROLLBACK"));
            app.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
        }
    }
}

#[test]
fn a_hand_made_change_of_the_access_table_reaches_every_session() {
    let walled = Walled::new("byhand", Server::Plain);
    let nobody = walled.role("nobody");
    let mut session = walled.db.connect(&nobody);
    let mut app = walled.app_as(A);
    let mut superuser = walled.superuser();
    session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    for (change, open) in [
        (format!("INSERT INTO org_scope.role_access (role, how) VALUES ('{nobody}', 'direct')"), true),
        (
            format!(
                "UPDATE org_scope.role_access SET how = NULL, bound_org = '{B}' WHERE role = '{nobody}'::regrole"
            ),
            false,
        ),
        (
            format!(
                "UPDATE org_scope.role_access SET how = 'direct', bound_org = NULL WHERE role = '{nobody}'::regrole"
            ),
            true,
        ),
        (format!("DELETE FROM org_scope.role_access WHERE role = '{nobody}'::regrole"), false),
        (
            format!(
                "SET session_replication_role = replica; INSERT INTO org_scope.role_access (role, how) VALUES ('{nobody}', 'direct')"
            ),
            true,
        ),
        ("TRUNCATE org_scope.role_access".to_owned(), false),
    ] {
        superuser.run(&change);
        assert_eq!(
            session.try_run(&format!("SELECT org_scope.set_current_org('{A}')")).is_ok(),
            open,
            "{change}"
        );
    }
    app.is_closed();
}

#[test]
fn nobody_writes_the_access_table() {
    let db = Db::new("table", Server::Plain);
    let plain = db.role("plain");
    let writer = db.role_with("writer", "LOGIN IN ROLE pg_read_all_data, pg_write_all_data");
    db.superuser().run(&format!("SELECT org_scope.allow('{plain}', 'direct')"));
    let row = format!("INSERT INTO org_scope.role_access (role, how) VALUES ('{writer}', 'direct')");
    let attempts: [(&Role, &str, Option<u64>); 9] = [
        (&plain, &row, None),
        (&plain, "TRUNCATE org_scope.role_access", None),
        (&plain, "SELECT * FROM org_scope.role_access", None),
        (&plain, "SELECT * FROM org_scope.access", None),
        (&plain, "ALTER TABLE org_scope.role_access DISABLE ROW LEVEL SECURITY", None),
        (&writer, &row, None),
        (&writer, "UPDATE org_scope.role_access SET how = 'parameter'", Some(0)),
        (&writer, "DELETE FROM org_scope.role_access", Some(0)),
        (&writer, "TRUNCATE org_scope.role_access", None),
    ];
    for (role, attempt, touched) in attempts {
        let mut session = db.connect(role);
        match touched {
            Some(rows) => assert_eq!(session.touched(attempt), rows, "{attempt}"),
            None => drop(session.refused(attempt, "42501")),
        }
    }
    assert!(db.connect(&writer).rows("SELECT * FROM org_scope.role_access").is_empty());
    assert_eq!(db.superuser().number("SELECT count(*) FROM org_scope.role_access"), 1);
}

#[test]
fn nobody_replaces_our_functions_or_plants_beside_them() {
    let walled = Walled::new("plant", Server::Plain);
    let mut app = walled.app();
    for (attack, sqlstate) in [
        (
            "CREATE FUNCTION org_scope.set_current_org(org varchar, is_local boolean) RETURNS text LANGUAGE sql AS 'SELECT 1'",
            "42501",
        ),
        (
            "CREATE OR REPLACE FUNCTION org_scope.fence_org_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
            "42501",
        ),
        ("ALTER FUNCTION org_scope.fence_org_uuid() IMMUTABLE", "42501"),
        ("ALTER FUNCTION org_scope.fence_org_uuid() SET org_scope.missing_org = 'empty'", "42501"),
        ("DROP FUNCTION org_scope.fence_org_uuid() CASCADE", "42501"),
        ("CREATE TABLE org_scope.t ()", "42501"),
        ("DROP POLICY org_scope_fence ON notes", "42501"),
        ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "42501"),
        (
            "CREATE FUNCTION mine() RETURNS uuid LANGUAGE c AS 'org_scope', 'org_scope_fence_org_uuid'",
            "42501",
        ),
        ("LOAD 'org_scope'", "42501"),
    ] {
        let refusal = app.try_run(attack).expect_err(attack);
        assert_eq!(refusal.sqlstate, sqlstate, "{attack}: {refusal:?}");
    }
}
