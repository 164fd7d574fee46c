//! Guarantee 8 when fences are made: nothing depends on the caller's search_path, nor on an object that a user
//! can create, nor on what things are called.

use crate::harness::{Db, Role, Session, Step, Wall, notes, work};

/// Puts traps into the schema `evil`: each that is touched writes down who touched it. Operators, functions,
/// types, tables and views have the names that the generator's own statements use.
fn trap(attacker: &mut Session) {
    attacker.run(
        "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
         CREATE TABLE evil.caught (what text, who name); GRANT INSERT ON evil.caught TO PUBLIC",
    );
    for kind in [
        "text", "name", "oid", "bigint", "integer", "smallint", "uuid", "\"char\"", "boolean", "varchar",
        "regclass",
    ] {
        attacker.run(&format!(
            "CREATE FUNCTION evil.equal(a {kind}, b {kind}) RETURNS boolean LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO evil.caught VALUES ('operator on {kind}', current_user); RETURN true; END$$"
        ));
        for operator in ["=", "<>", "<", ">", "||", "~", "~~"] {
            attacker.run(&format!(
                "CREATE OPERATOR evil.{operator} (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = evil.equal)"
            ));
        }
    }
    attacker.run(
        "CREATE FUNCTION evil.equal_any(a anyelement, b anyarray) RETURNS boolean LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO evil.caught VALUES ('operator on an array', current_user); RETURN true; END$$;
         CREATE OPERATOR evil.= (LEFTARG = anyelement, RIGHTARG = anyarray, FUNCTION = evil.equal_any)",
    );
    for (name, arguments) in [
        ("set_config", "text, text, boolean"),
        ("current_setting", "text"),
        ("pg_get_expr", "pg_node_tree, oid"),
        ("pg_has_role", "oid, text"),
        ("has_schema_privilege", "oid, text"),
        ("obj_description", "oid, name"),
        ("quote_ident", "text"),
        ("format_type", "oid, integer"),
        ("pg_relation_size", "regclass"),
        ("pg_get_userbyid", "oid"),
        ("unnest", "anyarray"),
        ("to_json", "anyelement"),
        ("row_to_json", "record"),
        ("fence_org", ""),
        ("current_org", ""),
        ("truncate_guard", ""),
        ("_run_step", ""),
        ("lower", "text"),
    ] {
        // A few signatures can't be had outside pg_catalog; then nobody can shadow them either.
        drop(attacker.try_run(&format!(
            "CREATE FUNCTION evil.{name}({arguments}) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO evil.caught VALUES ('function {name}', current_user); RETURN 'x'; END$$"
        )));
    }
    attacker.run(
        "CREATE FUNCTION evil.check_domain(v text) RETURNS boolean LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO evil.caught VALUES ('type', current_user); RETURN true; END$$",
    );
    for name in
        ["text", "name", "int4", "int8", "oid", "bool", "regclass", "uuid", "jsonb", "regrole", "bigint"]
    {
        attacker.run(&format!("CREATE DOMAIN evil.\"{name}\" AS pg_catalog.text CHECK (evil.check_domain(VALUE::pg_catalog.text))"));
    }
    for name in [
        "pg_class",
        "pg_policy",
        "pg_attribute",
        "pg_index",
        "pg_trigger",
        "pg_roles",
        "pg_namespace",
        "agents",
    ] {
        attacker.run(&format!(
            "CREATE VIEW evil.{name} AS SELECT evil.check_domain('view {name}'::pg_catalog.text) AS oid; GRANT SELECT ON evil.{name} TO PUBLIC"
        ));
    }
}

fn traps_in_pg_temp(session: &mut Session) {
    session.run(
        "CREATE TEMP TABLE pg_class (oid oid, relname name); CREATE TEMP TABLE pg_policy (polname name);
         CREATE TEMP TABLE pg_attribute (attname name); CREATE TEMP TABLE pg_roles (rolname name);
         CREATE TEMP TABLE agents (org_id text);
         CREATE DOMAIN pg_temp.name AS pg_catalog.text CHECK (evil.check_domain(VALUE::pg_catalog.text));
         CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (evil.check_domain(VALUE::pg_catalog.text));
         CREATE DOMAIN pg_temp.oid AS pg_catalog.text CHECK (evil.check_domain(VALUE::pg_catalog.text));
         CREATE FUNCTION pg_temp.fence_org() RETURNS pg_catalog.text LANGUAGE sql AS 'SELECT NULL::pg_catalog.text'",
    );
}

