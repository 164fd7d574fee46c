//! The harness must be able to fail, or nothing that it says counts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harness::{Db, Private, Server, System};

fn fails(attempt: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(attempt)).is_err()
}

#[test]
fn every_database_is_fresh_and_has_the_extension() {
    for server in [Server::Plain, Server::Preloaded] {
        let (one, two) = (Db::new("fresh", server), Db::new("fresh", server));
        one.superuser().run("CREATE TABLE t AS SELECT 1");
        assert_eq!(two.superuser().text("SELECT to_regclass('t')"), "");
        let version = two.superuser().text("SELECT extversion FROM pg_extension WHERE extname = 'org_scope'");
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn only_one_server_preloads_the_library() {
    for (server, libraries) in [(Server::Plain, ""), (Server::Preloaded, "org_scope")] {
        let db = Db::new("preload", server);
        assert_eq!(db.superuser().text("SHOW shared_preload_libraries"), libraries);
    }
}

#[test]
fn a_role_is_ordinary_and_gone_afterwards() {
    let db = Db::new("role", Server::Plain);
    let app = db.role("app");
    let mut session = db.connect(&app);
    assert_eq!(session.text("SELECT session_user"), app.name());
    assert_eq!(
        session.text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user"),
        "f"
    );
    drop((session, db));
    let other = Db::new("role", Server::Plain);
    assert_eq!(
        other.superuser().number(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{app}'")),
        0
    );
}

#[test]
fn what_is_refused_with_another_state_or_not_at_all_is_a_failure() {
    let db = Db::new("refused", Server::Plain);
    let mut session = db.superuser();
    session.refused("SELECT 1/0", "22012").says("division by zero");
    assert!(fails(|| drop(session.refused("SELECT 1", "22012"))));
    assert!(fails(|| drop(session.refused("SELECT 1/0", "42501"))));
    assert!(fails(|| drop(session.refused("SELECT 1/0", "22012").says("no such words"))));
    assert!(fails(|| drop(session.refused("SELECT 1/0", "22012").keeps_quiet_about("zero"))));
    assert!(fails(|| session.run("SELECT 1/0")));
    assert!(fails(|| drop(session.value("SELECT generate_series(1, 2)"))));
}

#[test]
fn options_notices_and_counts_arrive() {
    let db = Db::new("options", Server::Plain);
    let app = db.role("app");
    let mut session = db.connect_with_options(&app, "-c my.setting=x");
    assert_eq!(session.text("SHOW my.setting"), "x");
    session.run("DO $$ BEGIN RAISE WARNING 'look' USING HINT = 'there'; END $$");
    let notices = session.notices();
    assert_eq!((notices[0].severity.as_str(), notices[0].hint.as_str()), ("WARNING", "there"));
    session.run("CREATE TEMP TABLE t AS SELECT generate_series(1, 5) AS n");
    assert_eq!(session.touched("UPDATE t SET n = 0 WHERE n > 2"), 3);
    assert!(session.plan("SELECT * FROM t").contains("Seq Scan on t"));
    let refusal = db.try_connect_with_options(&app, "-c no_such_setting=1").err().expect("no such setting");
    assert_eq!(refusal.sqlstate, "42704");
}

#[test]
fn the_standby_follows_and_is_read_only() {
    let db = Db::new("standby", Server::Plain);
    db.superuser().run("CREATE TABLE t AS SELECT 7 AS n");
    let mut standby = db.connect_standby("postgres");
    assert_eq!(standby.number("SELECT n FROM t"), 7);
    standby.refused("INSERT INTO t VALUES (8)", "25006");
}

#[test]
fn programs_dump_and_restore() {
    let db = Db::new("dump", Server::Plain);
    let app = db.role("app");
    assert_eq!(db.psql(&app, "SELECT session_user").ok().trim(), app.name());
    assert!(!db.psql(&app, "SELECT 1/0; SELECT 2").success);
    let options = db.psql_with_env(app.name(), "SHOW my.setting", &[("PGOPTIONS", "-c my.setting=y")]);
    assert_eq!(options.ok().trim(), "y");
    db.superuser().run("CREATE TABLE t AS SELECT 9 AS n");
    let copy = Db::empty("restored", Server::Plain);
    copy.psql_superuser(&db.dump(&[])).ok();
    assert_eq!(copy.superuser().number("SELECT n FROM t"), 9);
}

#[test]
fn a_private_server_restarts_crashes_and_promotes_its_standby() {
    let server = Private::new(true, &["work_mem = '5MB'"]);
    let db = Db::on(&server, "private");
    assert_eq!(db.superuser().text("SHOW work_mem"), "5MB");
    db.superuser().run("CREATE TABLE t AS SELECT 1 AS n; CHECKPOINT");
    server.0.crash().expect("a crash");
    server.0.start().expect("recovery");
    assert_eq!(db.superuser().number("SELECT n FROM t"), 1);
    let standby = server.standby();
    db.wait_for_replay(standby.0.address());
    standby.0.promote().expect("promotion");
    let mut promoted = standby.0.connect(db.name(), "postgres").expect("a session");
    promoted.batch_execute("INSERT INTO t VALUES (2)").expect("a primary writes");
}

#[test]
fn the_systems_load_with_three_organizations_of_different_size() {
    for (system, table, column, sizes) in [
        (System::Workflow, "executions", "organization_id", ["300", "900", "1800"]),
        (System::Voice, "calls", "clerk_org_id", ["400", "1200", "2400"]),
        (System::Inbox, "messages", "organization_id", ["400", "1200", "2400"]),
    ] {
        let db = Db::new("system", Server::Plain);
        let owner = db.role("owner");
        db.load(system, &owner);
        let mut session = db.connect(&owner);
        let found = session.column(&format!("SELECT count(*) FROM {table} GROUP BY {column} ORDER BY 1"));
        assert_eq!(found, sizes, "{system:?}");
    }
}
