//! PL/pgSQL: cached statements, simple expressions, dynamic statements, loops, cursors, procedures and DO.

use super::matrix::{SHOWN, across_transactions, everywhere};

const FUNCTIONS: &str = "
    CREATE FUNCTION static() RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE r text; BEGIN SELECT string_agg(body, ' ' ORDER BY id) INTO r FROM notes; RETURN r; END $$;
    CREATE FUNCTION with_variable(i int) RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE r text; BEGIN SELECT string_agg(body, ' ' ORDER BY id) INTO r FROM notes WHERE id >= i; RETURN r; END $$;
    CREATE FUNCTION expression() RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN
            IF org_scope.fence_org() = '@A' THEN RETURN 'a1 a2 a3'; END IF;
            RETURN CASE WHEN org_scope.current_org_uuid() = '@B' THEN 'b4 b5' END; END $$;
    CREATE FUNCTION subselect() RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RETURN (SELECT string_agg(body, ' ' ORDER BY id) FROM notes); END $$;
    CREATE FUNCTION dynamic() RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE r text; BEGIN EXECUTE 'SELECT string_agg(body, '' '' ORDER BY id) FROM notes' INTO r; RETURN r; END $$;
    CREATE FUNCTION dynamic_using(i int) RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE r text; BEGIN
            EXECUTE 'SELECT string_agg(body, '' '' ORDER BY id) FROM notes WHERE id >= $1' INTO r USING i; RETURN r; END $$;
    CREATE FUNCTION looped(i int) RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE r text = ''; n record; BEGIN
            FOR n IN SELECT body FROM notes WHERE id >= i ORDER BY id LOOP r := ltrim(r || ' ' || n.body); END LOOP;
            RETURN r; END $$;
    CREATE FUNCTION looped_dynamic(i int) RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE r text = ''; n record; BEGIN
            FOR n IN EXECUTE 'SELECT body FROM notes WHERE id >= $1 ORDER BY id' USING i LOOP r := ltrim(r || ' ' || n.body); END LOOP;
            RETURN r; END $$;
    CREATE FUNCTION by_cursor(i int) RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE c CURSOR (i int) FOR SELECT body FROM notes WHERE id >= i ORDER BY id; r text = ''; b text; BEGIN
            OPEN c (i);
            LOOP FETCH c INTO b; EXIT WHEN NOT FOUND; r := ltrim(r || ' ' || b); END LOOP;
            CLOSE c; RETURN r; END $$;
    CREATE FUNCTION query() RETURNS SETOF text LANGUAGE plpgsql
        AS $$ BEGIN RETURN QUERY SELECT body FROM notes ORDER BY id; END $$;
    CREATE FUNCTION query_dynamic(i int) RETURNS SETOF text LANGUAGE plpgsql
        AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT body FROM notes WHERE id >= $1 ORDER BY id' USING i; END $$;
    CREATE FUNCTION nested(i int) RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RETURN looped(i); END $$;
    CREATE FUNCTION definer() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN RETURN (SELECT string_agg(body, ' ' ORDER BY id) FROM notes); END $$;
    CREATE FUNCTION written(i int) RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE n int; BEGIN UPDATE notes SET body = body WHERE id >= i; GET DIAGNOSTICS n = ROW_COUNT; RETURN n; END $$;
    CREATE PROCEDURE proc(INOUT r text) LANGUAGE plpgsql
        AS $$ BEGIN SELECT string_agg(body, ' ' ORDER BY id) INTO r FROM notes WHERE body <> coalesce(r, ''); END $$;
    CREATE FUNCTION explained() RETURNS text LANGUAGE plpgsql
        AS $$ DECLARE line text; r text = 'unfolded'; BEGIN
            FOR line IN EXPLAIN SELECT * FROM notes LOOP IF line LIKE '%::uuid%' THEN r := 'folded'; END IF; END LOOP;
            RETURN r; END $$";

const CALLS: [&str; 14] = [
    "SELECT static()",
    "SELECT with_variable(0)",
    "SELECT expression()",
    "SELECT subselect()",
    "SELECT dynamic()",
    "SELECT dynamic_using(0)",
    "SELECT looped(0)",
    "SELECT looped_dynamic(0)",
    "SELECT by_cursor(0)",
    "SELECT query()",
    "SELECT * FROM query_dynamic(0)",
    "SELECT nested(0)",
    "SELECT definer()",
    "CALL proc(NULL)",
];

#[test]
fn functions_follow_the_organization() {
    everywhere("plpgsql", FUNCTIONS, |cell| {
        cell.run("PREPARE calls (int) AS SELECT looped($1)");
        let mut questions: Vec<_> = CALLS.iter().map(|call| (*call, SHOWN)).collect();
        questions.push(("EXECUTE calls (0)", SHOWN));
        questions.push(("SELECT written(0)", ["3", "2", "!OS001"]));
        questions.push(("SELECT explained()", ["unfolded", "unfolded", "!OS001"]));
        cell.tour(&questions);
    });
}

