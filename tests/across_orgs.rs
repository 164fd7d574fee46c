//! `across_orgs`: lifts the fence for tables that the caller owns, and for nobody and nothing else.

use crate::harness::{A, B, Role, Server, Session, Walled, fence};

/// A walled table whose owner may call `across_orgs`, and a second owner with a fenced table `other`.
fn house(test: &str) -> (Walled, Role) {
    let walled = Walled::new(test, Server::Plain);
    let other = walled.role("other");
    walled.superuser().run(&format!(
        "GRANT EXECUTE ON FUNCTION org_scope.across_orgs TO {}; GRANT CREATE ON SCHEMA public TO {other}",
        walled.owner
    ));
    let mut session = walled.db.connect(&other);
    session.run(&format!(
        "CREATE TABLE other (id int PRIMARY KEY, org_id uuid NOT NULL, body text);
         INSERT INTO other VALUES (1, '{A}', 'a'), (2, '{B}', 'b'); GRANT ALL ON other TO {}, {}",
        walled.owner, walled.app
    ));
    fence(&mut session, "other", "org_id");
    (walled, other)
}

fn across(statement: &str) -> String {
    format!("SELECT org_scope.across_orgs($stmt${statement}$stmt$)")
}

/// The fence is as it was: closed without an organization, and one organization's with it.
#[track_caller]
fn fenced(walled: &Walled, owner: &mut Session, after: &str) {
    let of_b = walled.superuser().number(&format!("SELECT count(*) FROM notes WHERE org_id = '{B}'"));
    drop(owner.try_run("ROLLBACK"));
    let refusal = owner.refused("SELECT count(*) FROM notes", "OS001");
    assert_eq!(refusal.message, "no organization is set", "{after}");
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    owner.run(&format!("BEGIN; SELECT org_scope.set_current_org('{B}', true)"));
    assert_eq!(owner.number("SELECT count(*) FROM notes"), of_b, "{after}");
    owner.run("ROLLBACK");
}

#[test]
fn the_owner_works_across_organizations_and_it_is_written_down() {
    let (walled, _) = house("works");
    let mut owner = walled.owner();
    for (statement, rows) in [
        ("UPDATE notes SET body = body || '!'", 5),
        ("SELECT * FROM notes", 5),
        ("INSERT INTO notes SELECT id + 10, org_id, body FROM notes WHERE id > 3", 2),
        ("DELETE FROM notes WHERE id > 10", 2),
        ("WITH u AS (UPDATE notes SET body = rtrim(body, '!') RETURNING 1) SELECT count(*) FROM u", 1),
        (
            "MERGE INTO notes USING (VALUES (4), (9)) v (i) ON id = i WHEN MATCHED THEN UPDATE SET body = 'b4'",
            1,
        ),
        ("ALTER TABLE notes ADD CHECK (org_id IS NOT NULL)", 0),
        ("VALUES (1), (2)", 2),
    ] {
        assert_eq!(owner.number(&across(statement)), rows, "{statement}");
    }
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
    fenced(&walled, &mut owner, "all of them");
    let mut dba = walled.superuser();
    assert_eq!(dba.number("SELECT count(*) FROM org_scope.journal"), 8);
    owner.run(
        "SELECT org_scope.across_orgs(statement => 'UPDATE notes SET body = body', reason => 'ticket 7')",
    );
    let row = dba.column(
        "SELECT concat_ws('|', role, kind, coalesce(target::text, '-'), statement, rows, reason, at > now() - interval '1 minute')
         FROM org_scope.journal WHERE reason IS NOT NULL",
    );
    assert_eq!(row, [format!("{}|across_orgs|-|UPDATE notes SET body = body|5|ticket 7|t", walled.owner)]);
    owner.run("BEGIN; SELECT org_scope.across_orgs('TRUNCATE notes'); ROLLBACK");
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
    assert_eq!(dba.number("SELECT count(*) FROM org_scope.journal"), 9, "what was rolled back was not done");
}

