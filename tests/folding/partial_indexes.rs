//! Indexes over one organization's rows: the planner can use them where the organization stands in the plan.

use super::matrix::Ground;
use crate::harness::{A, B, Server};

const TABLE: &str = "
    CREATE TABLE items (id int, org_id uuid NOT NULL, at int, body text);
    INSERT INTO items SELECT g, CASE WHEN g % 2 = 0 THEN '@A' ELSE '@B' END::uuid, g * 7919 % 809, 'i' || g
        FROM generate_series(1, 800) g;
    CREATE INDEX items_a ON items (at) WHERE org_id = '@A';
    SELECT org_scope.protect('items', create_index => false);
    ANALYZE items";

const QUERY: &str = "SELECT id FROM items WHERE at BETWEEN 100 AND 160 ORDER BY id";

#[test]
fn one_shot_and_custom_plans_use_them_and_generic_ones_do_not() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("partial", server, TABLE);
        let mut answers = Vec::new();
        for folding in [true, false] {
            for mode in ["auto", "force_custom_plan", "force_generic_plan"] {
                let mut app = ground.session(folding, mode);
                app.run(&format!(
                    "SET enable_seqscan = off; PREPARE q AS {QUERY};
                     PREPARE p (int, int) AS SELECT id FROM items WHERE at BETWEEN $1 AND $2 ORDER BY id;
                     PREPARE u (int) AS UPDATE items SET body = body WHERE at = $1;
                     CREATE FUNCTION pg_temp.f(i int) RETURNS text LANGUAGE plpgsql
                         AS $$ BEGIN RETURN (SELECT string_agg(id::text, ' ' ORDER BY id) FROM items WHERE at BETWEEN i AND 160); END $$"
                ));
                let custom = folding && mode != "force_generic_plan";
                for (org, has_index) in [(A, true), (B, false), (A, true)] {
                    app.act_for(org);
                    for (sql, uses) in [
                        (QUERY, folding),
                        ("DELETE FROM items WHERE at = 100", folding),
                        ("UPDATE items SET body = body WHERE at = 100", folding),
                        ("EXECUTE q", false),
                        ("EXECUTE p (100, 160)", custom),
                        ("EXECUTE u (100)", custom),
                    ] {
                        let plan = app.plan(sql);
                        let expected = uses && has_index;
                        assert_eq!(
                            plan.contains("items_a"),
                            expected,
                            "{folding} {mode} {org}: {sql}\n{plan}"
                        );
                    }
                    for sql in [QUERY, "EXECUTE q", "EXECUTE p (100, 160)"] {
                        answers.push((org, app.column(sql).join(" ")));
                    }
                    answers.push((org, app.text("SELECT pg_temp.f(100)")));
                }
            }
        }
        let mut superuser = ground.walled.superuser();
        for org in [A, B] {
            let truth =
                superuser.column(&QUERY.replace("WHERE", &format!("WHERE org_id = '{org}' AND"))).join(" ");
            assert!(truth.contains(' '), "nothing is proven: {truth}");
            assert!(answers.iter().filter(|(of, _)| *of == org).all(|(_, seen)| *seen == truth), "{org}");
        }
    }
}

/// A plan that was made with one organization's index meets another organization.
#[test]
fn a_partial_index_never_answers_for_another_organization() {
    let ground = Ground::new("partial_switch", Server::Plain, TABLE);
    for folding in [true, false] {
        let mut app = ground.session(folding, "auto");
        app.run(
            "SET enable_seqscan = off;
             CREATE FUNCTION pg_temp.f(i int, org text) RETURNS bigint LANGUAGE plpgsql AS $$
                 DECLARE n bigint; BEGIN
                     PERFORM org_scope.set_current_org(org);
                     SELECT count(*) INTO n FROM items WHERE at >= i;
                     RETURN n;
                 END $$",
        );
        for org in [A, B].repeat(6) {
            assert_eq!(app.number(&format!("SELECT pg_temp.f(0, '{org}')")), 400);
            let seen = format!("SELECT count(*) FROM items WHERE at >= 0 AND org_id = '{org}'");
            assert_eq!(app.number(&seen), 400);
            assert_eq!(app.number("SELECT count(*) FROM items WHERE at >= 0"), 400);
        }
    }
}
