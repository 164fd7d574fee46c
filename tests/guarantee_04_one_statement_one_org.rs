//! Guarantee 4: a statement executed under one organization never returns what was planned for another,
//! and no result mixes the rows of two.

use std::io::Read as _;
use std::thread;

use postgres::fallible_iterator::FallibleIterator as _;

use crate::harness::{A, B, Server, Session, Walled};

const MODES: [&str; 3] = ["auto", "force_custom_plan", "force_generic_plan"];

/// A function `become(org)` that sets the organization from inside any statement, and declares itself
/// harmless to the planner, as an attacker would.
fn with_become(walled: &Walled) {
    walled.app().run(
        "CREATE FUNCTION become(org text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE COST 0.0000001
             AS $$ BEGIN PERFORM org_scope.set_current_org(org); RETURN true; END $$;
         CREATE FUNCTION become_once(org text, at int, id int) RETURNS boolean LANGUAGE plpgsql
             AS $$ BEGIN IF id = at THEN PERFORM org_scope.set_current_org(org); END IF; RETURN true; END $$",
    );
}

/// Asserts that what a statement has shown belongs to one organization, or that it was refused.
#[track_caller]
fn one_org(session: &mut Session, attack: &str) {
    let shown = match session.client().simple_query(attack) {
        Ok(messages) => messages
            .iter()
            .filter_map(|m| match m {
                postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            })
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => {
            let error = error.as_db_error().unwrap_or_else(|| panic!("{attack}: {error}"));
            assert_eq!(error.code().code(), "OS003", "{attack}: {error:?}");
            return;
        }
    };
    let of = |org: char| shown.split(' ').any(|body| body.starts_with(org));
    assert!(!(of('a') && of('b')), "{attack}\nshowed {shown}");
}

#[test]
fn a_prepared_statement_follows_the_organization_in_every_plan_mode() {
    let walled = Walled::new("prepared", Server::Plain);
    for mode in MODES {
        let mut app = walled.app_as(A);
        app.run(&format!("SET plan_cache_mode = {mode}"));
        app.run(
            "PREPARE q AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes;
                 PREPARE p (int) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= $1;
                 PREPARE u AS UPDATE notes SET body = body",
        );
        for _ in 0..7 {
            for (org, all, touched) in [(A, "a1 a2 a3", 3), (B, "b4 b5", 2)] {
                app.act_for(org);
                assert_eq!(app.text("EXECUTE q"), all, "{mode}");
                assert_eq!(app.text("EXECUTE p (0)"), all, "{mode}");
                assert_eq!(app.touched("EXECUTE u"), touched, "{mode}");
            }
        }
        app.run("SELECT org_scope.clear_context()");
        for statement in ["EXECUTE q", "EXECUTE p (0)", "EXECUTE u", "EXPLAIN ANALYZE EXECUTE q"] {
            let refusal = app.refused(statement, "OS001");
            assert_eq!(refusal.message, "no organization is set", "{mode}: {statement}");
        }
    }
}

#[test]
fn a_protocol_level_statement_follows_the_organization() {
    let walled = Walled::new("protocol", Server::Plain);
    for mode in MODES {
        let mut app = walled.app_as(A);
        app.run(&format!("SET plan_cache_mode = {mode}"));
        let statement =
            app.client().prepare("SELECT body FROM notes WHERE id > $1 ORDER BY id").expect("prepared");
        for _ in 0..7 {
            for (org, all) in [(A, vec!["a1", "a2", "a3"]), (B, vec!["b4", "b5"])] {
                app.act_for(org);
                let rows = app.client().query(&statement, &[&0_i32]).expect("rows");
                let bodies: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
                assert_eq!(bodies, all, "{mode}");
            }
        }
    }
}

