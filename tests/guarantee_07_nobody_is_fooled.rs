//! Guarantee 7: whoever sets a context that no policy will enforce is told so.

use crate::harness::{A, Db, Server, Session, Walled};

/// The warnings of a statement that must succeed.
#[track_caller]
fn warnings(session: &mut Session, sql: &str) -> Vec<String> {
    session.notices();
    session.run(sql);
    session.notices().into_iter().filter(|n| n.severity == "WARNING").map(|n| n.message).collect()
}

const SET: &str = "SELECT org_scope.set_current_org('x')";

#[test]
fn superusers_and_bypassrls_are_warned() {
    for server in [Server::Plain, Server::Preloaded] {
        let db = Db::new("warned", server);
        let bypassing = db.role_with("bypassing", "LOGIN BYPASSRLS");
        db.superuser().run(&format!("SELECT org_scope.allow('{bypassing}', 'direct')"));
        for (name, mut session) in [("postgres", db.superuser()), (bypassing.name(), db.connect(&bypassing))]
        {
            for call in
                [SET, "SELECT org_scope.set_current_org(7)", "SELECT org_scope.set_current_org('x', true)"]
            {
                let said = warnings(&mut session, call);
                assert_eq!(said.len(), 1, "{name}: {call}: {said:?}");
                assert!(said[0].contains(name) && said[0].contains("bypasses row security"), "{said:?}");
            }
            assert_eq!(session.text("SELECT org_scope.context() ->> 'bypasses_row_security'"), "true");
        }
    }
}

#[test]
fn ordinary_roles_are_left_in_peace() {
    let walled = Walled::new("peace", Server::Plain);
    let mut app = walled.app();
    assert!(warnings(&mut app, SET).is_empty());
    assert_eq!(app.text("SELECT org_scope.context() ->> 'bypasses_row_security'"), "false");
    // Who acts counts, not who logged in: a superuser that has become an ordinary role is fenced.
    let mut superuser = walled.superuser();
    superuser.run(&format!("SET ROLE {}", walled.app));
    assert!(warnings(&mut superuser, &format!("SELECT org_scope.set_current_org('{A}')")).is_empty());
    assert_eq!(superuser.notes(), "a1 a2 a3");
}

#[test]
fn an_ordinary_login_that_becomes_a_bypassing_role_is_warned() {
    let db = Db::new("becomes", Server::Plain);
    let (app, strong) = (db.role("app"), db.role_with("strong", "NOLOGIN BYPASSRLS"));
    db.superuser().run(&format!("GRANT {strong} TO {app}; SELECT org_scope.allow('{app}', 'direct')"));
    let mut session = db.connect(&app);
    session.run(&format!("SET ROLE {strong}"));
    assert_eq!(warnings(&mut session, SET).len(), 1);
}

#[test]
fn bypass_can_be_made_an_error_or_silent() {
    let db = Db::new("bypass", Server::Preloaded);
    let mut session = db.superuser();
    session.run("SET org_scope.bypass = 'error'");
    session.refused(SET, "OS002").says("bypasses row security");
    assert_eq!(session.text("SELECT org_scope.current_org()"), "");
    session.run("SET org_scope.bypass = 'off'");
    assert!(warnings(&mut session, SET).is_empty());
    session.run("SET org_scope.bypass = 'warn'");
    assert_eq!(warnings(&mut session, SET).len(), 1);
}

#[test]
fn an_ordinary_role_cannot_silence_the_warning() {
    let db = Db::new("silence", Server::Plain);
    let app = db.role_with("app", "LOGIN BYPASSRLS");
    db.superuser().run(&format!("SELECT org_scope.allow('{app}', 'direct')"));
    for mut session in [db.connect(&app), db.connect_with_options(&app, "-c org_scope.bypass=off")] {
        drop(session.try_run("SET org_scope.bypass = 'off'"));
        assert_eq!(
            warnings(&mut session, "SELECT org_scope.set_current_org('x')")
                .iter()
                .filter(|w| w.contains("bypasses row security"))
                .count(),
            1
        );
        session.refused("SET org_scope.bypass = 'off'", "42501");
    }
}

#[test]
fn allowing_and_binding_a_bypassing_role_warns() {
    let db = Db::new("allowing", Server::Plain);
    let (app, bypassing) = (db.role("app"), db.role_with("bypassing", "LOGIN BYPASSRLS"));
    let mut dba = db.superuser();
    for (call, warned) in [
        ("allow('R', 'direct')", 1),
        ("bind_role('R', 'x')", 1),
        ("unbind_role('R')", 0),
        ("disallow('R')", 0),
    ] {
        for (role, expected) in [(&app, 0), (&bypassing, warned)] {
            let said = warnings(&mut dba, &format!("SELECT org_scope.{}", call.replace('R', role.name())));
            assert_eq!(said.len(), expected, "{call} {role}: {said:?}");
            assert!(said.iter().all(|w| w.contains(role.name())), "{said:?}");
        }
    }
    dba.run(&format!(
        "SELECT org_scope.allow('{app}', 'direct'); SELECT org_scope.allow('{bypassing}', 'direct')"
    ));
    assert_eq!(dba.column("SELECT bypasses_row_security FROM org_scope.access ORDER BY 1"), ["f", "t"]);
}