const PATHS: [&str; 4] = [
    "evil, public, pg_catalog",
    "pg_temp, evil, public, pg_catalog",
    "public",
    "evil, pg_catalog, pg_temp, org_scope",
];

#[test]
fn no_trap_on_the_search_path_is_touched_and_the_fence_is_the_same() {
    let wall = Wall::new("search_path");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents ALTER org_id DROP NOT NULL; SELECT org_scope.protect('agents')");
    let clean = owner.fence_of("agents");
    owner.run("SELECT org_scope.unprotect('agents')");
    let attacker = wall.db.role("attacker");
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {attacker}", wall.db.name()));
    trap(&mut wall.db.connect(&attacker));
    for path in PATHS {
        for (who, mut session) in [("owner", wall.owner()), ("superuser", wall.db.superuser())] {
            if who == "owner" {
                wall.db.superuser().run(&format!(
                    "GRANT TEMPORARY ON DATABASE {} TO {}",
                    wall.db.name(),
                    wall.owner
                ));
            }
            traps_in_pg_temp(&mut session);
            session.run(&format!("SET search_path = {path}"));
            session.run("SELECT * FROM org_scope.plan('public.agents')");
            session.run("SELECT * FROM org_scope.protect('public.agents')");
            assert_eq!(owner.fence_of("agents"), clean, "{who} with {path}");
            session.run("SELECT * FROM org_scope.protect('public.agents')");
            session.run("SELECT * FROM org_scope.protected_tables");
            session.run("SELECT * FROM org_scope.plan_all('org_id')");
            session.run(
                "SELECT * FROM org_scope.alter_protected('public.agents', 'ALTER TABLE public.agents ALTER name SET STATISTICS 5')",
            );
            assert_eq!(owner.fence_of("agents"), clean, "{who} with {path}, after alter_protected");
            session.run("SELECT * FROM org_scope.unprotect('public.agents')");
            session.run("CALL org_scope.protect_all('org_id')");
            assert_eq!(session.text("SHOW search_path"), path, "the path is the caller's again");
            assert_eq!(owner.fence_of("agents"), clean, "{who} with {path}, by protect_all");
            session.run("SELECT * FROM org_scope.last_run");
            session.run("CALL org_scope.unprotect_all('{public}')");
            assert_eq!(session.text("SHOW search_path"), path);
            session.run("BEGIN; CALL org_scope.protect_all('org_id')");
            assert_eq!(session.text("SHOW search_path"), path);
            session.run("CALL org_scope.unprotect_all('{public}'); COMMIT");
            assert_eq!(session.text("SHOW search_path"), path);
        }
    }
    let caught = "SELECT DISTINCT what || ' by ' || who FROM evil.caught";
    assert_eq!(wall.db.superuser().column(caught), Vec::<String>::new());
}

#[test]
fn the_traps_work() {
    let wall = Wall::new("traps");
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    trap(&mut wall.owner());
    let mut victim = wall.db.superuser();
    victim.run("SET search_path = evil, public, pg_catalog");
    victim.run("SELECT 1 = 1; SELECT lower('x'); SELECT 'x'::evil.text; SELECT * FROM pg_class");
    assert_eq!(wall.owner().number("SELECT count(*) FROM evil.caught WHERE who = 'postgres'"), 4);
}

/// DEFAULTs that the server prints differently under different settings.
const PRINTED: [&str; 4] = [
    "'a\\b''c\"d\\'",
    "CASE WHEN now() > '2020-02-01 10:00+02'::timestamptz THEN 'new' END",
    "CASE WHEN random() < 0.123456789012345::float8 AND '1 day 2 hours'::interval > '-1 day'::interval THEN 'x' END",
    "encode('\\xdeadbeef'::bytea, 'hex')",
];

