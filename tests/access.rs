//! Who may act for which organization: `allow`, `disallow`, `bind_role`, `unbind_role`, the access view.

use crate::harness::{A, B, Db, Server, Walled};

const BOTH: [Server; 2] = [Server::Plain, Server::Preloaded];

#[test]
fn the_view_shows_what_was_given() {
    let walled = Walled::new("view", Server::Plain);
    let (tenant, bypassing) = (walled.role("tenant"), walled.db.role_with("bypassing", "LOGIN BYPASSRLS"));
    let mut dba = walled.superuser();
    dba.run(&format!(
        "SELECT org_scope.allow('{}', 'direct', pooled => true), org_scope.allow(role => '{tenant}', how => 'parameter'),
                org_scope.bind_role(role => '{bypassing}', org => 'x')",
        walled.app
    ));
    let rows = dba.column(
        "SELECT concat_ws('|', replace(role::text, '_' || current_database(), ''), how, bound_org, pooled, bypasses_row_security)
         FROM org_scope.access ORDER BY 1",
    );
    assert_eq!(rows, ["app|direct|t|f", "bypassing|x|f|t", "tenant|parameter|f|f"]);
}

#[test]
fn allow_replaces_and_keeps_the_binding() {
    let walled = Walled::new("replace", Server::Plain);
    let mut dba = walled.superuser();
    let row = format!(
        "SELECT concat_ws('|', how, coalesce(bound_org, '-'), pooled) FROM org_scope.access WHERE role = '{}'::regrole",
        walled.app
    );
    for (call, after) in [
        ("allow('app', 'direct', pooled => true)", "direct|-|t"),
        ("allow('app', 'parameter')", "parameter|-|f"),
        ("bind_role('app', 'x')", "parameter|x|f"),
        ("bind_role('app', 'y')", "parameter|y|f"),
        ("allow('app', 'direct')", "direct|y|f"),
        ("disallow('app')", "y|f"),
        ("allow('app', 'direct')", "direct|y|f"),
        ("unbind_role('app')", "direct|-|f"),
    ] {
        dba.run(&format!("SELECT org_scope.{}", call.replace("app", walled.app.name())));
        assert_eq!(dba.text(&row), after, "{call}");
    }
}

#[test]
fn wrong_arguments_are_named_and_change_nothing() {
    let walled = Walled::new("wrong", Server::Plain);
    let mut dba = walled.superuser();
    let before = dba.rows("TABLE org_scope.access");
    let long = "x".repeat(1025);
    for (call, sqlstate, says) in [
        ("allow('app', 'anything')", "22023", "'direct', 'lookup', 'token' or 'parameter'"),
        ("allow('app', '')", "22023", "'direct', 'lookup', 'token' or 'parameter'"),
        ("allow('app', 'DIRECT')", "22023", "'direct', 'lookup', 'token' or 'parameter'"),
        ("allow('app', 'parameter', pooled => true)", "22023", "can't be pooled"),
        ("allow('app', NULL)", "22004", "\"how\""),
        ("allow(NULL, 'direct')", "22004", "\"role\""),
        ("allow('app', 'direct', pooled => NULL)", "22004", "\"pooled\""),
        ("allow('no_such_role', 'direct')", "42704", "no_such_role"),
        ("allow(4294967295::oid, 'direct')", "42704", ""),
        ("disallow(NULL)", "22004", "\"role\""),
        ("bind_role('app', NULL)", "OS004", "null or empty"),
        ("bind_role('app', '')", "OS004", "null or empty"),
        (&format!("bind_role('app', '{long}')"), "OS004", "1024"),
        ("bind_role(NULL, 'x')", "22004", "\"role\""),
        ("unbind_role(NULL)", "22004", "\"role\""),
    ] {
        let call = call.replace("'app'", &format!("'{}'", walled.app));
        dba.refused(&format!("SELECT org_scope.{call}"), sqlstate).says(says);
        assert_eq!(dba.rows("TABLE org_scope.access"), before, "{call}");
    }
}

#[test]
fn taking_away_nothing_is_said() {
    let walled = Walled::new("nothing", Server::Plain);
    let nobody = walled.role("nobody");
    let mut dba = walled.superuser();
    for call in ["disallow", "unbind_role"] {
        dba.notices();
        dba.run(&format!("SELECT org_scope.{call}('{nobody}')"));
        assert!(dba.notices().iter().any(|n| n.message.contains("nothing to take away")), "{call}");
    }
}

