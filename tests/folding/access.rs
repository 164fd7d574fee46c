//! Access that goes, comes back or changes hands between preparing, planning and executing.

use std::thread;
use std::time::Duration;

use super::matrix::{ALL, Ground, MODES, SHOWN, named, perform};
use crate::harness::{A, B, Server, Session};

const LOOKS: [&str; 4] = [ALL, "EXECUTE q", "EXECUTE p (0)", "SELECT pg_temp.f(0)"];

fn prepare(session: &mut Session) {
    session.run(&format!(
        "PREPARE q AS {ALL}; PREPARE p (int) AS {ALL} WHERE id >= $1;
         CREATE FUNCTION pg_temp.f(i int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN ({ALL} WHERE id >= i); END $$"
    ));
}

/// In a transaction that has warmed every cache no lock gives occasion to notice what others do.
#[test]
fn access_that_is_taken_away_is_gone_at_the_next_statement() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("disallowed", server, "");
        let mut superuser = ground.walled.superuser();
        for folding in [true, false] {
            let role = ground.role(folding);
            for mode in MODES {
                for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
                    for look in LOOKS {
                        let mut session = ground.session(folding, mode);
                        session.act_for(A);
                        prepare(&mut session);
                        session.run(&format!("BEGIN ISOLATION LEVEL {isolation}"));
                        for _ in 0..3 {
                            assert_eq!(perform(&mut session, look), SHOWN[0]);
                        }
                        superuser.run(&format!("SELECT org_scope.disallow('{role}')"));
                        let seen = perform(&mut session, look);
                        assert_eq!(seen, "!OS001", "folding {folding}, {mode}, {isolation}: {look}");
                        session.run("ROLLBACK");
                        superuser.run(&format!("SELECT org_scope.allow('{role}', 'direct')"));
                        assert_eq!(perform(&mut session, look), SHOWN[0]);
                        // Bound to another organization in the middle.
                        session.run(&format!("BEGIN ISOLATION LEVEL {isolation}"));
                        assert_eq!(perform(&mut session, look), SHOWN[0]);
                        superuser.run(&format!("SELECT org_scope.bind_role('{role}', '{B}')"));
                        let seen = perform(&mut session, look);
                        assert_eq!(seen, SHOWN[1], "bound: folding {folding}, {mode}, {isolation}: {look}");
                        session.run("ROLLBACK");
                        superuser.run(&format!(
                            "SELECT org_scope.unbind_role('{role}'); SELECT org_scope.allow('{role}', 'direct')"
                        ));
                    }
                }
            }
        }
    }
}

/// The second statement of a rule was planned before the first waited for a lock, and is started after.
#[test]
fn access_that_goes_between_planning_and_executing_is_gone() {
    const RULE: &str = "
        CREATE TABLE turnstile (id int, body text); INSERT INTO turnstile VALUES (1, '');
        CREATE TABLE asked (id int, body text); INSERT INTO asked VALUES (1, '');
        CREATE RULE r AS ON UPDATE TO asked DO INSTEAD (
            UPDATE turnstile SET body = new.body; UPDATE notes SET body = body RETURNING notes.id, notes.body)";
    for (server, mode) in [(Server::Plain, "force_custom_plan"), (Server::Preloaded, "force_generic_plan")] {
        let ground = Ground::new("turnstile", server, RULE);
        for folding in [true, false] {
            let role = ground.role(folding);
            for bind in [false, true] {
                let mut superuser = ground.walled.superuser();
                superuser.run("BEGIN; UPDATE turnstile SET body = 'held'");
                let mut session = ground.session(folding, mode);
                session.act_for(A);
                session.run("PREPARE u (text) AS UPDATE asked SET body = $1");
                let waiter = thread::spawn(move || perform(&mut session, "EXECUTE u ('x')"));
                let mut other = ground.walled.superuser();
                let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
                while other.number(waits) == 0 {
                    thread::sleep(Duration::from_millis(5));
                }
                other.run(&if bind {
                    format!("SELECT org_scope.bind_role('{role}', '{B}')")
                } else {
                    format!("SELECT org_scope.disallow('{role}')")
                });
                superuser.run("COMMIT");
                let seen = waiter.join().expect("the waiter");
                let folded = folding && mode == "force_custom_plan";
                let expected = match (folded, bind) {
                    (true, _) => "!OS003",
                    (false, false) => "!OS001",
                    (false, true) => "#2",
                };
                assert_eq!(seen, expected, "folding {folding}, {mode}, bind {bind}");
                assert_eq!(ground.walled.truth(), "a1 a2 a3 b4 b5");
                other.run(&format!(
                    "SELECT org_scope.unbind_role('{role}'); SELECT org_scope.allow('{role}', 'direct')"
                ));
            }
        }
    }
}

