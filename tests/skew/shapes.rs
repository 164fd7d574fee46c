//! Org columns of every type, and fences of other shapes than one column.

use super::*;

/// `many` of one organization, a few of each of a hundred others, in an org column of some type; `org` makes an
/// organization of a number, 0 for the big one.
fn assert_told_apart(wall: &Wall, column: &str, org: &str, names: [&str; 2]) {
    let mut owner = wall.owner();
    owner.run(&format!(
        "DROP TABLE IF EXISTS typed; CREATE TABLE typed (org_id {column} NOT NULL, n int);
         INSERT INTO typed SELECT ({org})::{column}, i FROM generate_series(1, 9000) AS i,
             LATERAL (SELECT CASE WHEN i <= 5000 THEN 0 ELSE 1 + i % 100 END) AS of (o);
         GRANT ALL ON typed TO {}; SELECT org_scope.protect('typed')",
        wall.app
    ));
    owner.run("ANALYZE typed");
    let mut session = wall.db.connect(&wall.app);
    session.run("PREPARE typed AS SELECT * FROM typed");
    for (org, rows) in names.into_iter().zip([5000, 40]).cycle().take(4) {
        assert_eq!(session.expects_as(org, "typed"), rows, "{column}: {org}");
        assert_eq!(session.touched("EXECUTE typed"), rows as u64, "{column}: {org}");
    }
}

#[test]
fn every_type_of_an_org_column() {
    let wall = Wall::new("skew_types");
    wall.owner().run("CREATE DOMAIN tenant AS text CHECK (value <> ''); CREATE DOMAIN number AS int");
    let uuid = "('00000000-0000-4000-8000-' || lpad(o::text, 12, '0'))";
    let [big, small] = ["00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000007"];
    assert_told_apart(&wall, "uuid", uuid, [big, small]);
    assert_told_apart(&wall, "text", uuid, [big, small]);
    let long = format!("repeat('x', 300) || {uuid}");
    let [big, small] = [big, small].map(|org| "x".repeat(300) + org);
    assert_told_apart(&wall, "text", &long, [&big, &small]);
    for column in ["bigint", "int", "smallint", "number"] {
        assert_told_apart(&wall, column, "o - 3", ["-3", "4"]);
    }
    for column in ["text", "varchar", "varchar(20)", "tenant"] {
        assert_told_apart(&wall, column, "'größe ' || o", ["größe 0", "größe 7"]);
    }
}

#[test]
fn rows_of_nobody_and_shared_ones() {
    let wall = ground("skew_shared");
    let mut owner = wall.owner();
    owner.run("SELECT org_scope.unprotect('sales'); ALTER TABLE sales ALTER org_id DROP NOT NULL");
    owner.run("INSERT INTO sales SELECT 20000 + i, NULL, 0 FROM generate_series(1, 500) AS i");
    owner.run("SELECT org_scope.protect('sales', shared_rows => true)");
    owner.run("ANALYZE sales");
    let mut session = session(&wall);
    let [big, small] = ["big", "small1"].map(|org| session.expects_as(org, "sales"));
    assert!(big > 10 * small, "{big} {small}");
    assert_eq!(session.expects_as("twin", "sales"), session.expects_as("twin", "sales"));
    assert_eq!(session.expects_as("small2", "sales"), small);
    assert_eq!(session.touched("EXECUTE sales"), 570);
}

#[test]
fn partitioned_tables_by_the_statistics_of_the_whole() {
    let wall = ground("skew_partitions");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE parts (id int, org_id text NOT NULL) PARTITION BY HASH (org_id);
         CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO parts SELECT id, CASE WHEN id <= 6000 THEN 'big' ELSE 'small' || id % 100 END
             FROM generate_series(1, 12000) AS id;
         GRANT ALL ON parts TO {}; SELECT org_scope.protect('parts')",
        wall.app
    ));
    owner.run("ANALYZE parts");
    let mut session = session(&wall);
    session.run("PREPARE parts AS SELECT * FROM parts");
    let big = session.expects_as("big", "parts");
    let small = session.expects_as("small1", "parts");
    assert!(big >= 6000 && small < 200, "{big} {small}");
    assert_eq!(session.expects_as("small2", "parts"), small);
    assert_eq!(session.expects_as("big", "parts"), big);
    assert_eq!(session.touched("EXECUTE parts"), 6000);
}

#[test]
fn tables_that_ask_a_parent() {
    let wall = ground("skew_through");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE notes (sale int NOT NULL, body text);
         INSERT INTO notes SELECT 2 * i, 'x' FROM generate_series(1, 9860) AS i; CREATE INDEX ON notes (sale);
         GRANT ALL ON notes TO {}",
        wall.app
    ));
    owner.run("SELECT org_scope.protect_through('notes', 'sale', 'sales', reading => true)");
    owner.run("ANALYZE notes");
    let mut session = session(&wall);
    session.run("PREPARE notes AS SELECT * FROM notes");
    let plan = |session: &mut Session, org: &str| {
        session.act_for(org);
        session.column("EXPLAIN EXECUTE notes").join("\n")
    };
    let big = plan(&mut session, "big");
    let small = plan(&mut session, "small2");
    assert!(big.contains("rows=6000"), "the parent's rows are expected:\n{big}");
    assert!(small.contains(&format!("rows={SMALL}")), "{small}");
    assert_eq!(session.touched("EXECUTE notes"), 70);
    assert_eq!(plan(&mut session, "small4"), small);
    assert_eq!(plan(&mut session, "big"), big);
    assert_eq!(session.touched("EXECUTE notes"), 3000);
}

#[test]
fn a_table_of_organizations_of_one_size_is_planned_once() {
    let (_server, wall) = alone("skew_even");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE even (org_id text NOT NULL, n int);
         INSERT INTO even SELECT 'o' || i % 7, i FROM generate_series(1, 7000 + 300) AS i WHERE i <= 7000 OR i % 7 = 3;
         GRANT ALL ON even TO {}; SELECT org_scope.protect('even')",
        wall.app
    ));
    owner.run("ANALYZE even");
    let mut session = wall.db.connect(&wall.app);
    session.run("PREPARE even AS SELECT * FROM even");
    let first = session.expects_as("o3", "even");
    assert!(first > 1000, "{first}");
    for org in ["o1", "o2", "o3", "o6"] {
        assert_eq!(session.expects_as(org, "even"), first, "{org}");
    }
}
