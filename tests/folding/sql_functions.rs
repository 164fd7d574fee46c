//! SQL functions, old style and BEGIN ATOMIC, inlined and not, some of which switch the organization in
//! their bodies: all statements of a body may be planned before the first is executed.

use super::matrix::{SHOWN, across_transactions, everywhere};

/// Each in both styles, of which the second has `_atomic` in its name.
const BODIES: [(&str, &str, &str); 9] = [
    ("scalar", "() RETURNS text", "SELECT string_agg(body, ' ' ORDER BY id) FROM notes"),
    ("filtered", "(i int) RETURNS text", "SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= i"),
    ("rows", "() RETURNS SETOF text STABLE", "SELECT body FROM notes"),
    ("rows_filtered", "(i int) RETURNS SETOF text STABLE", "SELECT body FROM notes WHERE id >= i"),
    ("rows_volatile", "(i int) RETURNS SETOF text", "SELECT body FROM notes WHERE id >= i"),
    ("pinned", "() RETURNS text SET work_mem = '1MB'", "SELECT string_agg(body, ' ' ORDER BY id) FROM notes"),
    (
        "lying",
        "(i int) RETURNS text IMMUTABLE",
        "SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= i",
    ),
    (
        "switching",
        "(org text, local boolean) RETURNS text",
        "SELECT org_scope.set_current_org(org, local); SELECT string_agg(body, ' ' ORDER BY id) FROM notes",
    ),
    (
        "touring",
        "(local boolean) RETURNS text",
        "SELECT org_scope.set_current_org('@B', local); UPDATE notes SET body = body;
         SELECT org_scope.set_current_org('@A', local); SELECT string_agg(body, ' ' ORDER BY id) FROM notes",
    ),
];

fn functions() -> String {
    let mut sql = String::new();
    for (name, head, body) in BODIES {
        sql.push_str(&format!("CREATE FUNCTION {name}{head} LANGUAGE sql AS $$ {body} $$;"));
        sql.push_str(&format!("CREATE FUNCTION {name}_atomic{head} LANGUAGE sql BEGIN ATOMIC {body}; END;"));
    }
    sql.push_str(
        "CREATE FUNCTION tour_in_plpgsql(name text, local boolean) RETURNS text LANGUAGE plpgsql AS $$
             DECLARE o text; seen text; all_seen text = ''; i int = 0; BEGIN
                 FOREACH o IN ARRAY ARRAY['@A', '@B', '@B', '@A', '@B', '@A', '@A', '@B'] LOOP
                     PERFORM org_scope.set_current_org(o, local);
                     CASE name
                         WHEN 'scalar' THEN seen := scalar();
                         WHEN 'scalar_atomic' THEN seen := scalar_atomic();
                         WHEN 'filtered' THEN seen := filtered(i);
                         WHEN 'filtered_atomic' THEN seen := filtered_atomic(i);
                         WHEN 'rows' THEN seen := (SELECT string_agg(r, ' ' ORDER BY r) FROM rows_filtered(i) r);
                         WHEN 'rows_atomic' THEN seen := (SELECT string_agg(r, ' ' ORDER BY r) FROM rows_filtered_atomic(i) r);
                         WHEN 'lying' THEN seen := lying(i);
                     END CASE;
                     all_seen := all_seen || left(seen, 1) || length(seen) || ' ';
                 END LOOP;
                 RETURN rtrim(all_seen);
             END $$;
         CREATE FUNCTION switch_in_plpgsql(local boolean) RETURNS text LANGUAGE plpgsql AS $$
             DECLARE o text; seen text; all_seen text = ''; BEGIN
                 FOREACH o IN ARRAY ARRAY['@A', '@B', '@B', '@A', '@B', '@A', '@A', '@B'] LOOP
                     seen := switching(o, local);
                     all_seen := all_seen || left(seen, 1) || length(seen) || ' ';
                     seen := switching_atomic(o, local);
                     all_seen := all_seen || left(seen, 1) || length(seen) || ' ';
                 END LOOP;
                 RETURN rtrim(all_seen);
             END $$;
         CREATE PROCEDURE proc(local boolean) LANGUAGE sql AS $$
             SELECT org_scope.set_current_org('@B', local); UPDATE notes SET body = body;
             INSERT INTO notes (id, body) VALUES (8, 'b8'); DELETE FROM notes WHERE id = 8 $$;
         CREATE PROCEDURE proc_atomic(local boolean) BEGIN ATOMIC
             SELECT org_scope.set_current_org('@B', local); UPDATE notes SET body = body;
             INSERT INTO notes (id, body) VALUES (8, 'b8'); DELETE FROM notes WHERE id = 8; END",
    );
    sql
}

