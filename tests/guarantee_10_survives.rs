//! Guarantee 10: the fence survives dump and restore, renames, new owners and crashes, and what is lost leaves
//! tables closed.

use crate::harness::{Db, Private, Server, Session, Step, Wall, notes, work};

const COUNT: &str = "SELECT count(*) FROM agents";

/// A table with all that a fence can have, beside finer policies.
fn varied(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.agents();
    owner.run(&format!(
        "ALTER TABLE agents ALTER org_id SET DEFAULT 'mine';
         SELECT org_scope.protect('agents');
         CREATE TABLE \"Calls 2\" (id bigint GENERATED ALWAYS AS IDENTITY, \"Org\" uuid, agent int REFERENCES agents);
         INSERT INTO \"Calls 2\" (\"Org\") VALUES ('12938a96-648b-4aec-ab59-282e2345cec7');
         ALTER TABLE \"Calls 2\" ENABLE ROW LEVEL SECURITY;
         CREATE POLICY finer ON \"Calls 2\" USING (id < 100);
         GRANT SELECT ON \"Calls 2\" TO {0};
         SELECT org_scope.protect('\"Calls 2\"', 'Org', force => false, roles => '{{{0}}}')",
        wall.app
    ));
    (wall, owner)
}

const FENCED: [(&str, &str); 2] =
    [("agents", "'agents'"), ("\"Calls 2\"", "'\"Calls 2\"', 'Org', force => false")];

fn restored(test: &str, wall: &Wall, arguments: &[&str]) -> Db {
    let copy = Db::empty(test, Server::Plain);
    copy.psql_superuser(&wall.db.dump(arguments)).ok();
    copy
}

#[test]
fn a_dump_brings_the_same_fences_back() {
    let (wall, mut owner) = varied("dump_fences");
    let copy = restored("fences_back", &wall, &[]);
    let mut superuser = copy.superuser();
    for (table, call) in FENCED {
        assert_eq!(superuser.fence_of(table), owner.fence_of(table), "{table}");
        assert_eq!(work(&superuser.steps(&format!("protect({call})"))), Vec::<&Step>::new(), "{table}");
    }
    assert_eq!(
        superuser.text("SELECT bool_and(drift = '{}') AND count(*) = 2 FROM org_scope.protected_tables"),
        "t"
    );
    // The grants and the access came along, so the application works at once, and is fenced.
    let mut app = copy.connect(&wall.app);
    app.refused(COUNT, "OS001");
    app.run("SELECT org_scope.set_current_org('a')");
    assert_eq!(app.number(COUNT), 2);
    app.refused("INSERT INTO agents VALUES (9, 'b')", "42501");
    superuser.run(&format!("GRANT TRUNCATE ON agents, \"Calls 2\" TO {}", wall.app));
    app.refused("TRUNCATE agents CASCADE", "OS002");
    // And so does the way back.
    let mut owner = copy.connect(&wall.owner);
    assert!(owner.steps("unprotect('agents')").iter().all(|s| s.state == "done"));
    assert_eq!(
        owner.text("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'agents'::regclass"),
        "'mine'::text"
    );
}

#[test]
fn a_second_generation_is_the_same() {
    let (wall, mut owner) = varied("generations");
    let copy = restored("generation_2", &wall, &["--clean", "--if-exists"]);
    let again = Db::empty("generation_3", Server::Plain);
    again.psql_superuser(&copy.dump(&["--inserts"])).ok();
    for (table, _) in FENCED {
        assert_eq!(again.superuser().fence_of(table), owner.fence_of(table));
    }
}