#[test]
fn functions_with_cached_plans_follow_the_organization() {
    let walled = Walled::new("functions", Server::Plain);
    walled.app().run(
        "CREATE FUNCTION f_plpgsql() RETURNS text LANGUAGE plpgsql
             AS $$ DECLARE r text; BEGIN SELECT string_agg(body, ' ' ORDER BY id) INTO r FROM notes; RETURN r; END $$;
         CREATE FUNCTION f_perform(i int) RETURNS text LANGUAGE plpgsql
             AS $$ DECLARE r text = ''; n record; BEGIN
                   FOR n IN SELECT body FROM notes WHERE id >= i ORDER BY id LOOP r := ltrim(r || ' ' || n.body); END LOOP;
                   RETURN r; END $$;
         CREATE FUNCTION f_sql() RETURNS text LANGUAGE sql
             AS $$ SELECT string_agg(body, ' ' ORDER BY id) FROM notes $$;
         CREATE FUNCTION f_volatile() RETURNS text LANGUAGE sql VOLATILE SECURITY INVOKER SET work_mem = '1MB'
             AS $$ SELECT string_agg(body, ' ' ORDER BY id) FROM notes $$;
         CREATE FUNCTION f_immutable() RETURNS text LANGUAGE sql IMMUTABLE
             AS $$ SELECT string_agg(body, ' ' ORDER BY id) FROM notes $$;
         CREATE FUNCTION f_atomic() RETURNS text LANGUAGE sql
             BEGIN ATOMIC SELECT string_agg(body, ' ' ORDER BY id) FROM notes; END;
         CREATE FUNCTION f_reader() RETURNS text LANGUAGE plpgsql
             AS $$ BEGIN IF org_scope.current_org() LIKE 'a%' THEN RETURN 'a1 a2 a3'; ELSE RETURN 'b4 b5'; END IF; END $$;
         CREATE VIEW v AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes;
         CREATE VIEW v_invoker WITH (security_invoker) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes",
    );
    for mode in MODES {
        let mut app = walled.app_as(A);
        app.run(&format!("SET plan_cache_mode = {mode}"));
        for _ in 0..7 {
            for (org, all) in [(A, "a1 a2 a3"), (B, "b4 b5")] {
                app.act_for(org);
                for call in [
                    "f_plpgsql()",
                    "f_perform(0)",
                    "f_sql()",
                    "f_volatile()",
                    "f_immutable()",
                    "f_atomic()",
                    "f_reader()",
                ] {
                    assert_eq!(app.text(&format!("SELECT {call}")), all, "{mode}: {call}");
                }
                assert_eq!(app.text("TABLE v"), all, "{mode}: view");
                assert_eq!(app.text("TABLE v_invoker"), all, "{mode}: view");
            }
        }
    }
}

#[test]
fn one_block_that_switches_sees_each_organization_in_its_turn() {
    let walled = Walled::new("block", Server::Plain);
    with_become(&walled);
    let mut app = walled.app();
    app.run(&format!(
        "DO $$ DECLARE seen text; o text; BEGIN
             FOR i IN 1..20 LOOP
                 o := CASE i % 2 WHEN 0 THEN '{A}' ELSE '{B}' END;
                 PERFORM become(o);
                 SELECT string_agg(body, ' ' ORDER BY id) INTO seen FROM notes;
                 IF seen <> (CASE i % 2 WHEN 0 THEN 'a1 a2 a3' ELSE 'b4 b5' END) THEN RAISE 'saw % in turn %', seen, i; END IF;
             END LOOP;
         END $$"
    ));
}

