//! Partitions and inheritance: a fence stands round the whole tree, and what comes under it later is fenced at once.

mod joins;
mod restores;
mod roads;
mod trees;

use crate::harness::{Session, Wall};

const PROTECT: &str = "SELECT org_scope.protect('events')";

/// Every table of [`tree`], parents first.
const ALL: [&str; 7] = ["events", "y2025", "y2026", "rest", "y2026_0", "y2026_0_a", "y2026_0_rest"];
/// Those that hold rows, with how many of organization `a` and of `b`.
const LEAVES: [(&str, i64, i64); 4] =
    [("y2025", 1, 2), ("rest", 1, 1), ("y2026_0_a", 2, 0), ("y2026_0_rest", 0, 2)];

/// A session of the owner, who has made `events` with partitions down to the third level; their columns stand in
/// another order, and some have lost one. Organization `a` has 4 rows, `b` has 5. The application may do
/// everything to each table by its name.
fn tree(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE events (id int, org_id text NOT NULL, year int, body text) PARTITION BY RANGE (year);
         CREATE TABLE y2025 PARTITION OF events FOR VALUES FROM (2025) TO (2026);
         CREATE TABLE y2026 (gone int, body text, year int, org_id text NOT NULL, id int) PARTITION BY HASH (id);
         ALTER TABLE y2026 DROP gone;
         ALTER TABLE events ATTACH PARTITION y2026 FOR VALUES FROM (2026) TO (2027);
         CREATE TABLE rest PARTITION OF events DEFAULT;
         CREATE TABLE y2026_0 PARTITION OF y2026 FOR VALUES WITH (MODULUS 1, REMAINDER 0) PARTITION BY LIST (org_id);
         CREATE TABLE y2026_0_a (org_id text NOT NULL, also int, id int, body text, year int);
         ALTER TABLE y2026_0_a DROP also;
         ALTER TABLE y2026_0 ATTACH PARTITION y2026_0_a FOR VALUES IN ('a');
         CREATE TABLE y2026_0_rest PARTITION OF y2026_0 DEFAULT;
         INSERT INTO events VALUES (1, 'a', 2025, 'a1'), (2, 'b', 2025, 'b2'), (3, 'b', 2025, 'b3'),
             (4, 'a', 2026, 'a4'), (5, 'a', 2026, 'a5'), (6, 'b', 2026, 'b6'), (7, 'b', 2026, 'b7'),
             (8, 'a', 1999, 'a8'), (9, 'b', 1999, 'b9');
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {0};
         REVOKE TRIGGER, REFERENCES ON ALL TABLES IN SCHEMA public FROM {0}",
        wall.app
    ));
    (wall, owner)
}

/// The same, fenced.
fn fenced(test: &str) -> (Wall, Session) {
    let (wall, mut owner) = tree(test);
    owner.run(PROTECT);
    (wall, owner)
}

/// Asserts that each table of the schema stands as protect would leave it.
#[track_caller]
fn stands(session: &mut Session, tables: &[&str]) {
    let listed = "SELECT target::text || ' ' || drift::text FROM org_scope.protected_tables ORDER BY 1";
    let mut wanted: Vec<String> = tables.iter().map(|table| format!("{table} {{}}")).collect();
    wanted.sort();
    let mut found = session.column(listed);
    found.sort();
    assert_eq!(found, wanted);
}
