//! The generator: what it installs, repairs, refuses and says, as a migration's author meets it.

use std::thread;
use std::time::Duration;

use crate::harness::{Session, Step, Wall, kinds, notes, work};

const COUNT: &str = "SELECT count(*) FROM agents";
const NONE: Vec<&Step> = Vec::new();

fn fenced(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    (wall, owner)
}

/// Everything in the catalogs that a plan could change, and the rows' own versions.
fn world(session: &mut Session) -> String {
    session.text(
        "SELECT md5(concat(
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_class c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_policy c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_trigger c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_attrdef c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY attrelid, attnum) FROM pg_attribute c),
            (SELECT string_agg(c::text, '' ORDER BY c::text) FROM pg_description c),
            (SELECT string_agg(c::text, '' ORDER BY indexrelid) FROM pg_index c),
            (SELECT string_agg(c::text, '' ORDER BY c::text) FROM pg_depend c)))",
    )
}

// Types

/// Org columns of every supported kind: declaration, what comes before, and two organizations.
const TYPES: [(&str, &str, [&str; 2]); 14] = [
    ("uuid", "", ["12938a96-648b-4aec-ab59-282e2345cec7", "7d0f3c52-91aa-4e0b-8a64-0b6a3f1c2d9e"]),
    ("text", "", ["org_a", "org_b"]),
    ("text COLLATE \"C\"", "", ["org_a", "org_b"]),
    ("varchar", "", ["org_a", "org_b"]),
    ("varchar(36)", "", ["org_a", "org_b"]),
    ("bigint", "", ["9223372036854775807", "-5"]),
    ("integer", "", ["1", "2147483647"]),
    ("smallint", "", ["1", "32767"]),
    ("org", "CREATE DOMAIN org AS text CHECK (VALUE ~ '^org_')", ["org_a", "org_b"]),
    (
        "org",
        "CREATE DOMAIN org AS uuid NOT NULL",
        ["12938a96-648b-4aec-ab59-282e2345cec7", "7d0f3c52-91aa-4e0b-8a64-0b6a3f1c2d9e"],
    ),
    ("org", "CREATE DOMAIN inner_org AS varchar(40); CREATE DOMAIN org AS inner_org", ["org_a", "org_b"]),
    (
        "org",
        "CREATE DOMAIN inner_org AS integer; CREATE DOMAIN org AS inner_org CHECK (VALUE > 0)",
        ["1", "2"],
    ),
    ("org", "CREATE DOMAIN org AS smallint", ["1", "2"]),
    ("\"Org Type\"", "CREATE DOMAIN \"Org Type\" AS bigint", ["1", "2"]),
];

fn typed(test: &str, number: usize) -> (Wall, Session) {
    let (column, before, [one, two]) = TYPES[number];
    let wall = Wall::new(&format!("{test}_{number}"));
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO {0}; {before};
         CREATE TABLE other.t (id int PRIMARY KEY, \"Org\" {column} NOT NULL);
         INSERT INTO other.t SELECT i, CASE WHEN i % 100 = 0 THEN '{one}' ELSE '{two}' END::{type} FROM generate_series(1, 20000) AS i;
         GRANT SELECT, INSERT, UPDATE, DELETE ON other.t TO {0}",
        wall.app,
        type = column.trim_end_matches(" COLLATE \"C\""),
    ));
    (wall, owner)
}

#[test]
fn every_supported_type_is_fenced_in_any_schema() {
    for (number, (column, before, [one, two])) in TYPES.iter().enumerate() {
        let what = format!("{column} {before}");
        let (wall, mut owner) = typed("type", number);
        let steps = owner.steps("protect('other.t', 'Org')");
        assert_eq!(
            kinds(&steps),
            ["index", "truncate_guard", "default", "fence", "gate", "fence", "row_security", "force"],
            "{what}"
        );
        assert!(steps.iter().all(|s| s.state == "done"), "{what}: {steps:#?}");
        let again = owner.steps("protect('other.t', 'Org')");
        assert_eq!(again, [], "{what}");
        assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}", "{what}");
        for (org, rows) in [(one, 200), (two, 19800)] {
            let mut app = wall.app(org);
            assert_eq!(app.number("SELECT count(*) FROM other.t"), rows, "{what}");
            assert_eq!(app.column("SELECT DISTINCT \"Org\" FROM other.t"), [*org], "{what}");
        }
        let mut app = wall.app(one);
        app.run("INSERT INTO other.t (id) VALUES (0)");
        assert_eq!(app.text("SELECT \"Org\" FROM other.t WHERE id = 0"), *one, "{what}: the DEFAULT");
        app.refused(&format!("INSERT INTO other.t VALUES (-1, '{two}')"), "42501");
        app.refused(&format!("UPDATE other.t SET \"Org\" = '{two}' WHERE id = 0"), "42501");
        wall.db.connect(&wall.app).refused("SELECT count(*) FROM other.t", "OS001");
        assert!(owner.steps("unprotect('other.t')").iter().all(|s| s.state == "done"), "{what}");
    }
}

#[test]
fn a_protected_query_uses_the_index_with_the_bare_call() {
    for (number, (column, before, [one, _])) in TYPES.iter().enumerate() {
        let what = format!("{column} {before}");
        let (wall, mut owner) = typed("plan", number);
        owner.run("SELECT org_scope.protect('other.t', 'Org')");
        wall.db.superuser().run("ANALYZE other.t");
        let reader = match (*column, *before) {
            ("uuid", _) => "fence_org_uuid",
            (_, before) if before.contains("AS uuid") => "fence_org_uuid",
            ("bigint" | "integer" | "smallint", _) => "fence_org_bigint",
            (_, before) if before.contains("int") => "fence_org_bigint",
            _ => "fence_org",
        };
        let mut app = wall.app(one);
        // Folding is another matter: the condition must find the index by itself.
        app.run("SET plan_cache_mode = force_generic_plan; PREPARE q AS SELECT count(*) FROM other.t");
        for statement in
            ["SELECT * FROM other.t", "EXECUTE q", "DELETE FROM other.t", "UPDATE other.t SET id = id"]
        {
            let plan = app.plan(statement);
            assert!(plan.contains("idx_t_Org") && !plan.contains("Seq Scan"), "{what}: {plan}");
            let cond =
                plan.lines().find(|l| l.contains("Index Cond:")).unwrap_or_else(|| panic!("{what}: {plan}"));
            let bare = format!("= org_scope.{reader}())");
            assert!(cond.contains(&bare), "{what}: {plan}");
            assert!(
                !cond.contains(&format!("({reader}"))
                    && !plan.contains("SubPlan")
                    && !plan.contains("InitPlan"),
                "{what}: {plan}"
            );
        }
    }
}