#[test]
fn switching_in_the_middle_of_a_statement_mixes_nothing() {
    for index in [true, false] {
        let walled = Walled::new("midstatement", Server::Plain);
        with_become(&walled);
        if !index {
            walled.without_index();
        }
        for attack in [
            format!("SELECT body FROM notes WHERE become('{B}')"),
            format!("SELECT body, become('{B}') FROM notes"),
            format!("SELECT body FROM notes WHERE become_once('{B}', 2, id)"),
            format!("SELECT body FROM notes ORDER BY become('{B}'), id"),
            format!(
                "SELECT body FROM notes UNION ALL SELECT become('{B}')::text UNION ALL SELECT body FROM notes"
            ),
            format!("SELECT become('{B}')::text UNION ALL SELECT body FROM notes"),
            format!("WITH s AS MATERIALIZED (SELECT become('{B}')) SELECT body FROM notes, s"),
            format!("SELECT body FROM notes, (SELECT become('{B}') OFFSET 0) s"),
            format!("SELECT body FROM (SELECT become('{B}') OFFSET 0) s, notes"),
            format!(
                "SELECT n.body || ' ' || m.body FROM notes n, LATERAL (SELECT body, become('{B}') FROM notes m OFFSET 0) m"
            ),
            format!(
                "SELECT body || ' ' || (SELECT string_agg(body, ' ') FROM notes m WHERE become('{B}') AND m.id > n.id - 9) FROM notes n"
            ),
            format!("SELECT body FROM notes WHERE id IN (SELECT id FROM notes WHERE become('{B}'))"),
            format!("SELECT string_agg(body, ' ') FROM notes GROUP BY become_once('{B}', 1, id)"),
            format!("SELECT body FROM notes n, generate_series(1, 3) g WHERE become_once('{B}', 2, g)"),
            format!("SELECT body FROM generate_series(1, 3) g, notes WHERE become_once('{B}', 2, g)"),
            format!(
                "SELECT body FROM generate_series(1, 3) g CROSS JOIN LATERAL (SELECT body, become_once('{B}', 2, g) b FROM notes OFFSET 0) n"
            ),
            format!(
                "WITH w AS (UPDATE notes SET body = body WHERE become('{B}') RETURNING body) SELECT body FROM w"
            ),
            format!(
                "WITH RECURSIVE r (n, body) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, notes.body FROM r, notes WHERE n < 3 AND become_once('{B}', 1, n)) SELECT body FROM r"
            ),
            format!(
                "SELECT body FROM notes WHERE set_config('org_scope.current_org', '{B}', false) IS NOT NULL"
            ),
            "SELECT body FROM notes FETCH FIRST 5 ROWS ONLY FOR UPDATE".to_owned(),
            format!("COPY (SELECT body FROM notes WHERE become('{B}')) TO STDOUT"),
            format!("EXPLAIN ANALYZE SELECT body FROM notes WHERE become('{B}')"),
        ] {
            let mut app = walled.app_as(A);
            if attack.contains("set_config") {
                app.refused(&attack, "42501");
            } else if attack.starts_with("COPY") {
                let mut said = String::new();
                let result = match app.client().copy_out(&attack) {
                    Ok(mut rows) => {
                        rows.read_to_string(&mut said).map(drop).map_err(|error| error.to_string())
                    }
                    Err(error) => Err(error.to_string()),
                };
                assert!(!said.contains('b'), "{attack}: {said} {result:?}");
            } else {
                one_org(&mut app, &attack);
            }
        }
        assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
    }
}

