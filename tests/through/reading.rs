//! The form that brings no column: the fence asks the parent.

use super::*;
use crate::harness::{Db, Server};

/// As [`LEVELS`], deepest last.
pub(super) const READING: [(&str, &str); 3] = [
    ("steps", "protect_through('steps', 'run_id', 'runs', reading => true)"),
    ("logs", "protect_through('logs', 'step_id', 'steps', reading => true)"),
    ("lines", "protect_through('lines', 'log_id', 'logs', reading => true)"),
];

/// All is fenced, and no table below `runs` has an org column.
pub(super) fn reading(test: &str) -> Tree {
    let tree = Tree::open(test);
    for (_, call) in READING {
        tree.owner().run(&format!("SELECT org_scope.{call}"));
    }
    tree
}

const DRIFT: &str = "SELECT DISTINCT drift::text FROM org_scope.protected_tables";

#[test]
fn each_level_shows_one_organization_without_a_column() {
    let tree = reading("reading");
    for (table, _) in READING {
        assert_eq!(
            tree.app("a").text(&format!("SELECT string_agg(id::text, ' ' ORDER BY id) FROM {table}")),
            "1 2 3 4"
        );
        assert_eq!(
            tree.app("b").text(&format!("SELECT string_agg(id::text, ' ' ORDER BY id) FROM {table}")),
            "5 6"
        );
        assert_eq!(tree.app("c").number(&format!("SELECT count(*) FROM {table}")), 0);
        let mut nobody = tree.wall.db.connect(&tree.wall.app);
        nobody.refused(&format!("SELECT FROM {table}"), "OS001");
        nobody.refused(&format!("INSERT INTO {table} VALUES (50, 1)"), "OS001");
        tree.owner().refused(&format!("SELECT FROM {table}"), "OS001");
    }
    let mut owner = tree.owner();
    assert_eq!(owner.column(DRIFT), ["{}"]);
    let columns = "SELECT count(*) FROM pg_attribute WHERE attname = 'org_id' AND attrelid IN ('steps'::regclass, 'logs'::regclass, 'lines'::regclass)";
    assert_eq!(owner.number(columns), 0);
}

#[test]
fn a_plan_is_what_is_done_a_second_call_does_nothing_and_all_of_it_goes() {
    let tree = Tree::open("reading_plan");
    let mut owner = tree.owner();
    let mut before = vec![world(&mut owner)];
    for (_, call) in READING {
        let statements = |steps: &[crate::harness::Step]| {
            work(steps).iter().map(|s| s.statement.clone()).collect::<Vec<_>>()
        };
        let planned = owner.steps(&call.replace("protect", "plan"));
        assert_eq!(&world(&mut owner), before.last().expect("one"));
        let done = owner.steps(call);
        assert_eq!(statements(&done), statements(&planned));
        let fence = work(&done)
            .into_iter()
            .find(|s| s.statement.contains("POLICY org_scope_fence"))
            .expect("a fence")
            .clone();
        assert!(fence.reason.contains("ten times as long"), "{fence:#?}");
        let again = owner.steps(call);
        assert!(work(&again).is_empty(), "{again:#?}");
        before.push(world(&mut owner));
    }
    before.pop();
    for (table, _) in READING.iter().rev() {
        owner.run(&format!("SELECT org_scope.unprotect('{table}')"));
        assert_eq!(world(&mut owner), before.pop().expect("one"), "{table}");
    }
}

/// Every way to write a child with a key.
const WAYS: [&str; 5] = [
    "INSERT INTO steps (id, run_id) VALUES (50, {key})",
    "INSERT INTO steps (id, run_id) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET run_id = {key}",
    "UPDATE steps SET run_id = {key} WHERE id = 1",
    "MERGE INTO steps s USING (SELECT 1 AS id) n ON s.id = n.id WHEN MATCHED THEN UPDATE SET run_id = {key}",
    "WITH w AS (INSERT INTO steps (id, run_id) VALUES (50, {key}) RETURNING id) SELECT * FROM w",
];