#[test]
fn a_role_with_access_cannot_be_dropped_and_its_name_inherits_nothing() {
    let walled = Walled::new("drop", Server::Plain);
    let (role, other) = (walled.db.role("droppable"), walled.db.role("bound"));
    let mut dba = walled.superuser();
    dba.run(&format!(
        "SELECT org_scope.allow('{role}', 'direct'); SELECT org_scope.bind_role('{other}', '{A}')"
    ));
    for role in [&role, &other] {
        dba.refused(&format!("DROP ROLE {role}"), "2BP01").says("set_current_user");
    }
    dba.run(&format!("SELECT org_scope.disallow('{role}'); SELECT org_scope.unbind_role('{other}'); DROP ROLE {role}; DROP ROLE {other}"));
    dba.run(&format!("CREATE ROLE {role} LOGIN; CREATE ROLE {other} LOGIN"));
    for role in [&role, &other] {
        let mut session = walled.db.connect(role);
        session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
        assert_eq!(session.text("SELECT org_scope.current_org()"), "");
    }
    // DROP OWNED takes the grants but not the row; a later role of that name has another number.
    dba.run(&format!("SELECT org_scope.allow('{role}', 'direct'); DROP OWNED BY {role}; DROP ROLE {role}; CREATE ROLE {role} LOGIN"));
    walled.db.connect(&role).refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
}

#[test]
fn a_renamed_role_keeps_its_access_and_its_old_name_has_none() {
    let walled = Walled::new("rename", Server::Plain);
    let role = walled.role("before");
    let renamed = format!("after_{}", walled.db.name());
    let mut dba = walled.superuser();
    dba.run(&format!("SELECT org_scope.allow('{role}', 'direct')"));
    let mut session = walled.db.connect(&role);
    session.act_for(A);
    dba.run(&format!("ALTER ROLE {role} RENAME TO {renamed}"));
    assert_eq!(session.notes(), "a1 a2 a3");
    assert!(dba.column("SELECT role FROM org_scope.access").contains(&renamed));
    dba.run(&format!("CREATE ROLE {role} LOGIN"));
    walled.db.connect(&role).refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    dba.run(&format!("DROP ROLE {role}; ALTER ROLE {renamed} RENAME TO {role}"));
}

#[test]
fn a_bound_login_is_always_its_organization() {
    for server in BOTH {
        let walled = Walled::new("bound", server);
        let tenant = walled.role("tenant");
        let mut dba = walled.superuser();
        for extra in [
            "SELECT 1",
            "SELECT org_scope.allow('T', 'direct')",
            "SELECT org_scope.allow('T', 'parameter')",
            "SELECT org_scope.allow('T', 'direct', pooled => true)",
        ] {
            dba.run(&format!("SELECT org_scope.bind_role('{tenant}', '{A}')"));
            dba.run(&extra.replace("'T'", &format!("'{tenant}'")));
            for options in [String::new(), format!("-c org_scope.current_org={B}")] {
                let mut session = match walled.db.try_connect_with_options(&tenant, &options) {
                    Ok(session) => session,
                    Err(refusal) => {
                        assert!(["42501", "OS002"].contains(&refusal.sqlstate.as_str()), "{refusal:?}");
                        continue;
                    }
                };
                assert_eq!(session.notes(), "a1 a2 a3", "{extra} {options}");
                for attack in [
                    format!("SET org_scope.current_org = '{B}'"),
                    format!("SELECT set_config('org_scope.current_org', '{B}', false)"),
                    format!("SELECT org_scope.set_current_org('{B}')"),
                    format!("BEGIN; SELECT org_scope.set_current_org('{B}', true)"),
                    "SELECT org_scope.clear_context()".to_owned(),
                    "RESET ALL".to_owned(),
                    "DISCARD ALL".to_owned(),
                ] {
                    drop(session.try_run(&attack));
                    drop(session.try_run("ROLLBACK"));
                    assert_eq!(session.notes(), "a1 a2 a3", "{extra} {options} {attack}");
                    assert_eq!(session.text("SELECT org_scope.current_org()"), A);
                }
                session
                    .refused(&format!("SELECT org_scope.set_current_org('{B}')"), "OS003")
                    .keeps_quiet_about(A);
                // Saying what is so anyway is no offence.
                session.act_for(A);
                session.refused(&format!("INSERT INTO notes VALUES (9, '{B}', 'x')"), "42501");
            }
            dba.run(&format!("SELECT org_scope.disallow('{tenant}')"));
        }
    }
}

