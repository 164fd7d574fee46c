//! Guarantee 1: without an organization nothing is visible and nothing can be written.

use crate::harness::{A, B, Server, Walled};

/// Every kind of statement that reaches a row.
const REACHING: [&str; 16] = [
    "SELECT * FROM notes",
    "SELECT count(*) FROM notes",
    "SELECT 1 WHERE EXISTS (SELECT FROM notes)",
    "TABLE notes",
    "SELECT * FROM notes FOR UPDATE",
    "INSERT INTO notes (id, body) VALUES (9, 'x')",
    "INSERT INTO notes VALUES (9, 'aaaaaaaa-0000-4000-8000-000000000001', 'x')",
    "INSERT INTO notes VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000001', 'x') ON CONFLICT DO NOTHING",
    "INSERT INTO notes VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000001', 'x') ON CONFLICT (id) DO UPDATE SET body = 'x'",
    "UPDATE notes SET body = 'x'",
    "DELETE FROM notes",
    "MERGE INTO notes USING (VALUES (1)) v (id) ON notes.id = v.id WHEN MATCHED THEN DELETE",
    "COPY notes TO STDOUT",
    "COPY (SELECT * FROM notes) TO STDOUT",
    "EXPLAIN ANALYZE SELECT * FROM notes",
    "CREATE TEMP TABLE stolen AS SELECT * FROM notes",
];

#[test]
fn no_statement_gets_through_without_an_organization() {
    for server in [Server::Plain, Server::Preloaded] {
        let walled = Walled::new("closed", server);
        for (who, mut session) in [("app", walled.app()), ("owner", walled.owner())] {
            for statement in REACHING {
                let refusal = session.refused(statement, "OS001");
                assert_eq!(refusal.hint, "SELECT org_scope.set_current_org('...');", "{who}: {statement}");
            }
        }
        assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
    }
}

#[test]
fn empty_shows_nothing_and_lets_nothing_in() {
    let walled = Walled::new("empty", Server::Plain);
    walled.superuser().run(&format!("ALTER ROLE {} SET org_scope.missing_org = 'empty'", walled.app));
    let mut app = walled.app();
    // The library must be there before the setting that the role has means anything.
    app.run("SELECT org_scope.current_org()");
    assert_eq!(app.text("SHOW org_scope.missing_org"), "empty");
    for statement in
        ["SELECT * FROM notes", "SELECT * FROM notes WHERE org_id IS NULL OR true", "TABLE notes"]
    {
        assert!(app.rows(statement).is_empty(), "{statement}");
    }
    for statement in ["UPDATE notes SET body = 'x'", "DELETE FROM notes", "UPDATE notes SET org_id = org_id"]
    {
        assert_eq!(app.touched(statement), 0, "{statement}");
    }
    for statement in [
        format!("INSERT INTO notes VALUES (9, '{A}', 'x')"),
        format!("INSERT INTO notes VALUES (1, '{A}', 'x') ON CONFLICT (id) DO UPDATE SET body = 'x'"),
        format!(
            "MERGE INTO notes USING (VALUES (9)) v (id) ON notes.id = v.id
                 WHEN NOT MATCHED THEN INSERT VALUES (9, '{A}', 'x')"
        ),
    ] {
        app.refused(&statement, "42501").says("row-level security policy");
    }
    // A NULL default meets NOT NULL, or the policy; it never becomes a row.
    assert!(app.try_run("INSERT INTO notes (id, body) VALUES (9, 'x')").is_err());
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
}

#[test]
fn only_a_superuser_chooses_empty() {
    for server in [Server::Plain, Server::Preloaded] {
        let walled = Walled::new("choose", server);
        let mut app = walled.app();
        app.run("SELECT org_scope.current_org()");
        app.refused("SET org_scope.missing_org = 'empty'", "42501");
        app.refused("SELECT set_config('org_scope.missing_org', 'empty', false)", "42501");
        // Before the library came a placeholder can be set; it must not survive.
        if server == Server::Plain {
            let mut early = walled.db.connect_with_options(&walled.app, "-c org_scope.missing_org=empty");
            early.is_closed();
            let mut early = walled.app();
            early.run("SET org_scope.missing_org = 'empty'");
            early.is_closed();
        }
    }
}

