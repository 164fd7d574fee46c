//! A tree of tables as one thing: planned, protected, altered, listed and unprotected together.

use super::*;
use crate::harness::{Step, kinds, notes, work};

const TARGETS: &str = "SELECT DISTINCT target::text FROM org_scope.";

#[test]
fn a_whole_tree_is_planned_protected_and_given_back() {
    let (_wall, mut owner) = tree("tree");
    let mut before = Vec::new();
    for table in ALL {
        if table == "y2025" {
            owner.run("ALTER TABLE y2025 ALTER org_id SET DEFAULT 'mine', ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON y2025 USING (id > 0)");
        }
        before.push(owner.fence_of(table));
    }
    let planned = owner
        .column("SELECT target || ' ' || statement FROM org_scope.plan('events') WHERE state = 'planned'");
    let done = owner
        .column("SELECT target || ' ' || statement FROM org_scope.protect('events') WHERE state = 'done'");
    assert_eq!(planned, done);
    stands(&mut owner, &ALL);
    let again = owner.steps("protect('events')");
    assert_eq!(work(&again), Vec::<&Step>::new());
    for (table, _, _) in LEAVES {
        let led = format!("SELECT index FROM org_scope.protected_tables WHERE target = '{table}'::regclass");
        assert_eq!(owner.text(&led), format!("idx_{table}_org_id"), "each leaf has an index of its own");
    }
    owner.run("SELECT org_scope.unprotect('events')");
    for (table, before) in ALL.iter().zip(before) {
        assert_eq!(owner.fence_of(table), before, "{table}");
    }
    assert_eq!(owner.steps("unprotect('events')"), []);
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
}

#[test]
fn parents_come_first_and_an_index_that_a_partition_has_is_kept() {
    let (_wall, mut owner) = tree("tree_order");
    owner.run("CREATE INDEX mine ON y2025 (org_id)");
    let order = "SELECT target FROM org_scope.protect('events') WHERE kind = 'row_security' ORDER BY ordinal";
    let order = owner.column(order);
    let place = |table: &str| order.iter().position(|t| t == table).expect("a table of the tree");
    for (parent, child) in
        [("events", "y2025"), ("events", "y2026"), ("y2026", "y2026_0"), ("y2026_0", "y2026_0_a")]
    {
        assert!(place(parent) < place(child), "{order:?}");
    }
    owner.run("SELECT org_scope.unprotect('events')");
    assert!(owner.fence_of("y2025").contains("mine"), "what protect didn't bring, unprotect doesn't take");
}

#[test]
fn a_partition_alone_is_refused_with_the_call_for_its_tree() {
    let (_wall, mut owner) = tree("alone");
    for table in ["y2025", "y2026", "y2026_0", "y2026_0_a"] {
        for call in ["protect", "plan"] {
            let refusal = owner.refused(&format!("SELECT org_scope.{call}('{table}')"), "OS009");
            assert!(refusal.message.contains("is a partition of public.events"), "{refusal:#?}");
            assert_eq!(refusal.hint, "SELECT * FROM org_scope.protect('public.events', 'org_id');");
        }
    }
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
    let hint = owner.refused("SELECT org_scope.protect('y2026_0_a')", "OS009").hint;
    owner.run(&hint);
    stands(&mut owner, &ALL);
    owner.refused("SELECT org_scope.protect('y2026_0_a')", "OS009");
    // Nor does a partition lose its fence alone.
    for table in ["y2025", "y2026_0_a"] {
        let refusal = owner.refused(&format!("SELECT org_scope.unprotect('{table}')"), "OS010");
        assert_eq!(refusal.hint, "SELECT * FROM org_scope.unprotect('public.events');");
    }
    stands(&mut owner, &ALL);
}

