//! What comes under a fence later: created, attached, inherited, detached.

use super::*;

const Y2027: &str = "FOR VALUES FROM (2027) TO (2028)";
const COLUMNS: &str = "(id int, org_id text NOT NULL, year int, body text)";

/// Fills a partition of 2027 with two rows of each organization, past the fence.
fn fill(wall: &Wall, table: &str) {
    wall.db.superuser().run(&format!(
        "INSERT INTO {table} (id, org_id, year, body) VALUES (20, 'a', 2027, 'a'), (21, 'b', 2027, 'b'), (22, 'b', 2027, 'b'), (23, 'a', 2027, 'a');
         GRANT ALL ON {table} TO {}",
        wall.app
    ));
}

/// Asserts that a table with the rows of [`fill`] is closed in every way.
#[track_caller]
fn is_walled(wall: &Wall, table: &str) {
    let mut app = wall.app("a");
    assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), 2, "{table}");
    assert_eq!(app.touched(&format!("UPDATE {table} SET body = 'x' WHERE org_id = 'b'")), 0);
    assert_eq!(app.touched(&format!("DELETE FROM {table} WHERE org_id = 'b'")), 0);
    app.refused(&format!("INSERT INTO {table} (id, org_id, year) VALUES (30, 'b', 2027)"), "42501");
    app.refused(&format!("TRUNCATE {table}"), "OS002");
    wall.db.connect(&wall.app).refused(&format!("SELECT count(*) FROM {table}"), "OS001");
    wall.owner().refused(&format!("SELECT count(*) FROM {table}"), "OS001");
    let drift = format!("SELECT drift FROM org_scope.protected_tables WHERE target = '{table}'::regclass");
    assert_eq!(wall.db.superuser().text(&drift), "{}");
}