#[test]
fn settings_of_the_session_change_no_fence() {
    let settings = [
        "quote_all_identifiers = on",
        "standard_conforming_strings = off",
        "backslash_quote = on",
        "row_security = off",
        "array_nulls = off",
        "DateStyle = 'German'",
        "DateStyle = 'SQL, MDY'",
        "IntervalStyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
        "transform_null_equals = on",
        "default_transaction_isolation = 'repeatable read'",
        "default_transaction_isolation = 'serializable'",
        "client_encoding = 'LATIN1'",
        "plan_cache_mode = force_generic_plan",
    ];
    let default = "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'agents'::regclass";
    let mut changed = Vec::new();
    for printed in PRINTED {
        let wall = Wall::new("settings");
        let mut owner = wall.agents();
        owner.run(&format!("ALTER TABLE agents ALTER org_id SET DEFAULT {printed}"));
        let (bare, before) = (owner.fence_of("agents"), owner.text(default));
        owner.run("SELECT org_scope.protect('agents')");
        let clean = owner.fence_of("agents");
        owner.run("SELECT org_scope.unprotect('agents')");
        for setting in settings {
            let mut other = wall.owner();
            other.run(&format!("SET {setting}"));
            // Made under the setting, taken back without it; and the other way round.
            other.run("SELECT org_scope.protect('agents')");
            if owner.fence_of("agents") != clean {
                changed.push(format!("{setting}: the fence of {printed}"));
            }
            assert_eq!(work(&other.steps("protect('agents')")), Vec::<&Step>::new(), "{setting}");
            assert_eq!(work(&owner.steps("protect('agents')")), Vec::<&Step>::new(), "{setting}");
            assert_eq!(other.text("SELECT drift FROM org_scope.protected_tables"), "{}", "{setting}");
            owner.run("SELECT org_scope.unprotect('agents')");
            if owner.fence_of("agents") != bare {
                changed.push(format!("{setting}: {printed} came back as {}", owner.text(default)));
            }
            owner.run(&format!(
                "ALTER TABLE agents ALTER org_id SET DEFAULT {printed}; SELECT org_scope.protect('agents')"
            ));
            other.run("SELECT org_scope.unprotect('agents')");
            if owner.text(default) != before {
                changed.push(format!("{setting}: {printed} was put back as {}", owner.text(default)));
            }
            owner.run(&format!("ALTER TABLE agents ALTER org_id SET DEFAULT {printed}"));
        }
    }
    assert!(changed.is_empty(), "{changed:#?}");
}

/// Legal names, none of them kind.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "a\"b",
        "x'; DROP TABLE public.victim; --",
        "SELECT",
        "Straße 漢字 😀",
        "a b",
        "$$",
        "\\",
        "\\'",
        "\"",
        "'",
        "%I",
        "{a,b}",
        "NULL",
        "E'x",
        "a.b",
        "(",
        "-- x",
        "/*",
        "public",
        "CamelCase",
        "1",
        "\n",
        "org_scope_fence",
        "x\" ; DROP TABLE public.victim; --",
        "é",
    ]
    .map(str::to_owned)
    .into();
    names.push("n".repeat(63));
    names.push("\"".repeat(63));
    names.push("é".repeat(31));
    names
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The whole way there and back for one table.
fn there_and_back(wall: &Wall, owner: &mut Session, table: &str, column: &str) {
    let (target, org) = (literal(table), literal(column));
    let column = ident(column);
    owner.run(&format!(
        "CREATE TABLE {table} (id int, {column} text); INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, NULL); GRANT ALL ON {table} TO {}",
        wall.app
    ));
    let before =
        owner.fence_of(&target.trim_start_matches("E'").trim_end_matches('\'').replace("\\\\", "\\"));
    let planned = owner.steps(&format!("plan({target}, {org})"));
    let steps = owner.steps(&format!("protect({target}, {org})"));
    let said = |steps: &[Step]| steps.iter().map(|s| s.statement.clone()).collect::<Vec<_>>();
    assert_eq!(said(&planned), said(&steps));
    assert_eq!(notes(&steps, "null_rows").len(), 1, "{steps:#?}");
    assert_eq!(wall.app("a").column(&format!("SELECT id FROM {table}")), ["1"], "{table}");
    wall.app("a").refused(&format!("INSERT INTO {table} VALUES (9, 'b')"), "42501");
    wall.app("a").refused(&format!("TRUNCATE {table}"), "OS002");
    for note in notes(&steps, "privilege") {
        owner.run(&note.statement);
    }
    let again = owner.steps(&format!("protect({target}, {org})"));
    assert_eq!((work(&again).len(), notes(&again, "privilege").len()), (0, 0), "{again:#?}");
    let listed =
        format!("SELECT org_column, drift FROM org_scope.protected_tables WHERE target = {target}::regclass");
    assert_eq!(
        owner.rows(&listed),
        [[Some(column.trim_matches('"').replace("\"\"", "\"")), Some("{}".into())]]
            .map(|row| if column.contains("\"\"") { owner.rows(&listed).remove(0) } else { row.to_vec() })
    );
    let alter = literal(&format!("ALTER TABLE {table} ALTER {column} TYPE varchar(99)"));
    owner.run(&format!("SELECT * FROM org_scope.alter_protected({target}, {alter})"));
    assert_eq!(work(&owner.steps(&format!("protect({target}, {org})"))).len(), 0);
    owner.run(&format!(
        "SELECT * FROM org_scope.alter_protected({target}, {})",
        alter.replace("varchar(99)", "text")
    ));
    owner.run(&format!("SELECT * FROM org_scope.unprotect({target})"));
    let after = owner.fence_of(&target.trim_start_matches("E'").trim_end_matches('\'').replace("\\\\", "\\"));
    assert_eq!(after, before);
}

