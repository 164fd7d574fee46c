//! Guarantee 8, at call time: nothing depends on the caller's search_path, nor on any object that a user
//! can create.

use crate::harness::{A, B, Role, Server, Session, Walled};

/// Objects that stand in the way of everything that our functions could name without a schema, in a schema of
/// the attacker's and in `pg_temp`; each tells when it is used.
const SHADOWS: &str = "
    CREATE FUNCTION @.lie(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN true; END $$;
    CREATE FUNCTION @.lie(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN true; END $$;
    CREATE FUNCTION @.lie(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN true; END $$;
    CREATE FUNCTION @.lie(regrole, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN true; END $$;
    CREATE FUNCTION @.lie(regrole, regrole) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN true; END $$;
    CREATE FUNCTION @.lie(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN true; END $$;
    CREATE OPERATOR @.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = @.lie);
    CREATE OPERATOR @.= (LEFTARG = text, RIGHTARG = text, FUNCTION = @.lie);
    CREATE OPERATOR @.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = @.lie);
    CREATE OPERATOR @.= (LEFTARG = regrole, RIGHTARG = oid, FUNCTION = @.lie);
    CREATE OPERATOR @.= (LEFTARG = regrole, RIGHTARG = regrole, FUNCTION = @.lie);
    CREATE OPERATOR @.= (LEFTARG = name, RIGHTARG = name, FUNCTION = @.lie);
    CREATE OPERATOR @.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = @.lie);
    CREATE FUNCTION @.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN ''; END $$;
    CREATE FUNCTION @.current_setting(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN ''; END $$;
    CREATE FUNCTION @.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'shadow used'; RETURN pg_catalog.now(); END $$;
    CREATE FUNCTION @.fence_org_uuid() RETURNS uuid LANGUAGE sql AS $$ SELECT 'bbbbbbbb-0000-4000-8000-000000000002'::uuid $$;
    CREATE FUNCTION @.current_org_uuid() RETURNS uuid LANGUAGE sql AS $$ SELECT 'bbbbbbbb-0000-4000-8000-000000000002'::uuid $$;
    CREATE TABLE @.role_access (role regrole, how text, bound_org text, pooled boolean);
    CREATE TABLE @.journal (at timestamptz, role name, kind text, target regclass, statement text, rows bigint, reason text);
    CREATE TABLE @.pg_extension (oid oid, extname name, extowner oid);
    CREATE TABLE @.pg_roles (oid oid, rolname name, rolsuper boolean, rolbypassrls boolean);
    CREATE TABLE @.pg_class (oid oid, relname name);
    CREATE DOMAIN @.regrole_ AS text;
    CREATE TYPE @.uuid AS (lie int);
    CREATE TYPE @.jsonb AS (lie int);
";

/// The search paths that an attacker would set, given a schema of his own.
const PATHS: [&str; 6] = [
    "evil, pg_catalog",
    "pg_temp, evil, pg_catalog, org_scope",
    "pg_temp, pg_catalog",
    "evil",
    "",
    "evil, org_scope, pg_temp, pg_catalog",
];

/// Plants the shadows as an ordinary role, and gives a session that has them in pg_temp too.
fn planted(walled: &Walled, role: &Role) -> Session {
    let mut superuser = walled.superuser();
    superuser.run(&format!("CREATE SCHEMA IF NOT EXISTS evil; GRANT ALL ON SCHEMA evil TO {role}"));
    let mut session = walled.db.connect(role);
    if superuser.text("SELECT to_regclass('evil.pg_class')").is_empty() {
        // Each statement by itself: a type of that name makes a later signature mean something else.
        session.run(&SHADOWS.replace('@', "evil"));
        superuser
            .run("GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA evil TO PUBLIC");
    }
    session.run(&SHADOWS.replace('@', "pg_temp"));
    session
}

#[track_caller]
fn no_shadow_was_used(session: &mut Session, what: &str) {
    let notices = session.notices();
    assert!(notices.iter().all(|n| !n.message.contains("shadow")), "{what}: {notices:?}");
}

fn set_path(session: &mut Session, path: &str) {
    session
        .client()
        .batch_execute(&format!("SELECT pg_catalog.set_config('search_path', '{path}', false)"))
        .expect("a path");
}

#[test]
fn the_fence_and_the_context_see_no_shadow() {
    let walled = Walled::new("shadow", Server::Plain);
    let mut app = planted(&walled, &walled.app);
    app.notices();
    for path in PATHS {
        set_path(&mut app, path);
        app.run(&format!("SELECT org_scope.set_current_org('{A}'::pg_catalog.text)"));
        assert_eq!(app.column("SELECT body FROM public.notes ORDER BY id"), ["a1", "a2", "a3"], "{path}");
        app.run(
            "SELECT org_scope.set_current_user('u'), org_scope.set_current_project('p'), org_scope.context()",
        );
        assert_eq!(app.text("SELECT org_scope.current_org_uuid()"), A, "{path}");
        app.run("INSERT INTO public.notes (id, body) VALUES (9, 'a9'); DELETE FROM public.notes WHERE id OPERATOR(pg_catalog.=) 9");
        app.refused(&format!("INSERT INTO public.notes VALUES (9, '{B}', 'x')"), "42501");
        app.run("SELECT org_scope.clear_context()");
        app.refused("SELECT body FROM public.notes", "OS001");
        no_shadow_was_used(&mut app, path);
    }
}

#[test]
fn giving_and_taking_access_sees_no_shadow() {
    let walled = Walled::new("dba", Server::Plain);
    let (attacker, target) = (walled.role("attacker"), walled.db.role("target"));
    walled.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {attacker}"));
    planted(&walled, &attacker);
    let mut dba = walled.superuser();
    dba.run(&SHADOWS.replace('@', "pg_temp"));
    dba.notices();
    for path in PATHS {
        set_path(&mut dba, path);
        dba.run(&format!("SELECT org_scope.allow('{target}', 'parameter')"));
        dba.run(&format!("SELECT org_scope.bind_role('{target}', 'x')"));
        dba.run(&format!(
            "SELECT org_scope.unbind_role('{target}'), org_scope.allow('{target}', 'direct', pooled => true)"
        ));
        let row = dba.rows(&format!("SELECT how, bound_org, pooled FROM org_scope.access WHERE role OPERATOR(pg_catalog.=) '{target}'::pg_catalog.regrole"));
        assert_eq!(row, [[Some("direct".to_owned()), None, Some("t".into())]], "{path}");
        dba.run(&format!("SELECT org_scope.disallow('{target}')"));
        assert_eq!(dba.number("SELECT pg_catalog.count(*) FROM org_scope.access"), 1, "{path}");
        no_shadow_was_used(&mut dba, path);
    }
}

#[test]
fn across_orgs_writes_its_journal_past_every_shadow() {
    let walled = Walled::new("journal", Server::Plain);
    walled.superuser().run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs TO {}", walled.owner));
    let mut owner = planted(&walled, &walled.owner);
    owner.notices();
    for path in PATHS {
        set_path(&mut owner, path);
        owner.run("SELECT org_scope.across_orgs('UPDATE public.notes SET body = body', 'why')");
        no_shadow_was_used(&mut owner, path);
    }
    assert_eq!(walled.superuser().number("SELECT count(*) FROM org_scope.journal"), PATHS.len() as i64);
    assert_eq!(walled.superuser().number("SELECT count(*) FROM evil.journal"), 0);
}

#[test]
fn a_table_in_pg_temp_is_not_the_fenced_one() {
    // What an application does with an unqualified name and pg_temp in front is its own; but our tables
    // and functions are always ours.
    let walled = Walled::new("temp", Server::Plain);
    let nobody = walled.role("nobody");
    let mut session = walled.db.connect(&nobody);
    session.run(&format!(
        "CREATE TEMP TABLE role_access AS SELECT '{nobody}'::regrole AS role, 'direct' AS how, NULL::text AS bound_org, false AS pooled"
    ));
    session.refused(&format!("SELECT org_scope.set_current_org('{A}')"), "OS002");
    session.refused(
        "CREATE TEMP VIEW role_access2 AS SELECT * FROM org_scope.role_access; TABLE role_access2",
        "42501",
    );
}

#[test]
fn hostile_casts_change_nothing() {
    let walled = Walled::new("casts", Server::Plain);
    let mut app = walled.app();
    app.run(
        "CREATE TYPE trojan AS (v text);
         CREATE FUNCTION to_uuid(trojan) RETURNS uuid LANGUAGE sql AS $$ SELECT 'bbbbbbbb-0000-4000-8000-000000000002'::uuid $$;
         CREATE CAST (trojan AS uuid) WITH FUNCTION to_uuid(trojan) AS IMPLICIT;
         CREATE FUNCTION set_current_org(trojan) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    );
    // Casts over types of the system are not his to make.
    app.refused("CREATE CAST (text AS uuid) WITH INOUT AS IMPLICIT", "42501");
    app.refused("CREATE OPERATOR CLASS mine DEFAULT FOR TYPE uuid USING btree AS OPERATOR 3 =", "42501");
    app.act_for(A);
    assert_eq!(app.notes(), "a1 a2 a3");
    assert_eq!(app.number("SELECT count(*) FROM notes WHERE org_id = ROW('x')::trojan::uuid"), 0);
}

#[test]
fn names_in_access_are_quoted() {
    let walled = Walled::new("names", Server::Plain);
    let mut dba = walled.superuser();
    let name = format!(r#"Ev"il'; DROP TABLE notes; -- {}"#, walled.db.name());
    let quoted: String = name.chars().take(60).collect::<String>().replace('"', "\"\"");
    let literal = quoted.replace('\'', "''");
    dba.run(&format!("CREATE ROLE \"{quoted}\" LOGIN"));
    let done = [
        format!("SELECT org_scope.allow('\"{literal}\"', 'parameter')"),
        format!("SELECT org_scope.bind_role('\"{literal}\"', 'x''; DROP TABLE notes; --')"),
        format!("SELECT org_scope.disallow('\"{literal}\"')"),
        format!("SELECT org_scope.unbind_role('\"{literal}\"')"),
    ]
    .iter()
    .map(|call| dba.try_run(call))
    .collect::<Vec<_>>();
    let hint = dba
        .try_run(&format!("SET SESSION AUTHORIZATION \"{quoted}\"; SELECT org_scope.set_current_org('x')"));
    drop(dba);
    let mut dba = walled.superuser();
    let paste = hint.expect_err("no access").hint;
    let pasted = dba.try_run(&paste);
    let undone = dba.try_run(&format!("SELECT org_scope.disallow('\"{literal}\"'); DROP ROLE \"{quoted}\""));
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert!(pasted.is_ok(), "the hint can't be pasted: {paste}: {pasted:?}");
    assert_eq!(undone, Ok(()));
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
}
