//! Statements as they are sent, prepared and executed, through views, in COPY and in what makes tables.

use super::matrix::{ALL, SHOWN, across_transactions, everywhere};

const VIEWS: &str = "
    CREATE VIEW v AS SELECT * FROM notes;
    CREATE VIEW v_barrier WITH (security_barrier) AS SELECT * FROM notes WHERE id > 0;
    CREATE VIEW v_invoker WITH (security_invoker) AS SELECT * FROM notes;
    CREATE VIEW v_nested AS SELECT v.* FROM v JOIN v_barrier USING (id);
    CREATE VIEW v_all AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes";

const COUNTED: [&str; 3] = ["#3", "#2", "!OS001"];

#[test]
fn what_is_sent_as_text_follows_the_organization() {
    everywhere("sent", VIEWS, |cell| {
        cell.tour_of_all(&[
            ALL,
            "SELECT string_agg(body, ' ' ORDER BY id) FROM v",
            "SELECT string_agg(body, ' ' ORDER BY id) FROM v_barrier",
            "SELECT string_agg(body, ' ' ORDER BY id) FROM v_invoker",
            "SELECT string_agg(body, ' ' ORDER BY id) FROM v_nested",
            "TABLE v_all",
            "SELECT (SELECT string_agg(body, ' ' ORDER BY id) FROM notes)",
            "WITH n AS MATERIALIZED (SELECT * FROM notes) SELECT string_agg(body, ' ' ORDER BY id) FROM n",
            "SELECT string_agg(n.body, ' ' ORDER BY n.id) FROM notes n JOIN notes m USING (id)",
            "SELECT string_agg(n.body, ' ' ORDER BY n.id) FROM notes n LEFT JOIN v m USING (id) WHERE m.id IS NOT NULL",
            "SELECT body FROM notes WHERE id IN (SELECT id FROM notes) ORDER BY id",
            "SELECT body FROM (SELECT * FROM notes UNION SELECT * FROM v) n ORDER BY id",
            "SELECT body FROM notes WHERE org_id = org_scope.fence_org_uuid() ORDER BY id",
            "COPY (SELECT body FROM notes ORDER BY id) TO STDOUT",
        ]);
    });
}

#[test]
fn what_is_written_as_text_follows_the_organization() {
    everywhere("written", VIEWS, |cell| {
        cell.tour(&[
            ("UPDATE notes SET body = body", COUNTED),
            ("UPDATE v SET body = body", COUNTED),
            ("UPDATE v_barrier SET body = body", COUNTED),
            ("DELETE FROM notes WHERE id > 99", ["#0", "#0", "!OS001"]),
            ("UPDATE notes n SET body = m.body FROM notes m WHERE n.id = m.id", COUNTED),
            (
                "MERGE INTO notes n USING generate_series(1, 9) g ON n.id = g WHEN MATCHED THEN UPDATE SET body = n.body",
                COUNTED,
            ),
            ("WITH u AS (UPDATE notes SET body = body RETURNING body) SELECT count(*) FROM u", ["3", "2", "!OS001"]),
            ("COPY notes (body) TO STDOUT", SHOWN),
        ]);
        for (org, letter, other) in [("@A", "a", "@B"), ("@B", "b", "@A")] {
            cell.run(&format!("SELECT org_scope.set_current_org('{org}', @local)"));
            for (sql, expected) in [
                ("INSERT INTO notes (id, body) VALUES (9, 'x') RETURNING left(org_id::text, 1)", letter),
                (&format!("INSERT INTO notes VALUES (9, '{other}', 'x')"), "!42501"),
                (&format!("UPDATE notes SET org_id = '{other}'"), "!42501"),
                (
                    "DELETE FROM notes RETURNING left(body, 1)",
                    &[letter; 3][..if letter == "a" { 3 } else { 2 }].join(" "),
                ),
                ("CREATE TABLE t AS SELECT body FROM notes", if letter == "a" { "#3" } else { "#2" }),
                ("SELECT body INTO t FROM notes", if letter == "a" { "#3" } else { "#2" }),
                (
                    "CREATE MATERIALIZED VIEW m AS SELECT body FROM notes",
                    if letter == "a" { "#3" } else { "#2" },
                ),
                ("CREATE TABLE t AS SELECT body FROM notes WITH NO DATA", "#0"),
            ] {
                cell.expect_undone(sql, expected);
            }
        }
    });
}