#[test]
fn hostile_names_of_tables_and_columns_are_names() {
    let wall = Wall::new("hostile_tables");
    let mut owner = wall.owner();
    owner.run("CREATE TABLE victim ()");
    for name in names() {
        there_and_back(&wall, &mut owner, &ident(&name), "org_id");
        owner.run(&format!("DROP TABLE {}", ident(&name)));
        there_and_back(&wall, &mut owner, "plain", &name);
        owner.run("DROP TABLE plain");
    }
    assert_eq!(owner.text("SELECT to_regclass('victim')"), "victim");
}

#[test]
fn hostile_names_of_schemas_are_names() {
    let wall = Wall::new("hostile_schemas");
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    let mut owner = wall.owner();
    owner.run("CREATE TABLE victim ()");
    for name in names().into_iter().filter(|n| n != "public") {
        let schema = ident(&name);
        owner.run(&format!("CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO {}", wall.app));
        there_and_back(&wall, &mut owner, &format!("{schema}.t"), "org_id");
        let element = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        let schemas = literal(&format!("{{{element}}}"));
        owner.run(&format!("CALL org_scope.protect_all('org_id', {schemas})"));
        assert_eq!(
            owner.number("SELECT count(*) FROM org_scope.protected_tables WHERE drift = '{}'"),
            1,
            "{name}"
        );
        owner.run(&format!("CALL org_scope.unprotect_all({schemas})"));
        assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
    }
    assert_eq!(owner.text("SELECT to_regclass('victim')"), "victim");
}

/// Roles belong to the cluster, so these go by hand.
struct Named<'d>(&'d Db, String);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        let mut superuser = self.0.superuser();
        drop(superuser.try_run(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.1)));
    }
}

#[test]
fn hostile_names_of_roles_are_names() {
    let wall = Wall::new("hostile_roles");
    let mut owner = wall.agents();
    owner.run("CREATE TABLE victim (); ALTER TABLE agents ENABLE ROW LEVEL SECURITY");
    let mut superuser = wall.db.superuser();
    let roles: Vec<Named<'_>> =
        ["a\"b", "x'; DROP TABLE public.victim; --", "SELECT", "漢字 😀", "{a,b}", "\\'", "NULL", ","]
            .iter()
            .map(|name| Named(&wall.db, ident(&format!("{name}{}", &wall.db.name()[1..12]))))
            .collect();
    for role in &roles {
        superuser.run(&format!("CREATE ROLE {}", role.1));
        owner.run(&format!("GRANT SELECT, TRIGGER ON agents TO {}", role.1));
    }
    let steps = owner.steps("protect('agents')");
    // All of them, the application and the owner.
    assert_eq!(notes(&steps, "dark_role").len(), roles.len() + 2, "{steps:#?}");
    for note in steps.iter().filter(|s| s.state == "note") {
        owner.run(&note.statement);
    }
    let steps = owner.steps("protect('agents')");
    assert_eq!(steps.iter().filter(|s| s.state == "note").count(), 0, "{steps:#?}");
    assert_eq!(work(&steps).len(), 0, "{steps:#?}");
    for role in &roles {
        let mut session = wall.db.superuser();
        session.run(&format!("SET SESSION AUTHORIZATION {}", role.1));
        session.refused("SELECT count(*) FROM agents", "OS001");
    }
    superuser.run("SELECT * FROM org_scope.unprotect('agents')");
    assert_eq!(owner.text("SELECT to_regclass('victim')"), "victim");
}

