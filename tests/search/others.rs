//! What other people's policies hide stays behind them, whatever the setting says.

use super::ground::{Ground, found};
use crate::harness::Session;

const SEARCH: &str = "SELECT id FROM docs WHERE words @@ 'w3'::tsquery";

#[track_caller]
fn profits(session: &mut Session, sql: &str, expected: bool) {
    let plan = session.plan(sql);
    let searches = plan.lines().any(|line| line.contains("Bitmap Index Scan") && line.contains("words"));
    assert_eq!(searches, expected, "{sql}\n{plan}");
}

#[test]
fn a_table_without_our_fence_never_profits() {
    let ground = Ground::new("search_foreign");
    ground.owner().run(&format!(
        "CREATE TABLE theirs (id int, org_id text, words tsvector);
         INSERT INTO theirs SELECT g, chr(97 + g % 3), to_tsvector('simple', 'w' || g % 40) FROM generate_series(1, 900) g;
         CREATE INDEX ON theirs USING gin (words); ANALYZE theirs;
         ALTER TABLE theirs ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON theirs USING (org_id = 'a'); GRANT SELECT ON theirs TO {}",
        ground.searcher
    ));
    let mut searcher = ground.searcher("a");
    profits(&mut searcher, "SELECT id FROM theirs WHERE words @@ 'w3'::tsquery", false);
    // Beside a table that does.
    let both =
        "SELECT count(*) FROM theirs t, docs d WHERE t.words @@ 'w3'::tsquery AND d.words @@ 'w3'::tsquery";
    let plan = searcher.plan(both);
    assert_eq!(plan.matches("Bitmap Index Scan").count(), 1, "{plan}");
    assert!(plan.contains("docs_words"), "{plan}");
    let union = "SELECT id FROM theirs WHERE words @@ 'w3'::tsquery UNION ALL SELECT id FROM docs WHERE words @@ 'w3'::tsquery";
    assert_eq!(searcher.plan(union).matches("Bitmap Index Scan").count(), 1);
    let above = "SELECT id FROM (SELECT id, words FROM theirs UNION ALL SELECT id, words FROM docs) u WHERE words @@ 'w3'::tsquery";
    assert_eq!(searcher.plan(above).matches("Bitmap Index Scan").count(), 1);
}

#[test]
fn a_policy_of_somebody_else_beside_the_fence_ends_it() {
    let ground = Ground::new("search_beside");
    let mut searcher = ground.searcher("a");
    profits(&mut searcher, SEARCH, true);
    for policy in [
        "CREATE POLICY theirs ON docs AS RESTRICTIVE USING (id > 100)",
        "CREATE POLICY theirs ON docs AS RESTRICTIVE USING (org_id = 'a')",
        "CREATE POLICY theirs ON docs AS RESTRICTIVE USING (id > 100 AND org_id = org_scope.fence_org())",
        "CREATE POLICY theirs ON docs AS RESTRICTIVE USING (id > 100 OR org_id = org_scope.fence_org())",
        "CREATE POLICY theirs ON docs AS RESTRICTIVE USING (NOT org_id = org_scope.fence_org())",
        "CREATE POLICY theirs ON docs USING (id > 100)",
    ] {
        ground.owner().run(policy);
        profits(&mut searcher, SEARCH, false);
        ground.owner().run("DROP POLICY theirs ON docs");
        profits(&mut searcher, SEARCH, true);
    }
    // Another role's concerns another role.
    ground
        .owner()
        .run(&format!("CREATE POLICY theirs ON docs AS RESTRICTIVE TO {} USING (id > 100)", ground.other));
    profits(&mut searcher, SEARCH, true);
}

