//! Keys that are expressions over the row, on which no foreign key can stand.

use super::*;

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const CALL: &str = "protect_through('keys', 'split_part(key, '':'', 1)', 'clients')";

/// `clients (id uuid, org text)` of `a` and `b`, and `keys (key)` with `<client>:<n>` in it.
fn keys(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE clients (id uuid PRIMARY KEY, org text NOT NULL, name text);
         INSERT INTO clients VALUES ('{A}', 'a'), ('{B}', 'b');
         CREATE TABLE keys (key text PRIMARY KEY, id int);
         INSERT INTO keys VALUES ('{A}:1', 1), ('{A}:2', 2), ('{B}:3', 3), ('nonsense', 4), ('', 5);
         GRANT SELECT, INSERT, UPDATE, DELETE ON clients, keys TO {app};
         SELECT org_scope.protect('clients', 'org')",
        app = wall.app
    ));
    (wall, owner)
}

fn truth(wall: &Wall) -> String {
    wall.db.superuser().text("SELECT string_agg(id || ':' || coalesce(org, '-'), ' ' ORDER BY id) FROM keys")
}

#[test]
fn an_expression_leads_to_the_parent_and_what_is_no_key_is_closed() {
    let (wall, mut owner) = keys("expression");
    let before = [owner.fence_of("keys"), owner.fence_of("clients")];
    let would: Vec<_> =
        work(&owner.steps(&CALL.replace("protect", "plan"))).iter().map(|s| s.statement.clone()).collect();
    assert_eq!([owner.fence_of("keys"), owner.fence_of("clients")], before);
    let steps = owner.steps(CALL);
    assert_eq!(work(&steps).iter().map(|s| s.statement.clone()).collect::<Vec<_>>(), would);
    assert_eq!(truth(&wall), "1:a 2:a 3:b 4:- 5:-");
    let again = owner.steps(CALL);
    assert!(work(&again).is_empty(), "{again:#?}");
    assert_eq!(owner.column("SELECT DISTINCT drift::text FROM org_scope.protected_tables"), ["{}"]);
    let mut app = wall.app("a");
    assert_eq!(app.number("SELECT count(*) FROM keys"), 2);
    app.run(&format!("INSERT INTO keys VALUES ('{A}:6', 6)"));
    assert_eq!(truth(&wall), "1:a 2:a 3:b 4:- 5:- 6:a");
    let tries = [
        format!("{B}:7"),
        "cccccccc-0000-4000-8000-000000000003:7".into(),
        "nonsense:7".into(),
        String::new(),
    ];
    let said: Vec<_> = tries
        .iter()
        .map(|key| app.refused(&format!("INSERT INTO keys VALUES ('{key}x', 7)"), "42501"))
        .collect();
    assert!(said.iter().all(|s| *s == said[0]), "{said:#?}");
    app.refused(&format!("UPDATE keys SET key = '{B}:9' WHERE id = 1"), "42501");
    app.refused("UPDATE keys SET org = 'b' WHERE id = 1", "42501");
    let mut superuser = wall.db.superuser();
    superuser.refused(&format!("INSERT INTO keys (key, id, org) VALUES ('{A}:8', 8, 'b')"), "23503");
    superuser.run("INSERT INTO keys VALUES ('more nonsense', 9)");
    superuser.run(&format!("INSERT INTO keys VALUES ('{B}:10', 10)"));
    assert_eq!(truth(&wall), "1:a 2:a 3:b 4:- 5:- 6:a 9:- 10:b");
    superuser.run("DELETE FROM keys WHERE id > 5");
    owner.run("SELECT org_scope.unprotect('keys')");
    assert_eq!([owner.fence_of("keys"), owner.fence_of("clients")], before);
}

#[test]
fn children_go_along_with_a_parent_and_are_closed_when_it_goes() {
    let (wall, mut owner) = keys("expression_moves");
    owner.run(&format!("SELECT org_scope.{CALL}"));
    let mut superuser = wall.db.superuser();
    superuser.run(&format!("UPDATE clients SET org = 'b' WHERE id = '{A}'"));
    assert_eq!(truth(&wall), "1:b 2:b 3:b 4:- 5:-");
    // Two parents that exchange their keys exchange their children.
    superuser.run("UPDATE clients SET org = 'a' WHERE org = 'b'");
    superuser.run(&format!("UPDATE clients SET org = 'b' WHERE id = '{B}'"));
    superuser.run("ALTER TABLE clients DROP CONSTRAINT clients_pkey; ALTER TABLE clients ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED");
    superuser
        .run(&format!("UPDATE clients SET id = CASE org WHEN 'a' THEN '{B}'::uuid ELSE '{A}'::uuid END"));
    assert_eq!(truth(&wall), "1:b 2:b 3:a 4:- 5:-");
    superuser.run(&format!("DELETE FROM clients WHERE id = '{A}'"));
    assert_eq!(truth(&wall), "1:- 2:- 3:a 4:- 5:-");
    // An owner does it with across_orgs, and a tenant with its own.
    wall.db
        .superuser()
        .run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {}", wall.owner));
    owner.run("SELECT org_scope.across_orgs($$UPDATE clients SET org = 'c' WHERE org = 'a'$$)");
    assert_eq!(truth(&wall), "1:- 2:- 3:c 4:- 5:-");
    wall.app("c").run("DELETE FROM clients");
    assert_eq!(truth(&wall), "1:- 2:- 3:- 4:- 5:-");
}