#[test]
fn prepared_statements_follow_the_organization() {
    everywhere("prepared", VIEWS, |cell| {
        cell.run(
            "PREPARE plain AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes;
             PREPARE with_parameter (int) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= $1;
             PREPARE with_text (text) AS SELECT body FROM v_nested WHERE body >= $1 ORDER BY id;
             PREPARE by_key (int, int) AS SELECT body FROM notes WHERE id IN ($1, $2);
             PREPARE written AS UPDATE notes SET body = body;
             PREPARE written_with (int) AS UPDATE notes SET body = body WHERE id >= $1;
             PREPARE inserted (uuid) AS INSERT INTO notes VALUES (9, $1, 'x');
             PREPARE moved (uuid, int) AS UPDATE notes SET org_id = $1 WHERE id >= $2",
        );
        cell.tour(&[
            ("EXECUTE plain", SHOWN),
            ("EXECUTE with_parameter (0)", SHOWN),
            ("EXECUTE with_text ('')", SHOWN),
            ("EXECUTE by_key (3, 4)", ["a3", "b4", "!OS001"]),
            ("EXECUTE written", COUNTED),
            ("EXECUTE written_with (0)", COUNTED),
            ("EXECUTE inserted (NULL)", ["!42501", "!42501", "!OS001"]),
        ]);
        // What can be seen to find nothing need not ask the fence, so this depends on the kind of plan.
        cell.see("EXECUTE with_parameter (NULL)");
        for (org, other) in [("@A", "@B"), ("@B", "@A")].repeat(4) {
            cell.run(&format!("SELECT org_scope.set_current_org('{org}', @local)"));
            cell.expect_undone(&format!("EXECUTE inserted ('{org}')"), "#1");
            cell.expect_undone(&format!("EXECUTE inserted ('{other}')"), "!42501");
            cell.expect_undone(&format!("EXECUTE moved ('{other}', 0)"), "!42501");
            cell.expect_undone(
                "CREATE TABLE t AS EXECUTE with_text ('')",
                if org == "@A" { "#3" } else { "#2" },
            );
        }
    });
}

/// What else a session does between preparing and executing.
#[test]
fn prepared_statements_survive_what_happens_between() {
    across_transactions("between", VIEWS, |cell| {
        for between in [
            "DISCARD PLANS",
            "SET search_path = pg_catalog, public",
            "SET row_security = off; SET row_security = on",
            "CREATE VIEW w AS SELECT * FROM notes; DROP VIEW w",
            "CREATE TABLE w (); CREATE RULE r AS ON UPDATE TO w DO ALSO SELECT * FROM notes; DROP TABLE w",
            "PREPARE other AS SELECT * FROM notes; DEALLOCATE other",
            "SELECT set_config('work_mem', '1MB', false)",
            "LISTEN n; UNLISTEN n",
        ] {
            cell.run("PREPARE q AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes");
            cell.run("PREPARE p (int) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= $1");
            for org in ["@A", "@B", "@A"] {
                let expected = if org == "@A" { SHOWN[0] } else { SHOWN[1] };
                for _ in 0..3 {
                    cell.run(between);
                    cell.run(&format!("BEGIN; SELECT org_scope.set_current_org('{org}', @local)"));
                    cell.expect("EXECUTE q", expected);
                    cell.expect("EXECUTE p (0)", expected);
                    cell.expect(ALL, expected);
                    cell.run("COMMIT");
                }
            }
            cell.run("DEALLOCATE ALL; RESET ALL");
        }
        cell.run("SELECT org_scope.set_current_org('@A')");
        for forgetting in ["RESET ALL", "DISCARD ALL"] {
            cell.run("PREPARE q AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes");
            cell.run(forgetting);
            cell.expect("SELECT org_scope.current_org()", "");
            cell.expect(ALL, "!OS001");
            cell.expect("EXECUTE q", if forgetting == "RESET ALL" { "!OS001" } else { "!26000" });
            cell.run("DEALLOCATE ALL");
        }
    });
}

/// With `missing_org = empty` nothing is folded without an organization, and nothing is seen.
#[test]
fn without_an_organization_nothing_is_folded() {
    across_transactions("nothing", "", |cell| {
        cell.run("PREPARE p (int) AS SELECT count(*) FROM notes WHERE id >= $1; PREPARE q AS SELECT count(*) FROM notes");
        for org in [None, Some("@A"), None, Some("@A"), Some("@B"), None, None, None] {
            cell.run("BEGIN");
            if let Some(org) = org {
                cell.run(&format!("SELECT org_scope.set_current_org('{org}', true)"));
            }
            let expected = match org {
                Some("@A") => "3",
                Some(_) => "2",
                None => "!OS001",
            };
            for sql in ["EXECUTE p (0)", "EXECUTE q", "SELECT count(*) FROM notes"] {
                cell.run("SAVEPOINT s");
                cell.expect(sql, expected);
                cell.run("ROLLBACK TO s");
            }
            cell.run("ROLLBACK");
        }
    });
}