#[test]
fn an_estimate_knows_how_large_the_organization_is() {
    let (wall, mut owner) = typed("estimate", 1);
    owner.run("SELECT org_scope.protect('other.t', 'Org')");
    wall.db.superuser().run("ANALYZE other.t");
    let rows = |org: &str| {
        let mut app = wall.app(org);
        let plan = app.column("EXPLAIN SELECT * FROM other.t").remove(0);
        let rows = plan.split("rows=").nth(1).and_then(|r| r.split(' ').next()).expect("an estimate");
        rows.parse::<i64>().expect("a number")
    };
    let (small, large) = (rows("org_a"), rows("org_b"));
    assert!((100..=400).contains(&small) && large > 19_000, "{small} and {large}");
}

// Repeated calls, options, drift

#[test]
fn changed_options_make_only_the_difference() {
    let (_wall, mut owner) = fenced("options");
    for (call, expected) in [
        ("protect('agents')", vec![]),
        ("protect('agents', force => false)", vec!["fence", "force"]),
        ("protect('agents', force => false)", vec![]),
        ("protect('agents', force => false, set_default => false)", vec!["default", "fence"]),
        ("protect('agents', force => false, set_default => false)", vec![]),
        ("protect('agents', force => false, set_default => false, create_index => false)", vec!["fence"]),
        ("protect('agents')", vec!["default", "fence", "force"]),
        ("protect('agents')", vec![]),
    ] {
        let steps = owner.steps(call);
        assert_eq!(kinds(&steps), expected, "{call}: {steps:#?}");
        assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}", "{call}");
    }
}

#[test]
fn drift_is_listed_repaired_and_said() {
    let damage: [(&str, &[&str]); 22] = [
        ("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY", &["force"]),
        ("ALTER TABLE agents DISABLE ROW LEVEL SECURITY", &["row_security"]),
        ("ALTER POLICY org_scope_fence ON agents USING (true)", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents WITH CHECK (true)", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents USING (org_id = org_scope.fence_org() OR true)", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents USING (org_id = org_scope.current_org())", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents USING (name = org_scope.fence_org())", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents TO {owner}", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents RENAME TO mine", &["fence"]),
        ("DROP POLICY org_scope_fence ON agents", &["fence"]),
        (
            "DROP POLICY org_scope_fence ON agents; CREATE POLICY org_scope_fence ON agents USING (org_id = org_scope.fence_org())
             WITH CHECK (org_id = org_scope.fence_org())",
            &["fence"],
        ),
        (
            "DROP POLICY org_scope_fence ON agents; CREATE POLICY org_scope_fence ON agents AS RESTRICTIVE FOR SELECT USING (org_id = org_scope.fence_org())",
            &["fence"],
        ),
        ("DROP POLICY org_scope_gate ON agents", &["gate"]),
        ("ALTER POLICY org_scope_gate ON agents USING (true)", &["gate"]),
        ("ALTER POLICY org_scope_gate ON agents WITH CHECK (true)", &["gate"]),
        (
            "DROP POLICY org_scope_gate ON agents; CREATE POLICY org_scope_gate ON agents AS RESTRICTIVE USING (true)",
            &["gate"],
        ),
        ("DROP TRIGGER org_scope_truncate_guard ON agents", &["truncate_guard"]),
        ("ALTER TABLE agents DISABLE TRIGGER org_scope_truncate_guard", &["truncate_guard"]),
        ("ALTER TABLE agents ENABLE TRIGGER org_scope_truncate_guard", &["truncate_guard"]),
        ("ALTER TABLE agents ALTER org_id SET DEFAULT 'x'", &["default"]),
        ("ALTER TABLE agents ALTER org_id DROP DEFAULT", &["default"]),
        ("DROP INDEX idx_agents_org_id", &["index"]),
    ];
    let (wall, mut owner) = fenced("drift");
    // Where the fence itself was dropped or renamed, its memory is gone with it.
    let strip = |fence: &str| {
        fence.lines().filter(|l| !l.contains("Only the current")).collect::<Vec<_>>().join("\n")
    };
    let clean = strip(&owner.fence_of("agents"));
    let drift = "SELECT array_to_string(drift, ' ') FROM org_scope.protected_tables";
    for (statement, expected) in damage {
        owner.run(&statement.replace("{owner}", wall.owner.name()));
        let listed = owner.text(drift);
        assert!(expected.iter().all(|kind| listed.contains(kind)), "{statement}: {listed}");
        let steps = owner.steps("protect('agents')");
        assert!(expected.iter().all(|kind| kinds(&steps).contains(kind)), "{statement}: {steps:#?}");
        assert!(
            work(&steps).iter().all(|s| !s.reason.is_empty() && s.state == "done"),
            "{statement}: {steps:#?}"
        );
        if statement.contains("RENAME") {
            owner.run("DROP POLICY mine ON agents");
        }
        assert_eq!(strip(&owner.fence_of("agents")), clean, "{statement}");
        assert_eq!(
            (owner.text(drift).as_str(), work(&owner.steps("protect('agents')"))),
            ("", NONE),
            "{statement}"
        );
        assert_eq!(wall.app("a").number(COUNT), 2, "{statement}");
    }
}