#[test]
fn a_hole_in_the_tree_is_drift_and_comes_with_the_parents_plan() {
    let (wall, mut owner) = fenced("hole");
    wall.tamper(
        "DROP POLICY org_scope_fence ON y2026_0_a; DROP POLICY org_scope_gate ON y2026_0_a;
         DROP TRIGGER org_scope_truncate_guard ON y2026_0_a; ALTER TABLE y2026_0_a DISABLE ROW LEVEL SECURITY;
         CREATE TABLE late PARTITION OF events FOR VALUES FROM (2030) TO (2031)",
    );
    wall.db.superuser().run(&format!("ALTER TABLE late OWNER TO {}", wall.owner));
    let drifted = "SELECT target::text FROM org_scope.protected_tables WHERE drift && '{fence}' ORDER BY 1";
    assert_eq!(owner.column(drifted), ["late", "y2026_0_a"]);
    let targets = format!("{TARGETS}plan('events') WHERE state = 'planned' ORDER BY 1");
    assert_eq!(owner.column(&targets), ["late", "y2026_0_a"]);
    owner.run(PROTECT);
    stands(&mut owner, &[&ALL[..], &["late"]].concat());
}

#[test]
fn a_foreign_partition_keeps_the_whole_tree_from_being_protected() {
    let (wall, mut owner) = tree("foreign");
    wall.db.superuser().run(&format!(
        "CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw; GRANT USAGE ON FOREIGN SERVER s TO {0};
         CREATE FOREIGN TABLE far PARTITION OF events FOR VALUES FROM (2000) TO (2001) SERVER s OPTIONS (filename '/dev/null');
         CREATE FOREIGN TABLE further PARTITION OF y2026_0 FOR VALUES IN ('z') SERVER s OPTIONS (filename '/dev/null');
         ALTER FOREIGN TABLE far OWNER TO {0}; ALTER FOREIGN TABLE further OWNER TO {0};
         CREATE FOREIGN TABLE aside (id int, org_id text NOT NULL, year int, body text) SERVER s OPTIONS (filename '/dev/null');
         ALTER FOREIGN TABLE aside OWNER TO {0}",
        wall.owner
    ));
    let refusal =
        owner.refused(PROTECT, "OS009").says("foreign tables").says("public.far").says("public.further");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
    owner.run("CALL org_scope.protect_all('org_id')");
    let skipped =
        owner.column("SELECT target || ' ' || state FROM org_scope.last_run WHERE kind = 'table' ORDER BY 1");
    assert_eq!(skipped, ["aside skipped", "events skipped"]);
    owner.run(&refusal.hint);
    owner.run(PROTECT);
    stands(&mut owner, &ALL);
    // Nor does one come later.
    for join in [
        "ALTER TABLE events ATTACH PARTITION aside FOR VALUES FROM (2000) TO (2001)",
        "ALTER TABLE events ATTACH PARTITION far FOR VALUES FROM (2000) TO (2001)",
    ] {
        owner.refused(join, "OS009").says("foreign table");
    }
    wall.db.superuser().refused(
        "CREATE FOREIGN TABLE f PARTITION OF events FOR VALUES FROM (2000) TO (2001) SERVER s OPTIONS (filename '/dev/null')",
        "OS009",
    );
    stands(&mut owner, &ALL);
}

#[test]
fn a_partition_of_another_owner_keeps_the_tree_from_being_protected() {
    let (wall, mut owner) = tree("other_owner");
    let other = wall.db.role("other");
    wall.db.superuser().run(&format!("ALTER TABLE y2026_0_a OWNER TO {other}"));
    for call in ["protect", "plan"] {
        owner
            .refused(&format!("SELECT org_scope.{call}('events')"), "42501")
            .says("must be owner of table y2026_0_a");
    }
    owner.run("CREATE TABLE plain (org_id text); CALL org_scope.protect_all('org_id')");
    stands(&mut owner, &["plain"]);
    let skipped = owner.last_run("events");
    assert_eq!((skipped.len(), skipped[0].state.as_str()), (1, "skipped"));
    assert!(skipped[0].reason.contains("y2026_0_a belongs to"), "{skipped:#?}");
    // Whoever has the rights of both does it.
    wall.db.superuser().run(&format!("GRANT {other} TO {}", wall.owner));
    owner.run(PROTECT);
    wall.db.superuser().run(&format!("REVOKE {other} FROM {}", wall.owner));
    owner.refused("SELECT org_scope.unprotect('events')", "42501");
    assert_eq!(wall.app("a").number("SELECT count(*) FROM y2026_0_a"), 2);
}

