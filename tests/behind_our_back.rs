//! A fence is opened by its own table's owner with the server's own statements: refused, and left alone where
//! nothing is opened.

use crate::harness::{Session, Wall};

/// `agents` with every part that a fence can have.
fn whole(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.agents();
    owner.run(
        "ALTER TABLE agents ALTER org_id DROP NOT NULL, ADD project_id text, ADD made_by text;
         SELECT org_scope.protect('agents', shared_rows => true, project_column => 'project_id', actor_column => 'made_by');
         CREATE FUNCTION hush() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    );
    (wall, owner)
}

/// Statements that open the fence of `whole`, and a part of what is said about each.
const OPENING: [(&str, &str); 22] = [
    ("ALTER TABLE agents DISABLE ROW LEVEL SECURITY", "row security is switched off"),
    ("ALTER TABLE agents ADD more int, DISABLE ROW LEVEL SECURITY, ADD and_more int", "row security"),
    ("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY", "owner"),
    ("DROP POLICY org_scope_fence ON agents", "policy org_scope_fence is dropped"),
    ("DROP POLICY org_scope_fence_update ON agents", "policy org_scope_fence_update is dropped"),
    ("DROP POLICY org_scope_fence_delete ON agents", "policy org_scope_fence_delete is dropped"),
    ("DROP POLICY org_scope_fence_project ON agents", "policy org_scope_fence_project is dropped"),
    ("ALTER POLICY org_scope_fence ON agents USING (true)", "a condition of it is changed"),
    ("ALTER POLICY org_scope_fence ON agents WITH CHECK (true)", "a condition of it is changed"),
    // A fence it still is, but on a column that everybody writes.
    (
        "ALTER POLICY org_scope_fence ON agents USING (name = org_scope.fence_org() OR name IS NULL)
         WITH CHECK (name = org_scope.fence_org())",
        "a condition of it is changed",
    ),
    (
        "ALTER POLICY org_scope_fence ON agents USING (name = org_scope.fence_org())
         WITH CHECK (name = org_scope.fence_org())",
        "a condition of it is changed",
    ),
    (
        "ALTER POLICY org_scope_fence_delete ON agents USING (name = org_scope.fence_org())",
        "a condition of it is changed",
    ),
    ("ALTER POLICY org_scope_fence ON agents TO pg_monitor", "a condition of it is changed"),
    ("ALTER POLICY org_scope_fence_update ON agents USING (true)", "a condition of it is changed"),
    ("ALTER POLICY org_scope_fence_project ON agents USING (true)", "a condition of it is changed"),
    ("ALTER POLICY org_scope_fence ON agents RENAME TO mine", "a condition of it is changed"),
    ("DROP TRIGGER org_scope_truncate_guard ON agents", "stops TRUNCATE"),
    ("ALTER TABLE agents DISABLE TRIGGER org_scope_truncate_guard", "stops TRUNCATE"),
    ("ALTER TABLE agents ENABLE REPLICA TRIGGER org_scope_truncate_guard", "stops TRUNCATE"),
    ("ALTER TRIGGER org_scope_truncate_guard ON agents RENAME TO mine", "stops TRUNCATE"),
    (
        "CREATE OR REPLACE TRIGGER org_scope_truncate_guard AFTER INSERT ON agents EXECUTE FUNCTION hush()",
        "stops TRUNCATE",
    ),
    ("DROP TRIGGER org_scope_stamp_actor ON agents", "who made a row"),
];

#[test]
fn its_owner_opens_no_fence_with_the_servers_statements() {
    let (wall, mut owner) = whole("open_fence");
    let stands = owner.fence_of("agents");
    for (statement, what) in OPENING {
        let refusal =
            owner.refused(statement, "OS002").says(what).says("this opens the fence of public.agents");
        assert!(refusal.hint.contains("org_scope."), "{statement}");
        assert_eq!(owner.fence_of("agents"), stands, "{statement}");
    }
    // What the hints say, works.
    owner.run("SELECT * FROM org_scope.protect('public.agents', 'org_id', force => false)");
    owner.run("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY");
    owner.run("SELECT * FROM org_scope.unprotect('public.agents')");
    assert_eq!(wall.db.superuser().number("SELECT count(*) FROM org_scope.protected_tables"), 0);
}