#[test]
fn a_write_that_switches_in_the_middle_writes_nothing_elsewhere() {
    for index in [true, false] {
        let walled = Walled::new("midwrite", Server::Plain);
        with_become(&walled);
        if !index {
            walled.without_index();
        }
        for attack in [
            format!("UPDATE notes SET body = 'x' WHERE become('{B}')"),
            format!("UPDATE notes SET body = CASE WHEN become('{B}') THEN 'x' END"),
            format!("UPDATE notes SET org_id = CASE WHEN become('{B}') THEN '{B}'::uuid END"),
            format!("DELETE FROM notes WHERE become('{B}')"),
            format!("DELETE FROM notes n USING notes m WHERE become('{B}')"),
            format!("INSERT INTO notes (id, body) SELECT 10 + id, 'x' FROM notes WHERE become('{B}')"),
            format!("INSERT INTO notes SELECT 10 + id, '{B}', 'x' FROM notes WHERE become('{B}')"),
            format!("INSERT INTO notes (id, body) VALUES (9, become('{B}')::text)"),
            format!(
                "INSERT INTO notes (id, body) VALUES (4, 'x') ON CONFLICT (id) DO UPDATE SET body = 'x' WHERE become('{B}')"
            ),
            format!(
                "MERGE INTO notes USING (SELECT g, become('{B}') b FROM generate_series(1, 9) g OFFSET 0) v ON id = g WHEN MATCHED THEN UPDATE SET body = 'x' WHEN NOT MATCHED THEN INSERT (id, body) VALUES (g, 'x')"
            ),
            format!("WITH w AS (UPDATE notes SET body = 'x' RETURNING 1) SELECT become('{B}')"),
            format!(
                "WITH w AS (INSERT INTO notes (id, body) VALUES (9, 'x') RETURNING 1) SELECT become('{B}')"
            ),
            format!("WITH w AS (DELETE FROM notes RETURNING body) SELECT body FROM w WHERE become('{B}')"),
        ] {
            let mut app = walled.app_as(A);
            app.run("BEGIN");
            let refused = app.try_run(&attack).err();
            if let Some(refusal) = &refused {
                assert!(
                    ["OS003", "42501", "23502"].contains(&refusal.sqlstate.as_str()),
                    "{attack}: {refusal:?}"
                );
                app.run("ROLLBACK");
            } else {
                app.run("COMMIT");
            }
            // What A wrote of its own is no harm; B's rows must be as they were.
            let bs = "SELECT string_agg(id || body, ' ' ORDER BY id) FROM notes WHERE org_id = '".to_owned()
                + B
                + "'";
            assert_eq!(walled.superuser().text(&bs), "4b4 5b5", "{attack} ({refused:?})");
            walled.superuser().run(&format!(
                "DELETE FROM notes WHERE org_id = '{A}'; INSERT INTO notes VALUES (1, '{A}', 'a1'), (2, '{A}', 'a2'), (3, '{A}', 'a3')"
            ));
        }
    }
}

#[test]
fn switching_and_switching_back_is_allowed() {
    let walled = Walled::new("back", Server::Plain);
    with_become(&walled);
    walled.app().run(
        "CREATE FUNCTION count_as(org text) RETURNS bigint LANGUAGE plpgsql AS $$
             DECLARE before text = org_scope.current_org(); n bigint; BEGIN
                 PERFORM org_scope.set_current_org(org);
                 SELECT count(*) INTO n FROM notes;
                 PERFORM org_scope.set_current_org(before);
                 RETURN n;
             END $$",
    );
    walled.without_index();
    let mut app = walled.app_as(A);
    let counted = app.column(&format!("SELECT body || count_as('{B}') FROM notes ORDER BY id"));
    assert_eq!(counted, ["a12", "a22", "a32"]);
    assert_eq!(app.notes(), "a1 a2 a3");
}

