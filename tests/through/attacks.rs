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

/// A role with a table of its own that goes through another one, which may read the owner's view of `runs`.
fn thief(tree: &Tree) -> Session {
    let thief = tree.wall.db.role("thief");
    tree.wall.db.superuser().run(&format!(
        "GRANT CREATE ON SCHEMA public TO {thief}; SELECT org_scope.allow('{thief}', 'direct')"
    ));
    tree.owner().run(&format!("CREATE VIEW seen AS SELECT * FROM runs; GRANT SELECT ON seen TO {thief}"));
    let mut session = tree.wall.db.connect(&thief);
    session.run(
        "CREATE TABLE par (id int PRIMARY KEY, org_id text); CREATE TABLE chi (id int PRIMARY KEY, k text);
         SELECT org_scope.protect('par', force => false);
         SELECT org_scope.protect_through('chi', 'split_part(k, '':'', 1)', 'par', force => false);
         INSERT INTO par VALUES (1, 'a'); INSERT INTO chi VALUES (1, '1:x');
         SELECT org_scope.set_current_org('a')",
    );
    assert_eq!(session.text("SELECT string_agg(id::text, ' ') FROM seen"), "1 2");
    session
}

/// Puts another key into the trigger that names it.
fn rekey(wall: &Wall, child: &str, parent: &str, key: &str) {
    wall.tamper(&format!(
        "DROP TRIGGER IF EXISTS org_scope_through ON {child};
         CREATE CONSTRAINT TRIGGER org_scope_through AFTER INSERT OR UPDATE ON {child} FROM {parent} NOT DEFERRABLE
             FOR EACH ROW WHEN ((({key}) IS NOT NULL) AND (new.org_id IS NOT NULL)) EXECUTE FUNCTION org_scope.check_parent()"
    ));
}

#[test]
fn a_key_of_its_owners_own_making_reads_nothing_past_a_fence() {
    let tree = Tree::new("own_key");
    let mut thief = thief(&tree);
    thief.run(
        "CREATE FUNCTION look(k text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             RAISE NOTICE 'saw %', (SELECT string_agg(id::text, ' ' ORDER BY id) FROM public.seen);
             RETURN split_part(k, ':', 1); END $$;
         CREATE TYPE odd AS (n int);
         CREATE FUNCTION to_odd(k text) RETURNS odd LANGUAGE sql IMMUTABLE AS 'SELECT row(split_part(k, '':'', 1)::int)::public.odd';
         CREATE FUNCTION to_int(o odd) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             PERFORM public.look(o.n::text); RETURN o.n; END $$;
         CREATE CAST (odd AS int) WITH FUNCTION to_int(odd) AS IMPLICIT",
    );
    for key in ["look(new.k)", "to_odd(new.k)"] {
        rekey(&tree.wall, "chi", "par", key);
        thief.notices();
        for moving in [
            "UPDATE par SET org_id = 'c'",
            "UPDATE par SET org_id = 'a'",
            "INSERT INTO chi VALUES (2, '1:y')",
        ] {
            thief.run(moving);
        }
        thief.run("DELETE FROM chi WHERE id = 2");
        let saw: Vec<_> = thief.notices().into_iter().map(|n| n.message).collect();
        assert!(!saw.is_empty() && saw.iter().all(|saw| saw == "saw 1 2"), "{key}: {saw:?}");
    }
    // One of the server's functions that take a query.
    rekey(
        &tree.wall,
        "chi",
        "par",
        "length(query_to_xml('SELECT * FROM public.seen', true, true, '')::text)",
    );
    thief.refused("UPDATE par SET org_id = 'c'", "OS002");
}

#[test]
fn a_trigger_on_anothers_table_runs_nothing_as_its_owner() {
    let tree = Tree::new("lent_trigger");
    let mut thief = thief(&tree);
    tree.owner().run(&format!(
        "CREATE TABLE lent (id int, k text, org_id text); INSERT INTO lent VALUES (1, '1:x');
         GRANT TRIGGER, SELECT ON lent TO {}",
        thief.text("SELECT current_user")
    ));
    thief.run(
        "CREATE FUNCTION who(k text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             RAISE NOTICE 'runs as %', current_user; RETURN 1; END $$;
         CREATE TRIGGER org_scope_fill BEFORE INSERT OR UPDATE OF k, org_id ON lent FOR EACH ROW
             EXECUTE FUNCTION org_scope.fill_from_parent();
         CREATE CONSTRAINT TRIGGER org_scope_through AFTER INSERT OR UPDATE ON lent FROM par NOT DEFERRABLE FOR EACH ROW
             WHEN (((who(new.k)) IS NOT NULL) AND (new.org_id IS NOT NULL)) EXECUTE FUNCTION org_scope.check_parent()",
    );
    thief.notices();
    thief.refused("UPDATE par SET org_id = 'c'", "OS010");
    assert!(thief.notices().is_empty());
}