#[test]
fn nor_on_a_way_round() {
    let (wall, mut owner) = whole("open_round");
    wall.db
        .superuser()
        .run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {}", wall.owner));
    owner.run(
        "CREATE FUNCTION open() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DROP POLICY org_scope_fence ON agents';
         CREATE PROCEDURE open_by_call() LANGUAGE plpgsql AS $$ BEGIN DROP POLICY org_scope_fence ON agents; COMMIT; END $$;
         CREATE POLICY mine ON agents USING (true)",
    );
    let stands = owner.fence_of("agents");
    for way in [
        "DO $$ BEGIN DROP POLICY org_scope_fence ON agents; END $$",
        "SELECT open()",
        "CALL open_by_call()",
        "SELECT org_scope.across_orgs('ALTER TABLE agents DISABLE ROW LEVEL SECURITY')",
        // The columns take the policies along, but not the one that isn't ours.
        "ALTER TABLE agents DROP COLUMN org_id CASCADE",
        "ALTER TABLE agents DROP COLUMN project_id CASCADE",
        "BEGIN; DROP POLICY org_scope_gate ON agents; DROP POLICY org_scope_fence ON agents; COMMIT",
        "BEGIN; SELECT org_scope.unprotect('agents'); SELECT org_scope.protect('agents');
         DROP POLICY org_scope_fence ON agents; COMMIT",
    ] {
        owner.refused(way, "OS002");
        owner.run("ROLLBACK");
        assert_eq!(owner.fence_of("agents"), stands, "{way}");
    }
    // A step of ours that fails leaves nothing open.
    owner.run(
        "CREATE TABLE wide (org_id text); BEGIN; SAVEPOINT s;
         INSERT INTO wide SELECT string_agg(sha512(g::text::bytea)::text, '') FROM generate_series(1, 100) g",
    );
    owner.refused("SELECT org_scope.protect('wide')", "54000");
    owner.run("ROLLBACK TO s");
    owner.refused("DROP POLICY org_scope_fence ON agents", "OS002");
    owner.run("ROLLBACK");
    assert_eq!(owner.fence_of("agents"), stands);
}

#[test]
fn nor_by_a_fence_on_another_column() {
    let wall = Wall::new("open_aim");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    let stands = owner.fence_of("agents");
    let aim = "USING (name = org_scope.fence_org()) WITH CHECK (name = org_scope.fence_org())";
    owner
        .refused(&format!("ALTER POLICY org_scope_fence ON agents {aim}"), "OS002")
        .says("a condition of it is changed");
    assert_eq!(owner.fence_of("agents"), stands);
}

#[test]
fn nor_with_an_extension_that_takes_a_trigger_along() {
    let (wall, mut owner) = whole("open_depends");
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    // A trusted extension is whose role makes it; nothing is said of CASCADE.
    owner.run(
        "CREATE EXTENSION hstore; ALTER TRIGGER org_scope_truncate_guard ON agents DEPENDS ON EXTENSION hstore",
    );
    owner.refused("DROP EXTENSION hstore", "OS002").says("stops TRUNCATE");
    owner.run("ALTER TRIGGER org_scope_truncate_guard ON agents NO DEPENDS ON EXTENSION hstore");
    owner.run("DROP EXTENSION hstore");
}