/// One call goes through the organizations, under one set of cached plans.
#[test]
fn a_loop_over_organizations_sees_each_in_its_turn() {
    let looping = |call: &str| {
        format!(
            "DO $do$ DECLARE o text; seen text; BEGIN
                 FOR i IN 1..16 LOOP
                     o := (ARRAY['@A', '@B', '@B', '@A'])[i % 4 + 1];
                     PERFORM org_scope.set_current_org(o, @local);
                     {call};
                     IF seen IS DISTINCT FROM (CASE o WHEN '@A' THEN 'a1 a2 a3' ELSE 'b4 b5' END) THEN
                         RAISE 'turn %: saw % as %', i, seen, o;
                     END IF;
                 END LOOP;
             END $do$"
        )
    };
    everywhere("loop", FUNCTIONS, |cell| {
        for call in [
            "SELECT string_agg(body, ' ' ORDER BY id) INTO seen FROM notes",
            "SELECT string_agg(body, ' ' ORDER BY id) INTO seen FROM notes WHERE id >= i - 99",
            "seen := (SELECT string_agg(body, ' ' ORDER BY id) FROM notes)",
            "seen := CASE org_scope.current_org() WHEN '@A' THEN 'a1 a2 a3' WHEN '@B' THEN 'b4 b5' END",
            "seen := CASE org_scope.fence_org_uuid() WHEN '@A' THEN 'a1 a2 a3' WHEN '@B' THEN 'b4 b5' END",
            "EXECUTE 'SELECT string_agg(body, '' '' ORDER BY id) FROM notes' INTO seen",
            "EXECUTE 'SELECT string_agg(body, '' '' ORDER BY id) FROM notes WHERE id >= $1' INTO seen USING i - 99",
            "seen := static()",
            "seen := with_variable(i - 99)",
            "seen := expression()",
            "seen := dynamic_using(i - 99)",
            "seen := looped(i - 99)",
            "seen := by_cursor(i - 99)",
            "seen := (SELECT string_agg(q, ' ') FROM query() q)",
            "seen := (SELECT string_agg(q, ' ') FROM query_dynamic(i - 99) q)",
            "CALL proc(seen)",
            "BEGIN PERFORM org_scope.set_current_org('@B', @local); seen := looped(i - 99); RAISE division_by_zero;
             EXCEPTION WHEN division_by_zero THEN seen := looped(i - 99); END",
        ] {
            cell.expect(&looping(call), "#0");
        }
    });
}

/// A procedure's COMMIT takes a local organization away between two runs of one statement.
#[test]
fn a_procedure_that_commits_follows_the_organization() {
    const COMMITS: &str = "
        CREATE PROCEDURE commits(local boolean, INOUT r text) LANGUAGE plpgsql AS $$
            DECLARE o text; seen text; BEGIN
                r := '';
                FOR i IN 1..8 LOOP
                    o := CASE i % 2 WHEN 0 THEN '@A' ELSE '@B' END;
                    PERFORM org_scope.set_current_org(o, local);
                    SELECT left(min(body), 1) || count(*) INTO seen FROM notes WHERE id >= i - 99;
                    r := r || ' ' || seen;
                    IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
                    BEGIN
                        SELECT left(min(body), 1) || count(*) INTO seen FROM notes WHERE id >= i - 99;
                    EXCEPTION WHEN SQLSTATE 'OS001' THEN seen := '-'; END;
                    r := r || seen;
                END LOOP;
            END $$;
        CREATE PROCEDURE loops(local boolean, INOUT r text) LANGUAGE plpgsql AS $$
            DECLARE n record; BEGIN
                PERFORM org_scope.set_current_org('@A', local);
                r := '';
                FOR n IN SELECT body FROM notes ORDER BY id LOOP
                    r := ltrim(r || ' ' || n.body);
                    COMMIT;
                    PERFORM org_scope.set_current_org('@B', local);
                END LOOP;
            END $$";
    across_transactions("commits", COMMITS, |cell| {
        for _ in 0..4 {
            let expected = match cell.local {
                true => " b2- a3- b2- a3- b2- a3- b2- a3-",
                false => " b2b2 a3a3 b2a3 a3a3 b2b2 a3b2 b2b2 a3a3",
            };
            cell.run("SELECT org_scope.clear_context()");
            cell.expect("CALL commits(@local, NULL)", expected);
            cell.expect("CALL loops(@local, NULL)", "a1 a2 a3");
            cell.run("SELECT org_scope.clear_context()");
        }
    });
}

/// A cursor that a function leaves open keeps its organization, whoever fetches from it.
#[test]
fn a_refcursor_keeps_its_organization_or_raises() {
    const OPENS: &str = "
        CREATE FUNCTION opens(c refcursor, kind int, i int) RETURNS refcursor LANGUAGE plpgsql AS $$
            BEGIN
                CASE kind
                    WHEN 1 THEN OPEN c FOR SELECT body FROM notes ORDER BY id;
                    WHEN 2 THEN OPEN c FOR SELECT body FROM notes WHERE id >= i ORDER BY id;
                    WHEN 3 THEN OPEN c SCROLL FOR EXECUTE 'SELECT body FROM notes WHERE id >= $1 ORDER BY id' USING i;
                    WHEN 4 THEN OPEN c NO SCROLL FOR EXECUTE 'SELECT body FROM notes ORDER BY id';
                END CASE;
                RETURN c;
            END $$;
        CREATE FUNCTION fetches(c refcursor) RETURNS text LANGUAGE plpgsql
            AS $$ DECLARE b text; BEGIN FETCH c INTO b; RETURN b; END $$";
    across_transactions("refcursor", OPENS, |cell| {
        for turn in 0..6 {
            for kind in 1..=4 {
                cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
                cell.run(&format!("SELECT opens('c', {kind}, {})", -turn));
                cell.expect("FETCH 1 FROM c", "a1");
                cell.expect("SELECT fetches('c')", "a2");
                cell.run("SELECT org_scope.set_current_org('@B', @local); SAVEPOINT s");
                let fetch = if turn % 2 == 0 { "SELECT fetches('c')" } else { "FETCH 1 FROM c" };
                cell.expect(fetch, "!OS003");
                cell.run("ROLLBACK TO s; SELECT org_scope.set_current_org('@A', @local)");
                cell.one_org_in_block("FETCH ALL FROM c", 'a');
                cell.run("ROLLBACK");
            }
        }
    });
}