#[test]
fn a_dump_without_comments_brings_the_fence_but_not_the_memory() {
    let (wall, _owner) = varied("no_comments");
    let copy = restored("no_comments_back", &wall, &["--no-comments"]);
    let mut superuser = copy.superuser();
    let mut app = copy.connect(&wall.app);
    app.refused(COUNT, "OS001");
    app.run("SELECT org_scope.set_current_org('a')");
    assert_eq!(app.number(COUNT), 2);
    superuser.run(&format!("GRANT TRUNCATE ON agents, \"Calls 2\" TO {}", wall.app));
    app.refused("TRUNCATE agents CASCADE", "OS002");
    for (table, call) in FENCED {
        assert_eq!(work(&superuser.steps(&format!("plan({call})"))), Vec::<&Step>::new(), "{table}");
        assert_eq!(work(&superuser.steps(&format!("protect({call})"))), Vec::<&Step>::new(), "{table}");
        let enabled =
            "SELECT tgenabled FROM pg_trigger WHERE tgname = 'org_scope_truncate_guard' AND tgrelid =";
        assert_eq!(superuser.text(&format!("{enabled} '{table}'::regclass")), "A");
    }
    assert_eq!(superuser.text("SELECT bool_and(drift = '{}') FROM org_scope.protected_tables"), "t");
    let mut owner = copy.connect(&wall.owner);
    let steps = owner.steps("unprotect('agents')");
    for kind in ["default", "index", "row_security", "force"] {
        let said =
            steps.iter().any(|s| s.kind == kind && s.state != "done" && s.reason.contains("isn't known"));
        assert!(said, "{kind}: {steps:#?}");
    }
    assert_eq!(app.number(COUNT), 0, "closed");
}

#[test]
fn a_dump_of_the_schema_and_of_the_data_restore_in_parts() {
    let (wall, mut owner) = varied("parts");
    let copy = Db::empty("parts_back", Server::Plain);
    copy.psql_superuser(&wall.db.dump(&["--schema-only"])).ok();
    // The rows come in through a fence that stands already.
    copy.psql_superuser(&wall.db.dump(&["--data-only"])).ok();
    let mut superuser = copy.superuser();
    assert_eq!(superuser.fence_of("agents"), owner.fence_of("agents"));
    assert_eq!(superuser.number(COUNT), 5);
    let mut app = copy.connect(&wall.app);
    app.run("SELECT org_scope.set_current_org('b')");
    assert_eq!(app.number(COUNT), 3);
}

#[test]
fn access_is_in_the_dump_without_roles_that_are_gone() {
    let wall = Wall::new("dump_access");
    let mut superuser = wall.db.superuser();
    let (bound, pooled) = (wall.db.role("bound"), wall.db.role("pooled"));
    superuser.run(&format!(
        "SELECT org_scope.bind_role('{bound}', 'a'); SELECT org_scope.allow('{pooled}', 'direct', pooled => true);
         GRANT EXECUTE ON FUNCTION org_scope.across_orgs TO {};
         INSERT INTO org_scope.role_access (role, how) VALUES (4294967, 'direct')",
        wall.owner
    ));
    let rows = "SELECT role, how, bound_org, pooled FROM org_scope.access WHERE role::oid <> 4294967 ORDER BY role::text";
    let before = superuser.rows(rows);
    let grants = "SELECT oid::regprocedure, proacl::text FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace ORDER BY oid::regprocedure::text";
    let granted = superuser.rows(grants);
    let copy = restored("access_back", &wall, &[]);
    let mut there = copy.superuser();
    assert_eq!(there.rows(rows), before);
    assert_eq!(there.number("SELECT count(*) FROM org_scope.role_access"), 3, "nobody's number comes along");
    assert_eq!(there.rows(grants), granted);
    assert_eq!(copy.connect(&bound).text("SELECT org_scope.current_org()"), "a");
    copy.connect(&pooled).refused("SELECT org_scope.set_current_org('a')", "OS003");
    copy.connect(&wall.db.role("stranger")).refused("SELECT org_scope.set_current_org('a')", "OS002");
}

