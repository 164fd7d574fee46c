//! A role that writes children, and wants into another organization.

use super::*;

/// Every way to write a child with a key; `{key}` is the parent's.
const WAYS: [&str; 6] = [
    "INSERT INTO steps (id, run_id) VALUES (50, {key})",
    "INSERT INTO steps (id, run_id, org_id) VALUES (50, {key}, 'a')",
    "INSERT INTO steps (id, run_id) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET run_id = {key}",
    "UPDATE steps SET run_id = {key} WHERE id = 1",
    "UPDATE steps SET run_id = {key}, org_id = 'a' WHERE id = 1",
    "MERGE INTO steps s USING (SELECT 1 AS id) n ON s.id = n.id WHEN MATCHED THEN UPDATE SET run_id = {key}",
];

#[test]
fn a_foreign_a_missing_and_no_parent_give_the_same_answer() {
    let tree = Tree::new("same");
    let mut app = tree.app("a");
    for way in WAYS {
        let said: Vec<_> =
            ["3", "99", "NULL"].map(|key| app.refused(&way.replace("{key}", key), "42501")).into();
        assert!(said.iter().all(|s| *s == said[0]), "{way}: {said:#?}");
        assert!(said[0].message.contains("row-level security"), "{said:#?}");
        app.run(&format!("BEGIN; {}; ROLLBACK", way.replace("{key}", "2")));
    }
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b");
}

#[test]
fn a_foreign_parent_is_not_waited_for() {
    let tree = Tree::new("no_wait");
    let mut holder = tree.wall.db.superuser();
    holder.run("BEGIN; SELECT FROM runs WHERE id = 3 FOR UPDATE");
    let mut app = tree.app("a");
    app.run("SET lock_timeout = '2s'");
    app.refused("INSERT INTO steps VALUES (50, 3)", "42501");
    app.refused("INSERT INTO steps VALUES (50, 99)", "42501");
    holder.run("ROLLBACK; BEGIN; SELECT FROM runs WHERE id = 1 FOR UPDATE");
    app.refused("INSERT INTO steps VALUES (50, 1)", "55P03");
}

#[test]
fn the_organization_cannot_be_said_by_hand() {
    let tree = Tree::new("by_hand");
    let mut app = tree.app("a");
    app.refused("INSERT INTO steps (id, run_id, org_id) VALUES (50, 1, 'b')", "42501");
    app.refused("UPDATE steps SET org_id = 'b' WHERE id = 1", "42501");
    app.run("UPDATE steps SET org_id = NULL WHERE id = 1");
    app.run("INSERT INTO steps (id, run_id, org_id) VALUES (50, 1, 'a')");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b 50:a");
    let mut superuser = tree.wall.db.superuser();
    superuser.refused("UPDATE steps SET org_id = 'b' WHERE id = 1", "23503");
    superuser.run("UPDATE steps SET run_id = 3 WHERE id = 1");
    assert_eq!(tree.truth("steps"), "1:b 2:a 3:a 4:a 5:b 6:b 50:a");
    assert_eq!(tree.truth("logs"), "1:b 2:a 3:a 4:a 5:b 6:b", "what hangs on it came along");
}

#[test]
fn a_trigger_of_the_owners_that_changes_the_key_afterwards_is_noticed() {
    let tree = Tree::new("late_trigger");
    tree.owner().run(
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN new.run_id := 3; RETURN new; END$$;
         CREATE TRIGGER zz BEFORE INSERT OR UPDATE ON steps FOR EACH ROW EXECUTE FUNCTION late()",
    );
    let mut app = tree.app("a");
    app.refused("INSERT INTO steps VALUES (50, 1)", "23503");
    app.refused("UPDATE steps SET body = 'x' WHERE id = 1", "23503");
}

