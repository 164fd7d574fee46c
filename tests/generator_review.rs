//! The generator against owners who mean harm, and against what it once forgot.

use std::time::Duration;

use crate::harness::{Db, Role, Server, Session};

const ACME: &str = "00000000-0000-0000-0000-00000000000a";
const GLOBEX: &str = "00000000-0000-0000-0000-00000000000b";

fn workshop(test: &str) -> (Db, Role, Session) {
    let db = Db::new(test, Server::Preloaded);
    let owner = db.role("owner");
    db.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {owner}"));
    let session = db.connect(&owner);
    (db, owner, session)
}

fn state(session: &mut Session, table: &str) -> String {
    session.text(&format!(
        "SELECT relforcerowsecurity || ' ' || COALESCE((SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef \
         WHERE adrelid = c.oid), 'none') FROM pg_class c WHERE oid = '{table}'::regclass"
    ))
}

#[test]
fn counting_rows_runs_nobodys_code_as_the_caller() {
    let (db, owner, mut session) = workshop("count_as_owner");
    session.run("CREATE TABLE bait (org_id uuid); CREATE TABLE caught (as_whom name)");
    session.run(
        "CREATE FUNCTION trap() RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO public.caught VALUES (current_user); RETURN NULL; END $$",
    );
    // The plan reads the catalog, then asks for the table's size, which waits for this lock.
    session.run("BEGIN; LOCK TABLE bait IN ACCESS EXCLUSIVE MODE");
    let mut superuser = db.superuser();
    let planning =
        std::thread::spawn(move || superuser.rows("SELECT * FROM org_scope.plan('bait'::regclass)"));
    let mut watcher = db.superuser();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'bait'::regclass";
    while watcher.number(waiting) == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    session.run("ALTER TABLE bait RENAME TO hidden; CREATE VIEW bait AS SELECT trap() AS org_id; COMMIT");
    planning.join().expect("a plan");
    let strangers = format!("SELECT as_whom FROM caught WHERE as_whom <> '{}'", owner.name());
    assert_eq!(watcher.column(&strangers), Vec::<String>::new());
}

#[test]
fn counting_rows_gives_its_locks_back() {
    let (_db, _, mut session) = workshop("count_locks");
    session.run("CREATE TABLE a (org_id uuid); CREATE TABLE b (org_id uuid)");
    session.run("CALL org_scope.protect_all('org_id')");
    session.run("BEGIN");
    session.run("SELECT FROM org_scope.plan_all('org_id')");
    let held = "SELECT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN \
                ('a'::regclass, 'b'::regclass)";
    assert_eq!(session.column(held), Vec::<String>::new());
}

#[test]
fn rows_of_a_forced_table_are_still_counted() {
    let (db, _, mut session) = workshop("count_forced");
    session.run("CREATE TABLE t (org_id uuid); INSERT INTO t VALUES (NULL), (NULL)");
    session.run("SELECT FROM org_scope.protect('t')");
    let counted = "SELECT reason FROM org_scope.plan('t'::regclass) WHERE kind = 'null_rows'";
    for session in [&mut session, &mut db.superuser()] {
        assert_eq!(session.text(counted), "2 rows have no organization: no session will see them");
    }
}

#[test]
fn alter_protected_keeps_a_force_and_a_default_that_are_not_its_own() {
    let (_db, _, mut session) = workshop("alter_keeps");
    session.run("CREATE TABLE t (org_id uuid DEFAULT org_scope.current_org_uuid())");
    session.run("ALTER TABLE t FORCE ROW LEVEL SECURITY");
    session.run("SELECT FROM org_scope.protect('t', force => false, set_default => false)");
    session.run("SELECT FROM org_scope.alter_protected('t', 'ALTER TABLE t ALTER org_id TYPE text')");
    assert_eq!(state(&mut session, "t"), "true org_scope.current_org()");
    session.run("SELECT FROM org_scope.unprotect('t')");
    assert_eq!(state(&mut session, "t"), "true none");
}