#[test]
fn binding_reaches_open_sessions_and_ends_with_unbind() {
    let walled = Walled::new("bind", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(app.notes(), "a1 a2 a3");
    walled.superuser().run(&format!("SELECT org_scope.bind_role('{}', '{B}')", walled.app));
    assert_eq!(app.notes(), "b4 b5");
    app.run("COMMIT");
    walled.superuser().run(&format!("SELECT org_scope.unbind_role('{}')", walled.app));
    assert_eq!(app.notes(), "a1 a2 a3", "what it had set itself");
}

#[test]
fn a_bound_role_needs_no_allow_and_names_no_user() {
    let walled = Walled::new("boundonly", Server::Plain);
    let tenant = walled.role("tenant");
    walled.superuser().run(&format!("SELECT org_scope.bind_role('{tenant}', '{A}')"));
    let mut session = walled.db.connect(&tenant);
    assert_eq!(session.notes(), "a1 a2 a3");
    session.refused("SELECT org_scope.set_current_user('root')", "OS002");
    session.run("SELECT org_scope.set_current_project('p')");
    assert_eq!(session.text("SELECT org_scope.current_project()"), "p");
}

#[test]
fn parameter_access_opens_set_and_options_for_that_role_only() {
    for server in BOTH {
        let walled = Walled::new("parameter", server);
        let (tenant, nobody) = (walled.role("tenant"), walled.role("nobody"));
        walled
            .superuser()
            .run(&format!("SELECT org_scope.allow('{tenant}', 'parameter'); GRANT {tenant} TO {nobody}"));
        let options = format!("-c org_scope.current_org={A}");
        let mut session = walled.db.connect_with_options(&tenant, &options);
        assert_eq!(session.notes(), "a1 a2 a3");
        session.run("BEGIN");
        session.run(&format!("SET LOCAL org_scope.current_org = '{B}'"));
        assert_eq!(session.notes(), "b4 b5");
        session.run("SAVEPOINT s");
        session.run(&format!("SELECT set_config('org_scope.current_org', '{A}', true); ROLLBACK TO s"));
        assert_eq!(session.notes(), "b4 b5");
        session.run("COMMIT");
        assert_eq!(session.notes(), "a1 a2 a3");
        session.act_for(B);
        assert_eq!(session.notes(), "b4 b5", "a parameter role may call the setters too");
        session.run(&format!("SET org_scope.current_org = '{A}'"));
        assert_eq!(session.notes(), "a1 a2 a3");
        session.refused(&format!("SET org_scope.current_org = '{}'", "x".repeat(1025)), "OS004");
        session.refused("SET org_scope.current_project = 'p'", "42501");
        // Where an organization came from is not the client's to say.
        let forged = format!("{{\"how\":\"direct\"}}\u{1}{B}");
        session.refused(&format!("SET org_scope.current_org = '{forged}'"), "OS002");
        session.refused(&format!("SELECT set_config('org_scope.current_org', '{forged}', true)"), "OS002");
        assert_eq!(session.notes(), "a1 a2 a3");
        session.run("SET org_scope.current_org = ''");
        session.is_closed();

        // SET before the library comes.
        let mut early = walled.db.connect(&tenant);
        early.run(&format!("SET org_scope.current_org = '{A}'"));
        assert_eq!(early.notes(), "a1 a2 a3");

        // A member of it, and it as somebody else.
        let mut member = walled.db.connect(&nobody);
        member.run(&format!("SELECT org_scope.current_org(); SET ROLE {tenant}"));
        member.refused(&format!("SET org_scope.current_org = '{A}'"), "OS002");
        member.is_closed();

        // Taken away, it closes what SET has opened.
        let mut open = walled.db.connect_with_options(&tenant, &options);
        assert_eq!(open.notes(), "a1 a2 a3");
        for less in ["direct", "disallow"] {
            let call = if less == "direct" {
                format!("allow('{tenant}', 'direct')")
            } else {
                format!("disallow('{tenant}')")
            };
            walled.superuser().run(&format!("SELECT org_scope.{call}"));
            open.is_closed();
            open.refused(&format!("SET org_scope.current_org = '{B}'"), "42501");
        }
    }
}

#[test]
fn a_dba_without_superuser_gives_access_by_an_execute_grant() {
    let walled = Walled::new("deputy", Server::Plain);
    let (deputy, tenant) = (walled.role("deputy"), walled.role("tenant"));
    walled.superuser().run(&format!(
        "GRANT EXECUTE ON FUNCTION org_scope.allow, org_scope.disallow, org_scope.bind_role, org_scope.unbind_role TO {deputy}"
    ));
    let mut session = walled.db.connect(&deputy);
    session.run(&format!("SELECT org_scope.allow('{tenant}', 'parameter')"));
    walled.db.connect(&tenant).act_for(A);
    session.run(&format!("SELECT org_scope.bind_role('{tenant}', '{B}')"));
    assert_eq!(walled.db.connect(&tenant).notes(), "b4 b5");
    session.run(&format!("SELECT org_scope.disallow('{tenant}'), org_scope.unbind_role('{tenant}')"));
    walled.db.connect(&tenant).refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    session.refused("INSERT INTO org_scope.role_access VALUES (1)", "42501");
}

#[test]
fn access_given_in_a_transaction_that_rolls_back_was_never_given() {
    let walled = Walled::new("undone", Server::Plain);
    let nobody = walled.role("nobody");
    let mut dba = walled.superuser();
    let mut session = walled.db.connect(&nobody);
    dba.run(&format!("BEGIN; SELECT org_scope.allow('{nobody}', 'direct')"));
    session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    dba.run("ROLLBACK");
    session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    // In the giver's own session, too.
    let mut both = walled.superuser();
    both.run(&format!(
        "BEGIN; SELECT org_scope.allow('{nobody}', 'direct'); SET LOCAL SESSION AUTHORIZATION {nobody}"
    ));
    both.act_for(A);
    assert_eq!(both.notes(), "a1 a2 a3");
    both.run("ROLLBACK");
    both.run(&format!("SET SESSION AUTHORIZATION {nobody}"));
    both.is_closed();
    both.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
}

#[test]
fn a_context_ends_with_the_superusers_attribute() {
    let walled = Walled::new("demoted", Server::Plain);
    let admin = walled.db.role_with("admin", "LOGIN SUPERUSER");
    walled.owner().run(&format!("GRANT SELECT ON notes TO {admin}"));
    let mut session = walled.db.connect(&admin);
    session.run(&format!("SELECT org_scope.set_current_org('{A}')"));
    assert_eq!(session.text("SELECT org_scope.current_org()"), A);
    walled.db.superuser().run(&format!("ALTER ROLE {admin} NOSUPERUSER"));
    session.refused("SELECT count(*) FROM notes", "OS001");
    session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
}

#[test]
fn access_that_comes_with_the_extension_reaches_sessions_that_asked_before() {
    let db = Db::empty("before", Server::Preloaded);
    let app = db.role("app");
    let mut superuser = db.superuser();
    superuser.run(&format!("GRANT SET ON PARAMETER org_scope.current_org TO {app}"));
    let mut session = db.connect(&app);
    session.refused("SET org_scope.current_org = 'a'", "OS002");
    superuser.run("CREATE EXTENSION org_scope");
    superuser.run(&format!("SELECT org_scope.allow('{app}', 'parameter')"));
    session.run("SET org_scope.current_org = 'a'");
    assert_eq!(session.text("SELECT org_scope.current_org()"), "a");
}

#[test]
fn a_project_of_a_transactions_organization_ends_with_it() {
    let walled = Walled::new("project_origin", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("BEGIN");
    app.run(&format!("SELECT org_scope.set_current_org('{B}', is_local => true)"));
    app.run("SELECT org_scope.set_current_project('p')");
    assert_eq!(app.text("SELECT org_scope.current_project()"), "p");
    app.run("COMMIT");
    assert_eq!(app.value("SELECT org_scope.current_project()"), None);
    app.act_for(B);
    assert_eq!(app.value("SELECT org_scope.current_project()"), None, "it doesn't come back");
    // The origin of the session's own value says session again, so a role that becomes pooled loses it.
    walled.db.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct', pooled => true)", walled.app));
    assert_eq!(app.value("SELECT org_scope.current_org()"), None);
}

#[test]
fn the_view_shows_what_else_a_role_is() {
    let walled = Walled::new("access_adds", Server::Plain);
    let mut dba = walled.superuser();
    let (group, boss) = (walled.role("group"), walled.role("boss"));
    let adds = format!(
        "SELECT array_to_string(adds, ', ') FROM org_scope.access WHERE role = '{}'::regrole",
        walled.app
    );
    assert_eq!(dba.text(&adds), "");
    dba.run(&format!(
        "GRANT {group} TO {app}; GRANT {boss} TO {group}; ALTER ROLE {boss} BYPASSRLS; ALTER ROLE {app} CREATEROLE;
         GRANT pg_read_server_files TO {boss}; CREATE TABLE loose (org_id text); ALTER TABLE loose OWNER TO {group};
         SELECT org_scope.protect('loose', force => false)",
        app = walled.app
    ));
    assert_eq!(
        dba.text(&adds),
        format!(
            "BYPASSRLS of {boss}, CREATEROLE, files of pg_read_server_files, ownership of public.loose of {group}"
        )
    );
}