#[test]
fn a_repair_of_everything_at_once() {
    let (wall, mut owner) = fenced("ruins");
    let clean = owner.fence_of("agents");
    owner.run(
        "DROP POLICY org_scope_fence ON agents; ALTER POLICY org_scope_gate ON agents USING (true);
         DROP TRIGGER org_scope_truncate_guard ON agents; ALTER TABLE agents DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
         ALTER TABLE agents ALTER org_id DROP DEFAULT; DROP INDEX idx_agents_org_id",
    );
    owner.run("SELECT org_scope.protect('agents')");
    assert_eq!(wall.app("a").number(COUNT), 2);
    // The comment went with the policy, so what was before is not known; all else stands again.
    let strip = |fence: &str| {
        fence.lines().filter(|l| !l.contains("Only the current")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(strip(&owner.fence_of("agents")), strip(&clean));
    assert_eq!(work(&owner.steps("protect('agents')")), NONE);
}

#[test]
fn another_column_is_another_fence() {
    let (_wall, mut owner) = fenced("other_column");
    let refusal = owner.refused("SELECT org_scope.protect('agents', 'name')", "OS009").says("org_id");
    owner.run(&refusal.hint);
    assert_eq!(owner.text("SELECT org_column FROM org_scope.protected_tables"), "name");
}

// Refusals

#[test]
fn what_cannot_be_fenced_is_refused_with_what_to_do() {
    let wall = Wall::new("refusals");
    let mut superuser = wall.db.superuser();
    superuser.run(
        "CREATE EXTENSION citext; CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw;
         CREATE COLLATION nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (org_id text, c char(9), bp bpchar, ci citext, nd text COLLATE nd, j json, jb jsonb, d date, n numeric,
            arr text[], e pg_lsn, nm name, vb varbit, x xml, b boolean, ch \"char\", f float8);
         CREATE DOMAIN dc AS char(4); CREATE DOMAIN dnd AS text COLLATE nd; CREATE TYPE en AS ENUM ('a'); CREATE TYPE co AS (org_id text);
         ALTER TABLE t ADD dc dc, ADD dnd dnd, ADD en en, ADD co co;
         CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; CREATE SEQUENCE sq; CREATE INDEX ix ON t (org_id);
         CREATE FOREIGN TABLE f (org_id text) SERVER s OPTIONS (filename '/dev/null');
         CREATE TABLE gone (org_id text, other text); ALTER TABLE gone DROP org_id",
    );
    let columns = "c bp ci nd j jb d n arr e nm vb x b ch f dc dnd en co";
    let mut calls: Vec<(String, String)> =
        columns.split(' ').map(|c| ("t".to_owned(), format!("'t', '{c}'"))).collect();
    for call in [
        "'v'",
        "'m'",
        "'f'",
        "'sq'",
        "'ix'",
        "'co'",
        "'gone'",
        "'t', 'no_such_column'",
        "'t', 'ctid'",
        "'t', 'tableoid'",
        "'pg_class', 'relname'",
        "'information_schema.sql_features', 'feature_id'",
        "'org_scope.journal', 'reason'",
        "'pg_toast.pg_toast_1255', 'chunk_id'",
    ] {
        calls.push((call.split('\'').nth(1).expect("a name").to_owned(), call.to_owned()));
    }
    for (table, call) in &calls {
        let before = superuser.fence_of(table);
        for function in ["plan", "protect"] {
            let refusal = superuser.refused(&format!("SELECT org_scope.{function}({call})"), "OS009");
            assert!(!refusal.hint.is_empty(), "{call}: {refusal:#?}");
        }
        assert_eq!(superuser.fence_of(table), before, "{call}");
    }
    // Hints that are statements run, and help.
    for column in ["c", "ci", "nd", "n"] {
        let hint = superuser.refused(&format!("SELECT org_scope.protect('t', '{column}')"), "OS009").hint;
        superuser.run("DROP VIEW v; DROP MATERIALIZED VIEW m");
        superuser.run(&hint);
        superuser.run(&format!("SELECT org_scope.protect('t', '{column}'); SELECT org_scope.unprotect('t')"));
        superuser.run("CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1");
    }
    superuser.refused("SELECT org_scope.protect(NULL)", "22004");
    superuser.refused("SELECT org_scope.protect('t', NULL)", "22004");
    superuser.refused("SELECT org_scope.protect('t', force => NULL)", "22004");
    superuser.refused("SELECT org_scope.protect('no_such_table')", "42P01");
    superuser.refused("SELECT org_scope.protect(4294967::regclass)", "42P01");
    superuser.refused("SELECT org_scope.protect('t', roles => '{}')", "22023");
    superuser.refused("SELECT org_scope.protect('t', roles => '{no_such_role}')", "42704");
    superuser.refused("CALL org_scope.protect_all('org_id', '{no_such_schema}')", "3F000");
}

#[test]
fn another_sessions_temporary_table_is_refused_and_ones_own_is_fenced() {
    let wall = Wall::new("temporary");
    let mut one = wall.owner();
    one.run("CREATE TEMP TABLE mine (org_id text); INSERT INTO mine VALUES ('a')");
    let oid = one.text("SELECT 'mine'::regclass::oid");
    let mut other = wall.owner();
    for function in ["plan", "protect"] {
        other.refused(&format!("SELECT org_scope.{function}({oid}::regclass)"), "OS009").says("temporary");
    }
    assert_eq!(work(&one.steps("protect('mine')")).last().map(|s| s.kind.as_str()), Some("force"));
    one.refused("SELECT count(*) FROM mine", "OS001");
    assert_eq!(work(&one.steps("protect('mine')")), NONE);
}

#[test]
fn an_unlogged_table_and_a_generated_column() {
    let wall = Wall::new("kinds");
    let mut owner = wall.owner();
    owner.run(
        "CREATE UNLOGGED TABLE u (org_id text);
         CREATE TABLE g (src text, org_id text GENERATED ALWAYS AS (lower(src)) STORED);
         CREATE TABLE i (org_id bigint GENERATED ALWAYS AS IDENTITY, n int)",
    );
    assert_eq!(owner.steps("protect('u')").iter().filter(|s| s.state != "done").count(), 0);
    for table in ["g", "i"] {
        let steps = owner.steps(&format!("protect('{table}')"));
        let skipped: Vec<&str> =
            steps.iter().filter(|s| s.state == "skipped").map(|s| s.kind.as_str()).collect();
        assert_eq!(skipped, ["default"], "{steps:#?}");
        assert_eq!(work(&owner.steps(&format!("protect('{table}')"))), NONE);
        owner.run(&format!("SELECT org_scope.unprotect('{table}')"));
    }
}

// Who may

#[test]
fn only_the_owner_may_and_a_member_counts() {
    let wall = Wall::new("rights");
    let mut owner = wall.agents();
    let (stranger, member) = (wall.db.role("stranger"), wall.db.role("member"));
    wall.db.superuser().run(&format!("GRANT {} TO {member}; GRANT ALL ON agents TO {stranger}", wall.owner));
    let bare = owner.fence_of("agents");
    let mut session = wall.db.connect(&stranger);
    for call in [
        "protect('agents')",
        "plan('agents')",
        "unprotect('agents')",
        "alter_protected('agents', 'ALTER TABLE agents ADD x int')",
    ] {
        session.refused(&format!("SELECT org_scope.{call}"), "42501").says("agents");
    }
    // A run passes over what isn't the caller's.
    session.run("CALL org_scope.protect_all('org_id')");
    let steps = session.last_run("agents");
    assert_eq!((steps.len(), steps[0].state.as_str()), (1, "skipped"), "{steps:#?}");
    assert_eq!(owner.fence_of("agents"), bare);
    let mut session = wall.db.connect(&member);
    assert!(work(&session.steps("protect('agents')")).iter().all(|s| s.state == "done"));
    session.refused(COUNT, "OS001");
    session.run("SELECT org_scope.unprotect('agents')");
    assert_eq!(owner.fence_of("agents"), bare);
    // Everybody may look at what the catalogs tell anyway.
    wall.db
        .connect(&stranger)
        .run("SELECT * FROM org_scope.protected_tables; SELECT * FROM org_scope.last_run");
}

#[test]
fn a_plan_over_tables_of_others_asks_nothing_of_their_rows() {
    let wall = Wall::new("plan_all_stranger");
    let mut owner = wall.agents();
    let stranger = wall.db.role("stranger");
    owner.run(&format!(
        "GRANT SELECT ON agents TO {stranger}; ALTER TABLE agents ALTER org_id DROP NOT NULL; SELECT org_scope.protect('agents')"
    ));
    let mut session = wall.db.connect(&stranger);
    let steps = session.steps("plan_all('org_id')");
    assert_eq!((steps.len(), steps[0].state.as_str()), (1, "skipped"), "{steps:#?}");
}

#[test]
fn without_create_on_the_schema_the_index_is_left_to_the_user() {
    let wall = Wall::new("no_create");
    let mut owner = wall.agents();
    wall.db.superuser().run(&format!("REVOKE CREATE ON SCHEMA public FROM {}", wall.owner));
    for _ in 0..2 {
        let steps = owner.steps("protect('agents')");
        let left: Vec<&Step> = steps.iter().filter(|s| s.state == "run_yourself").collect();
        assert_eq!(left.len(), 1, "{steps:#?}");
        assert!(left[0].kind == "index" && left[0].reason.contains("CREATE"), "{left:#?}");
        assert_eq!(wall.app("a").number(COUNT), 2, "the fence stands all the same");
    }
    let statement = owner.steps("protect('agents')").remove(0).statement;
    wall.db.superuser().run(&statement);
    assert_eq!(owner.steps("protect('agents')"), []);
}

// Indexes

#[test]
fn a_large_table_leaves_the_index_to_the_user_until_it_is_valid() {
    let wall = Wall::new("large");
    let mut owner = wall.agents();
    wall.db
        .superuser()
        .run(&format!("ALTER DATABASE {} SET org_scope.max_inline_index_size = 0", wall.db.name()));
    // Who may not set it can't make the migration block writers.
    let mut owner_again = wall.owner();
    owner.run("SELECT org_scope.current_org()");
    owner.refused("SET org_scope.max_inline_index_size = '1GB'", "42501");
    let statement = |steps: &[Step]| {
        let left: Vec<&Step> = steps.iter().filter(|s| s.state == "run_yourself").collect();
        assert_eq!(left.len(), 1, "{steps:#?}");
        left[0].statement.clone()
    };
    let planned = statement(&owner_again.steps("plan('agents')"));
    assert_eq!(statement(&owner_again.steps("protect('agents')")), planned);
    assert!(planned.starts_with("CREATE INDEX CONCURRENTLY"), "{planned}");
    assert_eq!(statement(&owner_again.steps("protect('agents')")), planned, "it comes back");
    // A build that is interrupted leaves an invalid index behind: still to do, by another statement.
    wall.db.superuser().run("INSERT INTO agents VALUES (6, 'a', 'bad')");
    let mut slow = wall.owner();
    let mut reader = wall.db.superuser();
    reader.run("BEGIN; INSERT INTO agents VALUES (8, 'a', 'open')");
    slow.run("SET lock_timeout = '200ms'");
    assert!(slow.try_run(&planned).is_err());
    reader.run("ROLLBACK");
    assert_eq!(
        reader.text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_agents_org_id'::regclass"),
        "f"
    );
    assert_eq!(
        owner_again.text("SELECT index FROM org_scope.protected_tables"),
        "",
        "an invalid index is none"
    );
    let repair = statement(&owner_again.steps("protect('agents')"));
    assert!(repair.starts_with("REINDEX INDEX CONCURRENTLY"), "{repair}");
    owner_again.run(&repair);
    assert_eq!(owner_again.steps("protect('agents')"), [], "recognised");
    assert_eq!(owner_again.text("SELECT index FROM org_scope.protected_tables"), "idx_agents_org_id");
}

#[test]
fn an_index_that_serves_is_recognised_and_one_that_does_not_is_not() {
    for (index, serves) in [
        ("CREATE INDEX mine ON agents (org_id)", true),
        ("CREATE INDEX mine ON agents (org_id DESC NULLS LAST, name)", true),
        ("CREATE UNIQUE INDEX mine ON agents (org_id, id)", true),
        ("CREATE INDEX mine ON agents (org_id) INCLUDE (name)", true),
        ("ALTER TABLE agents DROP CONSTRAINT agents_pkey, ADD PRIMARY KEY (org_id, id)", true),
        ("CREATE INDEX mine ON agents (id, org_id)", false),
        ("CREATE INDEX mine ON agents (org_id) WHERE id > 3", false),
        ("CREATE INDEX mine ON agents USING hash (org_id)", false),
        ("CREATE INDEX mine ON agents USING brin (org_id)", false),
        ("CREATE INDEX mine ON agents (lower(org_id))", false),
        ("CREATE INDEX mine ON agents (org_id COLLATE \"C\")", false),
    ] {
        let wall = Wall::new("serves");
        let mut owner = wall.agents();
        owner.run(index);
        let steps = owner.steps("plan('agents')");
        assert_eq!(!kinds(&steps).contains(&"index"), serves, "{index}: {steps:#?}");
    }
}

#[test]
fn index_names_are_cut_and_taken_ones_are_left() {
    let wall = Wall::new("index_names");
    let mut owner = wall.owner();
    let (long, longer) = ("t".repeat(63), "é".repeat(31));
    owner.run(&format!(
        "CREATE TABLE \"{long}\" (\"{longer}\" text); CREATE TABLE \"{longer}\" (\"{longer}\" text);
         CREATE TABLE taken (org_id text); CREATE TABLE idx_taken_org_id (); CREATE SEQUENCE idx_taken_org_id_1;
         CREATE TABLE same (org_id text); CREATE TABLE same_org (id text)"
    ));
    for (table, column) in [
        (long.as_str(), longer.as_str()),
        (&longer, &longer),
        ("taken", "org_id"),
        ("same", "org_id"),
        ("same_org", "id"),
    ] {
        let steps = owner.steps(&format!("protect('\"{table}\"', '{column}')"));
        assert!(steps.iter().all(|s| s.state == "done"), "{steps:#?}");
        let name = owner.text(&format!(
            "SELECT index FROM org_scope.protected_tables WHERE target = '\"{table}\"'::regclass"
        ));
        assert!(name.starts_with("idx_") && name.len() <= 63, "{name}");
    }
    assert_eq!(
        owner.text("SELECT index FROM org_scope.protected_tables WHERE target = 'taken'::regclass"),
        "idx_taken_org_id_2"
    );
    // idx_same_org_id is both tables' first choice.
    assert_eq!(
        owner.text("SELECT index FROM org_scope.protected_tables WHERE target = 'same_org'::regclass"),
        "idx_same_org_id_1"
    );
}

// Locks and writers

#[test]
fn a_lock_timeout_is_respected_and_nothing_has_changed() {
    let wall = Wall::new("lock_timeout");
    let mut owner = wall.agents();
    let bare = owner.fence_of("agents");
    for mode in ["ACCESS SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE"] {
        let mut blocker = wall.owner();
        blocker.run(&format!("BEGIN; LOCK TABLE agents IN {mode} MODE"));
        owner.run("SET lock_timeout = '100ms'");
        owner.refused("SELECT org_scope.protect('agents')", "55P03");
        blocker.run("ROLLBACK");
        assert_eq!(owner.fence_of("agents"), bare, "{mode}");
    }
    owner.run("SELECT org_scope.protect('agents')");
    let stands = owner.fence_of("agents");
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE agents IN ROW EXCLUSIVE MODE");
    // Where nothing is to do, nothing waits.
    assert_eq!(work(&owner.steps("protect('agents')")), NONE);
    owner.refused("SELECT org_scope.unprotect('agents')", "55P03");
    owner.refused("SELECT org_scope.alter_protected('agents', 'ALTER TABLE agents ADD x int')", "55P03");
    blocker.run("ROLLBACK");
    assert_eq!(owner.fence_of("agents"), stands);
}

#[test]
fn writers_go_on_while_the_fence_is_made() {
    let wall = Wall::new("writers");
    let mut owner = wall.agents();
    owner.run(&format!("GRANT TRIGGER ON agents TO {}", wall.app));
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|number| {
                let mut app = wall.app("a");
                scope.spawn(move || {
                    for i in 0..200 {
                        let id = 1000 + number * 1000 + i;
                        app.run(&format!("INSERT INTO agents VALUES ({id}, 'a', 'w'); UPDATE agents SET name = 'v' WHERE id = {id}"));
                    }
                })
            })
            .collect();
        for _ in 0..5 {
            owner.run("SELECT org_scope.protect('agents')");
            owner.run("SELECT org_scope.unprotect('agents')");
        }
        owner.run("SELECT org_scope.protect('agents')");
        for writer in writers {
            writer.join().expect("no write fails");
        }
    });
    assert_eq!(wall.app("a").number("SELECT count(*) FROM agents WHERE name = 'v'"), 600);
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}