/// Who is logged in decides, and may change under prepared statements.
#[test]
fn another_session_authorization_takes_nothing_along() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("authorization", server, "GRANT ALL ON notes TO PUBLIC");
        let outsider = ground.walled.db.role("outsider");
        let (app, off) = (ground.role(true), ground.role(false));
        for mode in MODES {
            let mut session = ground.walled.superuser();
            session.run(&format!("SET plan_cache_mode = {mode}; SET SESSION AUTHORIZATION {app}"));
            session.act_for(A);
            session.run(&format!("PREPARE q AS {ALL}; PREPARE p (int) AS {ALL} WHERE id >= $1"));
            for _ in 0..6 {
                for (role, seen) in
                    [(app, SHOWN[0]), (&outsider, "!OS001"), (off, SHOWN[0]), (&outsider, "!OS001")]
                {
                    session.run(&format!("SET SESSION AUTHORIZATION {role}"));
                    for look in [ALL, "EXECUTE q", "EXECUTE p (0)"] {
                        assert_eq!(perform(&mut session, look), seen, "{server:?} {mode}: {look} as {role}");
                    }
                }
                // SET ROLE changes nothing.
                session.run(&format!("SET SESSION AUTHORIZATION DEFAULT; SET SESSION AUTHORIZATION {app}"));
                session.run("SET ROLE NONE");
                assert_eq!(perform(&mut session, "EXECUTE p (0)"), SHOWN[0]);
            }
            session.run("SET SESSION AUTHORIZATION DEFAULT");
            assert_eq!(session.text("EXECUTE q"), "a1 a2 a3 b4 b5", "a superuser passes the fence");
            session.run(&format!("SET SESSION AUTHORIZATION {app}"));
            assert_eq!(perform(&mut session, "EXECUTE q"), SHOWN[0]);
        }
    }
}

/// A superuser needs no access; whoever is none any more, does.
#[test]
fn a_superuser_who_is_demoted_loses_the_organization() {
    let ground = Ground::new("demoted", Server::Plain, "GRANT ALL ON notes TO PUBLIC");
    let boss = ground.walled.db.role_with("boss", "LOGIN SUPERUSER");
    let mut session = ground.walled.db.connect(&boss);
    session.run(&named("SELECT org_scope.set_current_org('@A'); SET row_security = on"));
    session.run("CREATE FUNCTION pg_temp.org() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN org_scope.current_org(); END $$");
    prepare(&mut session);
    session.run("BEGIN");
    for look in ["EXECUTE q", "EXECUTE p (0)"] {
        assert_eq!(perform(&mut session, look), "a1 a2 a3 b4 b5");
    }
    assert_eq!(session.text("SELECT pg_temp.org()"), A);
    ground.walled.superuser().run(&format!("ALTER ROLE {boss} NOSUPERUSER"));
    for look in LOOKS {
        session.run("SAVEPOINT s");
        assert_eq!(perform(&mut session, look), "!OS001", "{look}");
        session.run("ROLLBACK TO s");
    }
    assert_eq!(session.value("SELECT pg_temp.org()"), None);
}
