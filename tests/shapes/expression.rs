//! An organization that an expression over the row finds.

use super::*;

const KEYS: &str = "SELECT coalesce(string_agg(name, ' ' ORDER BY id), '') FROM keys";
const FENCE: &str = "protect_expression('keys', $$settings ->> 'org'$$, 'text')";

/// `keys` with their organization in JSON: a (2), b (1), and one without.
fn table(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        r#"CREATE TABLE keys (id int PRIMARY KEY, settings jsonb NOT NULL DEFAULT '{{}}', name text);
         INSERT INTO keys VALUES (1, '{{"org": "a"}}', 'a1'), (2, '{{"org": "a"}}', 'a2'), (3, '{{"org": "b"}}', 'b1'),
             (4, '{{}}', 'none');
         GRANT SELECT, INSERT, UPDATE, DELETE ON keys TO {}"#,
        wall.app
    ));
    (wall, owner)
}

#[track_caller]
fn stands(owner: &mut Session, call: &str) {
    assert_eq!(work(&owner.steps(call)), NONE, "{call}");
    assert_eq!(work(&owner.steps(&call.replacen("protect", "plan", 1))), NONE, "{call}");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}

#[test]
fn rows_are_fenced_by_what_they_say() {
    let (wall, mut owner) = table("expression");
    let steps = owner.steps(FENCE);
    assert!(
        steps[0]
            .statement
            .contains("CREATE INDEX idx_keys_org ON public.keys (((settings ->> 'org'::text)))"),
        "{steps:#?}"
    );
    stands(&mut owner, FENCE);
    assert_eq!(
        owner.rows("SELECT org_column, org_type, org_expression, index FROM org_scope.protected_tables"),
        [[None, Some("text".into()), Some("(settings ->> 'org'::text)".into()), Some("idx_keys_org".into())]]
    );
    let mut a = wall.app("a");
    assert_eq!(a.text(KEYS), "a1 a2");
    assert_eq!(wall.app("b").text(KEYS), "b1");
    wall.db.connect(&wall.app).refused(KEYS, "OS001");
    for attempt in [
        r#"INSERT INTO keys VALUES (5, '{"org": "b"}')"#,
        r#"INSERT INTO keys VALUES (5, '{}')"#,
        "INSERT INTO keys VALUES (5, 'null')",
        r#"INSERT INTO keys VALUES (5, '{"org": null}')"#,
        r#"INSERT INTO keys VALUES (5, '[{"org": "a"}]')"#,
        r#"INSERT INTO keys VALUES (5, '{"org": ["a"]}')"#,
        r#"INSERT INTO keys VALUES (5, '{"Org": "a"}')"#,
        r#"UPDATE keys SET settings = '{"org": "b"}' WHERE id = 1"#,
        "UPDATE keys SET settings = settings - 'org' WHERE id = 1",
        r#"INSERT INTO keys VALUES (3, '{"org": "a"}') ON CONFLICT (id) DO UPDATE SET name = 'mine'"#,
    ] {
        a.refused(attempt, "42501");
    }
    // The last of two keys counts for jsonb, for the fence as for everybody.
    a.refused(r#"INSERT INTO keys VALUES (5, '{"org": "a", "org": "b"}')"#, "42501");
    assert_eq!(a.touched("UPDATE keys SET name = 'x' WHERE id > 2"), 0);
    assert_eq!(a.touched("DELETE FROM keys WHERE id > 2"), 0);
    assert_eq!(a.touched(r#"INSERT INTO keys VALUES (5, '{"org": "a"}', 'a3')"#), 1);
}

#[test]
fn the_index_of_the_expression_finds_them() {
    let (wall, mut owner) = table("expression_plan");
    owner.run(
        "INSERT INTO keys SELECT n, jsonb_build_object('org', 'o' || n % 1000) FROM generate_series(10, 20000) AS n",
    );
    owner.run("CREATE INDEX mine ON keys ((settings ->> 'org'), id)");
    let steps = owner.steps(FENCE);
    assert!(steps.iter().all(|s| s.kind != "index"), "the one that is there is recognised: {steps:#?}");
    owner.run("ANALYZE keys");
    for folding in ["on", "off"] {
        wall.db.configure("org_scope.plan_folding", folding);
        let plan = wall.app("o7").plan("SELECT count(*) FROM keys");
        assert!(plan.contains("mine") && plan.contains("Index Cond"), "folding {folding}:\n{plan}");
    }
}

#[test]
fn what_cannot_say_whose_a_row_is_is_refused() {
    let (_wall, mut owner) = table("expression_refused");
    owner.run(
        "CREATE FUNCTION mine(jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT $1 ->> 'org'$$;
         CREATE OPERATOR #-# (RIGHTARG = jsonb, FUNCTION = mine);
         CREATE DOMAIN short AS text CHECK (length(VALUE) < 9)",
    );
    for (expression, org_type, why) in [
        ("settings ->> 'org' || random()", "text", "may give something else for the same row"),
        ("current_setting('x.y')", "text", "may give something else for the same row"),
        ("session_user::text", "text", "may give something else for the same row"),
        ("to_char(now(), 'YYYY')", "text", "may give something else for the same row"),
        ("length(name)::float8::text", "text", "may give something else for the same row"),
        ("name::bytea::text", "text", "may give something else for the same row"),
        ("point(length(name), 1)::text", "text", "may give something else for the same row"),
        (
            "xmlelement(name n, length(name)::float8)::text",
            "text",
            "may give something else for the same row",
        ),
        ("(SELECT max(name) FROM public.keys)", "text", "asks other tables"),
        ("public.mine(settings)", "text", "users can replace"),
        ("settings OPERATOR(public.#-#) settings", "text", ""),
        ("(settings ->> 'org')::public.short", "public.short", "users can replace"),
        ("'a'::text", "text", "names no column"),
        ("settings", "jsonb", "unsupported type"),
        ("settings ->> 'org'", "uuid", "has the type text"),
        ("(settings ->> 'org')::uuid", "uuid", "raises an error for a row of the table"),
        ("lower(name COLLATE \"C\")", "text", "has a collation of its own"),
        ("name, settings ->> 'org'", "text", "isn't one expression"),
        ("name) OR (true", "text", ""),
        ("count(*)", "bigint", ""),
        ("nothing ->> 'org'", "text", ""),
        ("tableoid::text", "text", ""),
        ("keys::text", "text", ""),
    ] {
        let statement =
            format!("SELECT org_scope.protect_expression('keys', $x${expression}$x$, '{org_type}')");
        let refusal = owner.try_run(&statement).expect_err(expression);
        if !why.is_empty() {
            assert_eq!(refusal.sqlstate, "OS009", "{expression}: {refusal:#?}");
            assert!(refusal.message.contains(why), "{expression}: {refusal:#?}");
        }
        assert!(owner.try_run(&statement.replace("protect_", "plan_")).is_err(), "{expression}");
    }
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
}

#[test]
fn it_means_the_servers_functions_whatever_the_search_path_says() {
    let (wall, mut owner) = table("expression_path");
    wall.db.superuser().run(&format!("CREATE SCHEMA evil AUTHORIZATION {}", wall.owner));
    owner.run(
        "CREATE FUNCTION evil.split_part(text, text, int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'a'$$;
         SET search_path = evil, pg_catalog, public;
         SELECT org_scope.protect_expression('public.keys', $$split_part(settings ->> 'org', ':', 1)$$, 'text')",
    );
    assert_eq!(wall.app("a").text(KEYS), "a1 a2");
    assert_eq!(wall.app("b").text(KEYS), "b1");
}

#[test]
fn a_value_that_is_none_cannot_close_the_table_later() {
    let (wall, mut owner) = table("expression_later");
    owner.run("TRUNCATE keys; SELECT org_scope.protect_expression('keys', $$(settings ->> 'org')::bigint$$, 'bigint')");
    // The index refuses it, whoever writes it.
    wall.db.superuser().refused(r#"INSERT INTO keys VALUES (9, '{"org": "x"}')"#, "22P02");
    let mut session = wall.app("7");
    session.run(r#"INSERT INTO keys VALUES (9, '{"org": 7}', 'seven')"#);
    assert_eq!(session.text(KEYS), "seven");
}

#[test]
fn it_follows_renames_is_repaired_and_goes_away() {
    let (wall, mut owner) = table("expression_drift");
    let before = owner.fence_of("keys");
    owner.run(&format!("SELECT org_scope.{FENCE}; ALTER TABLE keys RENAME settings TO config"));
    stands(&mut owner, &FENCE.replace("settings", "config"));
    wall.db.superuser().run("ALTER POLICY org_scope_fence ON keys USING (true)");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{fence}");
    let repaired = owner.steps(&FENCE.replace("settings", "config"));
    assert_eq!(kinds(&repaired), ["fence"], "{repaired:#?}");
    owner.refused("SELECT org_scope.protect('keys', 'name')", "OS009");
    owner.refused("SELECT org_scope.protect_expression('keys', 'lower(name)', 'text')", "OS009");
    owner.run("ALTER TABLE keys RENAME config TO settings");
    owner.run("SELECT org_scope.unprotect('keys')");
    assert_eq!(owner.fence_of("keys"), before);
}

/// The server prints it over several lines.
#[test]
fn an_expression_of_several_cases_is_recognised_when_it_stands() {
    let (_wall, mut owner) = table("expression_cases");
    let call =
        "protect_expression('keys', 'CASE WHEN id > 2 THEN settings ->> ''org'' ELSE ''a'' END', 'text')";
    owner.steps(call);
    stands(&mut owner, call);
    assert_eq!(owner.column("SELECT drift::text FROM org_scope.protected_tables"), ["{}"]);
}