#[test]
fn a_run_takes_a_tree_as_one_and_leaves_partitions_to_it() {
    let (wall, mut owner) = tree("run");
    wall.db.superuser().run(&format!("CREATE SCHEMA more AUTHORIZATION {}", wall.owner));
    owner.run("CREATE TABLE more.y2027 PARTITION OF events FOR VALUES FROM (2027) TO (2028); CREATE TABLE plain (org_id text)");
    // A schema that holds only a part of the tree.
    owner.run("CALL org_scope.protect_all('org_id', '{more}')");
    let part = owner.last_run("more.y2027");
    assert_eq!((part.len(), part[0].state.as_str()), (1, "skipped"));
    assert_eq!(part[0].statement, "SELECT * FROM org_scope.protect('public.events', 'org_id');");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);

    owner.notices();
    owner.run("CALL org_scope.protect_all('org_id')");
    let said: Vec<String> = owner.notices().into_iter().map(|n| n.message).collect();
    assert_eq!(said, ["protected public.events (1 of 2)", "protected public.plain (2 of 2)"]);
    let all = [&ALL[..], &["more.y2027", "plain"]].concat();
    stands(&mut owner, &all);
    for schemas in ["{public}", "{more}", "{public,more}"] {
        owner.run(&format!("CALL org_scope.protect_all('org_id', '{schemas}')"));
        let work = "SELECT count(*) FROM org_scope.last_run WHERE state <> 'note'";
        assert_eq!(owner.number(work), 0, "{schemas}");
    }
    // The part alone stays fenced.
    owner.run("CALL org_scope.unprotect_all('{more}')");
    assert_eq!(owner.text("SELECT state FROM org_scope.last_run"), "skipped");
    stands(&mut owner, &all);
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
}

#[test]
fn a_column_of_a_whole_tree_is_altered() {
    let wall = Wall::new("alter_tree");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE events (id int, org_id varchar(9), body text) PARTITION BY LIST (id);
         CREATE TABLE one PARTITION OF events FOR VALUES IN (1) PARTITION BY LIST (body);
         CREATE TABLE leaf PARTITION OF one DEFAULT; CREATE TABLE two PARTITION OF events DEFAULT;
         INSERT INTO events VALUES (1, 'a', 'a1'), (1, 'b', 'b2'), (2, 'a', 'a3'), (2, 'b', 'b4');
         GRANT SELECT ON events, one, leaf, two TO {}",
        wall.app
    ));
    owner.run("SELECT org_scope.protect('events')");
    for statement in [
        "ALTER TABLE events ALTER org_id TYPE text",
        "ALTER TABLE events ALTER org_id SET NOT NULL, ADD more int",
    ] {
        owner.steps(&format!("alter_protected('events', '{statement}')"));
        stands(&mut owner, &["events", "one", "leaf", "two"]);
        let mut app = wall.app("a");
        for (table, rows) in [("events", 2), ("one", 1), ("leaf", 1), ("two", 1)] {
            assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
        }
    }
    owner.steps("alter_protected('leaf', 'ALTER TABLE leaf ADD CHECK (id > 0)')");
    stands(&mut owner, &["events", "one", "leaf", "two"]);
    owner.refused(
        "SELECT org_scope.alter_protected('events', 'ALTER TABLE events DETACH PARTITION two')",
        "OS010",
    );
}

