//! Keys of partitioned tables, from them and to them: each is one key, at the top.

use super::*;

/// `parent` and `child` are partitioned, `leaf` is not; both lead to `parent`, whose rows 1 and 2 are of
/// organization a, 3 of b. Everything is protected, and the application may do everything to each by its name.
fn trees(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE parent (id int, year int, org_id text NOT NULL, PRIMARY KEY (id, year)) PARTITION BY RANGE (year);
         CREATE TABLE parent_old PARTITION OF parent FOR VALUES FROM (2000) TO (2020);
         CREATE TABLE parent_new PARTITION OF parent DEFAULT PARTITION BY HASH (id);
         CREATE TABLE parent_new_0 PARTITION OF parent_new FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TABLE child (id int, year int, org_id text NOT NULL, up int, boss int, UNIQUE (id, year),
             CONSTRAINT up FOREIGN KEY (up, year) REFERENCES parent ON DELETE CASCADE,
             CONSTRAINT boss FOREIGN KEY (boss, year) REFERENCES child (id, year)) PARTITION BY RANGE (year);
         CREATE TABLE child_old PARTITION OF child FOR VALUES FROM (2000) TO (2020);
         CREATE TABLE child_new (up int, year int, boss int, org_id text NOT NULL, id int) PARTITION BY HASH (id);
         ALTER TABLE child ATTACH PARTITION child_new DEFAULT;
         CREATE TABLE child_new_0 PARTITION OF child_new FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TABLE leaf (id int PRIMARY KEY, org_id text NOT NULL, up int, year int,
             CONSTRAINT leaf_up FOREIGN KEY (up, year) REFERENCES parent ON DELETE SET NULL (up));
         INSERT INTO parent VALUES (1, 2010, 'a'), (2, 2025, 'a'), (3, 2010, 'b'), (3, 2025, 'b');
         INSERT INTO child VALUES (11, 2010, 'a', 1, NULL), (12, 2025, 'a', 2, 12), (13, 2025, 'b', 3, NULL);
         INSERT INTO leaf VALUES (21, 'a', 1, 2010), (22, 'b', 3, 2025);
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {};
         SELECT org_scope.protect(t) FROM unnest('{{parent,child,leaf}}'::regclass[]) t",
        wall.app
    ));
    (wall, owner)
}

const TREE: [&str; 4] = ["child", "child_old", "child_new", "child_new_0"];

const ATTACKS: [&str; 5] = [
    "INSERT INTO child (id, year, up) VALUES (66, 2010, 1)",
    "INSERT INTO child_old (id, year, up) VALUES (66, 2010, 1)",
    "INSERT INTO child_new_0 (id, year, up) VALUES (66, 2025, 2)",
    "UPDATE child SET boss = 12 WHERE id = 13",
    "INSERT INTO leaf (id, up, year) VALUES (66, 2, 2025)",
];

#[test]
fn one_call_at_the_top_hardens_all_below() {
    let (wall, mut owner) = trees("tops");
    for attack in ATTACKS {
        wall.app("b").run(&format!("BEGIN; {attack}; ROLLBACK"));
    }
    // A partition's key is the business of the table above.
    let below = owner.steps("plan_harden('child_new_0')");
    for step in work(&below) {
        assert_eq!(
            (step.state.as_str(), step.statement.as_str()),
            ("skipped", "CALL org_scope.harden('public.child')"),
            "{below:#?}"
        );
    }
    assert_eq!(work(&below).len(), 2, "{below:#?}");
    for table in ["child", "leaf"] {
        let planned = owner.steps(&format!("plan_harden('{table}')"));
        assert!(work(&planned).iter().all(|s| s.state == "planned"), "{planned:#?}");
        owner.run(&format!("CALL org_scope.harden('{table}')"));
    }
    owner.run("CREATE TABLE child_next PARTITION OF child FOR VALUES FROM (2020) TO (2022)");
    let up = "FOREIGN KEY (org_id, up, year) REFERENCES parent(org_id, id, year) ON DELETE";
    for table in TREE.into_iter().chain(["child_next"]) {
        assert_eq!(work(&owner.steps(&format!("plan_harden('{table}')"))), NONE, "{table}");
        let at_top = keys_at_top(&mut owner, table);
        assert_eq!(
            at_top,
            [
                "boss: FOREIGN KEY (org_id, boss, year) REFERENCES child(org_id, id, year)".to_owned(),
                format!("up: {up} CASCADE"),
            ],
            "{table}"
        );
    }
    assert_eq!(work(&owner.steps("plan_harden('leaf')")), NONE);
    assert_eq!(keys_at_top(&mut owner, "leaf"), [format!("leaf_up: {up} SET NULL (up)")]);
    assert_eq!(
        owner.number(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND NOT convalidated"
        ),
        0
    );
    for attack in ATTACKS {
        wall.app("b").refused(attack, "23503");
    }
    wall.app("a").run("INSERT INTO parent (id, year) VALUES (2, 2021)");
    wall.app("b").refused("INSERT INTO child (id, year, up) VALUES (66, 2021, 2)", "23503");
    wall.app("b").run("INSERT INTO child (id, year, up, boss) VALUES (14, 2025, 3, 13)");
    wall.app("a").run("DELETE FROM parent WHERE id = 1");
    assert_eq!(wall.app("a").column("SELECT id FROM child"), ["12"]);
    assert_eq!(wall.app("a").value("SELECT up FROM leaf"), None);
}

