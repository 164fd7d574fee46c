//! The extended protocol: statements that are parsed once and bound under several organizations, portals
//! with a row limit, several statements in one message, and one text many times over.

use postgres::types::{ToSql, Type};
use postgres::{Client, Statement};

use super::matrix::{ALL, Cell, SHOWN, across_transactions, everywhere};
use crate::harness::{A, B};

const ROWS: &str = "SELECT body FROM notes ORDER BY id";
const ROWS_FROM: &str = "SELECT body FROM notes WHERE id >= $1 ORDER BY id";

/// The first column, or `!` and the SQLSTATE.
#[track_caller]
fn answer(result: Result<Vec<postgres::Row>, postgres::Error>) -> String {
    match result {
        Ok(rows) => rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join(" "),
        Err(error) => format!("!{}", error.code().unwrap_or_else(|| panic!("{error:?}")).code()),
    }
}

#[track_caller]
fn execute(client: &mut Client, statement: &Statement, parameters: &[&(dyn ToSql + Sync)]) -> String {
    answer(client.query(statement, parameters))
}

/// Binds and executes a statement under each organization, `between` before each time.
#[track_caller]
fn tour(cell: &mut Cell, statements: &[Statement], between: &str) {
    for org in [Some(A), Some(B), Some(A), None, Some(B), Some(A), Some(A), Some(B), Some(B)] {
        if org.is_none() && cell.local {
            // What is refused in a transaction ends it.
            continue;
        }
        cell.act(org);
        let expected = SHOWN[if org == Some(A) {
            0
        } else if org == Some(B) {
            1
        } else {
            2
        }];
        for statement in statements {
            cell.run(between);
            let seen = match statement.params().len() {
                0 => execute(cell.session.client(), statement, &[]),
                _ => execute(cell.session.client(), statement, &[&0_i32]),
            };
            assert_eq!(seen, expected, "{} {:?} after {between:?}", cell.place(), statement.params());
        }
    }
}

#[track_caller]
fn prepared(cell: &mut Cell) -> [Statement; 2] {
    [ROWS, ROWS_FROM].map(|sql| cell.session.client().prepare(sql).expect("prepared"))
}

#[test]
fn named_statements_follow_the_organization() {
    everywhere("named", "", |cell| {
        let statements = prepared(cell);
        tour(cell, &statements, "");
    });
}

/// A cached statement that has to be analysed anew is analysed with the client's text at hand, as what is
/// sent as text is: its plan is kept all the same.
#[test]
fn statements_that_are_analysed_anew_follow_the_organization() {
    everywhere("anew", "CREATE VIEW v AS SELECT * FROM notes", |cell| {
        for between in [
            "DISCARD PLANS",
            "SELECT set_config('search_path', 'public', false), set_config('search_path', '\"$user\", public', false)",
            "CREATE TEMPORARY TABLE IF NOT EXISTS t (i int); DROP TABLE t",
            "SET search_path = public, pg_catalog; SET row_security = off; SET row_security = on",
        ] {
            let statements = prepared(cell);
            tour(cell, &statements, between);
        }
        // Analysed anew once, and kept then.
        let statements = prepared(cell);
        for path in ["public", "public, pg_catalog", "public, pg_temp"] {
            cell.run(&format!("SET search_path = {path}"));
            tour(cell, &statements, "");
            cell.run("DISCARD PLANS");
            tour(cell, &statements, "");
        }
    });
}

#[test]
fn the_unnamed_statement_follows_the_organization() {
    everywhere("unnamed", "", |cell| {
        for turn in 0..12 {
            let (org, expected) = if turn % 3 == 0 { (A, SHOWN[0]) } else { (B, SHOWN[1]) };
            cell.act(Some(org));
            let client = cell.session.client();
            assert_eq!(answer(client.query_typed(ROWS, &[])), expected, "turn {turn}");
            assert_eq!(
                answer(client.query_typed(ROWS_FROM, &[(&0_i32, Type::INT4)])),
                expected,
                "turn {turn}"
            );
        }
    });
}

/// Portals that are read in pieces, another organization between the pieces.
#[test]
fn a_portal_with_a_row_limit_keeps_its_organization_or_raises() {
    across_transactions("portal", "", |cell| {
        for _ in 0..4 {
            let statements = prepared(cell);
            for (statement, parameters) in statements.iter().zip([&[][..], &[&0_i32 as &(dyn ToSql + Sync)]])
            {
                for back in [true, false] {
                    let local = cell.local;
                    let mut transaction = cell.session.client().transaction().expect("a transaction");
                    let set = |org: &str| format!("SELECT org_scope.set_current_org('{org}', {local})");
                    transaction.batch_execute(&set(A)).expect("set");
                    let portal = transaction.bind(statement, parameters).expect("bound");
                    assert_eq!(answer(transaction.query_portal(&portal, 1)), "a1");
                    transaction.batch_execute(&set(B)).expect("set");
                    assert_eq!(answer(transaction.query(statement, parameters)), SHOWN[1]);
                    if back {
                        transaction.batch_execute(&set(A)).expect("set");
                    }
                    let expected = if back { "a2 a3" } else { "!OS003" };
                    assert_eq!(answer(transaction.query_portal(&portal, 0)), expected);
                }
            }
        }
    });
}

