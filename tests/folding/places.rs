//! Where the organization itself stands in the plan and where the fence's call does: only plans that are
//! used once are folded.

use super::matrix::{Ground, named};
use crate::harness::{A, B, Db, Role, Server, Session};

/// What a plan says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Folded,
    Called,
    /// There is neither: the fence isn't in it.
    Open,
}

fn read(plan: &str) -> Plan {
    let folded = [A, B].iter().any(|org| plan.contains(&format!("'{org}'::uuid")));
    match (folded, plan.contains("fence_org_uuid()")) {
        (true, false) => Plan::Folded,
        (false, true) => Plan::Called,
        (false, false) => Plan::Open,
        (true, true) => panic!("half folded:\n{plan}"),
    }
}

#[test]
fn one_shot_statements_and_custom_plans_are_folded_and_generic_ones_are_not() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("places", server, "CREATE VIEW v AS SELECT * FROM notes");
        for (mode, custom) in [
            ("auto", Plan::Folded),
            ("force_custom_plan", Plan::Folded),
            ("force_generic_plan", Plan::Called),
        ] {
            let mut session = ground.session(true, mode);
            session.act_for(A);
            session.run(
                "PREPARE q AS SELECT * FROM notes; PREPARE p (int) AS SELECT * FROM v WHERE id >= $1;
                 PREPARE u (int) AS UPDATE notes SET body = body WHERE id >= $1; PREPARE d AS DELETE FROM notes",
            );
            for (sql, expected) in [
                ("SELECT * FROM notes", Plan::Folded),
                ("SELECT * FROM v JOIN notes USING (id)", Plan::Folded),
                ("SELECT (SELECT max(body) FROM notes)", Plan::Folded),
                ("WITH n AS MATERIALIZED (SELECT * FROM notes) SELECT * FROM n", Plan::Folded),
                ("SELECT 1 WHERE EXISTS (SELECT FROM notes) UNION SELECT id FROM v", Plan::Folded),
                ("UPDATE notes SET body = body", Plan::Folded),
                // The rewriter works on a copy of what writes through a view.
                ("UPDATE v SET body = body", Plan::Called),
                ("DELETE FROM notes", Plan::Folded),
                ("INSERT INTO notes (id, body) SELECT id + 10, body FROM notes", Plan::Folded),
                ("MERGE INTO notes n USING notes m ON n.id = m.id WHEN MATCHED THEN DELETE", Plan::Folded),
                // What EXPLAIN explains of these is a copy; what they themselves run is folded.
                ("CREATE TABLE t AS SELECT * FROM notes", Plan::Called),
                ("DECLARE c CURSOR FOR SELECT * FROM notes", Plan::Called),
                ("SELECT * FROM notes WHERE org_id = org_scope.fence_org_uuid()", Plan::Folded),
                ("EXECUTE q", Plan::Called),
                ("EXECUTE d", Plan::Called),
                ("EXECUTE p (0)", custom),
                ("EXECUTE u (0)", custom),
                ("SELECT 1", Plan::Open),
            ] {
                let plan = session.plan(sql);
                assert_eq!(read(&plan), expected, "{server:?} {mode}: {sql}\n{plan}");
            }
            let mut session = ground.session(false, mode);
            session.act_for(A);
            session.run("PREPARE p (int) AS SELECT * FROM v WHERE id >= $1");
            for sql in ["SELECT * FROM notes", "UPDATE notes SET body = body", "EXECUTE p (0)"] {
                assert_eq!(read(&session.plan(sql)), Plan::Called, "{server:?} {mode}: {sql}, folding off");
            }
        }
    }
}

/// A session that is told the plan of every statement that it runs, nested ones too.
fn watched(ground: &Ground, mode: &str) -> Session {
    let options = format!("-c plan_cache_mode={mode} -c client_min_messages=log");
    ground.walled.db.connect_with_options(&ground.walled.app, &options)
}

fn watch(db: &Db, role: &Role) {
    db.superuser().run(&format!(
        "ALTER ROLE {role} SET session_preload_libraries = 'auto_explain';
         ALTER ROLE {role} SET auto_explain.log_min_duration = 0;
         ALTER ROLE {role} SET auto_explain.log_nested_statements = on;
         ALTER ROLE {role} SET auto_explain.log_level = 'notice'"
    ));
}

/// The plans of the statements that reached the notes since the last call.
fn plans(session: &mut Session) -> Vec<Plan> {
    let said = session.notices();
    let plans =
        said.iter().filter(|notice| notice.message.contains("plan:")).map(|notice| read(&notice.message));
    plans.filter(|plan| *plan != Plan::Open).collect()
}