#[test]
fn a_partition_that_is_created_later_is_fenced_at_once() {
    let attached = format!("CREATE TABLE late {COLUMNS}; ALTER TABLE events ATTACH PARTITION late {Y2027}");
    let below = format!(
        "CREATE TABLE above {COLUMNS} PARTITION BY LIST (org_id); CREATE TABLE late PARTITION OF above DEFAULT;
         ALTER TABLE events ATTACH PARTITION above {Y2027}"
    );
    for (join, others) in [
        (format!("CREATE TABLE late PARTITION OF events {Y2027}"), &[][..]),
        (format!("CREATE TABLE IF NOT EXISTS late PARTITION OF events (org_id DEFAULT 'x') {Y2027}"), &[]),
        (attached.clone(), &[]),
        (format!("CREATE UNLOGGED TABLE late (LIKE events INCLUDING ALL); ALTER TABLE events ADD COLUMN more int, ADD COLUMN and_more int;
            ALTER TABLE late ADD COLUMN more int, ADD COLUMN and_more int; ALTER TABLE ONLY events ATTACH PARTITION late {Y2027}"), &[]),
        (below, &["above"]),
        (format!("CREATE TABLE above PARTITION OF events {Y2027} PARTITION BY LIST (org_id); CREATE TABLE late PARTITION OF above DEFAULT"), &["above"]),
        (format!("DO $$ BEGIN EXECUTE 'CREATE TABLE late PARTITION OF events {Y2027}'; END $$"), &[]),
        (format!("CREATE FUNCTION make() RETURNS void LANGUAGE sql AS 'CREATE TABLE late PARTITION OF events {Y2027}'; SELECT make()"), &[]),
        (format!("BEGIN; SAVEPOINT s; {attached}; ROLLBACK TO s; {attached}; RELEASE s; COMMIT"), &[]),
    ] {
        let (wall, mut owner) = fenced("late");
        owner.run(&join);
        stands(&mut owner, &[&ALL[..], &["late"], others].concat());
        fill(&wall, "late");
        is_walled(&wall, "late");
        // Nothing is left to do, and everything goes again.
        assert_eq!(owner.number("SELECT count(*) FROM org_scope.plan('events') WHERE state <> 'note'"), 0, "{join}");
        owner.run("SELECT org_scope.unprotect('events')");
        assert_eq!(owner.number("SELECT count(*) FROM org_scope.protected_tables"), 0, "{join}");
    }
}

#[test]
fn create_schema_makes_no_unfenced_partition() {
    let (wall, mut owner) = fenced("create_schema");
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    owner.run(&format!("CREATE SCHEMA more CREATE TABLE late PARTITION OF public.events {Y2027}"));
    wall.db.superuser().run(&format!("GRANT USAGE ON SCHEMA more TO {}", wall.app));
    fill(&wall, "more.late");
    is_walled(&wall, "more.late");
}

#[test]
fn a_table_with_rows_and_policies_of_its_own_is_fenced_when_it_is_attached() {
    let (wall, mut owner) = fenced("own_policies");
    owner.run(&format!(
        "CREATE TABLE late {COLUMNS}; ALTER TABLE late ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of_it ON late USING (true)"
    ));
    fill(&wall, "late");
    assert_eq!(wall.app("a").number("SELECT count(*) FROM late"), 4);
    owner.run(&format!("ALTER TABLE events ATTACH PARTITION late {Y2027}"));
    is_walled(&wall, "late");
    assert!(!owner.fence_of("late").contains("org_scope_gate"), "its own policies are enough");
    assert_eq!(wall.app("b").number("SELECT count(*) FROM events"), 7);
}

#[test]
fn whoever_makes_the_partition_it_is_fenced() {
    let (wall, _owner) = fenced("member");
    let member = wall.db.role("member");
    wall.db
        .superuser()
        .run(&format!("GRANT {} TO {member}; GRANT CREATE ON SCHEMA public TO {member}", wall.owner));
    let mut member = wall.db.connect(&member);
    member.run(&format!("CREATE TABLE late PARTITION OF events {Y2027}"));
    assert_ne!(member.text("SELECT tableowner FROM pg_tables WHERE tablename = 'late'"), wall.owner.name());
    wall.db.superuser().run(&format!("GRANT ALL ON late TO {}", wall.app));
    fill(&wall, "late");
    is_walled(&wall, "late");
    // And the superuser's too.
    wall.db.superuser().run("CREATE TABLE later PARTITION OF events FOR VALUES FROM (2028) TO (2029)");
    assert_eq!(
        wall.db
            .superuser()
            .text("SELECT drift FROM org_scope.protected_tables WHERE target = 'later'::regclass"),
        "{}"
    );
}

#[test]
fn objects_in_the_way_of_names_change_nothing() {
    let (wall, mut owner) = fenced("evil_names");
    wall.db.superuser().run(&format!("CREATE SCHEMA evil AUTHORIZATION {}", wall.owner));
    owner.run(
        "CREATE TABLE evil.pg_inherits (inhrelid oid, inhparent oid, inhseqno int, inhdetachpending bool);
         CREATE TABLE evil.pg_policy (polrelid oid); CREATE TABLE evil.pg_class (oid oid);
         CREATE FUNCTION evil.org_eq(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.org_eq);
         CREATE FUNCTION evil.pg_event_trigger_ddl_commands() RETURNS TABLE (classid oid, objid oid) LANGUAGE sql AS 'SELECT 0::oid, 0::oid';
         SET search_path = evil, pg_catalog, public;
         CREATE TEMP TABLE late (id int); CREATE TEMP TABLE pg_policy (polrelid oid)",
    );
    // By name, late is the temporary table.
    owner.run(&format!("CREATE TABLE public.late PARTITION OF public.events {Y2027}"));
    fill(&wall, "public.late");
    is_walled(&wall, "public.late");
    let conditions = "SELECT DISTINCT pg_get_expr(polqual, polrelid) FROM pg_catalog.pg_policy WHERE polrelid = 'public.late'::regclass";
    assert_eq!(wall.db.superuser().column(conditions), ["(org_id = org_scope.fence_org())"]);
    assert_eq!(owner.text("SHOW search_path"), "evil, pg_catalog, public", "the caller's settings stay");
}

#[test]
fn what_cannot_be_fenced_cannot_come() {
    let (wall, mut owner) = fenced("cannot_come");
    let other = wall.db.role("other");
    owner.run(&format!(
        "CREATE TABLE elsewhere (org_id text NOT NULL, id int, year int, body text, also text); ALTER TABLE elsewhere DROP also;
         CREATE TABLE above {COLUMNS} PARTITION BY LIST (org_id); CREATE TABLE theirs PARTITION OF above DEFAULT;
         SELECT org_scope.protect('elsewhere', 'body')"
    ));
    wall.db.superuser().run(&format!("ALTER TABLE theirs OWNER TO {other}"));
    let refusal = owner
        .refused(&format!("ALTER TABLE events ATTACH PARTITION elsewhere {Y2027}"), "OS009")
        .says("body");
    owner.refused(&format!("ALTER TABLE events ATTACH PARTITION above {Y2027}"), "42501").says("theirs");
    for statement in refusal.hint.split_inclusive(';') {
        owner.run(statement);
    }
    owner.run(&format!("ALTER TABLE events ATTACH PARTITION elsewhere {Y2027}"));
    stands(&mut owner, &[&ALL[..], &["elsewhere"]].concat());
}

#[test]
fn the_parents_options_hold_for_what_comes() {
    let (wall, mut owner) = tree("options");
    owner.run(&format!(
        "SELECT org_scope.protect('events', force => false, create_index => false, set_default => false, roles => '{{{0}}}');
         CREATE TABLE late PARTITION OF events {Y2027}",
        wall.app
    ));
    stands(&mut owner, &[&ALL[..], &["late"]].concat());
    let row =
        "SELECT forced, gate_roles, index FROM org_scope.protected_tables WHERE target = 'late'::regclass";
    assert_eq!(owner.rows(row), [[Some("f".into()), Some(format!("{{{}}}", wall.app)), None]]);
    assert_eq!(owner.number("SELECT count(*) FROM pg_attrdef WHERE adrelid = 'late'::regclass"), 0);
}

#[test]
fn a_large_table_is_attached_without_building_its_index() {
    let (wall, mut owner) = fenced("large");
    wall.db.configure("org_scope.max_inline_index_size", "0");
    owner.run(&format!("CREATE TABLE late {COLUMNS}"));
    fill(&wall, "late");
    let mut owner = wall.owner();
    owner.run(&format!("ALTER TABLE events ATTACH PARTITION late {Y2027}"));
    let said =
        owner.notices().into_iter().map(|n| n.message).find(|m| m.contains("CREATE INDEX CONCURRENTLY"));
    assert_eq!(wall.app("a").number("SELECT count(*) FROM late"), 2, "fenced all the same");
    let statement = said.as_deref().and_then(|said| said.rsplit_once(": ")).map(|(_, statement)| statement);
    owner.run(statement.expect("a notice with the statement"));
    is_walled(&wall, "late");
}

#[test]
fn a_detached_partition_stays_fenced_and_is_a_table_of_its_own() {
    for detach in [
        "ALTER TABLE events DETACH PARTITION y2025",
        "ALTER TABLE events DETACH PARTITION y2025 CONCURRENTLY",
    ] {
        let (wall, mut owner) = fenced("detach");
        if detach.ends_with("CONCURRENTLY") {
            // Not possible beside a default partition.
            owner.run("ALTER TABLE events DETACH PARTITION rest");
        }
        owner.run(detach);
        stands(&mut owner, &ALL);
        let mut app = wall.app("a");
        assert_eq!(app.column("SELECT body FROM y2025"), ["a1"], "{detach}");
        app.refused("INSERT INTO y2025 (id, org_id, year) VALUES (10, 'b', 2025)", "42501");
        app.refused("TRUNCATE y2025", "OS002");
        assert_eq!(owner.steps("protect('y2025')").iter().filter(|s| s.state != "note").count(), 0);
        owner.run("SELECT org_scope.unprotect('events')");
        assert_eq!(
            wall.app("a").number("SELECT count(*) FROM y2025"),
            1,
            "the tree's fence is gone, not this one"
        );
        // Under an open parent it can't come back fenced.
        let attach = "ALTER TABLE events ATTACH PARTITION y2025 FOR VALUES FROM (2025) TO (2026)";
        let refusal = owner.refused(attach, "OS009").says("public.events is not protected");
        owner.run(&refusal.hint);
        owner.run(attach);
        assert_eq!(wall.app("b").number("SELECT count(*) FROM events WHERE year = 2025"), 2);
        owner.run("ALTER TABLE events DETACH PARTITION y2025; SELECT org_scope.unprotect('y2025')");
        assert!(!owner.fence_of("y2025").contains("org_scope"), "{detach}");
    }
}

#[test]
fn a_fenced_table_comes_under_no_open_one() {
    let wall = Wall::new("open_above");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE top {COLUMNS} PARTITION BY RANGE (year); CREATE TABLE middle PARTITION OF top DEFAULT PARTITION BY LIST (org_id);
         CREATE TABLE table_of_its_own {COLUMNS}; CREATE TABLE above (id int); CREATE TABLE way_above (id int); ALTER TABLE above INHERIT way_above;
         CREATE TABLE sub {COLUMNS} PARTITION BY LIST (id); CREATE TABLE leaf PARTITION OF sub DEFAULT;
         SELECT org_scope.protect('table_of_its_own'); SELECT org_scope.protect('sub')"
    ));
    for (join, parent) in [
        (format!("ALTER TABLE top ATTACH PARTITION table_of_its_own {Y2027}"), "public.top"),
        ("ALTER TABLE middle ATTACH PARTITION table_of_its_own DEFAULT".to_owned(), "public.top"),
        ("ALTER TABLE middle ATTACH PARTITION sub DEFAULT".to_owned(), "public.top"),
        ("ALTER TABLE table_of_its_own ADD x int, INHERIT above".to_owned(), "public.above"),
        ("DO $$ BEGIN ALTER TABLE table_of_its_own INHERIT way_above; END $$".to_owned(), "public.way_above"),
    ] {
        let refusal = owner.refused(&join, "OS009").says(&format!("{parent} is not protected"));
        assert!(!refusal.hint.is_empty(), "{refusal:#?}");
    }
    stands(&mut owner, &["table_of_its_own", "sub", "leaf"]);
    // What has no fence on either side is nobody's concern.
    owner.run("CREATE TABLE other (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF other DEFAULT; CREATE TABLE heir () INHERITS (above)");
    owner.run(&format!("SELECT org_scope.protect('top'); ALTER TABLE top ATTACH PARTITION sub {Y2027}"));
    stands(&mut owner, &["table_of_its_own", "top", "middle", "sub", "leaf"]);
}

