//! alter_protected.

use super::*;

fn alter(statement: &str) -> String {
    format!("SELECT * FROM org_scope.alter_protected('agents', $x${statement}$x$)")
}

#[test]
fn the_type_of_the_org_column_can_change() {
    let wall = Wall::new("retype");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE agents (id int, org_id text);
         INSERT INTO agents VALUES (1, '12938a96-648b-4aec-ab59-282e2345cec7'), (2, '7d0f3c52-91aa-4e0b-8a64-0b6a3f1c2d9e');
         GRANT SELECT, INSERT ON agents TO {}; SELECT org_scope.protect('agents')",
        wall.app
    ));
    owner.refused("ALTER TABLE agents ALTER org_id TYPE uuid USING org_id::uuid", "42804");
    for (to, reader) in
        [("varchar(40)", "fence_org()"), ("uuid", "fence_org_uuid()"), ("text", "fence_org()")]
    {
        owner.run(&alter(&format!("ALTER TABLE agents ALTER COLUMN org_id TYPE {to} USING org_id::{to}")));
        let conditions = "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy";
        assert!(owner.column(conditions).iter().all(|c| c.contains(reader)), "{to}");
        assert_eq!(work(&owner.steps("protect('agents')")), NONE, "{to}");
        let mut app = wall.app("12938a96-648b-4aec-ab59-282e2345cec7");
        assert_eq!(app.column("SELECT id FROM agents"), ["1"], "{to}");
        app.run("INSERT INTO agents (id) VALUES (100)");
        assert_eq!(app.column("SELECT id FROM agents"), ["1", "100"], "{to}: the DEFAULT");
        wall.db.superuser().run("DELETE FROM agents WHERE id = 100");
    }
    let steps = owner.steps("unprotect('agents')");
    assert!(steps.iter().all(|s| s.state == "done"), "{steps:#?}");
}

#[test]
fn columns_and_constraints_come_and_go_around_the_fence() {
    let (wall, mut owner) = fenced("alter");
    owner.run(&format!(
        "CREATE POLICY finer ON agents FOR DELETE TO {} USING (id = 1); GRANT TRUNCATE ON agents TO {0}",
        wall.app
    ));
    let policies = "SELECT string_agg(polname::text || polcmd::text || pg_get_expr(polqual, polrelid), ' ' ORDER BY polname) FROM pg_policy";
    let before = owner.text(policies);
    for statement in [
        "ALTER TABLE agents ADD COLUMN note text DEFAULT 'x', ADD CHECK (id > 0)",
        "ALTER TABLE ONLY agents ALTER name SET NOT NULL",
        "ALTER TABLE IF EXISTS public.agents ALTER name TYPE varchar(20)",
        "ALTER TABLE agents DROP COLUMN note;",
        "ALTER TABLE agents ALTER org_id SET NOT NULL, ALTER org_id SET STATISTICS 500",
        "/* mine */ ALTER TABLE agents SET (fillfactor = 90) -- done",
    ] {
        let steps = owner.steps(&alter(statement)["SELECT * FROM org_scope.".len()..]);
        assert!(steps.iter().any(|s| s.kind == "statement" && s.statement == statement), "{steps:#?}");
        assert!(steps.iter().all(|s| s.state == "done"), "{steps:#?}");
        assert_eq!(owner.text(policies), before, "{statement}");
        assert_eq!(work(&owner.steps("protect('agents')")), NONE, "{statement}");
        assert_eq!(wall.app("a").number(COUNT), 2, "{statement}");
        wall.app("a").refused("TRUNCATE agents", "OS002");
    }
}