#[test]
fn it_needs_execute() {
    let (walled, other) = house("execute");
    for role in [&walled.app, &other] {
        walled.db.connect(role).refused(&across("SELECT 1"), "42501");
    }
    // A definer function of somebody who has it works on what that somebody owns, as any definer function would.
    walled.owner().refused(
        &format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs TO {}; SELECT 1/0", walled.app),
        "22012",
    );
    walled.app().refused(&across("SELECT 1"), "42501");
}

#[test]
fn tables_of_other_owners_stay_fenced() {
    let (walled, _) = house("others");
    let mut owner = walled.owner();
    for attack in [
        "SELECT * FROM other",
        "UPDATE other SET body = 'x'",
        "DELETE FROM other",
        "SELECT * FROM notes JOIN other USING (org_id)",
        "INSERT INTO notes SELECT 10 + id, org_id, body FROM other",
        "MERGE INTO other USING notes ON other.id = notes.id WHEN MATCHED THEN DELETE",
    ] {
        owner.refused(&across(attack), "OS001");
    }
    owner.refused(&across("ALTER TABLE other DISABLE ROW LEVEL SECURITY"), "42501");
    fenced(&walled, &mut owner, "all of them");
}

#[test]
fn views_and_definer_functions_of_other_owners_lend_nothing() {
    let (walled, other) = house("lend");
    let mut lender = walled.db.connect(&other);
    lender.run(&format!(
        "CREATE VIEW lent AS SELECT * FROM other;
         CREATE VIEW lent_twice AS SELECT * FROM lent;
         CREATE FUNCTION lent_sql() RETURNS SETOF other LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM other';
         CREATE FUNCTION lent_atomic() RETURNS bigint LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM other; END;
         CREATE FUNCTION lent_plpgsql() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
             AS $$ BEGIN RETURN (SELECT count(*) FROM other); END $$;
         CREATE FUNCTION lent_dynamic() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
             AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM other' INTO n; RETURN n; END $$;
         CREATE FUNCTION inner_plain() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM other); END $$;
         CREATE FUNCTION lent_nested() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN inner_plain(); END $$;
         CREATE FUNCTION lent_caught() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
             AS $$ BEGIN BEGIN RETURN (SELECT count(*) FROM other); EXCEPTION WHEN OTHERS THEN END; RETURN (SELECT count(*) FROM other); END $$;
         CREATE FUNCTION lent_write() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
             AS $$ BEGIN UPDATE other SET body = 'x'; RETURN 1; END $$;
         CREATE FUNCTION lent_truncate() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN TRUNCATE other; RETURN 1; END $$;
         CREATE FUNCTION lent_alter() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
             AS $$ BEGIN ALTER TABLE other ALTER body TYPE varchar; RETURN 1; END $$;
         CREATE FUNCTION lent_cursor() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
             AS $$ DECLARE c CURSOR FOR SELECT body FROM other; b text; BEGIN OPEN c; FETCH c INTO b; CLOSE c; RETURN b; END $$;
         GRANT ALL ON lent, lent_twice TO {owner};",
        owner = walled.owner
    ));
    walled.superuser().run(&format!(
        "CREATE MATERIALIZED VIEW snapshot AS SELECT * FROM other WITH NO DATA; ALTER MATERIALIZED VIEW snapshot OWNER TO {other};
         CREATE FUNCTION refresh() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN REFRESH MATERIALIZED VIEW snapshot; RETURN 1; END $$;
         ALTER FUNCTION refresh() OWNER TO {other}"
    ));
    let mut owner = walled.owner();
    for attack in [
        "SELECT * FROM lent",
        "SELECT * FROM lent_twice",
        "UPDATE lent SET body = 'x'",
        "DELETE FROM lent_twice",
        "SELECT * FROM notes WHERE EXISTS (SELECT FROM lent)",
        "SELECT lent_sql()",
        "SELECT * FROM lent_sql()",
        "SELECT lent_atomic()",
        "SELECT lent_plpgsql()",
        "SELECT lent_dynamic()",
        "SELECT lent_nested()",
        "SELECT lent_caught()",
        "SELECT lent_write()",
        "SELECT lent_truncate()",
        "SELECT lent_alter()",
        "SELECT lent_cursor()",
        "SELECT refresh()",
        "UPDATE notes SET body = lent_plpgsql()::text",
    ] {
        owner.refused(&across(attack), "OS002").says("across_orgs lifts the fence for its caller only");
        fenced(&walled, &mut owner, attack);
    }
    assert_eq!(walled.superuser().text("SELECT string_agg(body, ' ' ORDER BY id) FROM other"), "a b");
}

