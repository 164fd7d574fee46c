//! Tables that are too large to be filled at once.

use super::*;

#[test]
fn a_large_table_is_filled_in_batches_before_its_fence() {
    let tree = Tree::open("large");
    let mut owner = tree.owner();
    owner.run(
        "INSERT INTO steps SELECT n, 1 + n % 3, 'x' FROM generate_series(100, 5099) n;
         INSERT INTO steps VALUES (99, NULL)",
    );
    tree.wall.db.configure("org_scope.max_inline_index_size", "'64kB'");
    let mut owner = tree.owner();
    let steps = owner.steps(LEVELS[0].1);
    let left: Vec<_> = steps.iter().filter(|s| s.state == "run_yourself").collect();
    assert!(left.len() == 1 && left[0].kind == "fill", "{steps:#?}");
    assert!(!kinds(&steps).contains(&"fence"), "{steps:#?}");
    // Open as before, and what is written meanwhile is filled.
    assert_eq!(tree.app("a").number("SELECT count(*) FROM steps"), 5007);
    tree.app("a").run("INSERT INTO steps VALUES (50, 1)");
    owner.notices();
    owner.run(&left[0].statement.replace(')', ", 100)"));
    assert!(owner.notices().len() > 3, "a notice for each batch");
    assert_eq!(owner.number("SELECT count(*) FROM steps WHERE org_id IS NULL"), 1);
    let steps = owner.steps(LEVELS[0].1);
    assert!(kinds(&steps).contains(&"fence"), "{steps:#?}");
    let left: Vec<_> = steps.iter().filter(|s| s.state == "run_yourself").collect();
    assert!(left.len() == 1 && left[0].kind == "index", "{steps:#?}");
    let mut app = tree.app("a");
    assert_eq!(app.number("SELECT count(*) FROM steps WHERE run_id = 3"), 0);
    assert!(app.number("SELECT count(*) FROM steps") > 3000);
    owner.run(&left[0].statement);
    let again = owner.steps(LEVELS[0].1);
    assert!(work(&again).is_empty(), "{again:#?}");
}

#[test]
fn the_filling_commits_where_its_caller_allows_it() {
    let tree = Tree::open("fill_commits");
    let mut owner = tree.owner();
    owner.run("INSERT INTO steps SELECT n, 1 + n % 3, 'x' FROM generate_series(100, 5099) n");
    tree.wall.db.configure("org_scope.max_inline_index_size", "'64kB'");
    let mut owner = tree.owner();
    owner.run(&format!("SELECT org_scope.{}", LEVELS[0].1));
    // The last row is locked: what came before it is kept, or nothing is.
    let mut blocker = tree.owner();
    blocker.run("BEGIN; SELECT FROM steps WHERE id = 5099 FOR UPDATE");
    owner.run("SET lock_timeout = '300ms'");
    owner.refused("BEGIN; CALL org_scope.fill_through('steps', 100)", "55P03");
    owner.run("ROLLBACK");
    let filled = "SELECT count(*) FROM steps WHERE org_id IS NOT NULL";
    assert_eq!(owner.number(filled), 0);
    owner.refused("CALL org_scope.fill_through('steps', 100)", "55P03");
    assert!(owner.number(filled) > 1000);
    blocker.run("ROLLBACK");
    owner.run("CALL org_scope.fill_through('steps', 100)");
    assert_eq!(owner.number("SELECT count(*) FROM steps WHERE org_id IS NULL"), 0);
    let path = owner.text("SHOW search_path");
    assert_eq!(path, tree.owner().text("SHOW search_path"));
    let journal = "SELECT count(*) FROM org_scope.journal WHERE kind = 'fill_through'";
    assert_eq!(tree.wall.db.superuser().number(journal), 1);
    owner.refused("CALL org_scope.fill_through('logs')", "OS010");
    owner.refused("CALL org_scope.fill_through('steps', 0)", "22023");
    let stranger = tree.wall.db.role("stranger");
    tree.wall.db.connect(&stranger).refused("CALL org_scope.fill_through('steps')", "42501");
}

#[test]
fn a_large_parent_gets_its_index_first() {
    let tree = Tree::open("large_parent");
    tree.owner().run(
        "SELECT org_scope.unprotect('runs');
         INSERT INTO runs SELECT n, 'c', repeat('x', 100) FROM generate_series(100, 1999) n;
         SELECT org_scope.protect('runs')",
    );
    tree.wall.db.configure("org_scope.max_inline_index_size", "'64kB'");
    let mut owner = tree.owner();
    let steps = owner.steps(LEVELS[0].1);
    let left = work(&steps);
    assert!(left.len() == 1 && left[0].state == "run_yourself" && left[0].kind == "index", "{steps:#?}");
    owner.run(&left[0].statement);
    let steps = owner.steps(LEVELS[0].1);
    assert!(kinds(&steps).contains(&"fence"), "{steps:#?}");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b");
}