#[test]
fn a_domain_with_a_hostile_check_is_not_evaluated_while_the_fence_is_made() {
    let wall = Wall::new("hostile_domain");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE caught (who name); GRANT INSERT ON caught TO PUBLIC;
         CREATE FUNCTION write() RETURNS void LANGUAGE sql AS 'INSERT INTO public.caught VALUES (current_user)';
         CREATE FUNCTION trap(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
         $$BEGIN PERFORM public.write(); RETURN true; END$$;
         CREATE DOMAIN org AS text CHECK (trap(VALUE));
         CREATE TABLE agents (id int, org_id org, other org);
         INSERT INTO agents VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, NULL, NULL);
         CREATE INDEX ON agents (trap(other));
         TRUNCATE caught",
    );
    owner.run(&format!("GRANT SELECT, INSERT ON agents TO {}", wall.app));
    let mut superuser = wall.db.superuser();
    for call in [
        "plan('agents')",
        "protect('agents')",
        "protect('agents', set_default => false)",
        "protect('agents')",
    ] {
        superuser.run(&format!("SELECT * FROM org_scope.{call}"));
    }
    superuser.run("SELECT * FROM org_scope.protected_tables; SELECT * FROM org_scope.plan_all('org_id')");
    superuser.run("SELECT org_scope.alter_protected('agents', 'ALTER TABLE agents ADD note text')");
    superuser.run("SELECT * FROM org_scope.unprotect('agents'); CALL org_scope.protect_all('org_id')");
    assert_eq!(superuser.column("SELECT who FROM caught"), Vec::<String>::new());
    assert_eq!(wall.app("a").column("SELECT id FROM agents"), ["1"]);
}

#[test]
fn what_the_owner_attached_to_the_table_is_not_run_by_the_superuser() {
    let wall = Wall::new("attached");
    let mut owner = wall.agents();
    owner.run(
        "CREATE TABLE caught (who name); GRANT INSERT ON caught TO PUBLIC;
         CREATE FUNCTION write() RETURNS void LANGUAGE sql AS 'INSERT INTO public.caught VALUES (current_user)';
         CREATE FUNCTION trap(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
         $$BEGIN PERFORM public.write(); RETURN true; END$$;
         CREATE FUNCTION trigger_trap() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO public.caught VALUES (current_user); RETURN NULL; END$$;
         CREATE POLICY trap ON agents USING (trap(name)) WITH CHECK (trap(name));
         CREATE TRIGGER trap AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON agents EXECUTE FUNCTION trigger_trap();
         CREATE INDEX ON agents (id) WHERE trap(name);
         CREATE STATISTICS s ON (trap(name)), id FROM agents;
         ALTER TABLE agents ADD CONSTRAINT trap CHECK (trap(name)) NOT VALID, ALTER org_id DROP NOT NULL;
         CREATE VIEW watching AS SELECT * FROM agents WHERE trap(name);
         TRUNCATE caught",
    );
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT * FROM org_scope.plan('agents'); SELECT * FROM org_scope.protect('agents')");
    superuser.run("SELECT * FROM org_scope.plan('agents'); SELECT * FROM org_scope.protected_tables");
    superuser.run("SELECT * FROM org_scope.unprotect('agents'); CALL org_scope.protect_all('org_id')");
    assert_eq!(superuser.column("SELECT who FROM caught"), Vec::<String>::new());
}

#[test]
fn a_trigger_or_policy_of_our_name_that_is_not_ours_is_made_ours() {
    let wall = Wall::new("impostors");
    let mut owner = wall.agents();
    owner.run(
        "CREATE FUNCTION truncate_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER org_scope_truncate_guard BEFORE TRUNCATE ON agents EXECUTE FUNCTION truncate_guard();
         CREATE POLICY org_scope_fence ON agents USING (true);
         CREATE FUNCTION fence_org() RETURNS text LANGUAGE sql AS 'SELECT ''a''';
         CREATE POLICY org_scope_gate ON agents USING (org_id = fence_org() OR true)",
    );
    owner.run(&format!("GRANT TRUNCATE ON agents TO {}", wall.app));
    owner.run("SELECT org_scope.protect('agents')");
    assert_eq!(wall.app("b").number("SELECT count(*) FROM agents"), 3);
    wall.app("b").refused("TRUNCATE agents", "OS002");
    let role: &Role = &wall.app;
    wall.db.connect(role).refused("SELECT count(*) FROM agents", "OS001");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}
