//! `usage()`: what each organization has, for billing, which may see nothing else.

use crate::harness::{Role, Server, Session, Wall, Walled};

/// A login that may ask for usage and nothing else.
fn billing(wall: &Wall) -> Role {
    let billing = wall.db.role("billing");
    wall.db.superuser().run(&format!("GRANT EXECUTE ON FUNCTION org_scope.usage(name[]) TO {billing}"));
    billing
}

/// `table|org|rows`, in order, with `-` for NULL.
fn counted(session: &mut Session, schemas: &str) -> Vec<String> {
    session.column(&format!(
        "SELECT concat_ws('|', target, coalesce(org, '-'), coalesce(rows::text, '-')) \
         FROM org_scope.usage({schemas}) ORDER BY target::text COLLATE \"C\", org COLLATE \"C\""
    ))
}

#[test]
fn billing_reads_what_each_organization_has_and_nothing_else() {
    let wall = Wall::new("usage");
    let mut owner = wall.agents();
    owner.run(
        "CREATE TABLE runs (org uuid, n int); INSERT INTO runs SELECT md5((n % 2)::text)::uuid, n FROM generate_series(1, 5) n;
         CREATE TABLE \"Odd \"\"one\" (gone text, \"The Org\" bigint);
         INSERT INTO \"Odd \"\"one\" VALUES ('x', -7), ('y', 9223372036854775807), (NULL, NULL);
         ALTER TABLE \"Odd \"\"one\" DROP COLUMN gone;
         CREATE TABLE small (org_id smallint); INSERT INTO small VALUES (-3), (4), (4);
         CREATE TABLE empty (org_id int); CREATE TABLE open (org_id int); INSERT INTO open VALUES (1);
         SELECT org_scope.protect('agents'), org_scope.protect('small'), org_scope.protect('empty');
         SELECT org_scope.protect('runs', 'org'), org_scope.protect('\"Odd \"\"one\"', 'The Org')",
    );
    let billing = billing(&wall);
    let mut session = wall.db.connect(&billing);
    let expected = [
        "\"Odd \"\"one\"|-7|1",
        "\"Odd \"\"one\"|9223372036854775807|1",
        "\"Odd \"\"one\"|-|1",
        "agents|a|2",
        "agents|b|3",
        "runs|c4ca4238-a0b9-2382-0dcc-509a6f75849b|3",
        "runs|cfcd2084-95d5-65ef-66e7-dff9f98764da|2",
        "small|-3|1",
        "small|4|2",
    ];
    assert_eq!(counted(&mut session, ""), expected);
    assert_eq!(session.notices(), []);
    // Nobody else, whatever may be read of the tables; and an organization that is set changes nothing.
    wall.db.connect(&wall.owner).refused("SELECT FROM org_scope.usage()", "42501");
    wall.app("a").refused("SELECT FROM org_scope.usage()", "42501");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!("SELECT org_scope.allow('{billing}', 'direct')"));
    session.run("SELECT org_scope.set_current_org('a')");
    assert_eq!(counted(&mut session, ""), expected);
    session.refused("SELECT FROM agents", "42501");
}

#[test]
fn schemas_can_be_chosen() {
    let wall = Wall::new("usage_schemas");
    wall.agents().run("SELECT org_scope.protect('agents')");
    wall.db.superuser().run(&format!(
        "CREATE SCHEMA other; CREATE TABLE other.t (org_id text); INSERT INTO other.t VALUES ('z');
         ALTER TABLE other.t OWNER TO {}; SELECT org_scope.protect('other.t')",
        wall.owner
    ));
    let mut session = wall.db.connect(&billing(&wall));
    assert_eq!(counted(&mut session, "'{other}'"), ["other.t|z|1"]);
    assert_eq!(counted(&mut session, "schemas => '{other,public}'").len(), 3);
    session.refused("SELECT FROM org_scope.usage('{nowhere}')", "3F000");
}

#[test]
fn bytes_are_those_of_the_rows_as_they_are_stored() {
    let wall = Wall::new("usage_bytes");
    wall.owner().run(
        "CREATE TABLE docs (id int, org_id text, body text, far text);
         ALTER TABLE docs ALTER far SET STORAGE EXTERNAL;
         INSERT INTO docs SELECT n, 'small', 'x', NULL FROM generate_series(1, 100) n;
         INSERT INTO docs SELECT n, 'packed', repeat('x', 100000), NULL FROM generate_series(1, 100) n;
         INSERT INTO docs SELECT n, 'far', 'x', repeat('y', 50000) FROM generate_series(1, 100) n;
         DELETE FROM docs WHERE id > 50 AND org_id = 'far';
         SELECT org_scope.protect('docs')",
    );
    let mut session = wall.db.connect(&billing(&wall));
    let mut bytes = |org: &str| {
        session
            .number(&format!("SELECT bytes FROM org_scope.usage() WHERE org = '{org}' AND rows IN (50, 100)"))
    };
    let values = |org: &str| {
        wall.db.superuser().number(&format!(
            "SELECT sum(pg_column_size(id) + pg_column_size(org_id) + coalesce(pg_column_size(body), 0)
                + coalesce(pg_column_size(far), 0)) FROM docs WHERE org_id = '{org}'"
        ))
    };
    for org in ["small", "packed", "far"] {
        let (bytes, values) = (bytes(org), values(org));
        // A row's header, its NULLs and the gaps between its values come to less than 64 bytes.
        assert!(bytes > values && bytes < values + 100 * 64, "{org}: {bytes}, of values {values}");
    }
    assert!(bytes("packed") < 100 * 5000, "as it is compressed");
    assert!(bytes("far") > 50 * 50_000, "what lies outside of the row counts");
}