#[test]
fn names_and_owners_may_change() {
    let wall = Wall::new("renames");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    let heir = wall.db.role("heir");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!(
        "GRANT CREATE ON SCHEMA public TO {heir}; GRANT CREATE ON DATABASE {} TO {}",
        wall.db.name(),
        wall.owner
    ));
    let steps = [
        ("ALTER TABLE agents RENAME org_id TO \"Org\"\"Id\"".to_owned(), "agents"),
        ("ALTER TABLE agents RENAME TO \"Agents 2\"".to_owned(), "\"Agents 2\""),
        ("ALTER INDEX idx_agents_org_id RENAME TO mine".to_owned(), "\"Agents 2\""),
        (
            format!("CREATE SCHEMA moved; GRANT USAGE ON SCHEMA moved TO {0}, {heir}; GRANT CREATE ON SCHEMA moved TO {heir};
             ALTER TABLE \"Agents 2\" SET SCHEMA moved", wall.app),
            "moved.\"Agents 2\"",
        ),
        ("ALTER SCHEMA moved RENAME TO \"Moved Again\"".to_owned(), "\"Moved Again\".\"Agents 2\""),
    ];
    for (statement, table) in &steps {
        owner.run(statement);
        let again = owner.steps(&format!("protect('{table}', 'Org\"Id')"));
        assert_eq!(work(&again), Vec::<&Step>::new(), "after {statement}");
        assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}", "after {statement}");
        assert_eq!(wall.app("a").number(&format!("SELECT count(*) FROM {table}")), 2);
    }
    let table = "\"Moved Again\".\"Agents 2\"";
    superuser.run(&format!("ALTER TABLE {table} OWNER TO {heir}"));
    let mut session = wall.db.connect(&heir);
    assert_eq!(work(&session.steps(&format!("protect('{table}', 'Org\"Id')"))), Vec::<&Step>::new());
    session.refused(&format!("SELECT count(*) FROM {table}"), "OS001");
    owner.refused(&format!("SELECT * FROM org_scope.unprotect('{table}')"), "42501");
    // The way back knows everything by its new name.
    assert!(session.steps(&format!("unprotect('{table}')")).iter().all(|s| s.state == "done"));
    assert_eq!(
        session
            .number("SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('\"Moved Again\".mine')"),
        0
    );
    assert_eq!(session.number(&format!("SELECT count(*) FROM {table}")), 5);
}

#[test]
fn the_readers_cannot_be_dropped_and_without_the_extension_tables_are_closed() {
    let (wall, mut owner) = varied("drop_extension");
    let mut superuser = wall.db.superuser();
    for function in ["fence_org()", "fence_org_uuid()", "truncate_guard()", "current_org()"] {
        superuser.refused(&format!("DROP FUNCTION org_scope.{function} CASCADE"), "2BP01");
        owner.refused(&format!("DROP FUNCTION org_scope.{function} CASCADE"), "42501");
    }
    superuser.refused("DROP EXTENSION org_scope", "2BP01");
    superuser.run("DROP EXTENSION org_scope CASCADE");
    let flags = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'agents'";
    assert_eq!(superuser.rows(flags), [[Some("t".to_owned()), Some("t".to_owned())]]);
    for role in [&wall.app, &wall.owner] {
        let mut session = wall.db.connect(role);
        assert_eq!(session.number(COUNT), 0, "{role}: closed, not open");
        session.refused("INSERT INTO agents VALUES (9, 'b')", "42501");
        assert_eq!(
            session.touched("UPDATE agents SET name = 'x'") + session.touched("DELETE FROM agents"),
            0
        );
    }
    assert_eq!(superuser.number(COUNT), 5, "nothing is lost");
    // Back again: still closed, and it says for whom.
    superuser.run("CREATE EXTENSION org_scope");
    superuser.run(&format!("SELECT org_scope.allow('{}', 'direct')", wall.app));
    let steps = owner.steps("protect('agents')");
    assert_eq!(wall.app("a").number(COUNT), 0);
    let dark = notes(&steps, "dark_role");
    assert!(dark.iter().any(|n| n.reason.contains(wall.app.name())), "{steps:#?}");
    owner.run(&dark[0].statement);
    assert_eq!(wall.app("a").number(COUNT), 2);
}