#[test]
fn a_cursor_keeps_its_organization_or_raises() {
    for index in [true, false] {
        let walled = Walled::new("cursor", Server::Plain);
        if !index {
            walled.without_index();
        }
        for (opening, fetch) in [
            ("DECLARE c CURSOR FOR SELECT body FROM notes ORDER BY id", "FETCH 1 FROM c"),
            ("DECLARE c CURSOR FOR SELECT body FROM notes", "FETCH 1 FROM c"),
            ("DECLARE c SCROLL CURSOR FOR SELECT body FROM notes", "FETCH FIRST FROM c"),
            ("DECLARE c CURSOR WITH HOLD FOR SELECT body FROM notes", "FETCH 1 FROM c"),
            ("SELECT open_c()", "FETCH 1 FROM c"),
        ] {
            for fetch_before in [true, false] {
                let mut app = walled.app_as(A);
                app.run(
                    "CREATE OR REPLACE FUNCTION open_c() RETURNS void LANGUAGE plpgsql
                         AS $$ DECLARE c refcursor = 'c'; BEGIN OPEN c FOR SELECT body FROM notes; END $$",
                );
                app.run("BEGIN");
                app.run(opening);
                if fetch_before {
                    assert_eq!(app.column(fetch).len(), 1, "{opening}");
                }
                app.act_for(B);
                one_org(&mut app, "FETCH ALL FROM c");
                // Whether it went on or raised, nothing of B may have come.
                drop(app.try_run("ROLLBACK"));
                app.act_for(A);
                app.run("BEGIN");
                app.run(opening);
                app.run(fetch);
                app.act_for(B);
                match app.client().simple_query("FETCH ALL FROM c") {
                    Ok(messages) => {
                        for message in messages {
                            if let postgres::SimpleQueryMessage::Row(row) = message {
                                assert!(row.get(0).is_some_and(|b| b.starts_with('a')), "{opening}: {row:?}");
                            }
                        }
                    }
                    Err(error) => {
                        assert_eq!(error.code().map(|c| c.code()), Some("OS003"), "{opening}: {error}")
                    }
                }
            }
        }
    }
}

#[test]
fn a_held_cursor_of_a_local_context_keeps_its_rows() {
    let walled = Walled::new("held", Server::Plain);
    let mut app = walled.app_as(B);
    app.run("BEGIN");
    app.run(&format!("SELECT org_scope.set_current_org('{A}', true)"));
    app.run("DECLARE c CURSOR WITH HOLD FOR SELECT body FROM notes ORDER BY id; COMMIT");
    assert_eq!(app.notes(), "b4 b5");
    assert_eq!(app.column("FETCH ALL FROM c"), ["a1", "a2", "a3"]);
}

#[test]
fn a_portal_with_a_row_limit_keeps_its_organization_or_raises() {
    for index in [true, false] {
        let walled = Walled::new("portal", Server::Plain);
        if !index {
            walled.without_index();
        }
        let mut app = walled.app_as(A);
        let mut transaction = app.client().transaction().expect("BEGIN");
        let portal = transaction.bind("SELECT body FROM notes", &[]).expect("a portal");
        let first: String = transaction.query_portal(&portal, 1).expect("a row")[0].get(0);
        assert!(first.starts_with('a'));
        transaction.batch_execute(&format!("SELECT org_scope.set_current_org('{B}')")).expect("B");
        match transaction.query_portal(&portal, 0) {
            Ok(rows) => {
                for row in rows {
                    assert!(row.get::<_, String>(0).starts_with('a'), "{row:?}");
                }
            }
            Err(error) => assert_eq!(error.code().map(|c| c.code()), Some("OS003"), "{error}"),
        }
    }
}