/// A portal that writes is not started before it is executed: a plan that was folded when it was bound is
/// refused then, another one acts for the organization that is there.
#[test]
fn a_portal_that_writes_never_writes_for_the_organization_before() {
    across_transactions("portal_write", "", |cell| {
        for (sql, parameters) in [
            ("UPDATE notes SET body = body RETURNING body", &[][..]),
            ("UPDATE notes SET body = body WHERE id >= $1 RETURNING body", &[&0_i32 as &(dyn ToSql + Sync)]),
        ] {
            let statement = cell.session.client().prepare(sql).expect("prepared");
            for _ in 0..7 {
                let local = cell.local;
                let mut transaction = cell.session.client().transaction().expect("a transaction");
                let set = |org: &str| format!("SELECT org_scope.set_current_org('{org}', {local})");
                transaction.batch_execute(&set(A)).expect("set");
                let portal = transaction.bind(&statement, parameters).expect("bound");
                transaction.batch_execute(&set(B)).expect("set");
                let seen = answer(transaction.query_portal(&portal, 0));
                assert!(seen == "b4 b5" || seen == "!OS003", "{sql}: {seen}");
                assert!(cell.folding || seen == "b4 b5", "{sql}: {seen}");
            }
        }
    });
}

#[test]
fn each_statement_of_one_message_acts_for_its_own_organization() {
    everywhere("message", "", |cell| {
        let local = cell.local;
        let set = |org: &str| format!("SELECT org_scope.set_current_org('{org}', {local})");
        for _ in 0..3 {
            let message = format!(
                "{a}; {ALL}; {b}; {ALL}; UPDATE notes SET body = body RETURNING body; {a}; EXPLAIN ANALYZE {ALL};
                 SELECT body FROM notes ORDER BY id; PREPARE q AS {ALL}; EXECUTE q; {b}; EXECUTE q; {ALL}; DEALLOCATE q",
                a = set(A),
                b = set(B)
            );
            let seen = cell.look(&message);
            let bodies: Vec<_> =
                seen.split(' ').filter(|w| w.len() == 2 && w.ends_with(char::is_numeric)).collect();
            assert_eq!(bodies.join(" "), "a1 a2 a3 b4 b5 b4 b5 a1 a2 a3 a1 a2 a3 b4 b5 b4 b5", "{seen}");
        }
    });
}

/// Memory is used again for each message, so that queries come to lie where others lay.
#[test]
fn one_text_many_times_over_is_never_taken_for_another() {
    across_transactions("addresses", "CREATE VIEW fixed AS SELECT DISTINCT body FROM notes", |cell| {
        let rows = cell.session.client().prepare(ROWS).expect("prepared");
        cell.run(&format!("PREPARE q AS {ROWS}"));
        for turn in 0..16 {
            let (org, expected) = if turn % 2 == 0 { ("@A", SHOWN[0]) } else { ("@B", SHOWN[1]) };
            // Analysed and never planned, analysed and refused while it is rewritten, refused while it is planned.
            for (sql, sqlstate) in [
                ("SELECT body FROM notes ORDER BY id / 0", "!22012"),
                ("UPDATE fixed SET body = 'x'", "!55000"),
                ("EXPLAIN UPDATE fixed SET body = 'x'", "!55000"),
                ("SELECT body FROM notes WHERE id = 1 / 0", "!22012"),
                ("CREATE VIEW pg_temp.w AS SELECT body FROM notes; SELECT 1 / 0", "!22012"),
                ("CREATE RULE r AS ON DELETE TO fixed DO INSTEAD SELECT body FROM notes", "!42501"),
            ] {
                if turn % 5 == 0 {
                    cell.run(&format!("SELECT org_scope.set_current_org('{org}')"));
                    cell.expect(sql, sqlstate);
                }
            }
            cell.run(&format!("SELECT org_scope.set_current_org('{org}')"));
            cell.expect(ROWS, expected);
            cell.expect("EXECUTE q", expected);
            assert_eq!(execute(cell.session.client(), &rows, &[]), expected);
            assert_eq!(answer(cell.session.client().query_typed(ROWS, &[])), expected);
        }
    });
}
