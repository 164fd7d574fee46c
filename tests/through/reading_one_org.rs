//! A statement that asks a parent is one organization's from beginning to end, however its plan came to be.

use super::reading::reading;
use super::*;

const IDS: &str = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM lines";

fn act_for(session: &mut Session, org: &str) {
    session.run(&format!("SELECT org_scope.set_current_org('{org}')"));
}

#[test]
fn a_plan_of_one_organization_serves_no_other() {
    let tree = reading("reading_plans");
    tree.owner().run(&format!(
        "CREATE FUNCTION ids() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN ({IDS}); END $$;
         CREATE FUNCTION sql_ids() RETURNS text LANGUAGE sql STABLE AS $$ {IDS} $$;
         CREATE VIEW seen WITH (security_invoker = true) AS SELECT * FROM lines; GRANT SELECT ON seen TO {}",
        tree.wall.app
    ));
    for folding in ["on", "off"] {
        tree.wall.db.configure("org_scope.plan_folding", folding);
        for mode in ["auto", "force_custom_plan", "force_generic_plan"] {
            let mut app = tree.app("a");
            app.run(&format!(
                "SET plan_cache_mode = {mode}; PREPARE p AS {IDS}; PREPARE q(int) AS {IDS} WHERE id > $1"
            ));
            for round in 0..7 {
                for (org, ids) in [("a", "1 2 3 4"), ("b", "5 6")] {
                    act_for(&mut app, org);
                    for statement in [
                        "EXECUTE p",
                        "EXECUTE q(0)",
                        "SELECT ids()",
                        "SELECT sql_ids()",
                        IDS,
                        "SELECT string_agg(id::text, ' ' ORDER BY id) FROM seen",
                    ] {
                        assert_eq!(app.text(statement), ids, "{folding} {mode} {round} {statement}");
                    }
                }
            }
            act_for(&mut app, "b");
            app.run("SELECT org_scope.clear_context()");
            app.refused("EXECUTE p", "OS001");
        }
    }
}

#[test]
fn a_cursor_keeps_its_organization_or_raises() {
    let tree = reading("reading_cursors");
    for folding in ["on", "off"] {
        tree.wall.db.configure("org_scope.plan_folding", folding);
        for fetched_before in [true, false] {
            for opening in ["c CURSOR", "c SCROLL CURSOR", "c CURSOR WITH HOLD"] {
                let mut app = tree.app("a");
                app.run(&format!("BEGIN; DECLARE {opening} FOR SELECT id FROM lines ORDER BY id"));
                if fetched_before {
                    assert_eq!(app.column("FETCH 1 FROM c"), ["1"]);
                }
                act_for(&mut app, "b");
                app.run("SAVEPOINT s");
                // Those of the cursor's own organization, or none.
                let at_bs = app.try_run("FETCH 1 FROM c");
                app.run("ROLLBACK TO s");
                act_for(&mut app, "a");
                if at_bs.is_ok() {
                    let rest = app.column("FETCH ALL FROM c");
                    assert!(rest.iter().all(|id| "1 2 3 4".contains(id.as_str())), "{rest:?}");
                }
                app.run("ROLLBACK");
            }
        }
    }
}

#[test]
fn an_organization_that_changes_under_a_statement_mixes_nothing() {
    let tree = reading("reading_change");
    for folding in ["on", "off"] {
        tree.wall.db.configure("org_scope.plan_folding", folding);
        let mut app = tree.app("a");
        for statement in [
            "SELECT id, org_scope.set_current_org('b') FROM lines",
            "SELECT id FROM lines WHERE org_scope.set_current_org('b') = 'b'",
            "SELECT l.id FROM (SELECT org_scope.set_current_org('b') OFFSET 0) s, lines l",
            "SELECT (SELECT org_scope.set_current_org('b')), id FROM lines",
        ] {
            act_for(&mut app, "a");
            let seen = app.try_run(statement);
            if seen.is_ok() {
                act_for(&mut app, "a");
                let ids = app.rows(statement);
                let ids: Vec<_> =
                    ids.iter().flatten().flatten().filter(|v| v.parse::<i32>().is_ok()).collect();
                let (a, b) = ids.iter().partition::<Vec<&&String>, _>(|id| "1234".contains(id.as_str()));
                assert!(a.is_empty() || b.is_empty(), "{statement}: {ids:?}");
            }
        }
    }
}

/// In a plan for one execution the parent's organization is a constant, as in one written by hand.
#[test]
fn the_question_to_the_parent_is_folded() {
    let tree = reading("reading_folded");
    let plan = tree.app("a").plan("SELECT * FROM lines");
    assert!(plan.contains("'a'") && !plan.contains("fence_org"), "{plan}");
    tree.wall.db.configure("org_scope.plan_folding", "off");
    let plan = tree.app("a").plan("SELECT * FROM lines");
    assert!(!plan.contains("'a'") && plan.contains("fence_org"), "{plan}");
}

#[test]
fn a_cursor_sees_its_organization_when_it_comes_back() {
    let tree = reading("reading_cursor_back");
    for folding in ["on", "off"] {
        tree.wall.db.configure("org_scope.plan_folding", folding);
        for fetched_before in [true, false] {
            let mut app = tree.app("a");
            app.run("BEGIN; DECLARE c CURSOR FOR SELECT id FROM lines ORDER BY id");
            if fetched_before {
                assert_eq!(app.column("FETCH 1 FROM c"), ["1"]);
            }
            act_for(&mut app, "b");
            app.run("DECLARE d CURSOR FOR SELECT id FROM lines ORDER BY id");
            assert_eq!(app.column("FETCH ALL FROM d"), ["5", "6"]);
            act_for(&mut app, "a");
            let all = ["1", "2", "3", "4"];
            assert_eq!(app.column("FETCH ALL FROM c"), all[usize::from(fetched_before)..]);
            app.run("COMMIT");
        }
    }
}