#[test]
fn nothing_of_anybodys_runs_and_no_right_of_the_owner_is_needed() {
    let wall = Wall::new("usage_hostile");
    let mut owner = wall.agents();
    owner.run(&format!(
        "CREATE TABLE ran (what text); GRANT ALL ON ran TO PUBLIC;
         CREATE FUNCTION spy() RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.001 AS
             $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN true; EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'the spy ran'; RETURN true; END $$;
         SELECT org_scope.protect('agents');
         CREATE POLICY spy ON agents AS RESTRICTIVE USING (public.spy());
         CREATE FUNCTION weigh(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
             $$ BEGIN PERFORM public.spy(); RETURN $1; END $$;
         ALTER TABLE agents ADD weight text GENERATED ALWAYS AS (public.weigh(name)) STORED;
         CREATE INDEX ON agents (public.weigh(name)) WHERE public.spy();
         CREATE STATISTICS spying ON (public.weigh(name)), org_id FROM agents;
         TRUNCATE ran;
         REVOKE ALL ON agents FROM {}",
        wall.owner
    ));
    let mut session = wall.db.connect(&billing(&wall));
    session.run("SET search_path = public");
    assert_eq!(counted(&mut session, ""), ["agents|a|2", "agents|b|3"]);
    assert_eq!(session.notices(), []);
    assert_eq!(wall.db.superuser().number("SELECT count(*) FROM ran"), 0);
}

#[test]
fn a_table_that_cannot_be_told_apart_is_not_silently_missing() {
    let wall = Wall::new("usage_altered");
    let mut owner = wall.agents();
    owner.run(
        "CREATE TABLE fine (org_id text); INSERT INTO fine VALUES ('a'); SELECT org_scope.protect('fine');
         SELECT org_scope.protect('agents')",
    );
    // Whatever guards the fence against its owner lets a superuser pass.
    wall.db.superuser().run("ALTER POLICY org_scope_fence ON agents USING (name = org_scope.fence_org())");
    let mut session = wall.db.connect(&billing(&wall));
    assert_eq!(counted(&mut session, ""), ["agents|-|-", "fine|a|1"]);
    let said = session.notices();
    assert!(said.len() == 1 && said[0].severity == "WARNING", "{said:?}");
    assert!(said[0].message.contains("public.agents"), "{said:?}");
}

#[test]
fn an_organization_inside_a_value_counts_too() {
    let wall = Wall::new("usage_expression");
    wall.owner().run(
        "CREATE TABLE keys (id int, gone int, settings jsonb); ALTER TABLE keys DROP gone;
         INSERT INTO keys VALUES (1, '{\"org\": \"a\"}'), (2, '{\"org\": \"a\"}'), (3, '{\"org\": \"größe\"}'), (4, '{}');
         CREATE TABLE parted (key text); INSERT INTO parted SELECT n % 2 || ':' || n FROM generate_series(1, 5) n;
         CREATE TABLE shared (org_id text); INSERT INTO shared VALUES ('a'), (NULL);
         SELECT org_scope.protect_expression('keys', 'settings->>''org''', 'text');
         SELECT org_scope.protect_expression('parted', 'split_part(key, '':'', 1)::bigint', 'bigint');
         SELECT org_scope.protect('shared', shared_rows => true)",
    );
    let mut session = wall.db.connect(&billing(&wall));
    session.run("SET search_path = pg_temp, public; CREATE TEMP TABLE jsonb ()");
    assert_eq!(
        counted(&mut session, ""),
        ["keys|a|2", "keys|größe|1", "keys|-|1", "parted|0|2", "parted|1|3", "shared|a|1", "shared|-|1"]
    );
    assert_eq!(session.notices(), []);
}

#[test]
fn an_expression_that_fails_hides_no_other_table_and_shows_no_value() {
    let wall = Wall::new("usage_failing");
    let mut owner = wall.agents();
    owner.run(
        "SELECT org_scope.protect('agents');
         CREATE TABLE cast_of (note text); CREATE TABLE long (note text); CREATE TABLE good (note text);
         SELECT org_scope.protect_expression('cast_of', 'note::int', 'integer', force => false, create_index => false),
                org_scope.protect_expression('long', 'left(repeat(note, length(note)), 1)', 'text', force => false, create_index => false),
                org_scope.protect_expression('good', 'lower(note)', 'text', force => false);
         INSERT INTO cast_of VALUES ('1'), ('hidden'); INSERT INTO long SELECT repeat('x', 50000); INSERT INTO good VALUES ('A')",
    );
    let billing = billing(&wall);
    let mut session = wall.db.connect(&billing);
    assert_eq!(
        counted(&mut session, ""),
        ["agents|a|2", "agents|b|3", "cast_of|-|-", "good|a|1", "long|-|-"]
    );
    let said = session.notices();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|n| n.sqlstate == "OS010" && !n.message.contains("hidden")), "{said:?}");
}

