//! The context itself: overloads, types, readers, what it costs in memory, and what the client sees of errors.

use crate::harness::{A, B, Db, Server, Session, Walled, fence};

#[test]
fn every_type_is_said_in_its_canonical_text() {
    let walled = Walled::new("types", Server::Plain);
    let mut app = walled.app();
    for (call, text) in [
        ("set_current_org('x y')", "x y"),
        ("set_current_org(org => 'named')", "named"),
        ("set_current_org('AAAAAAAA-0000-4000-8000-000000000001'::uuid)", A),
        ("set_current_org('{aaaaaaaa00004000-8000000000000001}'::uuid)", A),
        ("set_current_org(42)", "42"),
        ("set_current_org(42::smallint)", "42"),
        ("set_current_org(-9223372036854775808)", "-9223372036854775808"),
        ("set_current_org('v'::varchar)", "v"),
        ("set_current_org('Ünïcödé ☃')", "Ünïcödé ☃"),
        ("set_current_org(' ')", " "),
        ("set_current_org('it''s \"quoted\"; --')", "it's \"quoted\"; --"),
    ] {
        assert_eq!(app.text(&format!("SELECT org_scope.{call}")), text, "{call}");
        assert_eq!(app.text("SELECT org_scope.current_org()"), text, "{call}");
        assert_eq!(app.text("SELECT org_scope.fence_org()"), text, "{call}");
    }
    let long = "é".repeat(512);
    app.act_for(&long);
    assert_eq!(app.text("SELECT org_scope.current_org()"), long);
    app.refused(&format!("SELECT org_scope.set_current_org('{long}x')"), "OS004").says("1024");
}

#[test]
fn readers_of_another_type_name_both() {
    let walled = Walled::new("readers", Server::Plain);
    let mut app = walled.app();
    for (org, is, refusing) in [
        ("org_38mpe7YzuKjtqIRiuiWGCruMwX5", "text", vec!["uuid", "bigint"]),
        (A, "uuid", vec!["bigint"]),
        ("42", "bigint", vec!["uuid"]),
        ("9223372036854775808", "text", vec!["uuid", "bigint"]),
    ] {
        app.act_for(org);
        for wanted in ["uuid", "bigint"] {
            for reader in ["current_org", "fence_org"] {
                let call = format!("SELECT org_scope.{reader}_{wanted}()");
                if refusing.contains(&wanted) {
                    let refusal = app.refused(&call, "OS004").keeps_quiet_about(org);
                    assert_eq!(
                        refusal.message,
                        format!("the current organization is {is} but {wanted} is needed")
                    );
                } else {
                    assert_eq!(app.text(&call), org, "{call}");
                }
            }
        }
        assert_eq!(app.text("SELECT org_scope.current_org()"), org);
    }
}

#[test]
fn a_table_of_another_type_says_so_and_shows_nothing() {
    let walled = Walled::new("wrongtype", Server::Plain);
    let mut owner = walled.owner();
    owner.run(&format!(
        "CREATE TABLE texts (org_id text NOT NULL, body text); INSERT INTO texts VALUES ('42', 'x'), ('{A}', 'y'), ('org_x', 'z');
         CREATE TABLE numbers (org_id bigint NOT NULL, body text); INSERT INTO numbers VALUES (42, 'x'), (43, 'y');
         GRANT ALL ON texts, numbers TO {}",
        walled.app
    ));
    fence(&mut owner, "texts", "org_id");
    fence(&mut owner, "numbers", "org_id");
    let mut app = walled.app_as("42");
    assert_eq!(app.column("SELECT body FROM texts"), ["x"]);
    assert_eq!(app.column("SELECT body FROM numbers"), ["x"]);
    for statement in
        ["SELECT * FROM notes", "UPDATE notes SET body = 'x'", "INSERT INTO notes (id, body) VALUES (9, 'x')"]
    {
        app.refused(statement, "OS004").says("is bigint but uuid is needed");
    }
    app.act_for("org_x");
    assert_eq!(app.column("SELECT body FROM texts"), ["z"]);
    app.refused("SELECT * FROM numbers", "OS004").says("is text but bigint is needed");
    app.act_for(A);
    assert_eq!(app.column("SELECT body FROM texts"), ["y"]);
}

#[test]
fn readers_are_null_when_unset() {
    let db = Db::new("unset", Server::Plain);
    let nobody = db.role("nobody");
    for mut session in [db.connect(&nobody), db.superuser()] {
        for reader in [
            "current_org",
            "current_org_uuid",
            "current_org_bigint",
            "current_user_id",
            "current_project",
            "current_project_uuid",
            "current_project_bigint",
        ] {
            assert_eq!(session.value(&format!("SELECT org_scope.{reader}()")), None, "{reader}");
        }
        for reader in ["fence_org", "fence_org_uuid", "fence_org_bigint"] {
            session.refused(&format!("SELECT org_scope.{reader}()"), "OS001");
        }
        assert_eq!(
            session.text("SELECT org_scope.context() - 'bypasses_row_security'"),
            r#"{"org": null, "user": null, "project": null}"#
        );
    }
}