#[test]
fn a_reader_dropped_from_the_extension_leaves_its_tables_closed() {
    let wall = Wall::new("drop_readers");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    let mut superuser = wall.db.superuser();
    superuser.run("ALTER EXTENSION org_scope DROP FUNCTION org_scope.fence_org()");
    superuser.run("DROP FUNCTION org_scope.fence_org() CASCADE");
    assert_eq!(wall.app("a").number(COUNT), 0);
    assert_eq!(owner.number(COUNT), 0);
    wall.app("a").refused("INSERT INTO agents VALUES (9, 'a')", "42501");
    // What is left of the fence is listed as drift.
    let listed = superuser.rows("SELECT target, org_column, drift <> '{}' FROM org_scope.protected_tables");
    assert_eq!(listed, [[Some("agents".to_owned()), None, Some("t".to_owned())]]);
}

#[test]
fn a_column_that_is_dropped_with_cascade_leaves_the_table_closed() {
    let wall = Wall::new("drop_column");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    owner.refused("ALTER TABLE agents DROP org_id", "2BP01");
    owner.run("ALTER TABLE agents DROP org_id CASCADE");
    assert_eq!(wall.app("a").number(COUNT), 0);
    assert_eq!(owner.number(COUNT), 0);
    assert_eq!(owner.text("SELECT drift <> '{}' FROM org_scope.protected_tables"), "t");
    owner.refused("SELECT org_scope.protect('agents')", "OS009");
    owner.run("SELECT * FROM org_scope.unprotect('agents')");
}

#[test]
fn a_crash_takes_whole_fences_or_none() {
    let server = Private::new(false, &[]);
    let wall = Wall::at(Db::on(&server, "crash"));
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents'); CREATE TABLE half (org_id text)");
    let before = owner.fence_of("agents");
    let bare = owner.fence_of("half");
    let mut open = wall.owner();
    open.run("BEGIN; SELECT org_scope.protect('half')");
    server.0.crash().expect("a crash");
    drop((owner, open));
    server.0.start().expect("recovery");
    let mut owner = wall.owner();
    assert_eq!(owner.fence_of("agents"), before);
    assert_eq!(owner.fence_of("half"), bare);
    assert_eq!(
        owner.rows("SELECT target, drift FROM org_scope.protected_tables"),
        [[Some("agents".to_owned()), Some("{}".to_owned())]]
    );
    assert_eq!(work(&owner.steps("protect('agents')")), Vec::<&Step>::new());
    let mut app = wall.app("a");
    assert_eq!(app.number(COUNT), 2);
    wall.db.connect(&wall.app).refused(COUNT, "OS001");
}

#[test]
fn a_crash_in_the_middle_of_a_run_keeps_the_tables_that_were_done() {
    let server = Private::new(false, &[]);
    let wall = Wall::at(Db::on(&server, "crash_run"));
    let mut owner = wall.owner();
    owner.run("CREATE TABLE t1 (org_id text); CREATE TABLE t2 (org_id text); CREATE TABLE t3 (org_id text)");
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE t2 IN ACCESS SHARE MODE");
    std::thread::scope(|scope| {
        let mut runner = wall.owner();
        scope.spawn(move || runner.client().simple_query("CALL org_scope.protect_all('org_id')").map(drop));
        let mut watcher = wall.db.superuser();
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't2'::regclass";
        for _ in 0..500 {
            if watcher.number(waiting) > 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        server.0.crash().expect("a crash");
    });
    drop((owner, blocker));
    server.0.start().expect("recovery");
    let mut owner = wall.owner();
    let listed = "SELECT target || ' ' || drift::text FROM org_scope.protected_tables ORDER BY target::text";
    assert_eq!(owner.column(listed), ["t1 {}"]);
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(owner.column(listed), ["t1 {}", "t2 {}", "t3 {}"]);
}
