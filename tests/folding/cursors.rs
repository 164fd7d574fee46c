//! SQL cursors, scrolled, held and fetched from under another organization.

use super::matrix::across_transactions;

const OPENINGS: [&str; 8] = [
    "DECLARE c CURSOR FOR SELECT body FROM notes ORDER BY id",
    "DECLARE c NO SCROLL CURSOR FOR SELECT body FROM notes WHERE id > 0",
    "DECLARE c SCROLL CURSOR FOR SELECT body FROM notes",
    "DECLARE c BINARY CURSOR FOR SELECT body FROM notes",
    "DECLARE c CURSOR FOR SELECT n.body FROM notes n JOIN notes m USING (id)",
    "DECLARE c CURSOR FOR SELECT body FROM notes FOR UPDATE",
    "DECLARE c CURSOR WITH HOLD FOR SELECT body FROM notes ORDER BY id",
    "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT body FROM v",
];

const VIEW: &str = "CREATE VIEW v AS SELECT * FROM notes";

/// Another organization can neither go on with a cursor nor go back in it; the cursor's own can.
#[test]
fn another_organization_gets_nothing_from_a_cursor() {
    across_transactions("cursors", VIEW, |cell| {
        for opening in OPENINGS {
            for fetch in [
                "FETCH 1 FROM c",
                "FETCH ALL FROM c",
                "MOVE ALL IN c",
                "FETCH FIRST FROM c",
                "MOVE BACKWARD ALL IN c",
            ] {
                let goes_back = fetch.contains("FIRST") || fetch.contains("BACKWARD");
                if goes_back && !opening.contains("c SCROLL") {
                    continue;
                }
                for fetched_before in [true, false] {
                    cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
                    cell.run(opening);
                    if fetched_before {
                        cell.see("FETCH 1 FROM c");
                    }
                    cell.run("SELECT org_scope.set_current_org('@B', @local); SAVEPOINT s");
                    cell.one_org_in_block(fetch, 'a');
                    cell.run("ROLLBACK TO s");
                    cell.run("SELECT org_scope.set_current_org('@A', @local); SAVEPOINT s");
                    cell.one_org_in_block("FETCH ALL FROM c", 'a');
                    cell.run("ROLLBACK");
                }
            }
        }
    });
}

#[test]
fn a_cursor_sees_its_organization_when_it_comes_back() {
    across_transactions("cursor_back", VIEW, |cell| {
        for opening in OPENINGS.iter().filter(|o| !o.contains("BINARY")) {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            cell.run(opening);
            cell.expect("FETCH 1 FROM c", "a1");
            cell.run("SELECT org_scope.set_current_org('@B', @local)");
            cell.run("DECLARE d CURSOR FOR SELECT body FROM notes ORDER BY id");
            cell.expect("FETCH 1 FROM d", "b4");
            cell.run("SELECT org_scope.set_current_org('@A', @local)");
            cell.expect("FETCH ALL FROM c", "a2 a3");
            cell.run("SELECT org_scope.set_current_org('@B', @local)");
            cell.expect("FETCH ALL FROM d", "b5");
            cell.run("CLOSE c; CLOSE d; ROLLBACK");
        }
    });
}

/// What a cursor holds was read before COMMIT, under its own organization, or COMMIT is refused.
#[test]
fn a_held_cursor_keeps_its_organization_or_is_refused() {
    across_transactions("held", VIEW, |cell| {
        for opening in OPENINGS.iter().filter(|o| o.contains("HOLD")) {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            cell.run(opening);
            cell.expect("FETCH 1 FROM c", "a1");
            cell.run("COMMIT");
            // The rows are the cursor's now, whoever is there.
            cell.run("SELECT org_scope.set_current_org('@B')");
            cell.expect("FETCH ALL FROM c", "a2 a3");
            cell.run("CLOSE c");
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            cell.run(opening);
            cell.expect("FETCH 1 FROM c", "a1");
            cell.run("SELECT org_scope.set_current_org('@B', @local)");
            cell.expect("COMMIT", "!OS003");
            cell.expect("FETCH ALL FROM c", "!34000");
            cell.run("SELECT org_scope.clear_context()");
        }
    });
}

/// What reverts under an open cursor: a savepoint's rollback.
#[test]
fn a_cursor_meets_a_savepoint_that_reverts_the_organization() {
    across_transactions("cursor_savepoint", VIEW, |cell| {
        for opening in OPENINGS.iter().filter(|o| !o.contains("BINARY")) {
            cell.run("BEGIN; SELECT org_scope.set_current_org('@B', @local); SAVEPOINT s");
            cell.run("SELECT org_scope.set_current_org('@A', @local)");
            cell.run(opening);
            cell.expect("FETCH 1 FROM c", "a1");
            cell.run("RELEASE s; SAVEPOINT t; SELECT org_scope.set_current_org('@B', @local); ROLLBACK TO t");
            cell.expect("FETCH 1 FROM c", "a2");
            cell.run("ROLLBACK");
            cell.run("BEGIN; SELECT org_scope.set_current_org('@A', @local)");
            cell.run(opening);
            cell.run("SAVEPOINT t; SELECT org_scope.set_current_org('@B', @local)");
            cell.expect("FETCH 1 FROM c", "!OS003");
            cell.run("ROLLBACK");
        }
    });
}
