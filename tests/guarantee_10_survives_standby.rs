//! Guarantee 10, on a hot standby: the context works, writes nothing and assigns no transaction id.

use crate::harness::{A, B, Private, Role, Server, Walled};

#[test]
fn the_context_works_on_a_standby() {
    let walled = Walled::new("standby", Server::Plain);
    let mut app = walled.db.connect_standby(walled.app.name());
    assert_eq!(app.text("SELECT pg_is_in_recovery()"), "t");
    app.is_closed();
    for (org, notes) in [(A, "a1 a2 a3"), (B, "b4 b5")] {
        app.act_for(org);
        assert_eq!(app.notes(), notes);
    }
    app.run(
        "SELECT org_scope.set_current_user('u'), org_scope.set_current_project('p'), org_scope.context()",
    );
    app.run("BEGIN");
    app.run(&format!(
        "SELECT org_scope.set_current_org('{A}', true); SELECT org_scope.set_current_org('{A}'::uuid, true)"
    ));
    assert_eq!(app.notes(), "a1 a2 a3");
    app.run("ROLLBACK; SELECT org_scope.clear_context()");
    app.is_closed();
}

#[test]
fn the_roads_of_guarantee_2_are_closed_on_a_standby() {
    let walled = Walled::new("roads", Server::Plain);
    let nobody = walled.role("nobody");
    let mut session = walled.db.connect_standby(nobody.name());
    session.run(&format!("SET org_scope.current_org = '{B}'"));
    session.is_closed();
    session.refused(&format!("SELECT org_scope.set_current_org('{B}')"), "OS002");
    session.refused(&format!("SET org_scope.current_org = '{B}'"), "42501");
    let mut superuser = walled.db.connect_standby("postgres");
    superuser.run("SELECT org_scope.current_org()");
    superuser.refused(&format!("SET org_scope.current_org = '{B}'"), "OS002");
    superuser.refused(&format!("SELECT org_scope.allow('{nobody}', 'direct')"), "25006");
    superuser.refused("SELECT org_scope.across_orgs('SELECT 1')", "25006");
}

#[test]
fn access_taken_away_on_the_primary_closes_sessions_of_the_standby() {
    // Servers of its own: other tests' work would be held up by a transaction that stays open on the standby.
    let server = Private::new(false, &[]);
    let walled = Walled::on(&server, "taken");
    let standby = server.standby();
    let connect = |role: &Role| {
        walled.db.wait_for_replay(standby.0.address());
        walled.db.connect_at(standby.0.address(), role)
    };
    let late = walled.role("late");
    for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
        let mut dba = walled.superuser();
        dba.run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.app));
        let mut app = connect(&walled.app);
        app.act_for(A);
        app.run(&format!("BEGIN ISOLATION LEVEL {isolation}"));
        assert_eq!(app.notes(), "a1 a2 a3");
        dba.run(&format!("SELECT org_scope.disallow('{}')", walled.app));
        walled.db.wait_for_replay(standby.0.address());
        app.is_closed();
        app.run("ROLLBACK");
        app.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    }
    let mut session = connect(&late);
    session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    walled.superuser().run(&format!("SELECT org_scope.allow('{late}', 'direct')"));
    walled.db.wait_for_replay(standby.0.address());
    session.act_for(A);
    assert_eq!(session.notes(), "a1 a2 a3");
}

#[test]
fn setting_assigns_no_transaction_id() {
    for server in [Server::Plain, Server::Preloaded] {
        let walled = Walled::new("xid", server);
        let mut app = walled.app();
        app.run("BEGIN; SAVEPOINT s");
        app.run(&format!(
            "SELECT org_scope.set_current_org('{A}'), org_scope.set_current_org('{B}', true), org_scope.set_current_org('{A}'::uuid)"
        ));
        app.run("SELECT org_scope.set_current_user('u'), org_scope.set_current_project('p', true), org_scope.context()");
        assert_eq!(app.number("SELECT count(*) FROM notes"), 3);
        drop(app.try_run("SELECT org_scope.set_current_org('')"));
        app.run("ROLLBACK TO s; SELECT org_scope.clear_context()");
        assert_eq!(app.text("SELECT pg_current_xact_id_if_assigned()"), "");
        app.run("COMMIT");
    }
}

#[test]
fn a_promoted_standby_goes_on() {
    let server = Private::new(false, &[]);
    let walled = Walled::on(&server, "promoted");
    let standby = server.standby();
    walled.db.wait_for_replay(standby.0.address());
    let mut app = standby.0.connect(walled.db.name(), walled.app.name()).expect("a session");
    app.batch_execute(&format!("SELECT org_scope.set_current_org('{A}')")).expect("the context of a standby");
    standby.0.promote().expect("promotion");
    app.batch_execute("INSERT INTO notes (id, body) VALUES (6, 'a6')").expect("a primary writes");
    let seen: i64 = app.query_one("SELECT count(*) FROM notes", &[]).expect("a count").get(0);
    assert_eq!(seen, 4);
    let mut dba = standby.0.connect(walled.db.name(), "postgres").expect("a session");
    dba.batch_execute(&format!("SELECT org_scope.disallow('{}')", walled.app)).expect("a primary's DBA");
    let refusal = app.query_one("SELECT count(*) FROM notes", &[]).expect_err("closed");
    assert_eq!(refusal.code().map(|c| c.code()), Some("OS001"));
}

#[test]
fn a_crash_opens_nothing() {
    let server = Private::new(false, &[]);
    let walled = Walled::on(&server, "crash");
    let (late, name) = (walled.role("late"), walled.app.clone());
    walled
        .superuser()
        .run(&format!("SELECT org_scope.allow('{late}', 'direct'); SELECT org_scope.disallow('{name}')"));
    server.0.crash().expect("a crash");
    server.0.start().expect("recovery");
    walled.app().is_closed();
    walled.app().refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    let mut late = walled.db.connect(&late);
    late.act_for(B);
    assert_eq!(late.notes(), "b4 b5");
}