#[test]
fn two_callers_at_once_make_one_fence() {
    let wall = Wall::new("two_callers");
    let mut owner = wall.agents();
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut session = wall.owner();
            scope.spawn(move || session.run("SELECT org_scope.protect('agents')"));
        }
    });
    assert_eq!(owner.number("SELECT count(*) FROM pg_index WHERE indrelid = 'agents'::regclass"), 2);
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}

// Rows without an organization

#[test]
fn rows_without_an_organization_are_counted_also_under_force() {
    let wall = Wall::new("nulls");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents ALTER org_id DROP NOT NULL; INSERT INTO agents VALUES (6)");
    for settings in ["", "SET org_scope.missing_org = empty", "SET row_security = off"] {
        drop(owner.try_run(settings));
        for call in ["plan('agents')", "protect('agents')", "plan('agents')", "plan_all('org_id')"] {
            let steps = owner.steps(call);
            let found = notes(&steps, "null_rows");
            assert_eq!(found.len(), 1, "{call}: {steps:#?}");
            assert!(found[0].reason.starts_with("1 row "), "{found:?}");
        }
        // The count lifts the fence for itself alone.
        let mut session = wall.owner();
        session.run("SELECT org_scope.protect('agents')");
        session.refused(COUNT, "OS001");
    }
}