#[test]
fn user_and_project_are_set_cleared_and_belong_to_their_organization() {
    let walled = Walled::new("project", Server::Plain);
    let mut app = walled.app();
    app.refused("SELECT org_scope.set_current_project('p')", "OS001");
    app.act_for(A);
    assert_eq!(app.text("SELECT org_scope.set_current_project('p')"), "p");
    assert_eq!(app.text("SELECT org_scope.set_current_user('u')"), "u");
    app.act_for(A);
    assert_eq!(app.text("SELECT org_scope.current_project()"), "p", "the same organization again");
    app.act_for(B);
    assert_eq!(app.text("SELECT org_scope.current_project()"), "", "another organization");
    app.act_for(A);
    assert_eq!(app.text("SELECT org_scope.current_project()"), "", "and back: cleared is cleared");
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "u");
    for (set, read, text) in [
        (format!("set_current_project('{B}'::uuid)"), "current_project_uuid", B),
        ("set_current_project(7)".to_owned(), "current_project_bigint", "7"),
        ("set_current_project(NULL)".to_owned(), "current_project", ""),
        ("set_current_project('p')".to_owned(), "current_project", "p"),
        ("set_current_project('')".to_owned(), "current_project", ""),
        ("set_current_user(NULL)".to_owned(), "current_user_id", ""),
    ] {
        app.run(&format!("SELECT org_scope.{set}"));
        assert_eq!(app.text(&format!("SELECT org_scope.{read}()")), text, "{set}");
    }
    app.run("SELECT org_scope.set_current_project('p')");
    app.refused("SELECT org_scope.current_project_uuid()", "OS004");
}

#[test]
fn one_transactions_project_is_gone_with_it() {
    let walled = Walled::new("localproject", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("SELECT org_scope.set_current_project('kept')");
    app.run(
        "BEGIN; SELECT org_scope.set_current_project('local', true), org_scope.set_current_user('u', true)",
    );
    assert_eq!(app.text("SELECT org_scope.current_project()"), "local");
    app.run("COMMIT");
    assert_eq!(app.text("SELECT org_scope.current_project()"), "kept");
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "");
    app.run("BEGIN");
    app.run(&format!("SELECT org_scope.set_current_org('{B}', true)"));
    assert_eq!(app.text("SELECT org_scope.current_project()"), "");
    app.run("COMMIT");
    assert_eq!(app.text("SELECT org_scope.current_project()"), "kept");
}

#[test]
fn setters_are_not_strict_and_readers_are_as_the_planner_needs_them() {
    let db = Db::new("labels", Server::Plain);
    let mut session = db.superuser();
    let wrong = session.column(
        "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace AND prorettype <> 'trigger'::regtype
         AND (proisstrict OR proleakproof
              OR (proname ~ '^(current_|fence_|context$|project_scope$)') <> (provolatile = 's' AND proparallel = 's')
              OR proname ~ '^(set_|clear)' AND (provolatile <> 'v' OR proparallel <> 'u'))",
    );
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What the session's backend holds, as the server counts it and as the operating system does.
fn memory(session: &mut Session) -> (i64, i64) {
    let pid = session.number("SELECT pg_backend_pid()");
    // What the question itself brings into the caches must not count.
    let question = "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts";
    session.number(question);
    let contexts = session.number(question);
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).expect("the backend's memory");
    // Resident minus shared pages: those of the server's shared buffers come in as they are touched.
    let mut pages = statm.split(' ').skip(1).map(|n| n.parse::<i64>().expect("a number"));
    let (resident, shared) = (pages.next().expect("resident"), pages.next().expect("shared"));
    (contexts, (resident - shared) * 4096)
}

#[test]
fn a_million_calls_leave_memory_where_it_was() {
    let walled = Walled::new("memory", Server::Plain);
    walled.superuser().run(&format!("GRANT pg_read_all_stats TO {}", walled.app));
    let mut app = walled.app();
    let calls = |n: u32| {
        format!(
            "SELECT count(org_scope.set_current_org(CASE g % 2 WHEN 0 THEN '{A}' ELSE '{B}' END, g % 3 = 0)) + count(org_scope.current_org())
             FROM generate_series(1, {n}) g"
        )
    };
    app.run(&calls(20_000));
    let (contexts, resident) = memory(&mut app);
    assert_eq!(app.number(&calls(1_000_000)), 2_000_000);
    let (contexts_after, resident_after) = memory(&mut app);
    assert!(
        contexts_after - contexts < 256 * 1024,
        "contexts grew from {contexts} to {contexts_after} bytes"
    );
    assert!(
        resident_after - resident < 2 * 1024 * 1024,
        "private memory grew from {resident} to {resident_after} bytes"
    );
}