#[test]
fn nor_that_of_a_partition_or_of_a_table_with_any_name() {
    let wall = Wall::new("open_names");
    wall.db.superuser().run(&format!("GRANT ALL ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    let mut owner = wall.owner();
    owner.run(
        r#"CREATE SCHEMA "my.own ""schema"; CREATE TABLE "my.own ""schema"."a ""table" (org_id text);
           CREATE TABLE events (org_id text, year int) PARTITION BY RANGE (year);
           CREATE TABLE y2026 PARTITION OF events DEFAULT;
           CREATE TEMPORARY TABLE agents (org_id text);
           SELECT org_scope.protect('"my.own ""schema"."a ""table"'); SELECT org_scope.protect('events');
           SELECT org_scope.protect('pg_temp.agents')"#,
    );
    for table in [r#""my.own ""schema"."a ""table""#, "events", "y2026", "pg_temp.agents"] {
        for opening in [
            "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
            "DROP POLICY org_scope_fence ON {}",
            "ALTER POLICY org_scope_fence ON {} USING (true)",
            "DROP TRIGGER org_scope_truncate_guard ON {}",
            "ALTER TABLE {} DISABLE TRIGGER org_scope_truncate_guard",
        ] {
            owner.refused(&opening.replace("{}", table), "OS002");
        }
    }
    assert_eq!(
        owner.text("SELECT string_agg(DISTINCT drift::text, ' ') FROM org_scope.protected_tables"),
        "{}"
    );
    owner.run(r#"DROP TABLE "my.own ""schema"."a ""table", events, pg_temp.agents"#);
}

#[test]
fn a_superuser_is_warned() {
    let (wall, mut owner) = whole("open_super");
    let mut superuser = wall.db.superuser();
    for (statement, what) in OPENING {
        superuser.run("BEGIN");
        superuser.notices();
        superuser.run(statement);
        let said = superuser.notices();
        assert!(
            said.iter().any(|n| n.severity == "WARNING" && n.message.contains(what)),
            "{statement}: {said:?}"
        );
        superuser.run("ROLLBACK");
    }
    superuser.run("DROP POLICY org_scope_fence ON agents");
    owner.run("SELECT * FROM org_scope.protect('agents')");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}

#[test]
fn what_opens_nothing_is_left_alone() {
    let (_wall, mut owner) = whole("open_not");
    for statement in [
        "ALTER TABLE agents ADD more int, ALTER id DROP DEFAULT",
        "ALTER TABLE agents DROP COLUMN name CASCADE",
        "ALTER TABLE agents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "ALTER TABLE agents RENAME org_id TO tenant; ALTER TABLE agents RENAME tenant TO org_id",
        "CREATE POLICY mine ON agents AS RESTRICTIVE USING (id > 0); ALTER POLICY mine ON agents USING (id > 1);
         ALTER POLICY mine ON agents RENAME TO yours; DROP POLICY yours ON agents",
        "CREATE TRIGGER mine BEFORE INSERT ON agents EXECUTE FUNCTION hush(); ALTER TABLE agents DISABLE TRIGGER mine;
         DROP TRIGGER mine ON agents",
        "ALTER POLICY org_scope_gate ON agents TO pg_monitor",
        "DROP POLICY org_scope_gate ON agents",
        // Nothing passes without a permissive policy.
        "DROP POLICY org_scope_gate ON agents; DROP POLICY org_scope_gate_shared ON agents;
         DROP POLICY org_scope_fence ON agents; DROP TRIGGER org_scope_truncate_guard ON agents",
        "ALTER TABLE agents DROP COLUMN org_id CASCADE",
        "SELECT * FROM org_scope.alter_protected('agents', 'ALTER TABLE agents ALTER org_id TYPE varchar(100)')",
        "SELECT * FROM org_scope.protect('agents', shared_rows => false, project_column => '', actor_column => '')",
        "SELECT * FROM org_scope.unprotect('agents'); ALTER TABLE agents DISABLE ROW LEVEL SECURITY",
        "DROP TABLE agents",
        "DROP OWNED BY CURRENT_USER",
        "CREATE TABLE plain (id int); CREATE POLICY org_scope_pass ON plain; DROP POLICY org_scope_pass ON plain;
         ALTER TABLE plain ENABLE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
    ] {
        owner.notices();
        owner.run(&format!("BEGIN; {statement}; ROLLBACK"));
        let said = owner.notices();
        assert!(said.iter().all(|n| n.sqlstate != "OS002"), "{statement}: {said:?}");
    }
}

#[test]
fn a_load_that_switches_all_triggers_off_is_warned_and_goes_on() {
    let (wall, mut owner) = whole("open_load");
    for which in ["ALL", "USER"] {
        owner.notices();
        owner.run(&format!("ALTER TABLE agents DISABLE TRIGGER {which}"));
        let said = owner.notices();
        assert!(said.iter().any(|n| n.severity == "WARNING" && n.message.contains("TRUNCATE")), "{said:?}");
        assert!(!owner.text("SELECT drift FROM org_scope.protected_tables").is_empty());
        owner.run(&format!(
            "ALTER TABLE agents ENABLE TRIGGER {which}; SELECT * FROM org_scope.protect('agents')"
        ));
    }
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
    drop(wall);
}

#[test]
fn its_owner_restores_a_clean_dump_over_it() {
    let (wall, mut owner) = whole("open_clean");
    owner.run(
        "CREATE TABLE runs (id int, org_id text NOT NULL); SELECT org_scope.protect('runs');
         CREATE POLICY xtra ON runs USING (id > 0)",
    );
    let stands = [owner.fence_of("agents"), owner.fence_of("runs")];
    let script = wall.db.dump(&["--clean", "--table=agents", "--table=runs", "--no-owner"]);
    assert!(script.contains("DROP POLICY org_scope_fence_project ON public.agents"), "{script}");
    wall.db.psql(&wall.owner, &script).ok();
    assert_eq!([owner.fence_of("agents"), owner.fence_of("runs")], stands);
    let mut app = wall.app("a");
    assert_eq!(app.number("SELECT count(*) FROM agents"), 2);
}

#[test]
fn where_event_triggers_are_off_nothing_is_refused_and_the_drift_is_seen() {
    let (wall, mut owner) = whole("open_replica");
    wall.tamper(
        "ALTER TABLE agents DISABLE ROW LEVEL SECURITY; DROP POLICY org_scope_fence_update ON agents",
    );
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{fence,row_security}");
    // What was open before can be worked on.
    owner.run("ALTER TABLE agents ADD more int; ALTER POLICY org_scope_gate ON agents TO pg_monitor");
    owner.run("SELECT * FROM org_scope.protect('agents', roles => '{public}')");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}

#[test]
fn the_extension_goes_with_all_its_fences_where_a_superuser_says_so() {
    let (wall, mut owner) = whole("open_gone");
    let mut superuser = wall.db.superuser();
    superuser.refused("DROP EXTENSION org_scope", "2BP01");
    superuser.run("DROP EXTENSION org_scope CASCADE");
    // Without its gate the table is closed.
    assert_eq!(owner.number("SELECT count(*) FROM agents"), 0);
    assert_eq!(superuser.number("SELECT count(*) FROM agents"), 5);
}

#[test]
fn what_takes_children_along_stays_while_there_are_children() {
    let wall = Wall::new("open_through");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE runs (id int PRIMARY KEY, org_id text NOT NULL);
         CREATE TABLE steps (id int PRIMARY KEY, run_id int REFERENCES runs);
         CREATE TABLE keys (key text); INSERT INTO runs VALUES (1, 'a'); INSERT INTO steps VALUES (1, 1); INSERT INTO keys VALUES ('1:x');
         SELECT org_scope.protect('runs'); SELECT org_scope.protect_through('steps', 'run_id', 'runs');
         SELECT org_scope.protect_through('keys', $$split_part(key, ':', 1)$$, 'runs')",
    );
    for opening in [
        "ALTER TABLE steps DROP CONSTRAINT org_scope_through",
        "DROP TRIGGER org_scope_through ON keys",
        "DROP TRIGGER org_scope_children ON runs",
        "DROP TRIGGER org_scope_orphans ON runs",
        // The key that it stands on.
        "ALTER TABLE runs DROP COLUMN org_id CASCADE",
    ] {
        owner.refused(opening, "OS002").says("ties rows to their parents");
    }
    owner.run("ALTER TABLE steps DROP CONSTRAINT steps_run_id_fkey");
    owner.run("DROP TABLE keys; DROP TRIGGER IF EXISTS org_scope_children ON runs; DROP TRIGGER IF EXISTS org_scope_orphans ON runs");
    owner.run("SELECT org_scope.unprotect('steps'); SELECT org_scope.unprotect('runs')");
}