// Plans

#[test]
fn a_plan_changes_nothing() {
    let wall = Wall::new("plan_nothing");
    let mut owner = wall.agents();
    owner.run("CREATE TABLE other (org_id uuid)");
    let before = world(&mut owner);
    for _ in 0..2 {
        owner.steps("plan('agents')");
        owner.steps("plan('agents', force => false, roles => '{public}')");
        owner.steps("plan_all('org_id')");
        assert_eq!(world(&mut owner), before);
    }
    // It holds no lock that stops anybody, and burns no transaction number.
    owner.run("BEGIN; SELECT org_scope.plan('agents'); SELECT org_scope.plan_all('org_id')");
    assert_eq!(owner.text("SELECT pg_current_xact_id_if_assigned()"), "");
    let mut other = wall.owner();
    other.run("SET lock_timeout = '100ms'; BEGIN; LOCK TABLE agents IN ROW EXCLUSIVE MODE; ROLLBACK");
    owner.run("COMMIT");
}

#[test]
fn a_plan_works_on_a_standby() {
    let wall = Wall::new("plan_standby");
    let mut owner = wall.agents();
    owner.run("CREATE TABLE other (org_id text)");
    let planned = owner.steps("plan('agents')");
    let mut standby = wall.db.connect_standby(wall.owner.name());
    assert_eq!(standby.steps("plan('agents')"), planned);
    standby.refused("SELECT org_scope.protect('agents')", "55000");
}

