//! Which types of column can carry a fence, and what the planner makes of it.

use super::*;

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
        // Folding is another matter: the condition must find the index by itself.
        wall.db.configure("org_scope.plan_folding", "off");
        let mut app = wall.app(one);
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