#[test]
fn each_tables_default_is_found_and_comes_back() {
    let (_wall, mut owner) = tree("defaults");
    owner.run(
        "ALTER TABLE events ALTER org_id SET DEFAULT 'top'; ALTER TABLE y2025 ALTER org_id SET DEFAULT 'own';
         ALTER TABLE y2026_0_a ALTER org_id DROP DEFAULT",
    );
    let defaults = "SELECT string_agg(d, ' ') FROM (SELECT c.relname || '=' || coalesce(pg_get_expr(d.adbin, d.adrelid), '-') AS d
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attname = 'org_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1) d";
    let before = owner.text(defaults);
    owner.run(PROTECT);
    owner.run("CREATE TABLE y2027 PARTITION OF events FOR VALUES FROM (2027) TO (2028)");
    assert_eq!(owner.text(defaults).matches("=org_scope.current_org()").count(), 8);
    owner.run("SELECT org_scope.unprotect('events')");
    let after = owner.text(defaults);
    // The one that came under the fence has what it would have had without.
    assert!(after.contains(" y2027='top'::text"), "{after}");
    owner.run("DROP TABLE y2027");
    assert_eq!(owner.text(defaults), before);
}

#[test]
fn a_partition_shows_no_more_than_its_parent() {
    let (wall, mut owner) = tree("finer");
    owner.run("ALTER TABLE events ENABLE ROW LEVEL SECURITY; CREATE POLICY finer ON events USING (id = 1)");
    let steps = owner.steps("protect('events')");
    // The parent's policy shows one row; a gate on its partitions would show the others by their names.
    let mut app = wall.app("a");
    assert_eq!(app.column("SELECT body FROM events"), ["a1"]);
    for (table, _, _) in LEAVES {
        assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert!(!notes(&steps, "dark_role").is_empty(), "that it is dark is said: {steps:#?}");
    stands(&mut owner, &ALL);
    // Named roles are let in everywhere.
    let gated = owner.steps(&format!("protect('events', roles => '{{{}}}')", wall.app));
    assert_eq!(kinds(&gated).first(), Some(&"gate"));
    for (table, a, _) in LEAVES {
        assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), a, "{table}");
    }
}

#[test]
fn an_inheritance_parent_is_fenced_with_its_children() {
    let wall = Wall::new("family");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE parent (id int, org_id text); CREATE TABLE child (more int) INHERITS (parent); CREATE TABLE grandchild () INHERITS (child);
         INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (3, 'a'), (4, 'b'); INSERT INTO grandchild VALUES (5, 'a'), (6, 'b');
         GRANT ALL ON parent, child, grandchild TO {}",
        wall.app
    ));
    let before: Vec<String> = ["parent", "child", "grandchild"].iter().map(|t| owner.fence_of(t)).collect();
    owner.run("SELECT org_scope.protect('parent')");
    stands(&mut owner, &["parent", "child", "grandchild"]);
    let mut app = wall.app("a");
    for (table, rows) in [("parent", 3), ("child", 2), ("grandchild", 1), ("ONLY child", 1)] {
        assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
    }
    owner.refused("SELECT org_scope.unprotect('grandchild')", "OS010").says("public.");
    owner.run("SELECT org_scope.unprotect('parent')");
    let after: Vec<String> = ["parent", "child", "grandchild"].iter().map(|t| owner.fence_of(t)).collect();
    assert_eq!(after, before);
}