#[test]
fn the_statements_shown_are_those_that_are_executed() {
    for options in
        ["", ", force => false", ", set_default => false, create_index => false", ", roles => '{public}'"]
    {
        let wall = Wall::new("shown");
        let mut owner = wall.agents();
        owner.run("CREATE TABLE twin (LIKE agents INCLUDING ALL)");
        let planned = owner.steps(&format!("plan('agents'{options})"));
        assert!(work(&planned).iter().all(|s| s.state == "planned"), "{planned:#?}");
        let done = owner.steps(&format!("protect('agents'{options})"));
        let as_done: Vec<Step> =
            planned.into_iter().map(|s| Step { state: s.state.replace("planned", "done"), ..s }).collect();
        assert_eq!(done, as_done);
        // By hand they make the same.
        let stands = owner.fence_of("agents");
        owner.run("SELECT org_scope.unprotect('agents')");
        for step in work(&done) {
            owner.run(&step.statement);
        }
        assert_eq!(owner.fence_of("agents"), stands);
        assert_eq!(work(&owner.steps(&format!("protect('agents'{options})"))), NONE);
        // The way back, too.
        owner.run("BEGIN");
        let back = owner.steps("unprotect('agents')");
        let bare = owner.fence_of("agents");
        owner.run("ROLLBACK");
        for step in work(&back) {
            owner.run(&step.statement);
        }
        assert_eq!(owner.fence_of("agents"), bare);
    }
}

// Runs over schemas

fn three(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE t1 (org_id text); CREATE TABLE t2 (org_id uuid); CREATE TABLE t3 (org_id bigint);
         CREATE TABLE bystander (id int); CREATE TABLE unfit (org_id json); CREATE VIEW v AS SELECT * FROM t1",
    );
    (wall, owner)
}

const LISTED: &str = "SELECT target FROM org_scope.protected_tables WHERE drift = '{}' ORDER BY target::text";

#[test]
fn a_run_protects_every_table_that_can_be_and_says_what_cannot() {
    let (_wall, mut owner) = three("run");
    let planned = owner.steps("plan_all('org_id')");
    owner.notices();
    owner.run("CALL org_scope.protect_all('org_id')");
    let said: Vec<String> = owner.notices().into_iter().map(|n| n.message).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    for (table, progress) in [("t1", "(1 of 3)"), ("t2", "(2 of 3)"), ("t3", "(3 of 3)")] {
        assert!(said.iter().any(|m| m.contains(table) && m.contains(progress)), "{said:?}");
    }
    assert_eq!(owner.column(LISTED), ["t1", "t2", "t3"]);
    let ran = owner.column("SELECT statement FROM org_scope.last_run WHERE state = 'done'");
    let would: Vec<String> =
        work(&planned).iter().filter(|s| s.state == "planned").map(|s| s.statement.clone()).collect();
    assert_eq!(ran, would);
    let unfit = owner.last_run("unfit");
    assert_eq!((unfit.len(), unfit[0].state.as_str()), (1, "skipped"));
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"), 0);
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(owner.column(LISTED), Vec::<String>::new());
    owner.refused("CALL org_scope.unprotect_all()", "42883");
}