#[test]
fn nothing_is_written_below_another_organizations_parent() {
    let tree = reading("reading_writes");
    let mut app = tree.app("a");
    let all = "SELECT string_agg(id || ':' || coalesce(run_id::text, '-'), ' ' ORDER BY id) FROM steps";
    let truth = tree.wall.db.superuser().text(all);
    for way in WAYS {
        let said: Vec<_> =
            ["3", "99", "NULL"].map(|key| app.refused(&way.replace("{key}", key), "42501")).into();
        assert!(said.iter().all(|s| *s == said[0]), "{way}: {said:#?}");
        app.run(&format!("BEGIN; {}; ROLLBACK", way.replace("{key}", "2")));
    }
    app.refused("COPY steps FROM stdin", "0A000");
    app.refused("TRUNCATE steps", "42501");
    assert_eq!(app.touched("DELETE FROM steps WHERE id > 4"), 0);
    assert_eq!(app.touched("UPDATE steps SET body = 'mine' WHERE run_id = 3"), 0);
    assert_eq!(app.touched("UPDATE steps SET run_id = 1 WHERE id = 5"), 0);
    app.refused("INSERT INTO logs (id, step_id) VALUES (50, 5)", "42501");
    app.refused("INSERT INTO lines (id, log_id) VALUES (50, 5)", "42501");
    app.run("INSERT INTO lines (id, log_id) VALUES (50, 4)");
    assert_eq!(tree.wall.db.superuser().text(all), truth);
}