#[test]
fn a_security_barrier_ends_it() {
    let ground = Ground::new("search_barrier");
    ground.owner().run(&format!(
        "CREATE VIEW barred WITH (security_barrier) AS SELECT id, org_id, words, body FROM docs WHERE id % 2 = 0;
         CREATE VIEW open AS SELECT id, org_id, words, body FROM docs WHERE id % 2 = 0;
         CREATE VIEW invoked WITH (security_invoker) AS SELECT id, org_id, words, body FROM docs WHERE id % 2 = 0;
         GRANT ALL ON barred, open, invoked TO {}",
        ground.searcher
    ));
    let mut searcher = ground.searcher("a");
    profits(&mut searcher, "SELECT id FROM open WHERE words @@ 'w3'::tsquery", true);
    profits(&mut searcher, "SELECT id FROM invoked WHERE words @@ 'w3'::tsquery", true);
    profits(&mut searcher, "SELECT id FROM barred WHERE words @@ 'w3'::tsquery", false);
    profits(&mut searcher, "UPDATE barred SET body = body WHERE words @@ 'w3'::tsquery", false);
    profits(&mut searcher, "DELETE FROM barred WHERE words @@ 'w3'::tsquery", false);
    for view in ["open", "invoked", "barred"] {
        let truth = ground.truth("docs", "a", "id % 2 = 0 AND words @@ 'w3'::tsquery");
        assert_eq!(found(&mut searcher, view, "words @@ 'w3'::tsquery"), truth);
    }
}

/// Fences of other shapes: what of them is an OR of ours alone profits.
#[test]
fn shared_rows_expressions_and_projects() {
    let ground = Ground::new("search_shapes");
    let mut owner = ground.owner();
    let rows = "SELECT g, CASE WHEN g % 10 > 0 THEN chr(97 + g % 3) END, jsonb_build_object('org', chr(97 + g % 3)), 'p' || g % 2, \
                to_tsvector('simple', 'w' || g % 40) FROM generate_series(1, 900) g";
    for (table, protect) in [
        ("shared", "org_scope.protect('shared', shared_rows => true, create_index => false)"),
        ("keyed", "org_scope.protect_expression('keyed', $$doc->>'org'$$, 'text', create_index => false)"),
        ("projects", "org_scope.protect('projects', project_column => 'project', create_index => false)"),
    ] {
        owner.run(&format!(
            "CREATE TABLE {table} (id int, org_id text, doc jsonb, project text, words tsvector); INSERT INTO {table} {rows};
             CREATE INDEX ON {table} USING gin (words); ANALYZE {table}; GRANT ALL ON {table} TO {}, {}",
            ground.searcher, ground.other
        ));
        if table == "projects" {
            owner.run("DELETE FROM projects WHERE org_id IS NULL");
        }
        owner.run(&format!("SELECT {protect}"));
    }
    let mut searcher = ground.searcher("a");
    for (table, truth) in [
        ("shared", "org_id = 'a' OR org_id IS NULL"),
        ("keyed", "doc->>'org' = 'a'"),
        ("projects", "org_id = 'a'"),
    ] {
        profits(&mut searcher, &format!("SELECT id FROM {table} WHERE words @@ 'w3'::tsquery"), true);
        let truth = format!("({truth}) AND words @@ 'w3'::tsquery");
        let truth = found(&mut ground.db.superuser(), table, &truth);
        assert_eq!(found(&mut searcher, table, "words @@ 'w3'::tsquery"), truth, "{table}");
    }
    // A parent that is asked with each statement hides rows in its own way.
    owner.run(&format!(
        "CREATE TABLE runs (id int PRIMARY KEY, org_id text NOT NULL); INSERT INTO runs SELECT g, chr(97 + g % 3) FROM generate_series(1, 9) g;
         CREATE TABLE steps (id int, run int REFERENCES runs, words tsvector);
         INSERT INTO steps SELECT g, 1 + g % 9, to_tsvector('simple', 'w' || g % 40) FROM generate_series(1, 900) g;
         CREATE INDEX ON steps USING gin (words); ANALYZE steps; GRANT ALL ON runs, steps TO {};
         SELECT org_scope.protect('runs'); SELECT org_scope.protect_through('steps', 'run', 'runs', reading => true)",
        ground.searcher
    ));
    profits(&mut searcher, "SELECT id FROM steps WHERE words @@ 'w3'::tsquery", false);
    searcher.run("SELECT org_scope.set_current_project('p1')");
    profits(&mut searcher, "SELECT id FROM projects WHERE words @@ 'w3'::tsquery", true);
    let truth = "org_id = 'a' AND project = 'p1' AND words @@ 'w3'::tsquery";
    let truth = found(&mut ground.db.superuser(), "projects", truth);
    assert_eq!(found(&mut searcher, "projects", "words @@ 'w3'::tsquery"), truth);
}