/// Runs a statement while table t2 is locked, and returns what another session sees meanwhile.
fn while_t2_is_locked(wall: &Wall, statement: &str) -> (Vec<String>, Option<String>) {
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE t2 IN ACCESS SHARE MODE");
    let mut runner = wall.owner();
    runner.run("SET lock_timeout = '3s'");
    thread::scope(|scope| {
        let running = scope.spawn(move || runner.try_run(statement).err().map(|r| r.sqlstate));
        let mut watcher = wall.db.superuser();
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't2'::regclass";
        for _ in 0..100 {
            if watcher.number(waiting) > 0 {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let seen = watcher.column(LISTED);
        (seen, running.join().expect("a thread"))
    })
}

#[test]
fn a_run_commits_between_tables_where_the_caller_allows_it() {
    for (statement, commits) in [
        ("CALL org_scope.protect_all('org_id')", true),
        ("DO $$ BEGIN CALL org_scope.protect_all('org_id'); END $$", true),
        ("CALL nested()", true),
        (
            "DO $$ BEGIN BEGIN CALL org_scope.protect_all('org_id'); EXCEPTION WHEN division_by_zero THEN NULL; END; END $$",
            false,
        ),
        ("BEGIN; CALL org_scope.protect_all('org_id'); COMMIT", false),
        ("SELECT in_function()", false),
        ("CALL with_settings()", false),
    ] {
        let (wall, mut owner) = three("commits");
        owner.run(
            "CREATE PROCEDURE nested() LANGUAGE plpgsql AS $$BEGIN CALL org_scope.protect_all('org_id'); END$$;
             CREATE FUNCTION in_function() RETURNS void LANGUAGE plpgsql AS $$BEGIN CALL org_scope.protect_all('org_id'); END$$;
             CREATE PROCEDURE with_settings() LANGUAGE plpgsql SET work_mem = '4MB' AS $$BEGIN CALL org_scope.protect_all('org_id'); END$$",
        );
        let (seen, error) = while_t2_is_locked(&wall, statement);
        // t2 stays locked until the run gives up: what was done is kept, or nothing is.
        assert_eq!(error.as_deref(), Some("55P03"), "{statement}");
        let kept: &[&str] = if commits { &["t1"] } else { &[] };
        assert_eq!(seen, kept, "{statement}, while it runs");
        assert_eq!(owner.column(LISTED), kept, "{statement}, afterwards");
        owner.run(statement);
        assert_eq!(owner.column(LISTED), ["t1", "t2", "t3"], "{statement}, the lock gone");
    }
}

#[test]
fn after_an_error_a_run_begins_again_where_it_was() {
    let (wall, mut owner) = three("resume");
    let path = owner.text("SHOW search_path");
    let (_, error) = while_t2_is_locked(&wall, "CALL org_scope.protect_all('org_id')");
    assert_eq!(error.as_deref(), Some("55P03"));
    owner.run("SET lock_timeout = '100ms'");
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE t2 IN ACCESS SHARE MODE");
    owner.refused("CALL org_scope.protect_all('org_id')", "55P03");
    assert_eq!(owner.text("SHOW search_path"), path);
    blocker.run("ROLLBACK");
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(owner.column(LISTED), ["t1", "t2", "t3"]);
    assert_eq!(
        owner.number(
            "SELECT count(*) FROM org_scope.last_run WHERE target = 't1'::regclass AND state = 'done'"
        ),
        0
    );
    // The way back stops and goes on alike.
    let (_, error) = while_t2_is_locked(&wall, "CALL org_scope.unprotect_all('{public}')");
    assert_eq!(error.as_deref(), Some("55P03"));
    assert_eq!(owner.column(LISTED), ["t2", "t3"]);
    owner.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(owner.column(LISTED), Vec::<String>::new());
}

#[test]
fn a_run_that_is_rolled_back_is_gone_whole() {
    let (_wall, mut owner) = three("rolled_back");
    let before = ["t1", "t2", "t3"].map(|table| owner.fence_of(table));
    owner.run("BEGIN; CALL org_scope.protect_all('org_id'); ROLLBACK");
    assert_eq!(["t1", "t2", "t3"].map(|table| owner.fence_of(table)), before);
    owner.run("BEGIN; SAVEPOINT s; CALL org_scope.protect_all('org_id'); ROLLBACK TO s; COMMIT");
    assert_eq!(["t1", "t2", "t3"].map(|table| owner.fence_of(table)), before);
}

#[test]
fn the_view_of_the_last_run_says_done_only_of_what_was() {
    let (_wall, mut owner) = three("last_run");
    owner.run("BEGIN; CALL org_scope.protect_all('org_id'); ROLLBACK");
    assert_eq!(
        owner.number("SELECT count(*) FROM org_scope.last_run WHERE state = 'done'"),
        0,
        "what was rolled back was not done"
    );
}

// alter_protected

fn alter(statement: &str) -> String {
    format!("SELECT * FROM org_scope.alter_protected('agents', $x${statement}$x$)")
}

#[test]
fn the_type_of_the_org_column_can_change() {
    let wall = Wall::new("retype");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE agents (id int, org_id text);
         INSERT INTO agents VALUES (1, '12938a96-648b-4aec-ab59-282e2345cec7'), (2, '7d0f3c52-91aa-4e0b-8a64-0b6a3f1c2d9e');
         GRANT SELECT, INSERT ON agents TO {}; SELECT org_scope.protect('agents')",
        wall.app
    ));
    owner.refused("ALTER TABLE agents ALTER org_id TYPE uuid USING org_id::uuid", "42804");
    for (to, reader) in
        [("varchar(40)", "fence_org()"), ("uuid", "fence_org_uuid()"), ("text", "fence_org()")]
    {
        owner.run(&alter(&format!("ALTER TABLE agents ALTER COLUMN org_id TYPE {to} USING org_id::{to}")));
        let conditions = "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy";
        assert!(owner.column(conditions).iter().all(|c| c.contains(reader)), "{to}");
        assert_eq!(work(&owner.steps("protect('agents')")), NONE, "{to}");
        let mut app = wall.app("12938a96-648b-4aec-ab59-282e2345cec7");
        assert_eq!(app.column("SELECT id FROM agents"), ["1"], "{to}");
        app.run("INSERT INTO agents (id) VALUES (100)");
        assert_eq!(app.column("SELECT id FROM agents"), ["1", "100"], "{to}: the DEFAULT");
        wall.db.superuser().run("DELETE FROM agents WHERE id = 100");
    }
    let steps = owner.steps("unprotect('agents')");
    assert!(steps.iter().all(|s| s.state == "done"), "{steps:#?}");
}

#[test]
fn columns_and_constraints_come_and_go_around_the_fence() {
    let (wall, mut owner) = fenced("alter");
    owner.run(&format!(
        "CREATE POLICY finer ON agents FOR DELETE TO {} USING (id = 1); GRANT TRUNCATE ON agents TO {0}",
        wall.app
    ));
    let policies = "SELECT string_agg(polname::text || polcmd::text || pg_get_expr(polqual, polrelid), ' ' ORDER BY polname) FROM pg_policy";
    let before = owner.text(policies);
    for statement in [
        "ALTER TABLE agents ADD COLUMN note text DEFAULT 'x', ADD CHECK (id > 0)",
        "ALTER TABLE ONLY agents ALTER name SET NOT NULL",
        "ALTER TABLE IF EXISTS public.agents ALTER name TYPE varchar(20)",
        "ALTER TABLE agents DROP COLUMN note;",
        "ALTER TABLE agents ALTER org_id SET NOT NULL, ALTER org_id SET STATISTICS 500",
        "/* mine */ ALTER TABLE agents SET (fillfactor = 90) -- done",
    ] {
        let steps = owner.steps(&alter(statement)["SELECT * FROM org_scope.".len()..]);
        assert!(steps.iter().any(|s| s.kind == "statement" && s.statement == statement), "{steps:#?}");
        assert!(steps.iter().all(|s| s.state == "done"), "{steps:#?}");
        assert_eq!(owner.text(policies), before, "{statement}");
        assert_eq!(work(&owner.steps("protect('agents')")), NONE, "{statement}");
        assert_eq!(wall.app("a").number(COUNT), 2, "{statement}");
        wall.app("a").refused("TRUNCATE agents", "OS002");
    }
}