#[test]
fn functions_follow_the_organization() {
    everywhere("sql_functions", &functions(), |cell| {
        cell.run("PREPARE p (int) AS SELECT filtered($1); PREPARE r (int) AS SELECT * FROM rows_filtered($1) r ORDER BY r");
        let mut questions = vec!["EXECUTE p (0)".to_owned(), "EXECUTE r (0)".to_owned()];
        for style in ["", "_atomic"] {
            questions.extend([
                format!("SELECT scalar{style}()"),
                format!("SELECT filtered{style}(0)"),
                format!("SELECT * FROM rows{style}() r ORDER BY r"),
                format!("SELECT rows{style}() r ORDER BY r"),
                format!("SELECT * FROM rows_filtered{style}(0) r ORDER BY r"),
                format!("SELECT * FROM rows_volatile{style}(0) r ORDER BY r"),
                format!("SELECT pinned{style}()"),
                format!("SELECT lying{style}(0)"),
            ]);
        }
        let questions: Vec<_> = questions.iter().map(String::as_str).collect();
        cell.tour_of_all(&questions);
    });
}

const TOURED: &str = "a8 b5 b5 a8 b5 a8 a8 b5";

#[test]
fn a_loop_over_organizations_sees_each_in_its_turn() {
    everywhere("sql_loop", &functions(), |cell| {
        for name in ["scalar", "scalar_atomic", "filtered", "filtered_atomic", "rows", "rows_atomic", "lying"]
        {
            cell.expect(&format!("SELECT tour_in_plpgsql('{name}', @local)"), TOURED);
        }
    });
}

#[test]
fn a_body_that_switches_sees_what_it_has_switched_to() {
    everywhere("sql_switch", &functions(), |cell| {
        cell.run("PREPARE s (text) AS SELECT switching($1, @local)");
        // All statements of a body may be planned before the first is executed, and planning asks the fence.
        cell.run("SELECT org_scope.set_current_org('@B', @local)");
        for _ in 0..4 {
            for (org, seen) in [("@A", "a1 a2 a3"), ("@B", "b4 b5")] {
                for style in ["", "_atomic"] {
                    cell.expect(&format!("SELECT switching{style}('{org}', @local)"), seen);
                    cell.expect(&format!("SELECT * FROM switching{style}('{org}', @local)"), seen);
                    cell.expect(&format!("SELECT touring{style}(@local)"), SHOWN[0]);
                    cell.expect(&format!("CALL proc{style}(@local)"), "#0");
                    cell.expect("SELECT left(org_scope.current_org(), 1)", "b");
                }
                cell.expect(&format!("EXECUTE s ('{org}')"), seen);
            }
        }
        let doubled = TOURED.split(' ').flat_map(|seen| [seen, seen]).collect::<Vec<_>>().join(" ");
        cell.expect("SELECT switch_in_plpgsql(@local)", &doubled);
        // Around a fenced table, only one of the two can be right.
        cell.run("SELECT org_scope.set_current_org('@A', @local)");
        for style in ["", "_atomic"] {
            cell.one_org(
                &format!("SELECT body FROM notes WHERE length(switching{style}('@B', @local)) > 0"),
                'a',
            );
            cell.run("SELECT org_scope.set_current_org('@A', @local)");
        }
    });
}

/// A procedure of PL/pgSQL calls them between commits.
#[test]
fn functions_called_between_commits_follow_the_organization() {
    let setup = functions()
        + ";CREATE PROCEDURE commits(local boolean, INOUT r text) LANGUAGE plpgsql AS $$
            DECLARE o text; BEGIN
                r := '';
                FOREACH o IN ARRAY ARRAY['@A', '@B', '@B', '@A', '@B', '@A', '@A', '@B'] LOOP
                    PERFORM org_scope.set_current_org(o, local);
                    r := r || left(filtered(0), 1) || left(filtered_atomic(0), 1) || left(switching('@B', local), 1) || ' ';
                    COMMIT;
                END LOOP;
            END $$";
    across_transactions("sql_commits", &setup, |cell| {
        cell.expect("CALL commits(@local, NULL)", "aab bbb bbb aab bbb aab aab bbb ");
    });
}