#[test]
fn nothing_in_the_callers_path_is_run() {
    let tree = Tree::new("evil_path");
    let mut app = tree.app("a");
    tree.wall.db.superuser().run(&format!("CREATE SCHEMA evil AUTHORIZATION {}", tree.wall.app));
    app.run(
        "CREATE FUNCTION evil.yes(int, int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
         CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = int, RIGHTARG = int);
         CREATE FUNCTION evil.yes(text, text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
         CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = text, RIGHTARG = text);
         CREATE TABLE evil.runs (id int, org_id text); INSERT INTO evil.runs VALUES (99, 'a');
         CREATE TEMP TABLE runs (id int, org_id text); INSERT INTO pg_temp.runs VALUES (99, 'a');
         SET search_path = pg_temp, evil, public, pg_catalog",
    );
    app.run("INSERT INTO public.steps VALUES (50, 1); UPDATE public.steps SET run_id = 2");
    app.refused("INSERT INTO public.steps VALUES (51, 99)", "42501");
    app.refused("UPDATE public.steps SET run_id = 3", "42501");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b 50:a");
}

#[test]
fn the_trigger_functions_read_nothing_for_a_table_whose_owner_could_not() {
    let tree = Tree::new("borrowed");
    let thief = tree.wall.db.role("thief");
    tree.wall.db.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {thief}"));
    // Even with what a foreign key and a trigger on the parent ask for.
    tree.owner().run(&format!("GRANT REFERENCES, TRIGGER ON runs TO {thief}"));
    let mut session = tree.wall.db.connect(&thief);
    session.run(
        "CREATE TABLE bag (run_id int, org_id text);
         ALTER TABLE bag ADD CONSTRAINT org_scope_through FOREIGN KEY (run_id, org_id) REFERENCES runs (id, org_id);
         CREATE TRIGGER org_scope_fill BEFORE INSERT OR UPDATE OF run_id, org_id ON bag FOR EACH ROW
             EXECUTE FUNCTION org_scope.fill_from_parent()",
    );
    session.refused("INSERT INTO bag VALUES (1)", "OS010");
    session.run("ALTER TABLE bag DROP CONSTRAINT org_scope_through");
    session.run(
        "CREATE CONSTRAINT TRIGGER org_scope_through AFTER INSERT OR UPDATE ON bag FROM runs FOR EACH ROW
             WHEN (((new.run_id) IS NOT NULL) AND (new.org_id IS NOT NULL)) EXECUTE FUNCTION org_scope.check_parent()",
    );
    session.refused("INSERT INTO bag VALUES (1)", "OS010");
    session.refused("SELECT org_scope.protect_through('bag', 'run_id', 'runs')", "42501");
    session.run("CREATE TABLE lone (id int); CREATE TRIGGER t AFTER INSERT ON lone EXECUTE FUNCTION org_scope.fill_from_parent()");
    session.refused("INSERT INTO lone VALUES (1)", "0A000");
    session.run("DROP TRIGGER t ON lone; CREATE TRIGGER t BEFORE INSERT ON lone FOR EACH ROW EXECUTE FUNCTION org_scope.fill_from_parent()");
    session.refused("INSERT INTO lone VALUES (1)", "OS010");
}

#[test]
fn without_the_trigger_a_child_is_closed_not_open() {
    let tree = Tree::new("switched_off");
    tree.owner().run("ALTER TABLE steps DISABLE TRIGGER org_scope_fill");
    let mut app = tree.app("a");
    app.refused("INSERT INTO steps VALUES (50, 1)", "42501");
    app.refused("INSERT INTO steps (id, run_id, org_id) VALUES (50, 3, 'a')", "23503");
    app.refused("UPDATE steps SET run_id = 3 WHERE id = 1", "23503");
}

#[test]
fn copy_by_a_bypassing_role_is_filled() {
    let tree = Tree::new("copy");
    let mut superuser = tree.wall.db.superuser();
    superuser.run("CREATE TABLE staging AS SELECT 60 AS id, 3 AS run_id, 'x' AS body");
    let said =
        tree.wall.db.psql_superuser("COPY steps (id, run_id, body) FROM STDIN;\n60\t3\tx\n61\t1\ty\n\\.\n");
    assert!(said.success, "{said:#?}");
    assert_eq!(tree.truth("steps"), "1:a 2:a 3:a 4:a 5:b 6:b 60:b 61:a");
    let said = tree.wall.db.psql_superuser("COPY steps (id, run_id, body) FROM STDIN;\n62\t77\tx\n\\.\n");
    assert!(!said.success && said.stderr.contains("23503"), "{said:#?}");
}