#[test]
fn alter_protected_refuses_everything_else_and_the_fence_stays() {
    let (wall, mut owner) = fenced("alter_refused");
    owner.run(
        "CREATE TABLE other (id int PRIMARY KEY, org_id text); CREATE TABLE bare (org_id text); CREATE TABLE parent (id int, org_id text, name text);
         CREATE TYPE shape AS (id int, org_id text, name text); CREATE VIEW v AS SELECT id FROM agents",
    );
    let stands = owner.fence_of("agents");
    let app = wall.app.name();
    let refused: Vec<(String, &str)> = [
        ("ALTER TABLE agents DISABLE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents ENABLE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents ADD x int, NO FORCE ROW LEVEL SECURITY", "OS010"),
        ("ALTER TABLE agents OWNER TO {app}", "OS010"),
        ("ALTER TABLE agents INHERIT parent", "OS010"),
        ("ALTER TABLE agents NO INHERIT parent", "OS010"),
        ("ALTER TABLE agents OF shape", "OS010"),
        ("ALTER TABLE agents NOT OF", "OS010"),
        ("ALTER TABLE agents DISABLE TRIGGER ALL", "OS010"),
        ("ALTER TABLE agents DISABLE TRIGGER org_scope_truncate_guard", "OS010"),
        ("ALTER TABLE agents ENABLE TRIGGER USER", "OS010"),
        ("ALTER TABLE agents ENABLE REPLICA TRIGGER org_scope_truncate_guard", "OS010"),
        ("ALTER TABLE agents DISABLE RULE r", "OS010"),
        ("ALTER TABLE agents ADD FOREIGN KEY (id) REFERENCES other", "OS010"),
        ("ALTER TABLE agents ADD ref int REFERENCES other", "OS010"),
        ("ALTER TABLE agents VALIDATE CONSTRAINT c", "OS010"),
        ("ALTER TABLE agents RENAME TO gone", "OS010"),
        ("ALTER TABLE agents RENAME org_id TO gone", "OS010"),
        ("ALTER TABLE agents SET SCHEMA pg_temp", "OS010"),
        ("ALTER TABLE other ADD x int", "OS010"),
        ("ALTER TABLE no_such_table ADD x int", "OS010"),
        ("ALTER VIEW v SET (security_invoker = true)", "OS010"),
        ("ALTER TABLE agents ADD x int; SELECT 1", "OS010"),
        ("ALTER TABLE agents ADD x int; ALTER TABLE agents ADD y int", "OS010"),
        ("SELECT 1", "OS010"),
        ("DROP TABLE agents", "OS010"),
        ("DO 'BEGIN END'", "OS010"),
        ("", "OS010"),
        (";", "OS010"),
        ("ALTER TABLE agents ADD", "42601"),
        ("ALTER TABLE agents ADD x no_such_type", "42704"),
        ("ALTER TABLE agents DROP COLUMN no_such_column", "42703"),
        ("ALTER TABLE agents DROP COLUMN org_id", "OS009"),
        ("ALTER TABLE agents ALTER org_id TYPE jsonb USING to_jsonb(org_id)", "OS009"),
        ("ALTER TABLE agents ALTER org_id TYPE char(9)", "OS009"),
        ("ALTER TABLE agents ADD CHECK (id < 0)", "23514"),
        ("ALTER TABLE agents ALTER name TYPE int USING 1 / 0", "22012"),
    ]
    .map(|(statement, state)| (statement.replace("{app}", app), state))
    .into();
    for (statement, state) in &refused {
        owner.refused(&alter(statement), state);
        assert_eq!(owner.fence_of("agents"), stands, "{statement}");
    }
    owner.refused("SELECT org_scope.alter_protected('bare', 'ALTER TABLE bare ADD x int')", "OS010");
    owner.refused("SELECT org_scope.alter_protected('agents', NULL)", "22004");
    // A failure that the caller survives leaves the fence, too.
    owner.run("BEGIN; SAVEPOINT s");
    owner.refused(&alter("ALTER TABLE agents ADD CHECK (id < 0)"), "23514");
    owner.run("ROLLBACK TO s");
    owner.refused(COUNT, "OS001");
    owner.run("ROLLBACK");
    owner.run(
        "DO $do$ BEGIN PERFORM * FROM org_scope.alter_protected('agents', 'ALTER TABLE agents ADD CHECK (id < 0)'); EXCEPTION WHEN check_violation THEN NULL; END $do$",
    );
    assert_eq!(owner.fence_of("agents"), stands);
}

#[test]
fn a_statement_that_means_another_table_of_the_name_is_refused() {
    let (wall, mut owner) = fenced("alter_shadow");
    wall.db.superuser().run(&format!("GRANT TEMPORARY ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    owner.run("CREATE TEMP TABLE agents (id int)");
    owner.refused(
        "SELECT org_scope.alter_protected('public.agents', 'ALTER TABLE agents ADD x int')",
        "OS010",
    );
    owner.run("SELECT org_scope.alter_protected('public.agents', 'ALTER TABLE public.agents ADD x int')");
    assert_eq!(owner.number("SELECT count(*) FROM pg_attribute WHERE attname = 'x'"), 1);
}

#[test]
fn nobody_sees_the_time_between() {
    let (wall, mut owner) = fenced("between");
    owner.run(&format!(
        "CREATE TABLE seen (who name, n bigint); GRANT INSERT ON seen TO PUBLIC;
         CREATE FUNCTION look(v int) RETURNS int LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO public.seen VALUES (current_user, (SELECT count(*) FROM public.agents)); RETURN v; END$$;
         CREATE FUNCTION asleep(v int) RETURNS int LANGUAGE plpgsql AS
         $$BEGIN PERFORM pg_sleep(0.2); RETURN v; END$$;
         GRANT EXECUTE ON FUNCTION look TO {}",
        wall.app
    ));
    // Another session waits for the end, and then sees its own.
    thread::scope(|scope| {
        let mut session = wall.owner();
        scope.spawn(move || session.run(&alter("ALTER TABLE agents ALTER id TYPE bigint USING asleep(id)")));
        let mut app = wall.app("a");
        for _ in 0..20 {
            assert_eq!(app.number(COUNT), 2);
            thread::sleep(Duration::from_millis(50));
        }
    });
    // What the statement itself calls sees no organization's rows.
    owner.run(&alter("ALTER TABLE agents ALTER id TYPE int USING id"));
    drop(owner.try_run(&alter("ALTER TABLE agents ALTER id TYPE bigint USING look(id)")));
    assert_eq!(wall.db.superuser().column("SELECT DISTINCT n FROM seen WHERE n > 0"), Vec::<String>::new());
}