#[test]
fn the_callers_own_views_and_functions_may_be_used() {
    let (walled, _) = house("own");
    let mut owner = walled.owner();
    owner.run("CREATE VIEW own AS SELECT * FROM notes;
               CREATE FUNCTION own_count() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT count(*) FROM notes); END $$");
    assert_eq!(owner.number(&across("SELECT * FROM own")), 5);
    owner.run(&across("UPDATE notes SET body = body WHERE own_count() = 5"));
    fenced(&walled, &mut owner, "own views");
}

#[test]
fn plans_made_meanwhile_are_fenced_later() {
    let (walled, _) = house("plans");
    let mut owner = walled.owner();
    owner.run(
        "CREATE FUNCTION cached() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM notes); END $$;
         CREATE FUNCTION cached_loop() RETURNS bigint LANGUAGE plpgsql
             AS $$ DECLARE n bigint = 0; r record; BEGIN FOR r IN SELECT * FROM notes LOOP n := n + 1; END LOOP; RETURN n; END $$;
         CREATE FUNCTION cached_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM notes';
         CREATE FUNCTION cached_atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM notes; END;
         CREATE FUNCTION cached_expression() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN cached_sql(); END $$;
         CREATE FUNCTION cached_prepare() RETURNS bigint LANGUAGE plpgsql
             AS $$ BEGIN EXECUTE 'PREPARE prepared AS SELECT count(*) FROM notes'; RETURN 5; END $$;
         PREPARE early AS SELECT count(*) FROM notes;
         SET plan_cache_mode = force_generic_plan",
    );
    let functions = ["cached()", "cached_loop()", "cached_sql()", "cached_atomic()", "cached_expression()"];
    for turn in 0..3 {
        for function in functions {
            owner.run(&across(&format!("UPDATE notes SET body = body WHERE {function} <> 5")));
            assert_eq!(
                owner.number(&across(&format!("SELECT 1 WHERE {function} = 5"))),
                1,
                "{turn} {function}: lifted"
            );
            owner.refused(&format!("SELECT {function}"), "OS001");
        }
        if turn == 0 {
            owner.run(&across("SELECT cached_prepare()"));
        }
        for prepared in ["early", "prepared"] {
            owner.refused(&format!("EXECUTE {prepared}"), "OS001");
        }
    }
    // In one transaction, where PL/pgSQL keeps more than between two.
    for function in functions {
        owner.run("BEGIN");
        owner.run(&across(&format!("SELECT {function}")));
        owner.refused(&format!("SELECT {function}"), "OS001");
        owner.run("ROLLBACK");
    }
    // And as a whole: the same functions first called fenced, then lifted, then fenced.
    fenced(&walled, &mut owner, "plans");
    owner.act_for(A);
    for function in functions {
        assert_eq!(owner.number(&format!("SELECT {function}")), 3, "{function}");
        owner.run(&across(&format!("SELECT {function}")));
        assert_eq!(owner.number(&format!("SELECT {function}")), 3, "{function}");
    }
    assert_eq!(owner.number("EXECUTE prepared"), 3);
}

