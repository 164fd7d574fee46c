//! What a lookup's condition may be made of, and that it says the same whoever asks.

use crate::harness::Wall;

fn with(lookup: &str, key: &str) -> String {
    format!("SELECT org_scope.set_current_org_from('{lookup}', '{key}')")
}

#[test]
fn a_condition_does_not_hear_the_settings_of_whoever_asks() {
    let wall = Wall::new("condition_settings");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE keys (key text PRIMARY KEY, org_id text, ends timestamp);
         INSERT INTO keys VALUES ('live', 'a', now() AT TIME ZONE 'UTC' + interval '10 days'),
                                 ('gone', 'b', now() AT TIME ZONE 'UTC' - interval '2 days')",
    );
    let mut superuser = wall.db.superuser();
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('timed', 'keys', 'key', 'org_id', condition => 'ends > now()');
         SELECT org_scope.define_lookup('dated', 'keys', 'key', 'org_id', condition => 'ends >= current_date');
         SELECT org_scope.define_lookup('listed', 'keys', 'key', 'org_id', condition => $$key <> ALL ('{{x,NULL}}')$$);
         SELECT org_scope.allow('{}', 'lookup', lookups => '{{timed,dated,listed}}')",
        wall.app
    ));
    let mut app = wall.db.connect(&wall.app);
    for zone in ["UTC", "<X>+167", "<X>-167"] {
        app.run(&format!("SET timezone = '{zone}'"));
        for lookup in ["timed", "dated"] {
            app.refused(&with(lookup, "gone"), "OS005");
            assert_eq!(app.text(&with(lookup, "live")), "a");
        }
        assert_eq!(app.text("SHOW timezone"), zone, "the caller's own is back");
    }
    for nulls in ["on", "off"] {
        app.run(&format!("SET array_nulls = {nulls}"));
        app.refused(&with("listed", "gone"), "OS005");
    }
    for condition in ["org_id = current_setting('app.org')", "org_id = current_setting('app.org', true)"] {
        superuser.refused(
            &format!("SELECT org_scope.define_lookup('set', 'keys', 'key', 'org_id', condition => $c${condition}$c$)"),
            "22023",
        );
    }
}

#[test]
fn a_condition_runs_nothing_of_a_users_by_way_of_the_servers_own() {
    let wall = Wall::new("condition_types");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TYPE state AS ENUM ('active', 'gone');
         CREATE TABLE keys (key text PRIMARY KEY, org_id text, state state, states state[]);
         INSERT INTO keys VALUES ('k', 'a', 'active', '{active}')",
    );
    let delegate = wall.db.role("delegate");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!(
        "GRANT EXECUTE ON FUNCTION org_scope.define_lookup(name, regclass, name, name, name, text, text) TO {delegate};
         CREATE SCHEMA evil AUTHORIZATION {delegate}; GRANT USAGE ON SCHEMA evil TO PUBLIC;
         SELECT org_scope.allow('{}', 'direct')",
        wall.app
    ));
    let mut delegate = wall.db.connect(&delegate);
    // Says as whom it runs.
    delegate.run(
        "CREATE FUNCTION evil.runs(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
             IF $1 = 'loud' THEN RAISE EXCEPTION 'runs as %', CURRENT_USER; END IF; RETURN true; END $$;
         CREATE DOMAIN evil.checked AS text CHECK (evil.runs(VALUE));
         CREATE TYPE evil.pair AS (a evil.checked);
         CREATE VIEW evil.view AS SELECT evil.runs('loud')",
    );
    let define = |condition: &str| {
        format!(
            "SELECT org_scope.define_lookup('x', 'public.keys', 'key', 'org_id', condition => $c${condition}$c$)"
        )
    };
    for constant in ["'{loud}'::evil.checked[]", "'(loud)'::evil.pair"] {
        delegate.refused(&define(&format!("{constant} IS NOT NULL")), "P0001").keeps_quiet_about("postgres");
    }
    for condition in [
        "'{quiet}'::evil.checked[] IS NOT NULL",
        "'(quiet)'::evil.pair IS NOT NULL",
        "(jsonb_populate_record(NULL::evil.pair, jsonb_build_object('a', key))).a IS NOT NULL",
        "key::evil.checked IS NOT NULL",
        "ARRAY[key]::evil.checked[] IS NOT NULL",
        "table_to_xml('evil.view'::regclass, true, true, '') IS NOT NULL",
        "schema_to_xml('evil', true, true, '') IS NOT NULL",
        "to_jsonb(state) IS NOT NULL",
        "to_jsonb(ROW(state)) IS NOT NULL",
        "jsonb_build_array(state) IS NOT NULL",
    ] {
        delegate.refused(&define(condition), "22023");
    }
    // What is often asked stays possible.
    for condition in [
        "state = 'active'",
        "state::text = 'active'",
        "state IN ('active', 'gone')",
        "states @> '{active}'",
        "'active' = ANY (states)",
        "lower(key) = 'k'",
    ] {
        delegate.run(&define(condition));
        assert_eq!(wall.db.connect(&wall.app).text(&with("x", "k")), "a", "{condition}");
    }
}

#[test]
fn a_binding_to_another_organization_leaves_the_user_behind() {
    let wall = Wall::new("condition_bound");
    let mut owner = wall.owner();
    owner.run("CREATE TABLE keys (key text PRIMARY KEY, org_id text); INSERT INTO keys VALUES ('u', 'b')");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('who', 'keys', 'key', 'org_id', 'key');
         SELECT org_scope.allow('{}', 'lookup', lookups => '{{who}}')",
        wall.app
    ));
    let mut app = wall.db.connect(&wall.app);
    app.run(&with("who", "u"));
    let context = "SELECT concat_ws(' ', org_scope.current_org(), org_scope.current_user_id())";
    assert_eq!(app.text(context), "b u");
    for (org, shown) in [("a", "a"), ("b", "b u")] {
        superuser.run(&format!("SELECT org_scope.bind_role('{}', '{org}')", wall.app));
        assert_eq!(app.text(context), shown);
    }
}