#[test]
fn alter_protected_refuses_everything_else_and_the_fence_stays() {
    let (wall, mut owner) = fenced("alter_refused");
    owner.run(
        "CREATE TABLE other (id int PRIMARY KEY, org_id text); CREATE TABLE bare (org_id text); CREATE TABLE parent (id int, org_id text, name text);
         CREATE TYPE shape AS (id int, org_id text, name text); CREATE VIEW v AS SELECT id FROM agents",
    );
    let stands = owner.fence_of("agents");
    let app = wall.app.name();
    let refused: Vec<(String, &str)> = [
        ("ALTER TABLE agents DISABLE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents ENABLE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents ADD x int, NO FORCE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents OWNER TO {app}", "OS010"),
        ("ALTER TABLE agents INHERIT parent", "OS010"),
        ("ALTER TABLE agents NO INHERIT parent", "OS010"),
        ("ALTER TABLE agents OF shape", "OS010"),
        ("ALTER TABLE agents NOT OF", "OS010"),
        ("ALTER TABLE agents DISABLE TRIGGER ALL", "OS010"),
        ("ALTER TABLE agents DISABLE TRIGGER org_scope_truncate_guard", "OS010"),
        ("ALTER TABLE agents ENABLE TRIGGER USER", "OS010"),
        ("ALTER TABLE agents ENABLE REPLICA TRIGGER org_scope_truncate_guard", "OS010"),
        ("ALTER TABLE agents DISABLE RULE r", "OS010"),
        ("ALTER TABLE agents ADD FOREIGN KEY (id) REFERENCES other", "OS010"),
        ("ALTER TABLE agents ADD ref int REFERENCES other", "OS010"),
        ("ALTER TABLE agents VALIDATE CONSTRAINT c", "OS010"),
        ("ALTER TABLE agents RENAME TO gone", "OS010"),
        ("ALTER TABLE agents RENAME org_id TO gone", "OS010"),
        ("ALTER TABLE agents SET SCHEMA pg_temp", "OS010"),
        ("ALTER TABLE other ADD x int", "OS010"),
        ("ALTER TABLE no_such_table ADD x int", "OS010"),
        ("ALTER VIEW v SET (security_invoker = true)", "OS010"),
        ("ALTER TABLE agents ADD x int; SELECT 1", "OS010"),
        ("ALTER TABLE agents ADD x int; ALTER TABLE agents ADD y int", "OS010"),
        ("SELECT 1", "OS010"),
        ("DROP TABLE agents", "OS010"),
        ("DO 'BEGIN END'", "OS010"),
        ("", "OS010"),
        (";", "OS010"),
        ("ALTER TABLE agents ADD", "42601"),
        ("ALTER TABLE agents ADD x no_such_type", "42704"),
        ("ALTER TABLE agents DROP COLUMN no_such_column", "42703"),
        ("ALTER TABLE agents DROP COLUMN org_id", "OS009"),
        ("ALTER TABLE agents ALTER org_id TYPE jsonb USING to_jsonb(org_id)", "OS009"),
        ("ALTER TABLE agents ALTER org_id TYPE char(9)", "OS009"),
        ("ALTER TABLE agents ADD CHECK (id < 0)", "23514"),
        ("ALTER TABLE agents ALTER name TYPE int USING 1 / 0", "22012"),
    ]
    .map(|(statement, state)| (statement.replace("{app}", app), state))
    .into();
    for (statement, state) in &refused {
        owner.refused(&alter(statement), state);
        assert_eq!(owner.fence_of("agents"), stands, "{statement}");
    }
    owner.refused("SELECT org_scope.alter_protected('bare', 'ALTER TABLE bare ADD x int')", "OS010");
    owner.refused("SELECT org_scope.alter_protected('agents', NULL)", "22004");
    // A failure that the caller survives leaves the fence, too.
    owner.run("BEGIN; SAVEPOINT s");
    owner.refused(&alter("ALTER TABLE agents ADD CHECK (id < 0)"), "23514");
    owner.run("ROLLBACK TO s");
    owner.refused(COUNT, "OS001");
    owner.run("ROLLBACK");
    owner.run(
        "DO $do$ BEGIN PERFORM * FROM org_scope.alter_protected('agents', 'ALTER TABLE agents ADD CHECK (id < 0)'); EXCEPTION WHEN check_violation THEN NULL; END $do$",
    );
    assert_eq!(owner.fence_of("agents"), stands);
}

#[test]
fn a_statement_that_means_another_table_of_the_name_is_refused() {
    let (wall, mut owner) = fenced("alter_shadow");
    wall.db.superuser().run(&format!("GRANT TEMPORARY ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    owner.run("CREATE TEMP TABLE agents (id int)");
    owner.refused(
        "SELECT org_scope.alter_protected('public.agents', 'ALTER TABLE agents ADD x int')",
        "OS010",
    );
    owner.run("SELECT org_scope.alter_protected('public.agents', 'ALTER TABLE public.agents ADD x int')");
    assert_eq!(owner.number("SELECT count(*) FROM pg_attribute WHERE attname = 'x'"), 1);
}

#[test]
fn nobody_sees_the_time_between() {
    let (wall, mut owner) = fenced("between");
    owner.run(&format!(
        "CREATE TABLE seen (who name, n bigint); GRANT INSERT ON seen TO PUBLIC;
         CREATE FUNCTION look(v int) RETURNS int LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO public.seen VALUES (current_user, (SELECT count(*) FROM public.agents)); RETURN v; END$$;
         CREATE FUNCTION asleep(v int) RETURNS int LANGUAGE plpgsql AS
         $$BEGIN PERFORM pg_sleep(0.2); RETURN v; END$$;
         GRANT EXECUTE ON FUNCTION look TO {}",
        wall.app
    ));
    // Another session waits for the end, and then sees its own.
    thread::scope(|scope| {
        let mut session = wall.owner();
        scope.spawn(move || session.run(&alter("ALTER TABLE agents ALTER id TYPE bigint USING asleep(id)")));
        let mut app = wall.app("a");
        for _ in 0..20 {
            assert_eq!(app.number(COUNT), 2);
            thread::sleep(Duration::from_millis(50));
        }
    });
    // What the statement itself calls sees no organization's rows.
    owner.run(&alter("ALTER TABLE agents ALTER id TYPE int USING id"));
    drop(owner.try_run(&alter("ALTER TABLE agents ALTER id TYPE bigint USING look(id)")));
    assert_eq!(wall.db.superuser().column("SELECT DISTINCT n FROM seen WHERE n > 0"), Vec::<String>::new());
}

/// A USING expression can call a function, which reads the owner's other tables while FORCE is lifted.
#[test]
fn what_runs_with_force_lifted_is_in_the_journal() {
    let (wall, mut owner) = fenced("altered_journal");
    let statement = "ALTER TABLE agents ADD COLUMN remark text";
    owner.run(&alter(statement));
    let mut superuser = wall.db.superuser();
    let entry = "SELECT concat_ws(' | ', role, kind, target, statement) FROM org_scope.journal";
    let said = format!("{} | alter_protected | agents | {statement}", wall.owner);
    assert_eq!(superuser.column(entry), [said]);
    owner.refused(&alter("ALTER TABLE agents ALTER COLUMN remark TYPE int USING 1/0"), "22012");
    assert_eq!(superuser.column(entry).len(), 1, "what failed was not done");
}