#[test]
fn a_plan_is_fenced_again_after_an_error_too() {
    let (walled, _) = house("planerror");
    let mut owner = walled.owner();
    owner.run(
        "CREATE FUNCTION cached() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM notes); END $$;
         CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM cached(); RAISE 'boom'; END $$",
    );
    owner.refused(&across("SELECT boom()"), "P0001");
    owner.refused("SELECT cached()", "OS001");
    owner.run("DO $$ BEGIN PERFORM org_scope.across_orgs('SELECT boom()'); EXCEPTION WHEN raise_exception THEN
                   BEGIN PERFORM cached(); RAISE 'the fence is open'; EXCEPTION WHEN SQLSTATE 'OS001' THEN NULL; END;
               END $$");
    owner.refused("SELECT cached()", "OS001");
}

#[test]
fn no_cursor_stays_open() {
    let (walled, _) = house("cursors");
    let mut owner = walled.owner();
    owner.run(
        "CREATE FUNCTION open_ref() RETURNS refcursor LANGUAGE plpgsql
             AS $$ DECLARE c refcursor = 'c'; BEGIN OPEN c FOR SELECT * FROM notes; RETURN c; END $$;
         CREATE FUNCTION open_scrolled() RETURNS refcursor LANGUAGE plpgsql
             AS $$ DECLARE c refcursor = 'c'; n notes; BEGIN OPEN c SCROLL FOR SELECT * FROM notes; FETCH c INTO n; RETURN c; END $$;
         CREATE FUNCTION open_dynamic() RETURNS refcursor LANGUAGE plpgsql
             AS $$ DECLARE c refcursor = 'c'; BEGIN OPEN c FOR EXECUTE 'SELECT * FROM notes'; RETURN c; END $$;
         CREATE FUNCTION open_sql() RETURNS int LANGUAGE plpgsql
             AS $$ BEGIN EXECUTE 'DECLARE c CURSOR FOR SELECT * FROM notes'; RETURN 1; END $$;
         CREATE FUNCTION open_hold() RETURNS int LANGUAGE plpgsql
             AS $$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM notes'; RETURN 1; END $$;
         CREATE FUNCTION open_in_block() RETURNS int LANGUAGE plpgsql
             AS $$ DECLARE c refcursor = 'c'; BEGIN BEGIN OPEN c FOR SELECT * FROM notes; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN 1; END $$;
         CREATE FUNCTION open_hidden() RETURNS int LANGUAGE plpgsql
             AS $$ DECLARE c refcursor = 'c'; BEGIN OPEN c FOR SELECT (SELECT count(*) FROM notes), g FROM generate_series(1, 3) g; RETURN 1; END $$;
         CREATE FUNCTION lazy_count(int) RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT count(*) FROM notes';
         CREATE FUNCTION open_lazy() RETURNS int LANGUAGE plpgsql
             AS $$ DECLARE c refcursor = 'c'; n record; BEGIN OPEN c FOR SELECT lazy_count(g) FROM generate_series(1, 3) g; FETCH c INTO n; RETURN 1; END $$",
    );
    for opener in [
        "open_ref()",
        "open_scrolled()",
        "open_dynamic()",
        "open_sql()",
        "open_hold()",
        "open_in_block()",
        "open_hidden()",
        "open_lazy()",
    ] {
        for statement in [
            format!("SELECT {opener}"),
            format!("UPDATE notes SET body = body WHERE id = 1 AND {opener} IS NOT NULL"),
        ] {
            owner.run("BEGIN; SAVEPOINT s");
            let refusal = match owner.try_run(&across(&statement)) {
                Err(refusal) => refusal,
                Ok(()) => {
                    panic!("{statement} left a cursor open, which shows {:?}", owner.rows("FETCH ALL FROM c"))
                }
            };
            assert_eq!(refusal.sqlstate, "OS002", "{statement}: {refusal:?}");
            owner.run("ROLLBACK TO s");
            owner.refused("FETCH ALL FROM c", "34000");
            owner.run("ROLLBACK");
        }
    }
    // One that is closed again is no harm, nor one that was open before, fenced.
    owner.run("CREATE FUNCTION open_close() RETURNS bigint LANGUAGE plpgsql
                   AS $$ DECLARE c CURSOR FOR SELECT * FROM notes; n notes; BEGIN OPEN c; FETCH c INTO n; CLOSE c; RETURN 1; END $$");
    owner.run(&across("SELECT open_close()"));
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    owner.act_for(A);
    owner.run("BEGIN; DECLARE before CURSOR FOR SELECT body FROM notes ORDER BY id");
    owner.run(&across("UPDATE notes SET body = body"));
    assert_eq!(owner.column("FETCH ALL FROM before"), ["a1", "a2", "a3"]);
    owner.run("ROLLBACK");
    // One that is opened before isn't read meanwhile: what it has not yet planned, it would plan without a
    // fence, and go on with it afterwards.
    owner.run(
        "CREATE FUNCTION read_before() RETURNS bigint LANGUAGE plpgsql
                   AS $$ DECLARE c refcursor = 'before'; n notes; r bigint = 0; BEGIN
                         LOOP FETCH c INTO n; EXIT WHEN NOT FOUND; r := r + 1; END LOOP; RETURN r; END $$",
    );
    owner.run("CREATE FUNCTION lazy(int) RETURNS notes LANGUAGE sql VOLATILE AS 'SELECT notes FROM notes ORDER BY id DESC LIMIT 1'");
    for cursor in ["SELECT * FROM notes", "SELECT (lazy(g)).* FROM generate_series(1, 3) g"] {
        owner.run(&format!("BEGIN; DECLARE before CURSOR FOR {cursor}"));
        owner.refused(&across("SELECT read_before()"), "OS002");
        owner.run("ROLLBACK");
    }
}

#[test]
fn only_one_plain_statement_is_taken() {
    let (walled, _) = house("plain");
    let mut owner = walled.owner();
    for statement in [
        "",
        ";",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE notes",
        "PREPARE p AS SELECT * FROM notes",
        "EXECUTE p",
        "COPY notes TO STDOUT",
        "COPY notes FROM STDIN",
        "DO 'BEGIN END'",
        "CALL p()",
        "DECLARE c CURSOR FOR SELECT * FROM notes",
        "FETCH ALL FROM c",
        "SELECT * INTO TEMP stolen FROM notes",
        "SELECT 1 AS id INTO stolen UNION SELECT id FROM notes",
        "CREATE TABLE stolen AS SELECT * FROM notes",
        "CREATE VIEW v AS SELECT * FROM notes",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM notes",
        "REFRESH MATERIALIZED VIEW m",
        "EXPLAIN ANALYZE SELECT * FROM notes",
        "DROP TABLE notes",
        "SET ROLE postgres",
        "SET org_scope.missing_org = 'empty'",
        "BEGIN",
        "COMMIT",
        "LOCK notes",
        "VACUUM notes",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER VIEW v OWNER TO postgres",
        "ALTER INDEX idx_notes_org_id SET (fillfactor = 50)",
        "GRANT ALL ON notes TO PUBLIC",
        "CREATE POLICY p ON notes",
        "CLUSTER notes USING notes_pkey",
        "LISTEN x",
    ] {
        let refusal = owner.refused(&across(statement), "22023");
        assert!(refusal.message.starts_with("across_orgs takes one"), "{statement}: {refusal:?}");
    }
    owner.refused("SELECT org_scope.across_orgs(NULL)", "22004");
    owner.refused(&across("SELEKT"), "42601");
    owner.refused(&across("SELECT no_such_column FROM notes"), "42703");
    assert_eq!(walled.superuser().number("SELECT count(*) FROM org_scope.journal"), 0);
    fenced(&walled, &mut owner, "all of them");
}

#[test]
fn nobody_else_can_be_become_meanwhile() {
    let (walled, other) = house("become");
    walled.superuser().run(&format!("GRANT {other} TO {}", walled.owner));
    let mut owner = walled.owner();
    owner.run(&format!(
        "CREATE FUNCTION become_other() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET ROLE {other}'; RETURN (SELECT count(*) FROM other); END $$;
         CREATE FUNCTION become_config() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('role', '{other}', false); RETURN (SELECT count(*) FROM other); END $$;
         CREATE FUNCTION become_nobody() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; RETURN (SELECT count(*) FROM other); END $$"
    ));
    for function in ["become_other()", "become_config()", "become_nobody()"] {
        let refusal = owner.try_run(&across(&format!("SELECT {function}"))).expect_err(function);
        assert!(["42501", "OS001"].contains(&refusal.sqlstate.as_str()), "{function}: {refusal:?}");
        fenced(&walled, &mut owner, function);
    }
}

#[test]
fn an_error_inside_leaves_everything_fenced() {
    let (walled, _) = house("error");
    let mut owner = walled.owner();
    for begin in ["SELECT 1", "BEGIN; SAVEPOINT s"] {
        owner.run(begin);
        owner.refused(&across("SELECT 1/(id - 4) FROM notes"), "22012");
        drop(owner.try_run("ROLLBACK TO s"));
        owner.is_closed();
        drop(owner.try_run("ROLLBACK"));
        fenced(&walled, &mut owner, begin);
    }
    owner.run("DO $$ DECLARE n bigint; BEGIN
                   BEGIN PERFORM org_scope.across_orgs('SELECT 1/(id - 4) FROM notes'); EXCEPTION WHEN division_by_zero THEN NULL; END;
                   BEGIN SELECT count(*) INTO n FROM notes; RAISE 'the fence is open: %', n; EXCEPTION WHEN SQLSTATE 'OS001' THEN NULL; END;
               END $$");
    // A cancelled statement, too.
    owner.run("SET statement_timeout = '50ms'");
    owner.refused(&across("SELECT pg_sleep(10), * FROM notes"), "57014");
    owner.run("SET statement_timeout = 0");
    fenced(&walled, &mut owner, "a timeout");
}

#[test]
fn an_error_inside_arrives_whole() {
    let (walled, _) = house("whole");
    let mut owner = walled.owner();
    owner.run("CREATE FUNCTION custom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                   RAISE 'custom' USING ERRCODE = 'ZX123', DETAIL = 'd', HINT = 'h', COLUMN = 'c', CONSTRAINT = 'k', TABLE = 't', SCHEMA = 's', DATATYPE = 'y'; END $$");
    for call in [across("SELECT custom()"), "SELECT custom()".to_owned()] {
        let error = owner.client().simple_query(&call).expect_err("an error");
        let error = error.as_db_error().expect("of the server");
        assert_eq!(error.code().code(), "ZX123");
        assert_eq!((error.message(), error.detail(), error.hint()), ("custom", Some("d"), Some("h")));
        assert_eq!(
            (error.column(), error.constraint(), error.table(), error.schema(), error.datatype()),
            (Some("c"), Some("k"), Some("t"), Some("s"), Some("y"))
        );
    }
    let error = owner
        .client()
        .simple_query(&across("INSERT INTO notes SELECT id, org_id, body FROM notes"))
        .expect_err("an error");
    assert_eq!(error.as_db_error().and_then(|e| e.constraint()), Some("notes_pkey"));
}

#[test]
fn foreign_keys_to_tables_of_other_owners_still_work() {
    let (walled, other) = house("keys");
    walled.owner().run(&format!("GRANT REFERENCES ON notes TO {other}"));
    let mut child = walled.db.connect(&other);
    child.run(&format!(
        "CREATE TABLE child (id int PRIMARY KEY, org_id uuid NOT NULL, note_id int REFERENCES notes ON DELETE CASCADE ON UPDATE CASCADE);
         INSERT INTO child VALUES (1, '{A}', 1), (4, '{B}', 4), (5, '{B}', 5)"
    ));
    fence(&mut child, "child", "org_id");
    child.run(&format!("GRANT REFERENCES ON other TO {}", walled.owner));
    let mut owner = walled.owner();
    assert_eq!(owner.number(&across("UPDATE notes SET id = id + 100 WHERE id IN (1, 4)")), 2);
    assert_eq!(owner.number(&across("DELETE FROM notes WHERE id = 104")), 1);
    assert_eq!(walled.superuser().column("SELECT note_id FROM child ORDER BY 1"), ["5", "101"]);
    // And towards them: adding a key validates all rows, not the current organization's.
    owner.run("CREATE TABLE grandchild (id int PRIMARY KEY, other_id int)");
    owner.run("INSERT INTO grandchild VALUES (1, 1), (2, 2)");
    owner.run(&across("ALTER TABLE grandchild ADD FOREIGN KEY (other_id) REFERENCES other"));
    owner.refused(&across("INSERT INTO grandchild VALUES (3, 77)"), "23503");
    assert_eq!(owner.number(&across("INSERT INTO grandchild VALUES (3, 2)")), 1);
    fenced(&walled, &mut owner, "foreign keys");
}

#[test]
fn the_alter_table_of_a_migration_sees_all_rows() {
    let (walled, _) = house("validate");
    let mut owner = walled.owner();
    owner.refused(&across("ALTER TABLE notes ADD CONSTRAINT only_a CHECK (body LIKE 'a%')"), "23514");
    owner.run("CREATE TABLE kinds (body text PRIMARY KEY); INSERT INTO kinds VALUES ('a1'), ('a2'), ('a3')");
    owner.refused(&across("ALTER TABLE notes ADD FOREIGN KEY (body) REFERENCES kinds"), "23503");
}

#[test]
fn nothing_runs_in_parallel_meanwhile() {
    let (walled, _) = house("parallel");
    walled.superuser().run(&format!(
        "INSERT INTO notes SELECT 100 + g, '{A}', 'a' FROM generate_series(1, 20000) g; ANALYZE notes"
    ));
    let mut owner = walled.owner();
    owner.run("CREATE FUNCTION who(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE COST 10000
                   AS $$ BEGIN IF $1 % 1000 = 0 THEN RAISE NOTICE 'pid %', pg_backend_pid(); END IF; RETURN 1; END $$;
               SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
               SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off; SET force_parallel_mode = on");
    let pid = owner.number("SELECT pg_backend_pid()");
    owner.notices();
    owner.run(&across("SELECT sum(who(id)) FROM notes"));
    let said = owner.notices();
    assert!(said.len() >= 20, "{said:?}");
    assert!(said.iter().all(|n| n.message == format!("pid {pid}")), "{said:?}");
    // The same fenced does run in workers, or the above proves nothing.
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    owner.act_for(A);
    owner.notices();
    owner.run("SELECT sum(who(id)) FROM notes");
    assert!(
        owner.notices().iter().any(|n| n.message.starts_with("pid") && n.message != format!("pid {pid}"))
    );
}

#[test]
fn triggers_of_other_owners_see_nothing_through_it() {
    let (walled, other) = house("triggers");
    // The caller's table has a trigger whose function is a definer of another owner: it stays fenced.
    walled.db.connect(&other).run(
        "CREATE FUNCTION peek() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
             AS $$ BEGIN PERFORM count(*) FROM other; RETURN new; END $$",
    );
    let mut owner = walled.owner();
    owner.run("CREATE TRIGGER peek BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION peek()");
    owner.refused(&across("UPDATE notes SET body = body"), "OS002");
    owner.run("DROP TRIGGER peek ON notes");
    // A deferred trigger runs when the fence stands again.
    owner.run(
        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM count(*) FROM notes; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()",
    );
    owner.refused(&across("UPDATE notes SET body = body"), "OS001");
    fenced(&walled, &mut owner, "triggers");
}

#[test]
fn inside_another_statement_only_the_inner_one_is_lifted() {
    let (walled, _) = house("inside");
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    let mut owner = walled.owner();
    owner.act_for(A);
    let rows =
        owner.column("SELECT body || org_scope.across_orgs('SELECT * FROM notes') FROM notes ORDER BY id");
    assert_eq!(rows, ["a15", "a25", "a35"]);
    assert_eq!(
        owner.text(
            "SELECT org_scope.across_orgs('SELECT * FROM notes') || '|' || (SELECT count(*) FROM notes)"
        ),
        "5|3"
    );
    // One inside the other.
    owner.run(&across("SELECT org_scope.across_orgs('SELECT * FROM notes') FROM notes"));
    assert_eq!(owner.notes(), "a1 a2 a3");
}

#[test]
fn the_context_stays_what_it_is() {
    let (walled, _) = house("context");
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    let mut owner = walled.owner();
    owner.act_for(A);
    owner.run(&across("UPDATE notes SET body = org_scope.current_org()"));
    assert_eq!(owner.text("SELECT org_scope.current_org()"), A);
    // Rows without an organization of their own go to the current one, as everywhere.
    owner.run(&across("INSERT INTO notes (id, body) VALUES (9, 'a9')"));
    assert_eq!(owner.number("SELECT count(*) FROM notes"), 4);
}