#[test]
fn an_heir_of_a_fenced_table_is_fenced() {
    let wall = Wall::new("heirs");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE parent {COLUMNS}; SELECT org_scope.protect('parent'); CREATE TABLE other (n int)"
    ));
    for join in [
        "CREATE TABLE heir () INHERITS (parent)".to_owned(),
        format!("CREATE TABLE heir {COLUMNS}; ALTER TABLE heir INHERIT parent"),
        format!(
            "CREATE TABLE heir {COLUMNS}; CREATE TABLE below () INHERITS (heir); ALTER TABLE heir ADD x int, INHERIT parent"
        ),
    ] {
        owner.run(&join);
        fill(&wall, "heir");
        is_walled(&wall, "heir");
        owner.run("DROP TABLE heir CASCADE");
    }
    // An open parent beside the fenced one shows its rows.
    owner.refused("CREATE TABLE heir () INHERITS (parent, other)", "OS009").says("public.other");
    owner.run("CREATE TEMP TABLE temporary () INHERITS (parent)");
    assert!(owner.fence_of("temporary").contains("org_scope_fence"));
    stands(&mut owner, &["parent", "temporary"]);
}

#[test]
fn a_rolled_back_partition_leaves_nothing_and_a_concurrent_one_is_fenced() {
    let (wall, mut owner) = tree("concurrent");
    let mut other = wall.owner();
    // Created before the fence, committed while protect waits.
    other.run(&format!("BEGIN; CREATE TABLE late PARTITION OF events {Y2027}"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || owner.run(PROTECT));
        let blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let mut watcher = wall.db.superuser();
        for _ in 0..200 {
            if watcher.number(blocked) > 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let waited = watcher.number(blocked);
        other.run("COMMIT");
        waiting.join().expect("protect");
        assert!(waited > 0, "protect waits for the partition");
    });
    let mut owner = wall.owner();
    stands(&mut owner, &[&ALL[..], &["late"]].concat());
    owner.run("BEGIN; CREATE TABLE gone PARTITION OF events FOR VALUES FROM (2040) TO (2041); ROLLBACK");
    stands(&mut owner, &[&ALL[..], &["late"]].concat());
}

#[test]
fn the_event_trigger_cannot_be_called_or_owned() {
    let (wall, mut owner) = fenced("callable");
    owner.refused("SELECT org_scope._ddl_command_end()", "42501");
    owner.refused("ALTER EVENT TRIGGER org_scope_ddl_command_end DISABLE", "42501");
    owner.refused("DROP EVENT TRIGGER org_scope_ddl_command_end", "42501");
    // Called by hand it does nothing, whatever the server says of the result.
    drop(wall.db.superuser().try_run("DO $$ BEGIN PERFORM org_scope._ddl_command_end(); END $$"));
    wall.db.superuser().run("DROP EXTENSION org_scope CASCADE; CREATE EXTENSION org_scope");
    owner.run(&format!("CREATE TABLE late PARTITION OF events {Y2027}"));
    assert!(!owner.fence_of("late").contains("org_scope_fence"));
}
