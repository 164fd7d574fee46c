//! One statement, run in the context of one organization after the other.

use crate::harness::{Role, Session, Wall};

const ORGS: &str = "SELECT org FROM orgs ORDER BY org";

/// `agents` under a fence, a list of organizations, and a job's role that is fenced as all others are.
fn walled(test: &str) -> (Wall, Role, Session) {
    let wall = Wall::new(test);
    let job = wall.db.role("job");
    let mut owner = wall.agents();
    owner.run(&format!(
        "SELECT org_scope.protect('agents');
         CREATE TABLE orgs (org text); INSERT INTO orgs VALUES ('a'), ('b'), ('c'), (NULL);
         GRANT SELECT ON orgs TO {job}; GRANT SELECT, INSERT, UPDATE, DELETE ON agents TO {job}"
    ));
    wall.db.superuser().run(&format!(
        "SELECT org_scope.allow('{job}', 'direct'); GRANT EXECUTE ON FUNCTION org_scope.for_each_org(text, text) TO {job}"
    ));
    let session = wall.db.connect(&job);
    (wall, job, session)
}

fn each(statement: &str, orgs: &str) -> String {
    format!(
        "SELECT concat_ws(' ', org, rows, left(error, 5)) FROM org_scope.for_each_org($s${statement}$s$, $o${orgs}$o$)"
    )
}

#[test]
fn each_organization_has_its_own_context() {
    let (wall, _job, mut job) = walled("each");
    assert_eq!(job.column(&each("SELECT * FROM agents", ORGS)), ["a 2", "b 3", "c 0"]);
    assert_eq!(
        job.column(&each("UPDATE agents SET name = org_scope.current_org()", ORGS)),
        ["a 2", "b 3", "c 0"]
    );
    let mut superuser = wall.db.superuser();
    assert_eq!(superuser.number("SELECT count(*) FROM agents WHERE name = org_id"), 5);
    // Nothing of it is left.
    job.refused("SELECT count(*) FROM agents", "OS001");
    job.run("SELECT org_scope.set_current_org('b'), org_scope.set_current_user('u'); BEGIN");
    job.run(&each("SELECT 1", ORGS));
    assert_eq!(job.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "bu");
    job.run("COMMIT");
    assert_eq!(job.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "bu");
}

#[test]
fn a_failure_is_reported_and_undone_and_the_rest_goes_on() {
    let (wall, _job, mut job) = walled("each_fails");
    // Row 3 is b's, so that b's second row fails, and with it the first.
    let statement = "UPDATE agents SET name = (10 / (id - 4))::text";
    assert_eq!(job.column(&each(statement, ORGS)), ["a 2", "b 22012", "c 0"]);
    let mut superuser = wall.db.superuser();
    assert_eq!(
        superuser.column("SELECT name FROM agents WHERE org_id = 'b' ORDER BY id"),
        ["b1", "b2", "b3"]
    );
    assert_eq!(job.column(&each("INSERT INTO agents VALUES (9, 'b')", ORGS)), ["a 42501", "b 1", "c 42501"]);
    // A cancel is for all of it.
    job.run("SET statement_timeout = '300ms'");
    job.refused(&each("SELECT pg_sleep(1)", ORGS), "57014");
}

#[test]
fn it_gives_nobody_a_right() {
    let (wall, role, mut job) = walled("each_rights");
    wall.app("a").refused(&each("SELECT 1", "SELECT 'b'"), "42501");
    for (statement, orgs) in [
        ("SELECT 1; SELECT 2", ORGS),
        ("COPY agents TO STDOUT", ORGS),
        ("DECLARE c CURSOR FOR SELECT 1", ORGS),
        ("SELECT 1", "SELECT 1; SELECT 2"),
    ] {
        job.refused(&each(statement, orgs), "22023");
    }
    job.refused(&each("SELECT 1", "SELECT org_id FROM agents"), "OS001");
    assert_eq!(job.column(&each("SELECT org_scope.allow('x', 'direct')", "SELECT 'a'")), ["a 42704"]);
    let mut superuser = wall.db.superuser();
    for (access, sqlstate) in [
        (format!("SELECT org_scope.allow('{role}', 'direct', pooled => true)"), "OS003"),
        (format!("SELECT org_scope.allow('{role}', 'token')"), "OS002"),
        (format!("SELECT org_scope.disallow('{role}')"), "OS002"),
        (format!("SELECT org_scope.bind_role('{role}', 'a')"), "OS003"),
    ] {
        superuser.run(&access);
        job.refused(&each("SELECT 1", ORGS), sqlstate);
    }
}

#[test]
fn deferred_triggers_run_in_their_organization_once_they_are_immediate() {
    let (wall, _role, mut job) = walled("each_deferred");
    wall.owner().run(
        "CREATE TABLE seen (org text, at text); GRANT INSERT ON seen TO PUBLIC;
         CREATE FUNCTION sees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO public.seen VALUES (NEW.org_id, org_scope.current_org()); RETURN NEW; END $$;
         CREATE CONSTRAINT TRIGGER sees AFTER UPDATE ON agents DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION sees()",
    );
    let mut superuser = wall.db.superuser();
    let update = each("UPDATE agents SET name = name WHERE id IN (1, 3)", ORGS);
    for (before, expected) in [("SELECT 1", ["ac", "bc"]), ("SET CONSTRAINTS ALL IMMEDIATE", ["aa", "bb"])] {
        job.run(&format!("BEGIN; SELECT org_scope.set_current_org('c'); {before}"));
        job.run(&update);
        job.run("COMMIT");
        let shown = superuser.column("SELECT org || at FROM seen ORDER BY 1");
        assert_eq!(shown, expected);
        superuser.run("DELETE FROM seen");
    }
}

#[test]
fn long_work_shows_its_progress() {
    let (_wall, _job, mut job) = walled("each_long");
    job.notices();
    job.run(&each("SELECT pg_sleep(1.1)", ORGS));
    let said = job.notices();
    assert!(said.iter().any(|n| n.message.contains("of 3 organizations, 0 failed")), "{said:#?}");
}

/// What stops the whole statement leaves the session as any other error does.
#[test]
fn a_cancel_ends_the_statement_and_leaves_no_transaction_open() {
    let (_wall, _job, mut job) = walled("each_cancelled");
    job.run("SET statement_timeout = '300ms'");
    job.refused(&each("SELECT pg_sleep(30)", ORGS), "57014");
    job.run("RESET statement_timeout");
    assert_eq!(job.column(&each("SELECT * FROM agents", ORGS)), ["a 2", "b 3", "c 0"]);
    job.run("BEGIN; SAVEPOINT s; SET LOCAL statement_timeout = '300ms'");
    job.refused(&each("SELECT pg_sleep(30)", ORGS), "57014");
    job.refused("SELECT 1", "25P02");
    job.run("ROLLBACK TO s");
    assert_eq!(job.column(&each("SELECT 1", ORGS)), ["a 1", "b 1", "c 1"]);
    job.run("COMMIT");
}
