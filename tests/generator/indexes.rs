//! The index that is led by the org column.

use super::*;

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