#[test]
fn a_child_that_cannot_be_fenced_is_named_and_the_rest_stands() {
    let wall = Wall::new("mixed_family");
    let mut owner = wall.owner();
    let other = wall.db.role("other");
    owner.run(
        "CREATE TABLE parent (id int, org_id text); CREATE TABLE outside (id int);
         CREATE TABLE two_parents () INHERITS (parent, outside); CREATE TABLE theirs () INHERITS (parent); CREATE TABLE child () INHERITS (parent)",
    );
    wall.db.superuser().run(&format!("ALTER TABLE theirs OWNER TO {other}"));
    let steps = owner.steps("protect('parent')");
    let skipped: Vec<&Step> = steps.iter().filter(|s| s.state == "skipped").collect();
    assert_eq!(skipped.len(), 2, "{steps:#?}");
    assert!(skipped.iter().any(|s| s.reason.contains("belongs to")), "{skipped:#?}");
    assert!(skipped.iter().any(|s| s.reason.contains("inherits from public.outside")), "{skipped:#?}");
    assert_eq!(notes(&steps, "inheritance").len(), 2, "{steps:#?}");
    let drifted = "SELECT target || ' ' || drift::text FROM org_scope.protected_tables ORDER BY target::text";
    assert_eq!(owner.column(drifted), ["child {}", "parent {}", "theirs {fence}", "two_parents {fence}"]);
}

#[test]
fn a_child_of_two_fenced_parents_stays_fenced_with_the_other() {
    let wall = Wall::new("two_parents");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE one (org_id text); CREATE TABLE two (org_id text); CREATE TABLE shared () INHERITS (one, two);
         CALL org_scope.protect_all('org_id')",
    );
    stands(&mut owner, &["one", "two", "shared"]);
    let steps = owner.steps("unprotect('one')");
    assert!(notes(&steps, "inheritance").iter().any(|n| n.reason.contains("public.two")), "{steps:#?}");
    let drifted = "SELECT target || ' ' || drift::text FROM org_scope.protected_tables ORDER BY target::text";
    assert_eq!(owner.column(drifted), ["shared {table}", "two {}"]);
    owner.run("SELECT org_scope.unprotect('two')");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
}

#[test]
fn a_thousand_partitions_cost_no_thousand_times_the_reading() {
    let wall = Wall::new("thousand");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE events (id int, org_id text NOT NULL) PARTITION BY LIST (id);
         DO $$ BEGIN FOR i IN 1..256 LOOP EXECUTE format('CREATE TABLE p%s PARTITION OF events FOR VALUES IN (%s)', i, i); END LOOP; END $$;
         SELECT org_scope.protect('events')",
    );
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables WHERE drift = '{}'"), 257);
    owner.run("SELECT pg_stat_force_next_flush()");
    // Scans of pg_policy: with one query for all they are a few for each table; with queries for each of
    // its parents' partitions, 256 times as many.
    let scans = "SELECT sum(idx_scan + seq_scan) FROM pg_stat_sys_tables WHERE relname IN ('pg_policy', 'pg_trigger', 'pg_inherits')";
    let mut watcher = wall.db.superuser();
    let before = watcher.number(scans);
    owner.run("SELECT org_scope.plan('events'); SELECT pg_stat_force_next_flush()");
    let read = watcher.number(scans) - before;
    assert!(read < 257 * 40, "{read} scans for 257 tables");
}