#[test]
fn a_domain_of_its_owners_runs_nothing_as_the_superuser_who_calls() {
    let wall = Wall::new("lent_domain");
    wall.owner().run(
        "CREATE FUNCTION who(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
             RAISE NOTICE 'runs as %', current_user; RETURN true; END $$;
         CREATE DOMAIN org AS text CHECK (who(value));
         CREATE TABLE runs (id int PRIMARY KEY, org_id org); CREATE TABLE steps (id int PRIMARY KEY, run_id int);
         INSERT INTO runs VALUES (1, 'a'); INSERT INTO steps VALUES (1, 1); SELECT org_scope.protect('runs')",
    );
    let mut superuser = wall.db.superuser();
    superuser.notices();
    superuser.run("SELECT org_scope.protect_through('steps', 'run_id', 'runs')");
    let said: Vec<_> = superuser.notices().into_iter().map(|n| n.message).collect();
    let asked: Vec<_> = said.iter().filter(|said| said.starts_with("runs as")).collect();
    let owner = format!("runs as {}", wall.owner);
    assert!(!asked.is_empty() && asked.iter().all(|asked| **asked == owner), "{said:?}");
}

#[test]
fn ties_of_a_users_making_that_fit_no_row_are_refused() {
    let wall = Wall::new("odd_ties");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE par (id int PRIMARY KEY, org_id bigint); CREATE TABLE chi (id int PRIMARY KEY, k text);
         SELECT org_scope.protect('par', force => false);
         SELECT org_scope.protect_through('chi', 'split_part(k, '':'', 1)', 'par', force => false);
         INSERT INTO par VALUES (1, 1094795585)",
    );
    // Another type in the child, which would take the number for the place of a text.
    owner.run(
        "CREATE TABLE odd (id int, k text, org_id text);
         CREATE TRIGGER org_scope_fill BEFORE INSERT OR UPDATE OF k, org_id ON odd FOR EACH ROW
             EXECUTE FUNCTION org_scope.fill_from_parent()",
    );
    rekey(&wall, "odd", "par", "split_part(new.k, ':', 1)::int");
    owner.refused("INSERT INTO odd VALUES (1, '1:x')", "OS010");
    owner.refused("INSERT INTO odd VALUES (1, '1:x', 'a')", "OS010");
    owner.run("DROP TABLE odd");
    // A foreign key to one parent, and a trigger that another one fires, whose rows have fewer columns.
    owner.run(
        "CREATE TABLE wide (c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, id int, org_id bigint, UNIQUE (id, org_id));
         CREATE TABLE odd (id int, k int, org_id bigint,
             CONSTRAINT org_scope_through FOREIGN KEY (k, org_id) REFERENCES wide (id, org_id));
         CREATE CONSTRAINT TRIGGER other AFTER INSERT OR UPDATE ON odd FROM par FOR EACH ROW
             WHEN (((new.k) IS NOT NULL) AND (new.org_id IS NOT NULL)) EXECUTE FUNCTION org_scope.check_parent();
         ALTER TRIGGER other ON odd RENAME TO org_scope_through",
    );
    owner.refused("UPDATE par SET org_id = 2", "OS010");
    assert_eq!(owner.number("SELECT count(*) FROM par WHERE org_id = 2"), 0);
}

#[test]
fn a_tie_that_becomes_another_while_a_row_is_written_stores_nothing_wrong() {
    let wall = Wall::new("shifting_ties");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE par (id text PRIMARY KEY, org_id text); CREATE TABLE chi (id int PRIMARY KEY, k text);
         SELECT org_scope.protect('par', force => false);
         SELECT org_scope.protect_through('chi', 'split_part(k, '':'', 1)', 'par', force => false);
         INSERT INTO par VALUES ('1', 'a');
         CREATE TABLE odd (id int, k text, org_id text);
         CREATE TRIGGER org_scope_fill BEFORE INSERT OR UPDATE OF k, org_id ON odd FOR EACH ROW
             EXECUTE FUNCTION org_scope.fill_from_parent();
         CREATE FUNCTION pick(k text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN split_part(k, ':', 1); END $$",
    );
    rekey(&wall, "odd", "par", "pick(new.k)");
    owner.run("INSERT INTO odd VALUES (1, '1:x')");
    // The name of the function means one of another type now.
    owner.run(
        "ALTER FUNCTION pick RENAME TO picked;
         CREATE FUNCTION pick(k text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1094795585; END'",
    );
    owner.refused("INSERT INTO odd VALUES (2, '1:x')", "42883");
    owner.run("DROP FUNCTION pick; ALTER FUNCTION picked RENAME TO pick");
    // The parent's column is of another type by the time that it is asked.
    owner.run(
        "CREATE OR REPLACE FUNCTION pick(k text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
             DROP POLICY IF EXISTS org_scope_gate ON public.par; DROP POLICY IF EXISTS org_scope_fence ON public.par;
             DROP TRIGGER IF EXISTS org_scope_children ON public.par; DROP INDEX IF EXISTS public.idx_par_org_id;
             ALTER TABLE public.par ALTER org_id DROP DEFAULT, ALTER org_id TYPE bigint USING 1094795585;
             RETURN split_part(k, ':', 1); END $$",
    );
    owner.run("INSERT INTO odd VALUES (3, '1:x')");
    assert_eq!(owner.text("SELECT string_agg(concat(id, ':', org_id), ' ' ORDER BY id) FROM odd"), "1:a 3:");
}