#[test]
fn all_tables_are_read_as_of_one_moment() {
    let wall = Wall::new("usage_snapshot");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    let mut session = wall.db.connect(&billing(&wall));
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    assert_eq!(counted(&mut session, ""), ["agents|a|2", "agents|b|3"]);
    wall.app("a").run("INSERT INTO agents VALUES (6, 'a', 'a3')");
    assert_eq!(counted(&mut session, ""), ["agents|a|2", "agents|b|3"]);
    assert_eq!(session.text("SELECT coalesce(pg_current_xact_id_if_assigned()::text, 'none')"), "none");
    session.run("COMMIT");
    assert_eq!(counted(&mut session, ""), ["agents|a|3", "agents|b|3"]);
    // No lock outlives the reading of a table.
    session.run("BEGIN; SELECT * FROM org_scope.usage()");
    let locks =
        "SELECT count(*) FROM pg_locks WHERE relation = 'agents'::regclass AND pid <> pg_backend_pid()";
    assert_eq!(wall.db.superuser().number(locks), 0);
}

#[test]
fn a_standby_can_be_asked() {
    let walled = Walled::new("usage_standby", Server::Plain);
    let billing = walled.db.role("billing");
    walled.superuser().run(&format!("GRANT EXECUTE ON FUNCTION org_scope.usage(name[]) TO {billing}"));
    let mut standby = walled.db.connect_standby(billing.name());
    assert_eq!(standby.column("SELECT rows FROM org_scope.usage() ORDER BY org"), ["3", "2"]);
}

#[test]
fn a_long_count_can_be_cancelled() {
    let wall = Wall::new("usage_cancel");
    wall.owner().run(
        "CREATE TABLE long (org_id int); INSERT INTO long SELECT 1 FROM generate_series(1, 300000);
         SELECT org_scope.protect('long')",
    );
    let mut session = wall.db.connect(&billing(&wall));
    session.run("SET statement_timeout = '1ms'");
    session.refused("SELECT count(*) FROM generate_series(1, 50), LATERAL org_scope.usage()", "57014");
    session.run("SET statement_timeout = 0");
    assert_eq!(counted(&mut session, ""), ["long|1|300000"]);
}

#[test]
fn partitions_count_with_their_table_and_children_by_themselves() {
    let wall = Wall::new("usage_partitions");
    wall.owner().run(
        "CREATE TABLE runs (id int, org_id text) PARTITION BY RANGE (id);
         CREATE TABLE runs_1 PARTITION OF runs FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
         CREATE TABLE runs_11 (org_id text, gone int, id int); ALTER TABLE runs_11 DROP gone;
         ALTER TABLE runs_1 ATTACH PARTITION runs_11 FOR VALUES FROM (0) TO (5);
         CREATE TABLE runs_12 PARTITION OF runs_1 DEFAULT; CREATE TABLE runs_2 PARTITION OF runs DEFAULT;
         INSERT INTO runs SELECT n, CASE WHEN n % 3 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 20) n;
         CREATE TABLE parent (org_id text); CREATE TABLE child () INHERITS (parent);
         INSERT INTO parent VALUES ('a'); INSERT INTO child VALUES ('a'), ('b');
         SELECT org_scope.protect('runs'), org_scope.protect('parent')",
    );
    let mut session = wall.db.connect(&billing(&wall));
    let expected = ["child|a|1", "child|b|1", "parent|a|1", "runs|a|6", "runs|b|14"];
    assert_eq!(counted(&mut session, ""), expected);
    wall.owner().run("ALTER TABLE runs DETACH PARTITION runs_2");
    assert_eq!(
        counted(&mut session, ""),
        ["child|a|1", "child|b|1", "parent|a|1", "runs|a|3", "runs|b|6", "runs_2|a|3", "runs_2|b|8"]
    );
}