#[test]
fn a_cleared_context_closes_again() {
    let walled = Walled::new("cleared", Server::Plain);
    for clearing in [
        "SELECT org_scope.clear_context()",
        "RESET ALL",
        "DISCARD ALL",
        "SET SESSION AUTHORIZATION DEFAULT; SELECT org_scope.clear_context()",
    ] {
        let mut app = walled.app_as(A);
        assert_eq!(app.notes(), "a1 a2 a3");
        for statement in clearing.split("; ") {
            app.run(statement);
        }
        app.is_closed();
    }
}

#[test]
fn row_security_off_opens_nothing() {
    let walled = Walled::new("off", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("SET row_security = off");
    app.refused("SELECT * FROM notes", "42501");
    let mut owner = walled.owner();
    owner.run("SET row_security = off");
    owner.refused("SELECT * FROM notes", "42501");
}

#[test]
fn a_condition_that_is_always_true_opens_nothing() {
    let walled = Walled::new("injection", Server::Plain);
    let mut app = walled.app_as(A);
    for injected in [
        "1 = 1",
        "org_id IS NOT NULL OR true",
        "id = 4 OR id = 5 OR body LIKE 'b%'",
        "org_id = 'bbbbbbbb-0000-4000-8000-000000000002'",
        "id = 1 UNION ALL SELECT body FROM notes WHERE org_id <> org_scope.current_org_uuid()",
        "id = 1 UNION ALL SELECT n.body FROM notes o RIGHT JOIN notes n ON o.org_id <> n.org_id",
    ] {
        for body in app.column(&format!("SELECT body FROM notes WHERE {injected}")) {
            assert!(body.is_empty() || body.starts_with('a'), "WHERE {injected} showed {body}");
        }
    }
    assert_eq!(app.touched("UPDATE notes SET body = 'x' WHERE id = 4 OR true"), 3);
    assert_eq!(app.touched("DELETE FROM notes WHERE id >= 4"), 0);
    assert_eq!(walled.truth(), "x x x b4 b5");
}

#[test]
fn a_row_cannot_be_moved_or_planted_in_another_organization() {
    let walled = Walled::new("planted", Server::Plain);
    let mut app = walled.app_as(A);
    for (attack, statement) in [
        ("insert", format!("INSERT INTO notes VALUES (9, '{B}', 'x')")),
        ("insert from a select", format!("INSERT INTO notes SELECT id + 10, '{B}', body FROM notes")),
        ("move by update", format!("UPDATE notes SET org_id = '{B}'")),
        (
            "upsert over a foreign row",
            format!("INSERT INTO notes VALUES (4, '{A}', 'x') ON CONFLICT (id) DO UPDATE SET body = 'x'"),
        ),
        (
            "upsert that moves",
            format!("INSERT INTO notes VALUES (1, '{A}', 'x') ON CONFLICT (id) DO UPDATE SET org_id = '{B}'"),
        ),
        (
            "merge that moves",
            format!(
                "MERGE INTO notes USING (VALUES (1)) v (id) ON notes.id = v.id WHEN MATCHED THEN UPDATE SET org_id = '{B}'"
            ),
        ),
        (
            "merge that plants",
            format!(
                "MERGE INTO notes USING (VALUES (9)) v (id) ON notes.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (9, '{B}', 'x')"
            ),
        ),
        (
            "modifying WITH",
            format!("WITH w AS (UPDATE notes SET org_id = '{B}' RETURNING 1) SELECT count(*) FROM w"),
        ),
    ] {
        assert!(app.refused(&statement, "42501").message.contains("row-level security"), "{attack}");
    }
    app.refused("COPY notes FROM STDIN", "0A000");
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
}

#[test]
fn the_default_names_the_organization() {
    let walled = Walled::new("default", Server::Plain);
    let mut app = walled.app_as(B);
    app.run("INSERT INTO notes (id, body) VALUES (6, 'b6')");
    assert_eq!(app.notes(), "b4 b5 b6");
    assert_eq!(walled.app_as(A).notes(), "a1 a2 a3");
}