#[test]
fn options_of_the_parent_hold_for_the_whole_tree_and_for_what_comes() {
    let wall = Wall::new("tree_options");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE events (id int, org_id text, project_id text, made_by text) PARTITION BY LIST (id);
         CREATE TABLE one (made_by text, project_id text, id int, org_id text) PARTITION BY LIST (org_id);
         ALTER TABLE events ATTACH PARTITION one FOR VALUES IN (1);
         CREATE TABLE leaf PARTITION OF one DEFAULT; CREATE TABLE two PARTITION OF events FOR VALUES IN (2);
         INSERT INTO events VALUES (1, 'a', 'p', 'x'), (1, 'b', 'q', 'x'), (1, NULL, NULL, 'x'), (2, 'a', 'r', 'x');
         GRANT ALL ON events, one, leaf, two TO {}",
        wall.app
    ));
    let before: Vec<String> = ["events", "one", "leaf", "two"].iter().map(|t| owner.fence_of(t)).collect();
    owner.run("SELECT org_scope.protect('events', shared_rows => true, project_column => 'project_id', actor_column => 'made_by')");
    let all = ["events", "one", "leaf", "two"];
    stands(&mut owner, &all);
    // Called without them, the options stay, for what comes too.
    owner.run("ALTER TABLE events RENAME made_by TO author; ALTER TABLE events RENAME project_id TO project");
    owner.run("CREATE TABLE three PARTITION OF events FOR VALUES IN (3); CREATE TABLE four (author text, org_id text, id int, project text);
         ALTER TABLE events ATTACH PARTITION four FOR VALUES IN (4)");
    // The comments still tell the names of then.
    owner.run(PROTECT);
    stands(&mut owner, &[&all[..], &["three", "four"]].concat());
    let work = owner.steps("protect('events')");
    assert!(work.iter().all(|s| s.state == "note"), "{work:#?}");
    let listed = "SELECT DISTINCT project_column::text || ' ' || actor_column || ' ' || shared_rows FROM org_scope.protected_tables";
    assert_eq!(owner.column(listed), ["project author true"]);

    owner.run(&format!("GRANT ALL ON three, four TO {}", wall.app));
    let mut app = wall.app("a");
    app.run("SELECT org_scope.set_current_user('me')");
    for (table, id) in [("events", 1), ("one", 1), ("leaf", 1), ("two", 2), ("three", 3), ("four", 4)] {
        app.run(&format!("BEGIN; INSERT INTO {table} (id, project) VALUES ({id}, 'p')"));
        assert_eq!(app.text(&format!("SELECT author FROM {table} WHERE author <> 'x'")), "me", "{table}");
        app.refused(&format!("INSERT INTO {table} (id, author) VALUES ({id}, 'you')"), "OS002");
        app.run("ROLLBACK");
        assert_eq!(app.touched(&format!("DELETE FROM {table} WHERE org_id IS NULL")), 0, "{table}");
    }
    assert_eq!(app.number("SELECT count(*) FROM leaf"), 2, "its own, and nobody's");
    app.run("SELECT org_scope.set_current_project('r')");
    assert_eq!(app.number("SELECT count(*) FROM leaf WHERE org_id IS NOT NULL"), 0);
    assert_eq!(app.number("SELECT count(*) FROM two"), 1);
    // A detached one keeps all of it.
    owner.run("ALTER TABLE events DETACH PARTITION two; ALTER TABLE events DETACH PARTITION one");
    stands(&mut owner, &[&all[..], &["three", "four"]].concat());
    owner.run("ALTER TABLE events ATTACH PARTITION two FOR VALUES IN (2); ALTER TABLE events ATTACH PARTITION one FOR VALUES IN (1);
         SELECT org_scope.unprotect('events');
         ALTER TABLE events RENAME author TO made_by; ALTER TABLE events RENAME project TO project_id");
    for (table, before) in all.iter().zip(before) {
        assert_eq!(owner.fence_of(table), before, "{table}");
    }
}

#[test]
fn a_tree_is_fenced_by_an_expression() {
    let wall = Wall::new("tree_expression");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE events (id int, settings jsonb) PARTITION BY LIST (id);
         CREATE TABLE one (settings jsonb, id int); ALTER TABLE events ATTACH PARTITION one FOR VALUES IN (1);
         INSERT INTO events VALUES (1, '{{\"org\": \"a\"}}'), (1, '{{\"org\": \"b\"}}');
         SELECT org_scope.protect_expression('events', 'settings->>''org''', 'text');
         CREATE TABLE two PARTITION OF events FOR VALUES IN (2); GRANT ALL ON events, one, two TO {}",
        wall.app
    ));
    stands(&mut owner, &["events", "one", "two"]);
    let mut app = wall.app("a");
    assert_eq!((app.number("SELECT count(*) FROM one"), app.number("SELECT count(*) FROM events")), (1, 1));
    app.refused("INSERT INTO two VALUES (2, '{\"org\": \"b\"}')", "42501");
    app.run("INSERT INTO two VALUES (2, '{\"org\": \"a\"}')");
    owner.run("SELECT org_scope.unprotect('events')");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0);
}