#[test]
fn a_parent_is_locked_while_a_child_is_written() {
    let (wall, mut owner) = keys("expression_lock");
    owner.run(&format!("SELECT org_scope.{CALL}"));
    let mut app = wall.app("a");
    app.run(&format!("BEGIN; INSERT INTO keys VALUES ('{A}:6', 6)"));
    let mut mover = wall.db.superuser();
    mover.run("SET lock_timeout = '300ms'");
    mover.refused(&format!("UPDATE clients SET org = 'b' WHERE id = '{A}'"), "55P03");
    app.run("COMMIT");
    mover.run(&format!("UPDATE clients SET org = 'b' WHERE id = '{A}'"));
    assert_eq!(truth(&wall), "1:b 2:b 3:b 4:- 5:- 6:b");
    // A mover that saw nothing of the child takes it along all the same.
    mover.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM keys");
    wall.app("b").run(&format!("INSERT INTO keys VALUES ('{A}:7', 7)"));
    mover.run(&format!("UPDATE clients SET org = 'a' WHERE id = '{A}'; COMMIT"));
    assert_eq!(truth(&wall), "1:a 2:a 3:b 4:- 5:- 6:a 7:a");
}

#[test]
fn the_functions_of_an_expression_are_the_servers_own() {
    let (wall, mut owner) = keys("expression_path");
    owner.run(&format!("SELECT org_scope.{CALL}"));
    wall.db.superuser().run(&format!("CREATE SCHEMA evil AUTHORIZATION {}", wall.app));
    let mut app = wall.app("a");
    app.run(&format!(
        "CREATE FUNCTION evil.split_part(text, text, int) RETURNS text LANGUAGE sql AS $$SELECT '{A}'$$;
         GRANT USAGE ON SCHEMA evil TO PUBLIC; SET search_path = evil, public, pg_catalog"
    ));
    app.refused(&format!("INSERT INTO public.keys VALUES ('{B}:6', 6)"), "42501");
    app.run(&format!("INSERT INTO public.keys VALUES ('{A}:6', 6)"));
    for (key, state) in [
        ("evil.split_part(key, '':'', 1)", "OS009"),
        ("random()::text", "OS009"),
        ("key || now()::text", "OS009"),
        ("(SELECT key)", "OS009"),
        ("keys::text", "OS009"),
        ("''constant''", "OS009"),
        ("no_such_column", "42703"),
        ("key; DROP TABLE keys", "42601"),
        ("key) OR (true", "OS009"),
        ("date ''2000-01-01''", "OS009"),
    ] {
        let call = format!("SELECT org_scope.plan_through('keys', '{key}', 'clients')");
        owner.refused(&call, state);
    }
}

#[test]
fn an_expression_follows_every_rename() {
    let (wall, mut owner) = keys("expression_renames");
    owner.run(&format!("SELECT org_scope.{CALL}"));
    let mut app = wall.app("a");
    app.run(&format!("INSERT INTO keys VALUES ('{A}:6', 6)"));
    owner.run(
        "ALTER TABLE keys RENAME COLUMN key TO \"the key\"; ALTER TABLE keys RENAME COLUMN org TO \"Org\";
         ALTER TABLE clients RENAME COLUMN id TO client; ALTER TABLE clients RENAME COLUMN org TO \"select\";
         ALTER TABLE clients RENAME TO \"Clients\"; ALTER TABLE keys RENAME TO \"Keys\"",
    );
    app.run(&format!("INSERT INTO \"Keys\" VALUES ('{A}:7', 7)"));
    app.refused(&format!("INSERT INTO \"Keys\" VALUES ('{B}:8', 8)"), "42501");
    wall.db.superuser().run(&format!("UPDATE \"Clients\" SET \"select\" = 'b' WHERE client = '{A}'"));
    assert_eq!(wall.app("b").number("SELECT count(*) FROM \"Keys\""), 5);
    let call = "protect_through('\"Keys\"', 'split_part(\"the key\", '':'', 1)', '\"Clients\"', org_column => 'Org')";
    let steps = owner.steps(call);
    assert!(work(&steps).is_empty(), "{steps:#?}");
    assert_eq!(owner.column("SELECT DISTINCT drift::text FROM org_scope.protected_tables"), ["{}"]);
}

#[test]
fn a_text_column_leads_to_a_uuid() {
    let (wall, mut owner) = keys("cast");
    owner.run(&format!(
        "CREATE TABLE jobs (id int, client text); INSERT INTO jobs VALUES (1, '{A}'), (2, '{B}'), (3, 'x');
         GRANT ALL ON jobs TO {}",
        wall.app
    ));
    let steps = owner.steps("protect_through('jobs', 'client', 'clients')");
    assert!(work(&steps).iter().all(|s| s.state == "done"), "{steps:#?}");
    assert_eq!(wall.app("a").column("SELECT id FROM jobs"), ["1"]);
    // Two children by expressions share the parent's triggers, which go with the last.
    owner.run(&format!("SELECT org_scope.{CALL}"));
    let triggers =
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'clients'::regclass AND tgname ~ 'children|orphans'";
    assert_eq!(owner.number(triggers), 2);
    wall.db.superuser().run(&format!("UPDATE clients SET org = 'b' WHERE id = '{A}'"));
    assert_eq!(wall.app("b").number("SELECT count(*) FROM jobs"), 2);
    assert_eq!(truth(&wall), "1:b 2:b 3:b 4:- 5:-");
    owner.run("SELECT org_scope.unprotect('jobs')");
    assert_eq!(owner.number(triggers), 2);
    owner.run("SELECT org_scope.unprotect('keys')");
    assert_eq!(owner.number(triggers), 0);
}
