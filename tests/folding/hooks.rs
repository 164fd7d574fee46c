//! Other extensions' hooks, before ours and behind them: all are called, and see what was sent.

use super::matrix::{Ground, MODES, SHOWN, perform};
use crate::harness::{A, B, Private, Server, Session};

/// A few of the hazards, quickly.
#[track_caller]
fn assert_follows(session: &mut Session, context: &str) {
    session.run("PREPARE q AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes; PREPARE p (int) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= $1");
    for _ in 0..7 {
        for (org, seen) in [(A, SHOWN[0]), (B, SHOWN[1])] {
            session.act_for(org);
            for sql in ["EXECUTE q", "EXECUTE p (0)", "SELECT string_agg(body, ' ' ORDER BY id) FROM notes"] {
                assert_eq!(perform(session, sql), seen, "{context}: {sql}");
            }
            let plan = session.plan("SELECT * FROM notes");
            assert!(plan.contains(&format!("'{org}'::uuid")), "{context}: not folded:\n{plan}");
        }
    }
    session.run("DEALLOCATE ALL");
}

#[test]
fn pg_stat_statements_before_and_behind_us_counts_everything() {
    for libraries in ["pg_stat_statements, org_scope", "org_scope, pg_stat_statements", "pg_stat_statements"]
    {
        let server = Private::new(
            false,
            &[&format!("shared_preload_libraries = '{libraries}'"), "pg_stat_statements.track_planning = on"],
        );
        let walled = crate::harness::Walled::on(&server, "statements");
        let mut superuser = walled.superuser();
        superuser.run("CREATE EXTENSION pg_stat_statements");
        assert_follows(&mut walled.app(), libraries);
        superuser.run("SELECT pg_stat_statements_reset()");
        let mut app = walled.app();
        for (org, rows) in [(A, 3), (B, 2), (A, 3), (B, 2)] {
            app.act_for(org);
            assert_eq!(app.touched("SELECT * FROM notes"), rows);
        }
        // One statement to all organizations: what was sent is what is counted, not what was folded.
        let counted = superuser
            .rows("SELECT calls, plans, rows FROM pg_stat_statements WHERE query = 'SELECT * FROM notes'");
        assert_eq!(counted, [["4", "4", "10"].map(|n| Some(n.to_owned()))], "{libraries}");
    }
}

/// Loaded before our library, which comes with the first call, and after.
#[test]
fn auto_explain_before_and_behind_us_shows_what_is_executed() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("auto_explain", server, "");
        for (option, role) in [
            ("session_preload_libraries", ground.role(true)),
            ("local_preload_libraries", ground.role(false)),
        ] {
            if option == "session_preload_libraries" {
                ground.walled.superuser().run(&format!(
                    "ALTER ROLE {role} SET session_preload_libraries = 'auto_explain'; ALTER ROLE {role} SET auto_explain.log_min_duration = 0;
                     ALTER ROLE {role} SET auto_explain.log_level = 'notice'; ALTER ROLE {role} SET auto_explain.log_analyze = on"
                ));
            }
        }
        for mode in MODES {
            let mut app = ground.session(true, mode);
            assert_follows(&mut app, "auto_explain first");
            app.act_for(A);
            app.notices();
            app.run("SELECT * FROM notes");
            let said = app.notices();
            assert!(said.iter().any(|n| n.message.contains(&format!("'{A}'::uuid"))), "{said:?}");
        }
        // Loaded by LOAD when ours is there, in a superuser's session that becomes the application's.
        let mut session = ground.walled.superuser();
        session.run("SET org_scope.bypass = off");
        session.act_for(A);
        session.run("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_level = 'notice'");
        session.run(&format!("SET SESSION AUTHORIZATION {}", ground.role(true)));
        assert_follows(&mut session, "auto_explain last");
        assert!(session.notices().iter().any(|n| n.message.contains(&format!("'{A}'::uuid"))));
    }
}

/// An error in a hook of ours is an error of the statement: the server goes on, and so does the session.
#[test]
fn a_refusal_in_a_hook_leaves_the_session_usable() {
    let ground = Ground::new(
        "usable",
        Server::Plain,
        "CREATE TABLE plain (id int); INSERT INTO plain VALUES (1); CREATE TABLE switches (org text);
         CREATE RULE r AS ON UPDATE TO plain DO INSTEAD (
             INSERT INTO switches SELECT org_scope.set_current_org('@B'); SELECT body FROM notes WHERE notes.id > new.id)",
    );
    let mut session = ground.session(true, "force_custom_plan");
    let backend = session.text("SELECT pg_backend_pid()");
    session.run("PREPARE u (int) AS UPDATE plain SET id = $1");
    for _ in 0..20 {
        session.act_for(A);
        session.refused("EXECUTE u (0)", "OS003");
        assert_eq!(session.notes(), SHOWN[0]);
        session.refused("SELECT * FROM notes WHERE id = 1 / 0", "22012");
    }
    assert_eq!(session.text("SELECT pg_backend_pid()"), backend);
}