#[test]
fn nobody_sees_a_row_while_alter_protected_has_the_fence_lifted() {
    let (db, owner, mut session) = workshop("alter_window");
    let spy = db.role("spy");
    session.run("CREATE TABLE t (org_id uuid, note text)");
    session.run(&format!("INSERT INTO t VALUES ('{ACME}', 'a'), ('{GLOBEX}', 'b')"));
    session.run(&format!("CREATE POLICY mine ON t USING (true); GRANT SELECT ON t TO {spy}"));
    session.run("SELECT FROM org_scope.protect('t')");
    db.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {spy}; GRANT {spy} TO {owner}"));
    db.connect(&spy).run(
        "CREATE FUNCTION peek(text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
         RETURN $1 || (SELECT count(*) FROM public.t); END $$",
    );
    let alter = "SELECT FROM org_scope.alter_protected('t', 'ALTER TABLE t ALTER note TYPE varchar USING peek(note)')";
    for session in [&mut session, &mut db.superuser()] {
        session.refused(alter, "OS002");
    }
    assert_eq!(db.superuser().column("SELECT note FROM t ORDER BY 1"), ["a", "b"]);
    let drift = session.text("SELECT drift::text FROM org_scope.protected_tables");
    assert_eq!(drift, "{}");
}

#[test]
fn alter_protected_does_not_move_a_fence_to_another_column() {
    let (db, _, mut session) = workshop("alter_column");
    let alter_fence = "SET session_replication_role = replica;
        ALTER POLICY org_scope_fence ON t USING (account_id IS NOT NULL AND org_id = org_scope.fence_org_uuid())";
    session.run("CREATE TABLE t (account_id uuid, org_id uuid)");
    session.run("SELECT FROM org_scope.protect('t')");
    db.superuser().run(alter_fence);
    let alter = "SELECT FROM org_scope.alter_protected('t', 'ALTER TABLE t ADD note text')";
    session.run(alter);
    assert_eq!(session.text("SELECT org_column FROM org_scope.protected_tables"), "org_id");

    db.superuser().run(alter_fence);
    session.run("DROP POLICY org_scope_gate ON t");
    session.refused(&alter.replace("note", "more"), "OS009");
}

#[test]
fn a_default_comes_back_whatever_the_session_reads_strings_as() {
    let (_db, _, mut session) = workshop("default_strings");
    session.run(r"CREATE TABLE t (org_id text DEFAULT E'a\\b')");
    let before = state(&mut session, "t");
    session.run("SET standard_conforming_strings = off");
    session.run("SELECT FROM org_scope.protect('t')");
    session.run("RESET standard_conforming_strings");
    session.run("SELECT FROM org_scope.unprotect('t')");
    assert_eq!(state(&mut session, "t"), before);
}

#[test]
fn a_parent_whose_fence_is_switched_off_is_no_fenced_parent() {
    let (db, _, mut session) = workshop("open_parent");
    session.run("CREATE TABLE parent (org_id uuid); CREATE TABLE child () INHERITS (parent)");
    session.run("SELECT FROM org_scope.protect('parent')");
    db.superuser().run("ALTER TABLE parent DISABLE ROW LEVEL SECURITY");
    session.refused("SELECT FROM org_scope.protect('child')", "OS009");
    session.run("SELECT FROM org_scope.protect('parent'); SELECT FROM org_scope.protect('child')");
}

#[test]
fn alter_protected_checks_foreign_keys_over_all_organizations() {
    let (db, owner, mut session) = workshop("alter_fk");
    session.run("CREATE TABLE parent (org_id uuid, id int, PRIMARY KEY (org_id, id))");
    session
        .run("CREATE TABLE child (org_id uuid, parent int, FOREIGN KEY (org_id, parent) REFERENCES parent)");
    let rows = format!("('{ACME}', 1), ('{GLOBEX}', 1)");
    session.run(&format!("INSERT INTO parent VALUES {rows}; INSERT INTO child VALUES {rows}"));
    session.run("CALL org_scope.protect_all('org_id')");
    let alter = |using: &str| {
        format!(
            "SELECT FROM org_scope.alter_protected('parent', 'ALTER TABLE parent ALTER id TYPE bigint USING {using}')"
        )
    };
    session.refused(&alter("id + 1"), "23503");
    db.superuser().run(&format!("SELECT org_scope.allow('{owner}', 'direct')"));
    session.run(&format!("SELECT org_scope.set_current_org('{ACME}')"));
    session.refused(&alter(&format!("CASE WHEN org_id = ''{ACME}'' THEN id ELSE id + 1 END")), "23503");
    session.run(&alter("id"));
}

