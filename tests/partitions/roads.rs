//! The roads to a row by way of a partition.

use std::io::Read as _;

use super::*;

const TOTAL: &str = "SELECT string_agg(body, ' ' ORDER BY id) FROM events";
const TRUTH: &str = "a1 b2 b3 a4 a5 b6 b7 a8 b9";

#[test]
fn each_level_by_its_name_shows_what_the_parent_shows() {
    let (wall, _owner) = fenced("by_name");
    for (org, of) in [("a", 0), ("b", 1)] {
        let mut app = wall.app(org);
        let seen = |app: &mut Session, table: &str| app.number(&format!("SELECT count(*) FROM {table}"));
        let count = |leaf: &(&str, i64, i64)| [leaf.1, leaf.2][of];
        for leaf in &LEAVES {
            assert_eq!(seen(&mut app, leaf.0), count(leaf), "{} of {org}", leaf.0);
        }
        assert_eq!(seen(&mut app, "events"), LEAVES.iter().map(count).sum::<i64>());
        for table in ["y2026", "y2026_0"] {
            assert_eq!(seen(&mut app, table), 2, "{table} of {org}");
        }
        for table in ALL {
            assert_eq!(
                app.number(&format!("SELECT count(*) FROM {table} WHERE org_id <> '{org}'")),
                0,
                "{table}"
            );
        }
    }
    let mut nobody = wall.db.connect(&wall.app);
    let mut owner = wall.owner();
    for table in ALL {
        nobody.refused(&format!("SELECT count(*) FROM {table}"), "OS001");
        owner.refused(&format!("SELECT count(*) FROM {table}"), "OS001");
    }
}

#[test]
fn writing_by_name_reaches_the_own_organization_only() {
    let (wall, _owner) = fenced("writing");
    let mut app = wall.app("a");
    for table in ALL {
        app.run("BEGIN");
        let others = "WHERE org_id = 'b'";
        for statement in [
            format!("UPDATE {table} SET body = 'x' {others}"),
            format!("DELETE FROM {table} {others}"),
            format!(
                "MERGE INTO {table} t USING (SELECT 'b' AS b) s ON t.org_id = s.b WHEN MATCHED THEN DELETE"
            ),
        ] {
            assert_eq!(app.touched(&statement), 0, "{statement}");
        }
        app.run("ROLLBACK");
        app.refused(&format!("TRUNCATE {table}"), "OS002");
        app.refused(&format!("SELECT 1 FROM {table} WHERE (SELECT false FROM {table} WHERE org_id = 'b' LIMIT 1) IS NULL AND 1/0 = 1"), "22012");
    }
    // Into the partition that its values belong to, but for another organization.
    for (table, values) in [
        ("events", "(10, 'b', 2025)"),
        ("y2025", "(10, 'b', 2025)"),
        ("rest", "(10, 'b', 1990)"),
        ("y2026", "(10, 'b', 2026)"),
        ("y2026_0", "(10, 'b', 2026)"),
        ("y2026_0_rest", "(10, 'b', 2026)"),
    ] {
        app.refused(&format!("INSERT INTO {table} (id, org_id, year) VALUES {values}"), "42501")
            .says("row-level security");
    }
    // The DEFAULT of each is the organization's.
    app.run("BEGIN; INSERT INTO events (id, year, body) VALUES (11, 2025, 'n'); INSERT INTO y2025 (id, year, body) VALUES (12, 2025, 'n');
        INSERT INTO y2026_0_a (id, year, body) VALUES (13, 2026, 'n'); INSERT INTO y2026 (id, year, body) VALUES (14, 2026, 'n')");
    assert_eq!(app.number("SELECT count(*) FROM events WHERE body = 'n' AND org_id = 'a'"), 4);
    app.run("ROLLBACK");
    // The wrong partition is the server's own refusal.
    app.refused("INSERT INTO y2025 (id, org_id, year) VALUES (10, 'a', 2026)", "23514");
    let mut superuser = wall.db.superuser();
    assert_eq!(superuser.text(TOTAL), TRUTH);
}

#[test]
fn a_row_moves_between_partitions_and_never_to_another_organization() {
    let (wall, _owner) = fenced("movement");
    let mut app = wall.app("a");
    assert_eq!(app.touched("UPDATE events SET year = 2026 WHERE id = 1"), 1);
    assert_eq!(app.number("SELECT count(*) FROM y2026_0_a"), 3);
    for statement in [
        "UPDATE events SET org_id = 'b' WHERE id = 4",
        "UPDATE y2026 SET org_id = 'b' WHERE id = 4",
        "UPDATE y2026_0 SET org_id = 'b' WHERE id = 4",
        "UPDATE rest SET org_id = 'b' WHERE id = 8",
        "UPDATE events SET org_id = 'b', year = 2025 WHERE id = 4",
        "MERGE INTO events t USING (SELECT 4 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET org_id = 'b'",
        "MERGE INTO events t USING (SELECT 40 AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, org_id, year) VALUES (40, 'b', 2025)",
    ] {
        app.refused(statement, "42501").says("row-level security");
    }
    assert_eq!(wall.db.superuser().text(TOTAL), TRUTH);
}

#[test]
fn copy_takes_out_and_brings_in_the_own_organization_only() {
    let (wall, _owner) = fenced("copy");
    let mut app = wall.app("a");
    for (table, a, _) in LEAVES {
        let mut out = String::new();
        app.client()
            .copy_out(&format!("COPY {table} TO STDOUT"))
            .expect("COPY")
            .read_to_string(&mut out)
            .expect("rows");
        assert_eq!(i64::try_from(out.lines().count()).expect("few"), a, "{table}: {out}");
    }
    for table in ["y2026", "events"] {
        let mut out = String::new();
        app.client()
            .copy_out(&format!("COPY (SELECT * FROM {table}) TO STDOUT"))
            .expect("COPY")
            .read_to_string(&mut out)
            .expect("rows");
        assert!(!out.contains('b'), "{table}: {out}");
    }
    for table in ["y2026_0_rest", "events"] {
        app.refused(&format!("COPY {table} FROM STDIN"), "0A000").says("row-level security");
    }
}
