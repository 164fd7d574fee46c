//! Transactions whose end, savepoints and exception blocks put another organization back under cached plans.

use super::matrix::{ALL, Cell, across_transactions};

const FUNCTIONS: &str = "
    CREATE FUNCTION seen() RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RETURN (SELECT string_agg(body, ' ' ORDER BY id) FROM notes); END $$;
    CREATE FUNCTION seen_from(i int) RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RETURN (SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= i); END $$";

/// Every cached and uncached way to look.
const LOOKS: [&str; 5] = [ALL, "EXECUTE q", "EXECUTE p (0)", "SELECT seen()", "SELECT seen_from(0)"];

#[track_caller]
fn all_see(cell: &mut Cell, expected: &str) {
    for sql in LOOKS {
        cell.expect(sql, expected);
    }
}

/// The same inside a transaction.
#[track_caller]
fn all_are_refused(cell: &mut Cell, sqlstate: &str) {
    for sql in LOOKS {
        cell.run("SAVEPOINT look");
        cell.expect(sql, sqlstate);
        cell.run("ROLLBACK TO look");
    }
}

fn prepare(cell: &mut Cell) {
    cell.run(&format!("PREPARE q AS {ALL}"));
    cell.run("PREPARE p (int) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= $1");
}

const A3: &str = "a1 a2 a3";
const B2: &str = "b4 b5";

#[test]
fn the_end_of_a_transaction_reverts_the_organization_under_cached_plans() {
    across_transactions("ends", FUNCTIONS, |cell| {
        prepare(cell);
        // What a session's organization leaves, a local one doesn't.
        for (begin, end, kept) in [
            ("@A", "COMMIT", Some(A3)),
            ("@B", "ROLLBACK", None),
            ("@A", "ROLLBACK", None),
            ("@B", "COMMIT", Some(B2)),
            ("@A", "COMMIT", Some(A3)),
            ("@B", "COMMIT AND CHAIN; COMMIT", Some(B2)),
        ] {
            cell.run("SELECT org_scope.clear_context()");
            cell.run("BEGIN");
            cell.run(&format!("SELECT org_scope.set_current_org('{begin}', @local)"));
            all_see(cell, if begin == "@A" { A3 } else { B2 });
            cell.run(end);
            all_see(cell, kept.filter(|_| !cell.local).unwrap_or("!OS001"));
        }
    });
}

#[test]
fn savepoints_revert_the_organization_under_cached_plans() {
    across_transactions("savepoints", FUNCTIONS, |cell| {
        prepare(cell);
        for _ in 0..3 {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            all_see(cell, A3);
            cell.run("SAVEPOINT one; SELECT org_scope.set_current_org('@B', @local)");
            all_see(cell, B2);
            cell.run("SAVEPOINT two; SELECT org_scope.clear_context()");
            all_are_refused(cell, "!OS001");
            cell.run("ROLLBACK TO two");
            all_see(cell, B2);
            cell.run("RELEASE two");
            all_see(cell, B2);
            cell.run("ROLLBACK TO one");
            all_see(cell, A3);
            cell.run("SELECT org_scope.set_current_org('@B', @local); RELEASE one");
            all_see(cell, B2);
            // An error, too, puts back what the savepoint found.
            cell.run("SAVEPOINT three; SELECT org_scope.set_current_org('@A', @local)");
            cell.expect("SELECT 1 / 0", "!22012");
            cell.run("ROLLBACK TO three");
            all_see(cell, B2);
            cell.run("ROLLBACK");
        }
    });
}

#[test]
fn exception_blocks_revert_the_organization_under_cached_plans() {
    const CAUGHT: &str = "
        CREATE FUNCTION caught(org text, local boolean) RETURNS text LANGUAGE plpgsql AS $$
            DECLARE before text; inside text; i int = 0; BEGIN
                SELECT string_agg(body, ' ' ORDER BY id) INTO before FROM notes WHERE id >= i;
                BEGIN
                    PERFORM org_scope.set_current_org(org, local);
                    SELECT string_agg(body, ' ' ORDER BY id) INTO inside FROM notes WHERE id >= i;
                    PERFORM 1 / i;
                EXCEPTION WHEN division_by_zero THEN NULL; END;
                RETURN before || '|' || inside || '|' || (SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= i);
            END $$";
    across_transactions("exceptions", CAUGHT, |cell| {
        for _ in 0..7 {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            cell.expect("SELECT caught('@B', @local)", "a1 a2 a3|b4 b5|a1 a2 a3");
            cell.expect(ALL, A3);
            cell.run("SELECT org_scope.set_current_org('@B', @local)");
            cell.expect("SELECT caught('@A', @local)", "b4 b5|a1 a2 a3|b4 b5");
            cell.expect(ALL, B2);
            cell.run("COMMIT");
        }
    });
}
