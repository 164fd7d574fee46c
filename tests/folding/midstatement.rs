//! The organization is switched while a statement runs, by something that it calls.

use super::matrix::{across_transactions, everywhere};

const SWITCH: &str = "
    CREATE FUNCTION become(org text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE COST 0.0000001
        AS $$ BEGIN PERFORM org_scope.set_current_org(org); RETURN true; END $$;
    CREATE FUNCTION become_once(org text, at int, id int) RETURNS boolean LANGUAGE plpgsql
        AS $$ BEGIN IF id = at THEN PERFORM org_scope.set_current_org(org); END IF; RETURN true; END $$;
    CREATE FUNCTION there_and_back(org text) RETURNS boolean LANGUAGE plpgsql
        AS $$ DECLARE before text = org_scope.current_org(); n int; BEGIN
            PERFORM org_scope.set_current_org(org); SELECT count(*) INTO n FROM notes;
            PERFORM org_scope.set_current_org(before); RETURN n = 2; END $$";

const ATTACKS: [&str; 16] = [
    "SELECT body FROM notes WHERE become('@B')",
    "SELECT body, become('@B') FROM notes",
    "SELECT body FROM notes WHERE become_once('@B', 2, id)",
    "SELECT body FROM notes ORDER BY become('@B'), id",
    "SELECT body FROM notes UNION ALL SELECT become('@B')::text UNION ALL SELECT body FROM notes",
    "WITH x AS (SELECT become('@B')) SELECT body FROM x, notes",
    "WITH x AS MATERIALIZED (SELECT org_scope.set_current_org('@B', @local)) SELECT body FROM x, notes",
    "SELECT body FROM (SELECT become('@B') OFFSET 0) s, notes",
    "SELECT n.body || ' ' || m.body FROM notes n, LATERAL (SELECT body, become('@B') FROM notes m OFFSET 0) m",
    "SELECT body || ' ' || (SELECT string_agg(body, ' ') FROM notes m WHERE become('@B') AND m.id > n.id - 9) FROM notes n",
    "SELECT body FROM notes WHERE id IN (SELECT id FROM notes WHERE become('@B'))",
    "SELECT body FROM notes n, generate_series(1, 3) g WHERE become_once('@B', 2, g)",
    "SELECT body FROM generate_series(1, 3) g, notes WHERE become_once('@B', 2, g)",
    "WITH RECURSIVE r (n, body) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, notes.body FROM r, notes WHERE n < 3 AND become_once('@B', 1, n)) SELECT body FROM r",
    "WITH w AS (UPDATE notes SET body = body WHERE become('@B') RETURNING body) SELECT body FROM w",
    "UPDATE notes SET body = body WHERE become('@B') RETURNING body",
];

#[test]
fn a_switch_in_the_middle_mixes_nothing() {
    for index in [true, false] {
        let setup = if index { SWITCH.to_owned() } else { format!("{SWITCH}; DROP INDEX idx_notes_org_id") };
        everywhere("midstatement", &setup, |cell| {
            for (number, attack) in ATTACKS.iter().enumerate() {
                cell.run("SELECT org_scope.set_current_org('@A', @local)");
                cell.one_org(attack, 'a');
                // A parameter that nothing uses makes a custom plan all the same.
                cell.run(&format!(
                    "PREPARE plain_{number} AS {attack}; PREPARE bound_{number} (int) AS {attack}"
                ));
                for execute in [format!("EXECUTE plain_{number}"), format!("EXECUTE bound_{number} (0)")] {
                    cell.run("SELECT org_scope.set_current_org('@A', @local)");
                    cell.one_org(&execute, 'a');
                }
            }
        });
    }
}

/// A function that calls itself IMMUTABLE is called while its statement is planned. What starts then starts
/// under the organization that it has switched to, or is refused, as it was planned for another.
#[test]
fn a_switch_while_planning_mixes_nothing() {
    const LYING: &str = "CREATE FUNCTION lying(org text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
        AS $$ BEGIN PERFORM org_scope.set_current_org(org); RETURN true; END $$";
    across_transactions("planning", LYING, |cell| {
        cell.run("PREPARE p (int) AS SELECT body FROM notes WHERE lying('@B') AND id >= $1 ORDER BY id");
        for sql in ["SELECT body FROM notes WHERE lying('@B') ORDER BY id", "EXECUTE p (0)", "EXECUTE p (0)"]
        {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            let seen = cell.look(sql);
            cell.run("ROLLBACK");
            let right = match (seen.as_str(), cell.folding) {
                ("!OS003", true) | ("b4 b5", false) => true,
                // A generic plan is not folded, and one that is there already calls nothing while planning.
                ("b4 b5", true) => sql.starts_with("EXECUTE") && cell.mode == "force_generic_plan",
                ("a1 a2 a3", _) => sql.starts_with("EXECUTE"),
                _ => false,
            };
            assert!(right, "{}: {sql}: {seen}", cell.place());
        }
    });
}

#[test]
fn there_and_back_changes_nothing() {
    everywhere("back", &format!("{SWITCH}; DROP INDEX idx_notes_org_id"), |cell| {
        cell.run("PREPARE q (text) AS SELECT body FROM notes WHERE there_and_back($1) ORDER BY id");
        for _ in 0..7 {
            cell.run("SELECT org_scope.set_current_org('@A', @local)");
            cell.expect("SELECT body FROM notes WHERE there_and_back('@B') ORDER BY id", "a1 a2 a3");
            cell.expect("EXECUTE q ('@B')", "a1 a2 a3");
            cell.expect("SELECT body FROM notes ORDER BY id", "a1 a2 a3");
        }
    });
}

/// A loop reads its query in pieces of ten rows; its body switches.
#[test]
fn a_loop_whose_body_switches_mixes_nothing() {
    const MANY: &str =
        "CREATE TABLE many AS SELECT g AS id, CASE g % 2 WHEN 0 THEN '@A' ELSE '@B' END::uuid AS org_id,
            CASE g % 2 WHEN 0 THEN 'a' ELSE 'b' END || g % 10 AS body FROM generate_series(1, 200) g;
        SELECT org_scope.protect('many');
        CREATE FUNCTION looped(at int, i int, local boolean) RETURNS text LANGUAGE plpgsql AS $$
            DECLARE n record; r text = ''; BEGIN
                FOR n IN SELECT * FROM many WHERE id >= i ORDER BY id LOOP
                    r := r || ' ' || n.body;
                    IF n.id = at THEN PERFORM org_scope.set_current_org('@B', local); END IF;
                END LOOP;
                RETURN r;
            END $$";
    across_transactions("looped", MANY, |cell| {
        for at in [2, 10, 20, 60, 200].repeat(2) {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            cell.one_org(&format!("SELECT looped({at}, 0, @local)"), 'a');
            cell.run("ROLLBACK");
        }
    });
}