#[test]
fn what_functions_and_the_protocol_run_is_folded_only_with_parameters() {
    const FUNCTIONS: &str = "
        CREATE FUNCTION static() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM notes); END $$;
        CREATE FUNCTION bound(i int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM notes WHERE id >= i); END $$;
        CREATE FUNCTION dynamic() RETURNS bigint LANGUAGE plpgsql
            AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM notes' INTO n; RETURN n; END $$;
        CREATE FUNCTION dynamic_bound(i int) RETURNS bigint LANGUAGE plpgsql
            AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM notes WHERE id >= $1' INTO n USING i; RETURN n; END $$;
        CREATE FUNCTION in_sql(i int) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM notes WHERE id >= i $$;
        CREATE FUNCTION in_sql_switching(i int) RETURNS bigint LANGUAGE sql
            AS $$ SELECT org_scope.set_current_org('@B'); SELECT count(*) FROM notes WHERE id >= i $$;
        CREATE FUNCTION atomic(i int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM notes WHERE id >= i; END";
    use Plan::{Called, Folded};
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("nested", server, FUNCTIONS);
        watch(&ground.walled.db, &ground.walled.app);
        for (mode, custom) in [("force_custom_plan", Folded), ("force_generic_plan", Called)] {
            let mut session = watched(&ground, mode);
            session.act_for(A);
            for (sql, expected) in [
                ("SELECT * FROM notes", Folded),
                ("CREATE TEMPORARY TABLE t AS SELECT * FROM notes; DROP TABLE t", Folded),
                ("SELECT * INTO TEMPORARY t FROM notes; DROP TABLE t", Folded),
                ("CREATE MATERIALIZED VIEW m AS SELECT * FROM notes; DROP MATERIALIZED VIEW m", Folded),
                ("BEGIN; DECLARE c CURSOR FOR SELECT * FROM notes; FETCH ALL FROM c; COMMIT", Folded),
                ("EXPLAIN ANALYZE SELECT * FROM notes", Folded),
                ("SELECT static()", Called),
                ("SELECT bound(0)", custom),
                ("SELECT dynamic()", Called),
                // A statement that is prepared for one execution alone never has a generic plan.
                ("SELECT dynamic_bound(0)", Folded),
                ("SELECT in_sql(0)", Called),
                ("SELECT in_sql_switching(0)", Called),
                ("SELECT atomic(0)", Called),
                ("DO $$ BEGIN PERFORM * FROM notes; END $$", Called),
                ("DO $$ DECLARE i int = 0; BEGIN PERFORM * FROM notes WHERE id >= i; END $$", custom),
            ] {
                session.act_for(A);
                plans(&mut session);
                session.run(sql);
                assert_eq!(plans(&mut session), [expected], "{server:?} {mode}: {sql}");
            }
            session.act_for(A);
            let client = session.client();
            let [plain, bound] = ["SELECT * FROM notes", "SELECT * FROM notes WHERE id >= $1"]
                .map(|sql| client.prepare(sql).expect("prepared"));
            for between in ["", "DISCARD PLANS", "SET search_path = public", "RESET search_path"] {
                session.run(between);
                plans(&mut session);
                session.client().query(&plain, &[]).expect("rows");
                assert_eq!(
                    plans(&mut session),
                    [Called],
                    "{server:?} {mode}: without parameters, after {between:?}"
                );
                session.client().query(&bound, &[&0_i32]).expect("rows");
                assert_eq!(
                    plans(&mut session),
                    [custom],
                    "{server:?} {mode}: with parameters, after {between:?}"
                );
            }
            // A utility statement of the extended protocol isn't folded either.
            let copied = session.client().copy_out("COPY (SELECT * FROM notes) TO STDOUT");
            drop(copied.map(|mut rows| std::io::read_to_string(&mut rows)));
            session.run("SELECT 1");
            assert_eq!(plans(&mut session), [Called], "{server:?} {mode}: COPY in the extended protocol");
        }
        let options = [("PGOPTIONS", "-c client_min_messages=log")];
        for copy in ["COPY (SELECT * FROM notes) TO STDOUT", "COPY notes TO STDOUT"] {
            let script = format!("SELECT org_scope.set_current_org('{A}');\n{copy};");
            let said = ground.walled.db.psql_with_env(ground.walled.app.name(), &script, &options);
            assert!(said.success, "{said:?}");
            assert_eq!(read(&said.stderr), Folded, "{server:?}: {copy}");
        }
    }
}

/// Only superusers turn it on and off.
#[test]
fn only_superusers_decide_about_folding() {
    let ground = Ground::new("decide", Server::Preloaded, "");
    let mut session = ground.session(true, "auto");
    session.act_for(A);
    session.refused("SET org_scope.plan_folding = off", "42501");
    session.refused("SELECT set_config('org_scope.plan_folding', 'off', false)", "42501");
    let ground = Ground::new("decide_plain", Server::Plain, "");
    let mut plain = ground.session(true, "auto");
    // Set before the library came, by nobody who may.
    plain.run("SET org_scope.plan_folding = off");
    plain.act_for(A);
    assert_eq!(read(&plain.plan("SELECT * FROM notes")), Plan::Folded);
    plain.refused(&named("SET org_scope.plan_folding = off"), "42501");
}
