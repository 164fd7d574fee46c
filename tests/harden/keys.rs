//! Which foreign keys are hardened, and what is said of the others.

use super::*;

fn tables(test: &str, sql: &str, protect: &[(&str, &str)]) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(sql);
    for (table, column) in protect {
        owner.run(&format!("SELECT org_scope.protect('{table}', '{column}')"));
    }
    (wall, owner)
}

#[test]
fn keys_of_every_shape_are_hardened() {
    let (wall, mut owner) = tables(
        "shapes",
        "CREATE TABLE \"Up\" (id int PRIMARY KEY, \"Tenant\" varchar(20) NOT NULL, x int, y text, UNIQUE (x, y));
         CREATE TABLE down (id int PRIMARY KEY, org_id text NOT NULL, boss int REFERENCES down,
             first int REFERENCES \"Up\", second int REFERENCES \"Up\", x int, y text,
             FOREIGN KEY (x, y) REFERENCES \"Up\" (x, y) ON DELETE SET NULL, FOREIGN KEY (y, x) REFERENCES \"Up\" (y, x));
         INSERT INTO \"Up\" VALUES (1, 'a', 1, 'one'), (2, 'b', 2, 'two');
         INSERT INTO down VALUES (1, 'a', NULL, 1, 1, 1, 'one'), (2, 'b', 2, 2, 2, 2, 'two'), (3, 'a', 1, 1, NULL, NULL, 'x')",
        &[("\"Up\"", "Tenant"), ("down", "org_id")],
    );
    owner.run(&format!("GRANT SELECT, INSERT, UPDATE ON down TO {}", wall.app));
    owner.run("CALL org_scope.harden('down')");
    assert_eq!(
        keys_of(&mut owner, "down"),
        [
            "down_boss_fkey: FOREIGN KEY (org_id, boss) REFERENCES down(org_id, id)",
            "down_first_fkey: FOREIGN KEY (org_id, first) REFERENCES \"Up\"(\"Tenant\", id)",
            "down_second_fkey: FOREIGN KEY (org_id, second) REFERENCES \"Up\"(\"Tenant\", id)",
            "down_x_y_fkey: FOREIGN KEY (org_id, x, y) REFERENCES \"Up\"(\"Tenant\", x, y) ON DELETE SET NULL (x, y)",
            "down_y_x_fkey: FOREIGN KEY (org_id, y, x) REFERENCES \"Up\"(\"Tenant\", y, x)",
        ]
    );
    let indexes = "SELECT count(*) FROM pg_index WHERE indisunique AND indrelid = '\"Up\"'::regclass";
    assert_eq!(owner.number(indexes), 4, "one for each set of columns beside those that stood");
    let mut b = wall.app("b");
    for column in ["boss", "first", "second"] {
        b.refused(&format!("UPDATE down SET {column} = 1"), "23503");
    }
    b.refused("UPDATE down SET x = 1, y = 'one'", "23503");
    assert_eq!(work(&owner.steps("plan_harden('down')")), NONE);
}

#[test]
fn a_unique_key_that_stands_is_used_in_any_order() {
    for (key, used) in [
        ("UNIQUE (org_id, id)", true),
        ("UNIQUE (id, org_id)", true),
        ("UNIQUE (id, org_id) INCLUDE (name)", true),
        ("UNIQUE (org_id, id) DEFERRABLE", false),
        ("EXCLUDE (org_id WITH =, id WITH =)", false),
        ("UNIQUE (org_id, id, name)", false),
    ] {
        let (_wall, mut owner) = pair("reuse", "");
        owner.run(&format!("ALTER TABLE parent ADD CONSTRAINT mine {key}"));
        let steps = owner.steps("plan_harden('child')");
        let builds = steps.iter().any(|s| s.statement.starts_with("CREATE UNIQUE INDEX"));
        assert_eq!(builds, !used, "{key}: {steps:#?}");
        owner.run("CALL org_scope.harden('child')");
        assert_eq!(work(&owner.steps("plan_harden('child')")), NONE, "{key}");
    }
    for (index, used) in [
        ("CREATE UNIQUE INDEX mine ON parent (org_id, id)", true),
        ("CREATE UNIQUE INDEX mine ON parent (org_id, id) WHERE id > 0", false),
        ("CREATE UNIQUE INDEX mine ON parent (org_id, (id + 0))", false),
        ("CREATE INDEX mine ON parent (org_id, id)", false),
    ] {
        let (_wall, mut owner) = pair("reuse_index", "");
        owner.run(index);
        owner.run("CALL org_scope.harden('child')");
        let builds = ran(&mut owner).iter().any(|s| s.statement.starts_with("CREATE UNIQUE INDEX"));
        assert_eq!(builds, !used, "{index}");
    }
}

#[test]
fn parents_without_a_fence_and_keys_with_the_organization_are_left() {
    let (_wall, mut owner) = tables(
        "left",
        "CREATE TABLE orgs (id text PRIMARY KEY); CREATE TABLE plans (id int PRIMARY KEY);
         CREATE TABLE t (id int PRIMARY KEY, org_id text NOT NULL REFERENCES orgs, plan int REFERENCES plans);
         CREATE TABLE u (id int, org_id text NOT NULL REFERENCES orgs, t int, UNIQUE (org_id, id));
         ALTER TABLE u ADD FOREIGN KEY (t, org_id) REFERENCES u (id, org_id)",
        &[("orgs", "id"), ("t", "org_id"), ("u", "org_id")],
    );
    let before = [keys_of(&mut owner, "t"), keys_of(&mut owner, "u")];
    for table in ["t", "u", "orgs"] {
        assert_eq!(work(&owner.steps(&format!("plan_harden('{table}')"))), NONE);
        owner.run(&format!("CALL org_scope.harden('{table}')"));
    }
    assert_eq!([keys_of(&mut owner, "t"), keys_of(&mut owner, "u")], before);
}

#[test]
fn what_cannot_be_hardened_says_why_and_stays() {
    for (parent, child, why) in [
        ("org uuid NOT NULL", "up int REFERENCES up", "different types, text and uuid"),
        ("org text NOT NULL", "up int REFERENCES up ON UPDATE SET NULL", "ON UPDATE SET NULL"),
        ("org text NOT NULL", "up int REFERENCES up ON UPDATE SET DEFAULT", "SET DEFAULT have no list"),
        ("org text NOT NULL UNIQUE", "up text REFERENCES up (org)", "something else than the organization"),
        (
            "org text NOT NULL, a int, b int, UNIQUE (a, b)",
            "a int, b int, FOREIGN KEY (a, b) REFERENCES up (a, b) MATCH FULL",
            "MATCH FULL",
        ),
    ] {
        let sql = format!(
            "CREATE TABLE up (id int PRIMARY KEY, {parent}); CREATE TABLE down (org_id text NOT NULL, {child})"
        );
        let (_wall, mut owner) = tables("stays", &sql, &[("up", "org"), ("down", "org_id")]);
        let before = keys_of(&mut owner, "down");
        owner.run("CALL org_scope.harden('down')");
        let steps = ran(&mut owner);
        let work = work(&steps);
        assert_eq!(
            (work.len(), work[0].state.as_str(), work[0].kind.as_str()),
            (1, "skipped", "foreign_key")
        );
        assert!(work[0].reason.contains(why), "{why}: {work:#?}");
        assert_eq!(keys_of(&mut owner, "down"), before);
    }
}

#[test]
fn a_parent_with_shared_rows_or_an_expression_keeps_its_children() {
    let (_wall, mut owner) = tables(
        "shared",
        "CREATE TABLE voices (id int PRIMARY KEY, org_id text); CREATE TABLE keys (id int PRIMARY KEY, settings jsonb NOT NULL);
         CREATE TABLE agents (id int PRIMARY KEY, org_id text NOT NULL, voice int REFERENCES voices, key int REFERENCES keys);
         INSERT INTO voices VALUES (1, NULL); INSERT INTO agents VALUES (1, 'a', 1), (2, 'b', 1)",
        &[("agents", "org_id")],
    );
    owner.run("SELECT org_scope.protect('voices', shared_rows => true)");
    owner.run("SELECT org_scope.protect_expression('keys', $$settings ->> 'org'$$, 'text')");
    let before = keys_of(&mut owner, "agents");
    owner.run("CALL org_scope.harden('agents')");
    let reasons: Vec<String> = work(&ran(&mut owner)).iter().map(|s| s.reason.clone()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:#?}");
    assert!(reasons[0].contains("something else than a column"), "{reasons:#?}");
    assert!(reasons[1].contains("are shared"), "{reasons:#?}");
    assert_eq!(keys_of(&mut owner, "agents"), before);
    owner.refused("SELECT * FROM org_scope.plan_harden('keys')", "OS009").says("not on a column of its own");
    owner.run("CREATE TABLE logs (entry jsonb NOT NULL, agent int REFERENCES agents)");
    owner.run("SELECT org_scope.protect_expression('logs', $$entry ->> 'org'$$, 'text')");
    let steps = owner.steps("plan_harden('agents')");
    let incoming = notes(&steps, "foreign_key");
    assert!(incoming.iter().any(|n| n.reason.contains("logs leads here, and can't include")), "{steps:#?}");
    // A child with shared rows of its own is hardened; they reference what belongs to nobody.
    owner.run("CREATE TABLE tools (id int PRIMARY KEY, org_id text, agent int REFERENCES agents)");
    owner.run("SELECT org_scope.protect('tools', shared_rows => true)");
    owner.run("CALL org_scope.harden('tools')");
    assert_eq!(
        keys_of(&mut owner, "tools"),
        ["tools_agent_fkey: FOREIGN KEY (org_id, agent) REFERENCES agents(org_id, id)"]
    );
}

#[test]
fn the_tables_of_the_three_systems_are_hardened() {
    let (_wall, mut owner) = tables(
        "systems",
        "CREATE TABLE projects (id uuid PRIMARY KEY, organization_id uuid NOT NULL);
         CREATE TABLE users (account_id text PRIMARY KEY, organization_id uuid NOT NULL, admin_id text REFERENCES users);
         CREATE TABLE workflows (id uuid PRIMARY KEY, organization_id uuid NOT NULL, project_id uuid NOT NULL REFERENCES projects)",
        &[("projects", "organization_id"), ("users", "organization_id"), ("workflows", "organization_id")],
    );
    // A loop over all tables is a recipe.
    owner.run(
        "DO $$ DECLARE t regclass; BEGIN
             FOR t IN SELECT target FROM org_scope.protected_tables LOOP CALL org_scope.harden(t); END LOOP;
         END $$",
    );
    for table in ["projects", "users", "workflows"] {
        assert_eq!(work(&owner.steps(&format!("plan_harden('{table}')"))), NONE);
    }
    assert_eq!(
        owner.number("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND cardinality(conkey) = 2"),
        2
    );
}

#[test]
fn projects_are_no_part_of_a_key() {
    let (wall, mut owner) = pair("projects", "");
    for table in ["parent", "child"] {
        owner.run(&format!(
            "ALTER TABLE {table} ADD project_id text DEFAULT 'x';
             SELECT org_scope.protect('{table}', project_column => 'project_id')"
        ));
    }
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(
        keys_of(&mut owner, "child"),
        ["child_parent_id_fkey: FOREIGN KEY (org_id, parent_id) REFERENCES parent(org_id, id)"]
    );
    wall.app("a").run("INSERT INTO child (id, project_id, parent_id) VALUES (66, 'y', 1)");
    wall.app("b").refused("INSERT INTO child (id, project_id, parent_id) VALUES (67, 'x', 1)", "23503");
}

#[test]
fn notes_name_what_remains() {
    let (_wall, mut owner) = pair("notes", "");
    owner.run("ALTER TABLE child ALTER org_id DROP NOT NULL; ALTER TABLE parent ADD UNIQUE (name)");
    let steps = owner.steps("plan_harden('parent')");
    let keys = notes(&steps, "foreign_key");
    assert_eq!(keys.len(), 1, "{steps:#?}");
    assert_eq!(keys[0].statement, "CALL org_scope.harden('public.child')");
    let unique: Vec<&str> = notes(&steps, "unique_key").iter().map(|s| s.statement.as_str()).collect();
    assert_eq!(
        unique,
        [
            "CALL org_scope.harden('public.parent', unique_per_org => '{parent_name_key}')",
            "CALL org_scope.harden('public.parent', unique_per_org => '{parent_pkey}')"
        ]
    );
    let steps = owner.steps("plan_harden('child')");
    let nullable = notes(&steps, "foreign_key");
    assert_eq!(nullable[0].statement, "ALTER TABLE public.child ALTER COLUMN org_id SET NOT NULL");
    owner.run(&nullable[0].statement);
    owner.run(&keys[0].statement);
    assert_eq!(notes(&owner.steps("plan_harden('parent')"), "foreign_key"), NONE);
}

#[test]
fn only_protected_tables_and_their_owners() {
    let (wall, mut owner) = pair("rights", "");
    owner.run("CREATE TABLE open (id int PRIMARY KEY, org_id text)");
    for call in ["SELECT * FROM org_scope.plan_harden('open')", "CALL org_scope.harden('open')"] {
        owner.refused(call, "OS010").says("is not protected");
    }
    owner.refused("CALL org_scope.harden('child', '{nothing}')", "42704").says("no unique key named nothing");
    owner.refused("CALL org_scope.harden(NULL)", "22004");
    let mut app = wall.app("a");
    for call in ["SELECT * FROM org_scope.plan_harden('child')", "CALL org_scope.harden('child')"] {
        app.refused(call, "42501");
    }
    // A step alone does nothing.
    assert_eq!(app.text("SELECT org_scope._run_step()"), "f");
}

#[test]
fn a_parent_of_somebody_else_is_theirs_to_prepare() {
    let (wall, mut owner) = pair("mixed", "");
    let other = wall.db.role("other");
    wall.db.superuser().run(&format!(
        "ALTER TABLE parent OWNER TO {other}; GRANT SELECT, REFERENCES ON parent TO {}",
        wall.owner
    ));
    let steps = owner.steps("plan_harden('child')");
    assert!(work(&steps)[0].reason.contains("can't read all rows"), "{steps:#?}");
    // With the rights of both it is one call.
    wall.db
        .superuser()
        .run(&format!("GRANT {other} TO {}; GRANT CREATE ON SCHEMA public TO {other}", wall.owner));
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(work(&owner.steps("plan_harden('child')")), NONE);
    assert_eq!(keys_of(&mut owner, "child").len(), 1);
}