#[test]
fn thousands_of_statements_and_errors_leave_memory_where_it_was() {
    let walled = Walled::new("memory2", Server::Plain);
    walled.superuser().run(&format!("GRANT pg_read_all_stats TO {}", walled.app));
    let mut app = walled.app();
    let round = |app: &mut Session| {
        app.run(&format!(
            "DO $$ DECLARE n int; BEGIN
                 FOR i IN 1..5000 LOOP
                     PERFORM org_scope.set_current_org('{A}');
                     SELECT count(*) INTO n FROM notes;
                     BEGIN
                         PERFORM org_scope.set_current_org(CASE i % 2 WHEN 0 THEN NULL ELSE '{B}' END);
                         INSERT INTO notes VALUES (4, '{A}', 'x');
                     EXCEPTION WHEN OTHERS THEN NULL; END;
                 END LOOP;
             END $$"
        ));
    };
    round(&mut app);
    let (contexts, resident) = memory(&mut app);
    for _ in 0..4 {
        round(&mut app);
    }
    let (contexts_after, resident_after) = memory(&mut app);
    assert!(
        contexts_after - contexts < 256 * 1024,
        "contexts grew from {contexts} to {contexts_after} bytes"
    );
    assert!(
        resident_after - resident < 2 * 1024 * 1024,
        "private memory grew from {resident} to {resident_after} bytes"
    );
}

#[test]
fn errors_pass_our_hooks_whole() {
    for server in [Server::Plain, Server::Preloaded] {
        let walled = Walled::new("whole", server);
        let mut app = walled.app_as(A);
        app.run(
            "CREATE FUNCTION custom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                 RAISE 'custom' USING ERRCODE = 'ZX123', DETAIL = 'd', HINT = 'h', COLUMN = 'c', CONSTRAINT = 'k', TABLE = 't', SCHEMA = 's', DATATYPE = 'y'; END $$;
             CREATE TABLE checked (n int CONSTRAINT positive CHECK (n > 0))",
        );
        for call in [
            "SELECT custom()",
            "SELECT custom() FROM notes",
            "UPDATE notes SET id = custom()",
            "DO 'BEGIN PERFORM custom(); END'",
        ] {
            let error = app.client().simple_query(call).expect_err("an error");
            let error = error.as_db_error().expect("of the server");
            assert_eq!(error.code().code(), "ZX123", "{call}");
            assert_eq!(
                (error.message(), error.detail(), error.hint()),
                ("custom", Some("d"), Some("h")),
                "{call}"
            );
            assert_eq!(
                (error.column(), error.constraint(), error.table(), error.schema(), error.datatype()),
                (Some("c"), Some("k"), Some("t"), Some("s"), Some("y")),
                "{call}"
            );
            assert!(error.where_().is_some_and(|w| w.contains("custom()")), "{call}: {error:?}");
        }
        let error = app.client().simple_query("INSERT INTO checked VALUES (0)").expect_err("an error");
        let error = error.as_db_error().expect("of the server");
        assert_eq!(
            (error.constraint(), error.table(), error.code().code()),
            (Some("positive"), Some("checked"), "23514")
        );
        let error = app.client().simple_query("SELECT nothing FROM notes").expect_err("an error");
        let position = error.as_db_error().and_then(|e| e.position());
        assert_eq!(position, Some(&postgres::error::ErrorPosition::Original(8)));
        // Our own, from inside a function, tells where.
        app.run("SELECT org_scope.clear_context()");
        let error =
            app.client().simple_query("DO 'BEGIN PERFORM count(*) FROM notes; END'").expect_err("closed");
        let error = error.as_db_error().expect("of the server");
        assert_eq!(error.code().code(), "OS001");
        assert!(error.where_().is_some_and(|w| w.contains("SQL statement")), "{error:?}");
    }
}

#[test]
fn a_session_survives_a_thousand_refusals() {
    let walled = Walled::new("thousand", Server::Plain);
    let mut app = walled.app();
    for _ in 0..250 {
        app.is_closed();
        app.refused("SELECT org_scope.set_current_org('')", "OS004");
        app.refused("SELECT * FROM notes, org_scope.set_current_org('x')", "OS001");
        app.refused("SELECT 1/0 FROM generate_series(1, 3)", "22012");
    }
    app.act_for(A);
    assert_eq!(app.notes(), "a1 a2 a3");
}