#[test]
fn a_parent_that_moves_or_goes_takes_the_way_with_it() {
    let tree = reading("reading_moves");
    tree.wall.db.superuser().run("UPDATE runs SET org_id = 'b' WHERE id = 1");
    assert_eq!(tree.app("b").text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM lines"), "1 2 5 6");
    tree.wall
        .db
        .superuser()
        .run("ALTER TABLE logs DROP CONSTRAINT logs_step_id_fkey; DELETE FROM steps WHERE id = 3");
    assert_eq!(tree.app("a").text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM lines"), "4");
    let note = notes(&tree.owner().steps(READING[1].1), "null_rows")[0].clone();
    assert!(note.reason.contains("1 row") && note.reason.contains("parent"), "{note:#?}");
}

/// The parent has columns of the child's names: none may stand for the child's.
#[test]
fn the_parents_columns_do_not_stand_for_the_childs() {
    let tree = Tree::open("reading_capture");
    let mut owner = tree.owner();
    owner.run("ALTER TABLE runs ADD run_id int; SELECT org_scope.unprotect('runs'); UPDATE runs SET run_id = id; SELECT org_scope.protect('runs')");
    owner.run(&format!("SELECT org_scope.{}", READING[0].1));
    assert_eq!(owner.column(DRIFT), ["{}"]);
    let mut app = tree.app("a");
    app.refused("INSERT INTO steps VALUES (50, 3)", "42501");
    app.refused("INSERT INTO steps VALUES (50, 99)", "42501");
    app.run("INSERT INTO steps VALUES (50, 1)");
}

#[test]
fn who_may_not_read_the_parent_is_named_with_the_grant() {
    let tree = Tree::open("reading_rights");
    let other = tree.wall.db.role("other");
    let mut owner = tree.owner();
    owner.run(&format!("GRANT SELECT, INSERT ON steps, logs TO {other}"));
    tree.wall.db.superuser().run(&format!("SELECT org_scope.allow('{other}', 'direct')"));
    owner.run(&format!("SELECT org_scope.{}", READING[0].1));
    let mut session = tree.wall.db.connect(&other);
    session.run("SELECT org_scope.set_current_org('a')");
    session.refused("SELECT FROM steps", "42501");
    for (call, grants) in [(READING[0].1, 1), (READING[1].1, 2)] {
        let said: Vec<_> = notes(&owner.steps(call), "dark_role")
            .into_iter()
            .filter(|n| n.reason.contains(other.name()))
            .cloned()
            .collect();
        if grants == 1 {
            assert_eq!(said.len(), 1, "{said:#?}");
        }
        for note in said {
            assert!(note.statement.starts_with("GRANT SELECT ("), "{note:#?}");
            owner.run(&note.statement);
        }
        assert!(notes(&owner.steps(call), "dark_role").is_empty());
    }
    assert_eq!(session.number("SELECT count(*) FROM steps"), 4);
    assert_eq!(session.number("SELECT count(*) FROM logs"), 4);
    session.run("INSERT INTO steps VALUES (50, 1); INSERT INTO logs VALUES (50, 50)");
    session.refused("SELECT name FROM runs", "42501");
}

#[test]
fn every_name_can_change_under_a_reading_fence() {
    let tree = reading("reading_renames");
    tree.wall.db.superuser().run(&format!("CREATE SCHEMA \"S\" AUTHORIZATION {}", tree.wall.owner));
    let mut owner = tree.owner();
    owner.run(
        "ALTER TABLE runs RENAME COLUMN id TO \"Run\"; ALTER TABLE runs RENAME COLUMN org_id TO \"Org\";
         ALTER TABLE runs RENAME TO \"the runs\"; ALTER TABLE steps RENAME COLUMN run_id TO \"of run\";
         ALTER TABLE steps RENAME COLUMN id TO \"select\"; ALTER TABLE steps RENAME TO \"Steps\";
         ALTER TABLE logs SET SCHEMA \"S\"",
    );
    assert_eq!(owner.column(DRIFT), ["{}"]);
    let mut app = tree.app("a");
    assert_eq!(app.number("SELECT count(*) FROM \"Steps\""), 4);
    app.run("INSERT INTO \"Steps\" VALUES (51, 1)");
    app.refused("INSERT INTO \"Steps\" VALUES (52, 3)", "42501");
    let again = owner.steps("protect_through('\"Steps\"', 'of run', '\"the runs\"', reading => true)");
    assert!(work(&again).is_empty(), "{again:#?}");
    let again =
        owner.steps("protect_through('\"S\".logs', 'step_id', '\"Steps\"', 'select', reading => true)");
    assert!(work(&again).is_empty(), "{again:#?}");
}

#[test]
fn what_is_altered_by_hand_is_seen_and_mended() {
    let tree = reading("reading_drift");
    let mut owner = tree.owner();
    let stands = world(&mut owner);
    for tamper in [
        "ALTER POLICY org_scope_fence ON logs USING (true)",
        "ALTER POLICY org_scope_fence ON logs WITH CHECK (true)",
        "ALTER POLICY org_scope_fence ON logs USING (step_id = ANY (ARRAY(SELECT s.id FROM steps s)))",
        "ALTER POLICY org_scope_gate ON logs USING (true)",
        "ALTER TABLE logs NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE logs DISABLE ROW LEVEL SECURITY",
    ] {
        tree.wall.tamper(tamper);
        let drift =
            owner.text("SELECT drift::text FROM org_scope.protected_tables WHERE target = 'logs'::regclass");
        assert_ne!(drift, "{}", "{tamper}");
        assert!(!work(&owner.steps(READING[1].1)).is_empty(), "{tamper}");
        assert_eq!(world(&mut owner), stands, "{tamper}");
    }
    let printed = "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'logs'::regclass AND polname = 'org_scope_fence'";
    let using = owner.text(printed);
    tree.wall.tamper(&format!("ALTER POLICY org_scope_fence ON logs USING ({using} OR true)"));
    assert_ne!(
        owner.text("SELECT drift::text FROM org_scope.protected_tables WHERE target = 'logs'::regclass"),
        "{}"
    );
    assert!(!work(&owner.steps(READING[1].1)).is_empty());
    assert_eq!(world(&mut owner), stands);
}

#[test]
fn what_can_not_be_read_is_refused_and_changes_nothing() {
    let tree = Tree::open("reading_refusals");
    let mut owner = tree.owner();
    owner.run(
        "CREATE TABLE open (id int PRIMARY KEY, org_id text);
         CREATE TABLE keyless (id int, org_id text); SELECT org_scope.protect('keyless');
         CREATE TABLE dated (id int, day date);
         CREATE TABLE parted (id int PRIMARY KEY, org_id text) PARTITION BY LIST (id);
         CREATE TABLE part PARTITION OF parted FOR VALUES IN (1); SELECT org_scope.protect('parted')",
    );
    owner.run(&format!(
        "SELECT org_scope.{}; SELECT org_scope.{}",
        READING[0].1,
        LEVELS[2].1.replace("protect_through('lines', 'log_id', 'logs')", READING[1].1)
    ));
    for (arguments, state, says) in [
        ("'lines', 'log_id', 'open'", "OS010", "protect('public.open')"),
        ("'lines', 'id', 'lines'", "OS009", "own parent"),
        ("'lines', 'log_id', 'keyless'", "OS009", "primary key"),
        ("'lines', 'log_id', 'keyless', 'id'", "OS009", "same id"),
        ("'dated', 'day', 'runs'", "OS009", "day"),
        ("'lines', 'nothing', 'runs'", "42703", "nothing"),
        ("'lines', 'log_id', 'part'", "OS009", "partition"),
        ("'lines', 'log_id', 'logs', org_column => 'org_id'", "OS009", "no column"),
        ("'lines', '(SELECT 1)', 'logs'", "OS009", "other tables"),
        ("'lines', 'log_id', 'logs', reading => NULL", "22004", "reading"),
        ("'logs', 'step_id', 'runs'", "OS009", "already protected"),
        ("'steps', 'id', 'runs'", "OS009", "already protected"),
    ] {
        for function in ["plan_through", "protect_through"] {
            let reading = if arguments.contains("reading") { "" } else { ", reading => true" };
            let before = world(&mut owner);
            owner.refused(&format!("SELECT org_scope.{function}({arguments}{reading})"), state).says(says);
            assert_eq!(world(&mut owner), before, "{arguments}");
        }
    }
    for call in [
        "protect('steps', 'run_id')",
        "protect('steps', 'id')",
        "protect_expression('steps', 'body', 'text')",
        LEVELS[0].1,
    ] {
        let before = world(&mut owner);
        owner.refused(&format!("SELECT org_scope.{call}"), "OS009");
        assert_eq!(world(&mut owner), before, "{call}");
    }
    // A cycle: what the parent asks must not ask the parent.
    owner.run("ALTER TABLE runs ADD log_id int; SELECT org_scope.unprotect('runs')");
    owner
        .refused("SELECT org_scope.protect_through('runs', 'log_id', 'logs', reading => true)", "OS009")
        .says("asks");
    owner.run("SELECT org_scope.unprotect('logs'); SELECT org_scope.unprotect('steps'); SELECT org_scope.protect('runs')");
    // One that is filled already.
    owner.run(&format!("SELECT org_scope.{}", LEVELS[0].1));
    owner.refused(&format!("SELECT org_scope.{}", READING[0].1), "OS009").says("goes through");
}

#[test]
fn the_two_forms_and_an_expression_above_go_together() {
    let tree = Tree::open("reading_mixed");
    let mut owner = tree.owner();
    owner.run(&format!(
        "CREATE TABLE docs (id varchar(9) PRIMARY KEY, about jsonb); INSERT INTO docs VALUES ('x', '{{\"org\": \"a\"}}'), ('y', '{{\"org\": \"b\"}}');
         CREATE TABLE pages (id int PRIMARY KEY, doc text); INSERT INTO pages VALUES (1, 'x'), (2, 'y'), (3, NULL);
         SELECT org_scope.protect_expression('docs', 'about ->> ''org''', 'text');
         SELECT org_scope.protect_through('pages', 'doc', 'docs', reading => true);
         GRANT ALL ON docs, pages TO {app}; SELECT org_scope.{}; SELECT org_scope.{}; SELECT org_scope.{}",
        LEVELS[0].1,
        READING[1].1,
        READING[2].1,
        app = tree.wall.app
    ));
    assert_eq!(owner.column(DRIFT), ["{}"]);
    let mut app = tree.app("a");
    assert_eq!(app.text("SELECT string_agg(id::text, ' ') FROM pages"), "1");
    app.refused("INSERT INTO pages VALUES (4, 'y')", "42501");
    app.run("INSERT INTO pages VALUES (4, 'x')");
    assert_eq!(app.number("SELECT count(*) FROM lines"), 4);
    app.refused("INSERT INTO logs VALUES (50, 5)", "42501");
    app.run("INSERT INTO logs VALUES (50, 1); INSERT INTO lines VALUES (50, 50)");
}

/// Whoever owns the parent and is not bound there is bound by the child's fence all the same.
#[test]
fn a_parent_that_binds_its_owner_less_opens_no_child() {
    let tree = Tree::open("reading_owners");
    let other = tree.wall.db.role("other");
    tree.owner().run(&format!("SELECT org_scope.{}", READING[0].1));
    tree.wall.db.superuser().run(&format!(
        "ALTER TABLE runs OWNER TO {other}; ALTER TABLE runs NO FORCE ROW LEVEL SECURITY; GRANT SELECT, UPDATE ON steps TO {other};
         SELECT org_scope.allow('{other}', 'direct')"
    ));
    let mut session = tree.wall.db.connect(&other);
    session.refused("SELECT count(*) FROM steps", "OS001");
    session.run("SELECT org_scope.set_current_org('a')");
    assert_eq!(session.number("SELECT count(*) FROM runs"), 3);
    assert_eq!(session.number("SELECT count(*) FROM steps"), 4);
    session.refused("UPDATE steps SET run_id = 3", "42501");
    // The child's owner can't count what it may not see, and is told so.
    tree.wall.db.superuser().run(&format!("GRANT SELECT ON runs TO {}", tree.wall.owner));
    let said = tree.owner().steps(READING[0].1);
    assert!(notes(&said, "null_rows").iter().any(|n| n.reason.contains("counted")), "{said:#?}");
}

const HOSTILE: &str = "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
    CREATE FUNCTION evil.yes(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = int, RIGHTARG = int);
    CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = text, RIGHTARG = text);
    CREATE TABLE evil.runs (id int, org_id text); INSERT INTO evil.runs VALUES (3, 'a'); GRANT ALL ON evil.runs TO PUBLIC";

#[test]
fn a_hostile_search_path_changes_nothing() {
    let tree = Tree::open("reading_path");
    tree.wall.db.superuser().run(HOSTILE);
    let mut owner = tree.owner();
    owner.run("SET search_path = evil, public, pg_catalog");
    for (_, call) in READING {
        owner.run(&format!("SELECT org_scope.{}", call.replace("'runs'", "'public.runs'")));
    }
    let mut app = tree.app("a");
    app.run("SET search_path = evil, public, pg_catalog; CREATE TEMP TABLE steps (id int, run_id int)");
    assert_eq!(app.number("SELECT count(*) FROM public.lines"), 4);
    app.refused("INSERT INTO public.steps VALUES (50, 3)", "42501");
    app.refused("INSERT INTO public.lines VALUES (50, 5)", "42501");
    let operators = "SELECT count(*) FROM pg_depend WHERE refclassid IN ('pg_operator'::regclass, 'pg_proc'::regclass)
        AND classid = 'pg_policy'::regclass AND refobjid IN (SELECT oid FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace)";
    assert_eq!(owner.number(operators), 0);
}

#[test]
fn a_dump_brings_the_reading_fence_back() {
    for options in [&[][..], &["--no-comments"]] {
        let tree = reading("reading_dump");
        let there = Db::empty("reading_restored", Server::Plain);
        let said = there.psql_superuser(&tree.wall.db.dump(options));
        assert!(!said.stderr.contains("ERROR"), "{said:#?}");
        let mut superuser = there.superuser();
        assert_eq!(superuser.column(DRIFT), ["{}"]);
        for (_, call) in READING {
            assert!(work(&superuser.steps(call)).is_empty(), "{call}");
        }
    }
}

#[test]
fn partitions_of_a_child_are_fenced_with_it_and_a_partitioned_parent_is_asked() {
    let tree = Tree::open("reading_parts");
    let mut owner = tree.owner();
    owner.run(&format!(
        "CREATE TABLE parted (id int, run_id int) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10); INSERT INTO parted VALUES (1, 1), (3, 3);
         SELECT org_scope.protect_through('parted', 'run_id', 'runs', reading => true);
         CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
         CREATE TABLE heads (id int PRIMARY KEY, org_id text) PARTITION BY RANGE (id);
         CREATE TABLE heads_1 PARTITION OF heads FOR VALUES FROM (0) TO (10); INSERT INTO heads VALUES (1, 'a'), (2, 'b');
         SELECT org_scope.protect('heads');
         CREATE TABLE tails (id int, head_id int); INSERT INTO tails VALUES (1, 1), (2, 2);
         SELECT org_scope.protect_through('tails', 'head_id', 'heads', reading => true);
         GRANT ALL ON parted, part_1, part_2, heads, tails TO {}",
        tree.wall.app
    ));
    assert_eq!(owner.column(DRIFT), ["{}"]);
    let mut app = tree.app("a");
    for table in ["parted", "part_1", "tails"] {
        assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
    app.refused("INSERT INTO parted VALUES (12, 3)", "42501");
    app.refused("INSERT INTO part_2 VALUES (12, 3)", "42501");
    app.refused("INSERT INTO tails VALUES (3, 2)", "42501");
    app.run("INSERT INTO part_2 VALUES (12, 1); INSERT INTO parted VALUES (13, 2); INSERT INTO tails VALUES (3, 1)");
    assert!(work(&owner.steps("protect_through('parted', 'run_id', 'runs', reading => true)")).is_empty());
    owner.run("SELECT org_scope.unprotect('parted')");
    assert_eq!(owner.number("SELECT count(*) FROM pg_policy WHERE polrelid IN ('parted'::regclass, 'part_1'::regclass, 'part_2'::regclass)"), 0);
}

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

#[test]
fn an_expression_leads_to_a_parent_that_is_asked() {
    let wall = Wall::new("reading_expression");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE clients (id uuid PRIMARY KEY, org text NOT NULL, key text);
         INSERT INTO clients VALUES ('{A}', 'a', '{A}'), ('{B}', 'b', '{B}');
         CREATE TABLE keys (key text PRIMARY KEY, id int);
         INSERT INTO keys VALUES ('{A}:1', 1), ('{A}:2', 2), ('{B}:3', 3), ('nonsense', 4), ('', 5);
         CREATE TABLE uses (key text, n int); INSERT INTO uses VALUES ('{A}:1', 1), ('{B}:3', 3);
         GRANT SELECT, INSERT, UPDATE, DELETE ON clients, keys, uses TO {app};
         SELECT org_scope.protect('clients', 'org')",
        app = wall.app
    ));
    let call = "protect_through('keys', 'split_part(key, '':'', 1)', 'clients', reading => true)";
    let steps = owner.steps(call);
    assert!(notes(&steps, "null_rows").iter().any(|n| n.reason.contains("2 rows")), "{steps:#?}");
    let again = owner.steps(call);
    assert!(work(&again).is_empty(), "{again:#?}");
    let below = "protect_through('uses', 'key', 'keys', reading => true)";
    owner.run(&format!("SELECT org_scope.{below}"));
    assert!(work(&owner.steps(below)).is_empty());
    assert_eq!(owner.column(DRIFT), ["{}"]);
    let mut app = wall.app("a");
    assert_eq!(app.text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM keys"), "1 2");
    assert_eq!(app.text("SELECT string_agg(n::text, ' ' ORDER BY n) FROM uses"), "1");
    app.run(&format!("INSERT INTO keys VALUES ('{A}:6', 6)"));
    for key in [&format!("{B}:7"), "nonsense:7", "", "cccccccc-0000-4000-8000-000000000003:7"] {
        app.refused(&format!("INSERT INTO keys VALUES ('{key}x', 7)"), "42501");
    }
    app.refused(&format!("INSERT INTO uses VALUES ('{B}:3', 7)"), "42501");
    let explained = app.plan("SELECT * FROM keys WHERE id = 1");
    assert!(!explained.is_empty());
    owner.run("SELECT org_scope.unprotect('uses'); SELECT org_scope.unprotect('keys')");
    assert_eq!(owner.number("SELECT count(*) FROM pg_policy WHERE polrelid = 'keys'::regclass"), 0);
}

/// What takes the policies along leaves the table closed.
#[test]
fn a_parent_that_is_dropped_opens_no_child() {
    let tree = reading("reading_dropped");
    tree.owner().refused("DROP TABLE runs", "2BP01");
    tree.owner().refused("ALTER POLICY org_scope_fence ON steps USING (true)", "OS002");
    tree.owner().refused("DROP POLICY org_scope_fence ON steps", "OS002");
    tree.wall.tamper("DROP TABLE runs CASCADE");
    assert_eq!(tree.app("a").number("SELECT count(*) FROM steps"), 0);
    tree.app("a").refused("INSERT INTO steps VALUES (50, 1)", "42501");
    assert_eq!(tree.app("a").number("SELECT count(*) FROM logs"), 0);
}

#[test]
fn a_run_over_the_schema_takes_what_asks_before_what_is_asked() {
    let tree = Tree::open("reading_run");
    let mut owner = tree.owner();
    // By their names the parent would come first.
    owner.run("ALTER TABLE steps RENAME TO a_steps");
    let bare = ["a_steps", "logs", "lines"].map(|table| owner.fence_of(table));
    owner.run(&format!(
        "SELECT org_scope.protect_through('a_steps', 'run_id', 'runs');
         SELECT org_scope.protect_through('logs', 'step_id', 'a_steps', reading => true); SELECT org_scope.{}",
        READING[2].1
    ));
    owner.refused("SELECT org_scope.unprotect('a_steps')", "2BP01");
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(["a_steps", "logs", "lines"].map(|table| owner.fence_of(table)), bare);
}

#[test]
fn a_key_that_no_fence_below_names_can_change_its_type() {
    let tree = reading("reading_retype");
    let mut owner = tree.owner();
    let before = owner.fence_of("lines").replace("integer", "bigint");
    owner.run(
        "SELECT org_scope.alter_protected('lines', 'ALTER TABLE lines ALTER COLUMN log_id TYPE bigint')",
    );
    assert_eq!(owner.fence_of("lines").replace("integer", "bigint"), before);
    assert_eq!(owner.column(DRIFT), ["{}"]);
    assert!(work(&owner.steps(READING[2].1)).is_empty());
    tree.app("a").refused("INSERT INTO lines VALUES (50, 5)", "42501");
    assert_eq!(tree.app("a").number("SELECT count(*) FROM lines"), 4);
    let alter =
        "SELECT org_scope.alter_protected('steps', 'ALTER TABLE steps ALTER COLUMN run_id TYPE bigint')";
    owner.refused(alter, "0A000").says("logs");
}