#[test]
fn where_current_of_meets_no_foreign_row() {
    let walled = Walled::new("currentof", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("BEGIN; DECLARE c CURSOR FOR SELECT * FROM notes FOR UPDATE; FETCH 1 FROM c");
    app.act_for(B);
    if let Err(refusal) = app.try_run("UPDATE notes SET body = 'x' WHERE CURRENT OF c") {
        assert_eq!(refusal.sqlstate, "OS003", "{refusal:?}");
    }
    drop(app.try_run("COMMIT"));
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
}

#[test]
fn a_row_that_waits_for_another_session_is_checked_again() {
    let walled = Walled::new("wait", Server::Plain);
    let mut superuser = walled.superuser();
    superuser.run(&format!("BEGIN; UPDATE notes SET org_id = '{B}' WHERE id = 1"));
    let mut app = walled.app_as(A);
    let waiter = thread::spawn(move || {
        let touched = app.touched("UPDATE notes SET body = 'x'");
        (touched, app.notes())
    });
    while walled.superuser().number("SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == 0
        && walled.superuser().number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0
    {
        thread::sleep(std::time::Duration::from_millis(10));
    }
    superuser.run("COMMIT");
    let (touched, seen) = waiter.join().expect("the waiter");
    assert_eq!((touched, seen.as_str()), (2, "x x"));
    assert_eq!(walled.truth(), "a1 x x b4 b5");
}

#[test]
fn the_outer_statement_keeps_its_organization_through_triggers() {
    let walled = Walled::new("trigger", Server::Plain);
    with_become(&walled);
    walled.owner().run(&format!(
        "CREATE FUNCTION switch() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN PERFORM become('{B}'); RETURN coalesce(new, old); END $$;
         CREATE TRIGGER before_row BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION switch();
         CREATE TRIGGER after_row AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION switch();
         CREATE TRIGGER before_all BEFORE INSERT ON notes FOR EACH STATEMENT EXECUTE FUNCTION switch()"
    ));
    for attack in [
        "UPDATE notes SET body = 'x'",
        "INSERT INTO notes (id, body) VALUES (9, 'x')",
        "INSERT INTO notes VALUES (9, 'bbbbbbbb-0000-4000-8000-000000000002', 'x')",
        "WITH d AS (DELETE FROM notes RETURNING body) SELECT body FROM d UNION ALL SELECT body FROM notes",
        "DELETE FROM notes",
    ] {
        let mut app = walled.app_as(A);
        app.run("BEGIN");
        one_org(&mut app, attack);
        assert_eq!(
            walled
                .superuser()
                .text(&format!("SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE org_id = '{B}'")),
            "b4 b5",
            "{attack}"
        );
        drop(app.try_run("ROLLBACK"));
    }
}

#[test]
fn an_error_caught_in_a_statement_leaves_no_guard_behind() {
    let walled = Walled::new("guard", Server::Plain);
    with_become(&walled);
    walled.without_index();
    let mut app = walled.app_as(A);
    app.run(&format!(
        "DO $$ DECLARE n int; BEGIN
             FOR i IN 1..3 LOOP
                 BEGIN
                     PERFORM body FROM notes WHERE become_once('{B}', 1, id);
                     RAISE 'a statement mixed organizations';
                 EXCEPTION WHEN SQLSTATE 'OS003' THEN NULL; END;
                 IF org_scope.current_org() <> '{A}' THEN RAISE 'the block was not undone'; END IF;
                 SELECT count(*) INTO n FROM notes; IF n <> 3 THEN RAISE '%', n; END IF;
             END LOOP;
         END $$"
    ));
    app.act_for(B);
    assert_eq!(app.notes(), "b4 b5");
}

#[test]
fn leaky_functions_see_no_foreign_row() {
    let walled = Walled::new("leaky", Server::Plain);
    walled.app().run(
        "CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 0.0000001
             AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$;
         CREATE FUNCTION leak_org(uuid, uuid) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001
             AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$;
         CREATE OPERATOR <<<< (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = leak_org)",
    );
    walled
        .app()
        .refused("CREATE FUNCTION lp(text) RETURNS boolean LANGUAGE sql LEAKPROOF AS 'SELECT true'", "42501");
    for attack in [
        "SELECT * FROM notes WHERE leak(body)",
        "SELECT * FROM notes WHERE body = 'b4' AND leak(body)",
        "SELECT * FROM notes WHERE org_id <<<< org_id",
        "UPDATE notes SET body = body WHERE leak(body)",
        "DELETE FROM notes WHERE leak(body) AND false OR leak(body) AND id = 99",
        "SELECT * FROM notes n JOIN notes m ON leak(n.body || m.body)",
        "SELECT * FROM notes WHERE id / (CASE WHEN body LIKE 'b%' THEN 0 ELSE 1 END) >= 0",
        "SELECT * FROM notes WHERE CASE WHEN body LIKE 'b%' THEN body::int = 1 ELSE leak(body) END",
        "INSERT INTO notes (id, body) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET body = notes.body WHERE leak(notes.body)",
        "ANALYZE notes; SELECT * FROM pg_stats WHERE tablename = 'notes' AND leak(most_common_vals::text)",
    ] {
        let mut app = walled.app_as(A);
        app.run("BEGIN");
        app.run(attack);
        app.run("ROLLBACK");
        for notice in app.notices() {
            assert!(
                !notice.message.contains("b4")
                    && !notice.message.contains("b5")
                    && !notice.message.contains(B),
                "{attack}: {notice:?}"
            );
        }
    }
}

#[test]
fn parallel_workers_see_the_organization_of_their_leader() {
    for server in [Server::Plain, Server::Preloaded] {
        let walled = Walled::new("parallel", server);
        walled.superuser().run(&format!(
            "INSERT INTO notes SELECT 100 + g, CASE g % 3 WHEN 0 THEN '{A}'::uuid ELSE '{B}' END, 'bulk' FROM generate_series(1, 30000) g;
             DROP INDEX idx_notes_org_id; ANALYZE notes"
        ));
        let mut app = walled.app();
        app.run("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
                 SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off; SET enable_indexscan = off;
                 SET enable_bitmapscan = off; SET enable_indexonlyscan = off");
        for (org, rows) in [(A, 10003), (B, 20002)] {
            app.act_for(org);
            let plan =
                app.column("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(*) FROM notes").join("\n");
            let launched = plan.lines().find_map(|l| l.trim().strip_prefix("Workers Launched: "));
            assert!(
                launched.is_some_and(|n| n != "0"),
                "no worker was launched, so nothing is proven:\n{plan}"
            );
            assert_eq!(app.number("SELECT count(*) FROM notes"), rows);
            assert_eq!(
                app.number(&format!("SELECT count(*) FROM notes WHERE org_scope.current_org() = '{org}'")),
                rows
            );
        }
        // A local context, and one that the workers must not have.
        app.run("BEGIN");
        app.run(&format!("SELECT org_scope.set_current_org('{A}', true)"));
        assert_eq!(app.number("SELECT count(*) FROM notes"), 10003);
        app.run("ROLLBACK");
        app.run("SELECT org_scope.clear_context()");
        app.refused("SELECT count(*) FROM notes", "OS001");
    }
}

#[test]
fn a_worker_cannot_change_the_organization() {
    let walled = Walled::new("worker", Server::Plain);
    with_become(&walled);
    walled.superuser().run(&format!(
        "INSERT INTO notes SELECT 100 + g, CASE g % 3 WHEN 0 THEN '{A}'::uuid ELSE '{B}' END, 'a' FROM generate_series(1, 30000) g;
         DROP INDEX idx_notes_org_id; ANALYZE notes"
    ));
    let mut app = walled.app_as(A);
    app.run("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
             SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off; SET force_parallel_mode = on");
    let plan = app.plan(&format!("SELECT count(*) FROM notes WHERE become('{B}')"));
    assert!(plan.contains("Gather"), "{plan}");
    app.refused(&format!("SELECT count(*) FROM notes WHERE become('{B}')"), "25000");
    assert_eq!(app.number("SELECT count(*) FROM notes WHERE body IN ('b4', 'b5')"), 0);
}

#[test]
fn results_of_one_pipeline_belong_to_their_own_statements() {
    let walled = Walled::new("pipeline", Server::Plain);
    let mut app = walled.app();
    let found = app.rows(&format!(
        "SELECT org_scope.set_current_org('{A}'); SELECT body FROM notes ORDER BY id;
         SELECT org_scope.set_current_org('{B}'); SELECT body FROM notes ORDER BY id"
    ));
    let found: Vec<String> = found.into_iter().filter_map(|mut row| row.remove(0)).collect();
    assert_eq!(found, [A, "a1", "a2", "a3", B, "b4", "b5"]);
    // A result that is still being read when the session goes on.
    app.act_for(A);
    let mut rows = app.client().query_raw("SELECT body FROM notes", Vec::<i32>::new()).expect("rows");
    let mut bodies = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        bodies.push(row.get::<_, String>(0));
    }
    drop(rows);
    assert!(bodies.iter().all(|b| b.starts_with('a')), "{bodies:?}");
}

/// Rewinding has no hook of its own: an index scan computes its keys there, outside of any run, and
/// doesn't ask again.
#[test]
fn a_rewound_index_scan_stays_with_its_organization() {
    for (open, rewind, read) in [
        (
            "DECLARE c SCROLL CURSOR FOR SELECT body FROM notes; FETCH 1 FROM c",
            "FETCH FIRST FROM c",
            "FETCH 1 FROM c",
        ),
        (
            "DECLARE c SCROLL CURSOR FOR SELECT body FROM notes; FETCH 1 FROM c",
            "MOVE BACKWARD ALL IN c",
            "FETCH 2 FROM c",
        ),
        (
            "DECLARE c SCROLL CURSOR FOR SELECT body FROM notes; FETCH 1 FROM c",
            "FETCH ABSOLUTE 1 FROM c",
            "FETCH ALL FROM c",
        ),
        (
            "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT body FROM notes; FETCH 1 FROM c",
            "COMMIT",
            "FETCH ALL FROM c",
        ),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT body FROM notes", "COMMIT", "FETCH ALL FROM c"),
    ] {
        let walled = Walled::new("rewound", Server::Plain);
        let mut app = walled.app_as(A);
        app.run("SET enable_seqscan = off; SET enable_bitmapscan = off");
        assert!(app.plan("SELECT body FROM notes").contains("Index Scan"), "the attack needs an index scan");
        app.run("BEGIN");
        app.run(open);
        app.act_for(B);
        let attack = format!("{open}; under another organization: {rewind}; {read}");
        let mut seen = String::new();
        for step in [rewind, read] {
            match app.client().simple_query(step) {
                Ok(messages) => {
                    for message in &messages {
                        if let postgres::SimpleQueryMessage::Row(row) = message {
                            seen.push_str(row.get(0).unwrap_or_default());
                        }
                    }
                }
                Err(error) => {
                    let state = error.as_db_error().map(|e| e.code().code().to_owned());
                    assert_eq!(state.as_deref(), Some("OS003"), "{attack}: {error:?}");
                    break;
                }
            }
        }
        assert!(!seen.contains('b'), "{attack}\nshowed {seen}");
    }
}

/// As above, with the organization put back before reading on: only the rewind happened under another.
#[test]
fn a_cursor_that_was_rewound_under_another_organization_shows_none_of_its_rows() {
    let walled = Walled::new("rewound_back", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("SET enable_seqscan = off; SET enable_bitmapscan = off; BEGIN");
    app.run("DECLARE c SCROLL CURSOR FOR SELECT body FROM notes");
    app.run("FETCH 1 FROM c");
    app.act_for(B);
    if app.try_run("MOVE BACKWARD ALL IN c").is_ok() {
        app.act_for(A);
        one_org(&mut app, "FETCH ALL FROM c");
    }
}

#[test]
fn a_statement_that_leaves_another_organization_behind_shows_nothing() {
    let walled = Walled::new("leaves", Server::Plain);
    let mut app = walled.app_as(A);
    app.run(&format!(
        "CREATE FUNCTION pg_temp.other(int) RETURNS text LANGUAGE plpgsql AS
             $$ BEGIN PERFORM org_scope.set_current_org('{B}'); RETURN (SELECT min(body) FROM notes); END $$"
    ));
    app.run("SET enable_seqscan = off; SET enable_bitmapscan = off");
    app.refused("SELECT body, pg_temp.other(id) FROM notes LIMIT 2", "OS003");
    assert_eq!(app.text("SELECT string_agg(body, ' ' ORDER BY id) FROM notes"), "a1 a2 a3", "rolled back");
}
