//! An index of one organization's rows: its statement comes until it is there.

use super::*;

fn left(steps: &[Step]) -> Vec<(&str, &str)> {
    steps.iter().map(|s| (s.state.as_str(), s.statement.as_str())).collect()
}

/// A fenced table of `type_name` with rows of three organizations.
fn ground(wall: &Wall, table: &str, type_name: &str, orgs: [&str; 3]) -> Session {
    let mut owner = wall.owner();
    let [a, b, c] = orgs;
    owner.run(&format!(
        "CREATE TABLE {table} (id int PRIMARY KEY, org_id {type_name} NOT NULL, tags text[], body text);
         INSERT INTO {table} SELECT g, CASE g % 3 WHEN 0 THEN '{a}' WHEN 1 THEN '{b}' ELSE '{c}' END::{type_name},
             ARRAY['t' || g % 20], md5(g::text) FROM generate_series(1, 600) g;
         ANALYZE {table}; GRANT SELECT ON {table} TO {0};
         SELECT org_scope.protect('{table}', create_index => false)",
        wall.app
    ));
    owner
}

#[test]
fn the_statement_comes_back_until_a_valid_index_is_there_and_the_plan_uses_it() {
    let wall = Wall::new("org_index");
    let uuids = [1, 2, 3].map(|n| format!("{n}0000000-0000-4000-8000-00000000000a"));
    let of_uuids = [&uuids[0][..], &uuids[1], &uuids[2]];
    for (table, type_name, orgs) in [
        ("texts", "text", ["org_a", "org b'\\", "c"]),
        ("varchars", "varchar(40)", ["org_a", "b", "c"]),
        ("uuids", "uuid", of_uuids),
        ("bigints", "bigint", ["7", "-8", "9"]),
        ("ints", "int", ["7", "8", "9"]),
    ] {
        let mut owner = ground(
            &wall,
            table,
            type_name,
            orgs.map(|org| org.replace('\'', "''")).each_ref().map(String::as_str),
        );
        for org in &orgs[..2] {
            let quoted = org.replace('\'', "''");
            let call = format!("org_index('{table}', 'btree (body)', '{quoted}')");
            let steps = owner.steps(&call);
            let [("run_yourself", statement)] = left(&steps)[..] else { panic!("{steps:#?}") };
            assert!(statement.starts_with("CREATE INDEX CONCURRENTLY idx_"), "{statement}");
            assert_eq!(owner.steps(&call), steps, "it comes back");
            owner.run(statement);
            assert_eq!(owner.steps(&call), [], "{statement}");
            let mut app = wall.app("nobody");
            app.run(&format!("SELECT org_scope.set_current_org('{quoted}'); SET enable_seqscan = off; SET enable_bitmapscan = off"));
            let plan = app.plan(&format!("SELECT id FROM {table} ORDER BY body LIMIT 3"));
            assert!(plan.contains("Index Scan using idx_"), "{table}: {plan}");
            let rows =
                app.number(&format!("SELECT count(*) FROM (SELECT body FROM {table} ORDER BY body) s"));
            assert_eq!(rows, 200);
        }
        assert_eq!(owner.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'org_scope_pattern%'"), 0);
    }
}

#[test]
fn an_index_is_known_by_what_it_is_whatever_its_name_and_the_search_path() {
    let wall = Wall::new("org_index_known");
    let mut owner = ground(&wall, "docs", "text", ["a", "b", "c"]);
    wall.db.superuser().run(&format!(
        "CREATE EXTENSION pg_trgm; CREATE SCHEMA more; GRANT ALL ON SCHEMA more TO {}",
        wall.owner
    ));
    owner.run("CREATE INDEX mine ON docs USING gin (body gin_trgm_ops) WHERE org_id = 'a'");
    let wanted = "org_index('docs', ' gin ( body   GIN_TRGM_OPS ) ', 'a')";
    assert_eq!(owner.steps(wanted), []);
    owner.run("SET search_path = more, public; ALTER INDEX mine RENAME TO \"Other\"; ALTER TABLE docs RENAME org_id TO tenant");
    assert_eq!(owner.steps(wanted), []);
    owner.run("ALTER TABLE docs RENAME tenant TO org_id");
    // Others are others.
    for call in [
        "org_index('docs', 'gin (body gin_trgm_ops)', 'b')",
        "org_index('docs', 'gist (body gist_trgm_ops)', 'a')",
        "org_index('docs', 'gin (body gin_trgm_ops) WITH (fastupdate = off)', 'a')",
        "org_index('docs', 'gin (tags)', 'a')",
        "org_index('docs', 'gin (lower(body) gin_trgm_ops)', 'a')",
        "org_index('docs', 'gist (body gist_trgm_ops (siglen = 32))', 'a')",
        "org_index('docs', 'btree (body DESC) INCLUDE (id)', 'a')",
    ] {
        let steps = owner.steps(call);
        let [("run_yourself", statement)] = left(&steps)[..] else { panic!("{call}: {steps:#?}") };
        owner.run(statement);
        assert_eq!(owner.steps(call), [], "{statement}");
    }
    // So is one of everybody's rows, and one of other rows.
    owner.run("DROP INDEX \"Other\"; CREATE INDEX ON docs USING gin (body gin_trgm_ops); CREATE INDEX ON docs USING gin (body gin_trgm_ops) WHERE org_id > 'a'");
    assert_eq!(left(&owner.steps(wanted)).len(), 1);
}

#[test]
fn one_that_was_interrupted_is_mended() {
    let wall = Wall::new("org_index_broken");
    let mut owner = ground(&wall, "docs", "text", ["a", "b", "c"]);
    let call = "org_index('docs', 'gin (tags)', 'a')";
    let steps = owner.steps(call);
    let mut writer = wall.db.superuser();
    writer.run("BEGIN; INSERT INTO docs VALUES (9999, 'a')");
    owner.run("SET lock_timeout = '200ms'");
    assert!(owner.try_run(&steps[0].statement).is_err());
    writer.run("ROLLBACK");
    owner.run("RESET lock_timeout");
    let steps = owner.steps(call);
    let [("run_yourself", statement)] = left(&steps)[..] else { panic!("{steps:#?}") };
    assert!(statement.starts_with("REINDEX INDEX CONCURRENTLY public.idx_docs_a"), "{statement}");
    owner.run(statement);
    assert_eq!(owner.steps(call), []);
}

#[test]
fn nothing_else_gets_into_the_statement() {
    let wall = Wall::new("org_index_smuggle");
    let mut owner = ground(&wall, "docs", "text", ["a", "b", "c"]);
    owner.run("CREATE FUNCTION public.boom(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'ran'; END $$");
    for (definition, sqlstate) in [
        ("gin (tags); DROP TABLE docs", "22023"),
        ("gin (tags) WHERE id > 0", "22023"),
        ("gin (tags) -- ", "22023"),
        ("gin (tags) /* ", "42601"),
        ("gin (tags)) x", "42601"),
        ("", "42601"),
        ("gin", "42601"),
        ("btree (body) WHERE true; CREATE INDEX ON docs USING btree (id)", "22023"),
        ("gin (nowhere)", "42703"),
        ("gin (body)", "42704"),
        ("nosuch (body)", "42704"),
        ("btree (((SELECT 1)))", "0A000"),
        ("btree (random())", "42P17"),
    ] {
        let call = format!("SELECT org_scope.org_index('docs', $d${definition}$d$, 'a')");
        owner.refused(&call, sqlstate);
    }
    // It is only built over no rows.
    let steps = owner.steps("org_index('docs', 'btree (boom(body))', 'a')");
    assert_eq!(steps.len(), 1);
    let steps = owner.steps("org_index('docs', 'gin (tags)', $$a' OR true; DROP TABLE docs --$$)");
    owner.run(&steps[0].statement);
    assert_eq!(owner.number("SELECT count(*) FROM pg_class WHERE relname = 'docs'"), 1);
    assert_eq!(owner.steps("org_index('docs', 'gin (tags)', $$a' OR true; DROP TABLE docs --$$)"), []);
    assert_eq!(owner.number("SELECT count(*) FROM pg_class WHERE relname ~ 'pattern'"), 0);
}

#[test]
fn what_can_have_none_is_refused() {
    let wall = Wall::new("org_index_refused");
    let mut owner = ground(&wall, "docs", "uuid", ["10000000-0000-4000-8000-00000000000a"; 3]);
    owner.run(
        "CREATE TABLE plain (id int, org_id text);
         CREATE TABLE keyed (id int, doc jsonb); SELECT org_scope.protect_expression('keyed', $$doc->>'org'$$, 'text');
         CREATE TABLE parts (id int, org_id text NOT NULL) PARTITION BY HASH (org_id);
         CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0); SELECT org_scope.protect('parts');
         CREATE TABLE shared (id int, org_id text); SELECT org_scope.protect('shared', shared_rows => true)",
    );
    let org = "10000000-0000-4000-8000-00000000000a";
    for (call, sqlstate) in [
        ("'plain', 'btree (id)', 'a'".to_owned(), "OS010"),
        ("'keyed', 'btree (id)', 'a'".to_owned(), "OS009"),
        ("'parts', 'btree (id)', 'a'".to_owned(), "OS009"),
        ("'docs', 'btree (id)', 'acme'".to_owned(), "OS004"),
        ("'docs', 'btree (id)', ''".to_owned(), "OS004"),
        ("'docs', 'btree (id)', NULL".to_owned(), "22004"),
        ("'docs', NULL, 'a'".to_owned(), "22004"),
    ] {
        owner.refused(&format!("SELECT org_scope.org_index({call})"), sqlstate);
    }
    wall.app(org)
        .refused(&format!("SELECT org_scope.org_index('docs', 'btree (id)', '{org}')"), "42501")
        .says("must be owner of table docs");
    // A partition can have one; where rows are shared, it says what it is not for.
    assert_eq!(left(&owner.steps("org_index('parts_0', 'btree (id)', 'a')")).len(), 1);
    let steps = owner.steps("org_index('shared', 'btree (id)', 'a')");
    assert_eq!(steps.iter().map(|s| s.state.as_str()).collect::<Vec<_>>(), ["run_yourself", "note"]);
}

/// It asks the server by a table that comes and goes, of which nobody's watch may take notice.
#[test]
fn a_watched_schema_and_a_migration_of_ones_own_are_not_disturbed() {
    let wall = Wall::new("org_index_watched");
    let mut owner = ground(&wall, "docs", "text", ["a", "b", "c"]);
    wall.db.superuser().run("SELECT org_scope.watch('public', 'org_id', 'refuse')");
    owner.run("BEGIN; CREATE SEQUENCE numbers");
    assert_eq!(owner.steps("org_index('docs', 'gin (tags)', 'a')").len(), 1);
    owner.run("COMMIT");
    owner.run("CREATE TEMP TABLE org_scope_pattern (id int)");
    assert_eq!(owner.steps("org_index('docs', 'gin (tags)', 'a')").len(), 1);
    // Who may not create in the schema can't build the index either, and hears so.
    wall.db.superuser().run(&format!("REVOKE CREATE ON SCHEMA public FROM {}", wall.owner));
    owner.refused("SELECT org_scope.org_index('docs', 'gin (tags)', 'a')", "42501").says("schema public");
}