#[test]
fn one_table_with_a_spoilt_comment_stops_no_run() {
    let (_db, _, mut session) = workshop("spoilt_comment");
    session.run("CREATE TABLE a (org_id text); CREATE TABLE b (org_id text)");
    session.run("CALL org_scope.protect_all('org_id')");
    session.run("DROP POLICY org_scope_gate ON a; DROP POLICY org_scope_gate ON b");
    session.run(
        r#"DO $$ DECLARE memory text := obj_description(
               (SELECT oid FROM pg_policy WHERE polrelid = 'a'::regclass AND polname = 'org_scope_fence'), 'pg_policy');
           BEGIN
               memory := replace(memory, '"gate":[null]', '"gate":["nobody_of_that_name"]');
               memory := replace(memory, '"default":null', '"default":"pg_catalog.sum(1)"');
               ASSERT memory LIKE '%nobody%sum(1)%', memory;
               EXECUTE format('COMMENT ON POLICY org_scope_fence ON a IS %L', memory);
           END $$"#,
    );
    session.run("CALL org_scope.protect_all('org_id')");
    let drift = "SELECT drift::text FROM org_scope.protected_tables ORDER BY target::text";
    assert_eq!(session.column(drift), ["{gate}", "{}"]);
    let said = "SELECT count(*) FROM org_scope.last_run WHERE kind = 'gate' AND reason LIKE '%are gone%'";
    assert_eq!(session.number(said), 1);
    session.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(session.column(drift), Vec::<String>::new());
}

#[test]
fn the_truncate_guard_swallows_no_rows_as_another_trigger() {
    let (_db, _, mut session) = workshop("guard_elsewhere");
    session.run("CREATE TABLE x (id int)");
    session
        .run("CREATE TRIGGER g BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION org_scope.truncate_guard()");
    session.refused("INSERT INTO x VALUES (1)", "0A000");
}

#[test]
fn a_run_begins_in_nobody_elses_maintenance() {
    let (_db, _, mut session) = workshop("restricted_run");
    session.run(
        "CREATE TABLE x (id int);
         CREATE FUNCTION sneak(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
             $$ BEGIN PERFORM org_scope._begin_unprotect('{public}'); RETURN $1; END $$;
         INSERT INTO x VALUES (1)",
    );
    session.refused("CREATE INDEX ON x (sneak(id))", "42501");
}

#[test]
fn another_role_does_not_see_what_the_last_run_did() {
    let (db, _, mut session) = workshop("last_run_of_another");
    session.run("CREATE TABLE a (org_id text); CALL org_scope.protect_all('org_id')");
    assert!(session.number("SELECT count(*) FROM org_scope.last_run") > 0);
    let next = db.role("next");
    let me = session.text("SELECT quote_ident(current_user)");
    db.superuser().run(&format!("GRANT {next} TO {me}"));
    session.run(&format!("SET ROLE {next}"));
    assert_eq!(session.number("SELECT count(*) FROM org_scope.last_run"), 0);
}

#[test]
fn unprotect_touches_nothing_on_a_copy_that_was_never_protected() {
    let (_db, _, mut session) = workshop("copied_comment");
    session.run("CREATE TABLE t (org_id uuid); SELECT FROM org_scope.protect('t')");
    // The copy's index carries the comment by which an index of protect's is known.
    session.run("CREATE TABLE x (LIKE t INCLUDING ALL)");
    let before = session.fence_of("x");
    assert!(before.contains("org_scope.protect"), "{before}");
    assert_eq!(session.steps("unprotect('x')"), []);
    session.run("CALL org_scope.unprotect_all('{public}')");
    assert_eq!(session.fence_of("x"), before);
    assert!(!session.fence_of("t").contains("org_scope"), "the table itself is given back");
}