/// The keys of a table that aren't there only because what they lead to has partitions.
fn keys_at_top(session: &mut Session, table: &str) -> Vec<String> {
    session.column(&format!(
        "SELECT k.conname || ': ' || pg_get_constraintdef(k.oid) FROM pg_constraint k
         LEFT JOIN pg_constraint above ON above.oid = k.conparentid
         WHERE k.conrelid = '{table}'::regclass AND k.contype = 'f' AND above.conrelid IS DISTINCT FROM k.conrelid
         ORDER BY k.conname"
    ))
}

#[test]
fn rows_that_cross_in_a_partition_are_counted_at_the_top() {
    let (wall, mut owner) = trees("tree_crossing");
    wall.app("b").run(ATTACKS[2]);
    owner.run("CALL org_scope.harden('child')");
    let steps = ran(&mut owner);
    let crossing: Vec<&Step> = steps.iter().filter(|s| s.kind == "cross_org_rows").collect();
    assert_eq!(crossing.len(), 1, "{steps:#?}");
    assert!(crossing[0].reason.contains("up: 1 row references"), "{steps:#?}");
    assert_eq!(wall.db.superuser().column(&crossing[0].statement), ["66"]);
    assert_eq!(
        keys_at_top(&mut owner, "child")[1],
        "up: FOREIGN KEY (up, year) REFERENCES parent(id, year) ON DELETE CASCADE"
    );
}

#[test]
fn unique_keys_are_the_top_ones_too() {
    let (_wall, mut owner) = trees("tree_uniques");
    owner.run("CALL org_scope.harden('child'); CALL org_scope.harden('leaf')");
    assert_eq!(notes(&owner.steps("plan_harden('child_old')"), "unique_key"), NONE);
    let steps = owner.steps("plan_harden('child_old', '{child_old_id_year_key}')");
    assert!(work(&steps)[0].reason.contains("belongs to the key of the partitioned table"), "{steps:#?}");
    for (table, key) in [("child", "child_id_year_key"), ("parent", "parent_pkey")] {
        let plan = format!("plan_harden('{table}', '{{{key}}}')");
        let steps = owner.steps(&plan);
        assert_eq!(work(&steps)[0].state, "run_yourself", "{steps:#?}");
        owner.run(&work(&steps)[0].statement);
        assert_eq!(work(&owner.steps(&plan)), NONE);
    }
}

#[test]
fn no_key_of_a_tree_is_checked_in_part() {
    let (wall, mut owner) = trees("tree_partial");
    wall.db.superuser().run(&format!(
        "GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {0}; SELECT org_scope.allow('{0}', 'direct')",
        wall.owner
    ));
    owner.run(
        "SELECT org_scope.set_current_org('a'); ALTER TABLE child DROP CONSTRAINT up;
         CREATE TABLE later (id int NOT NULL, year int NOT NULL, org_id text NOT NULL, up int, boss int);
         SELECT org_scope.protect('later')",
    );
    wall.db.superuser().run("INSERT INTO later VALUES (30, 1990, 'b', 777, 777); DELETE FROM child");
    for road in [
        // What b's rows reference is in the partition.
        "ALTER TABLE parent_new DETACH PARTITION parent_new_0",
        "ALTER TABLE parent DETACH PARTITION parent_new",
        "ALTER TABLE child ATTACH PARTITION later FOR VALUES FROM (1900) TO (2000)",
    ] {
        let refused = owner.refused(road, "OS002");
        owner.refused(&refused.hint, "23503");
    }
    wall.db.superuser().run("DELETE FROM leaf; DELETE FROM later");
    let refused = owner.refused("ALTER TABLE parent DETACH PARTITION parent_new", "OS002");
    owner.run(&refused.hint);
    // Nothing leads to what this one takes along.
    owner.run("ALTER TABLE child DROP CONSTRAINT boss; ALTER TABLE child DETACH PARTITION child_old");
}
