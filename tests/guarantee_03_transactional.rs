//! Guarantee 3: what a transaction or savepoint set, its rollback undoes; a failed call changes nothing;
//! a pooled role leaves nothing behind.

use crate::harness::{A, B, Server, Session, Walled};

fn set(org: &str) -> String {
    format!("SELECT org_scope.set_current_org('{org}')")
}

fn set_local(org: &str) -> String {
    format!("SELECT org_scope.set_current_org('{org}', is_local => true)")
}

fn org(session: &mut Session) -> String {
    session.text("SELECT org_scope.current_org()")
}

/// A walled table whose application connects through a transaction pooler.
fn pooled(test: &str) -> Walled {
    let walled = Walled::new(test, Server::Plain);
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct', pooled => true)", walled.app));
    walled
}

#[test]
fn rollback_undoes_what_its_transaction_set() {
    let walled = Walled::new("rollback", Server::Plain);
    let mut app = walled.app_as(A);
    for (steps, after) in [
        (vec!["BEGIN".into(), set(B), "ROLLBACK".into()], A),
        (vec!["BEGIN".into(), set(B), "COMMIT".into(), set(A)], A),
        (vec!["BEGIN".into(), set_local(B), "COMMIT".into()], A),
        (vec!["BEGIN".into(), "SELECT org_scope.clear_context()".into(), "ROLLBACK".into()], A),
        (vec!["BEGIN".into(), set(B), set_local(A), "ROLLBACK".into()], A),
        (vec![set(B), "BEGIN".into(), set_local(A), set(A), set_local(B), "COMMIT".into()], A),
        (vec!["BEGIN; ".to_owned() + &set(B) + "; SAVEPOINT s; " + &set(A) + "; RELEASE s; ROLLBACK"], A),
    ] {
        for step in &steps {
            app.run(step);
        }
        assert_eq!(org(&mut app), after, "{steps:?}");
        assert_eq!(app.notes(), "a1 a2 a3", "{steps:?}");
    }
}

#[test]
fn rollback_to_a_savepoint_undoes_what_came_after_it() {
    let walled = Walled::new("savepoint", Server::Plain);
    for setter in [set, set_local] {
        let mut app = walled.app();
        app.run("BEGIN");
        app.run(&setter(A));
        app.run("SAVEPOINT s");
        app.run(&setter(B));
        assert_eq!(app.notes(), "b4 b5");
        app.run("SAVEPOINT t; SELECT org_scope.clear_context()");
        app.is_closed();
        app.run("ROLLBACK TO s");
        assert_eq!(app.notes(), "a1 a2 a3");
        app.run("RELEASE s; COMMIT");
    }
}

#[test]
fn an_exception_block_undoes_what_was_set_in_it() {
    let walled = Walled::new("exception", Server::Plain);
    let mut app = walled.app_as(A);
    app.run(&format!(
        "DO $$ BEGIN
            BEGIN PERFORM org_scope.set_current_org('{B}'); RAISE 'undo'; EXCEPTION WHEN raise_exception THEN END;
            IF org_scope.current_org() <> '{A}' THEN RAISE 'still %', org_scope.current_org(); END IF;
         END $$"
    ));
    assert_eq!(app.notes(), "a1 a2 a3");
}

#[test]
fn an_aborted_transaction_sets_nothing() {
    let walled = Walled::new("aborted", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("BEGIN");
    app.run(&set(B));
    app.refused("SELECT 1/0", "22012");
    app.refused(&set(B), "25P02");
    app.run("COMMIT");
    assert_eq!(app.notes(), "a1 a2 a3");
    // One message is one transaction.
    app.refused(&format!("{}; SELECT 1/0", set(B)), "22012");
    assert_eq!(app.notes(), "a1 a2 a3");
}

#[test]
fn a_failed_call_changes_nothing() {
    let walled = Walled::new("failed", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("SELECT org_scope.set_current_user('u'); SELECT org_scope.set_current_project('p')");
    let before = app.text("SELECT org_scope.context()");
    let long = "x".repeat(1025);
    for (call, sqlstate) in [
        ("set_current_org('')".to_owned(), "OS004"),
        ("set_current_org(NULL)".into(), "OS004"),
        ("set_current_org(NULL::uuid)".into(), "OS004"),
        ("set_current_org(NULL::bigint)".into(), "OS004"),
        ("set_current_org(NULL, NULL)".into(), "OS004"),
        (format!("set_current_org('{long}')"), "OS004"),
        (format!("set_current_user('{long}')"), "OS004"),
        (format!("set_current_project('{long}')"), "OS004"),
        ("set_current_org('not a uuid'::uuid)".into(), "22P02"),
    ] {
        app.refused(&format!("SELECT org_scope.{call}"), sqlstate);
        assert_eq!(app.text("SELECT org_scope.context()"), before, "{call}");
    }
}

#[test]
fn a_procedure_that_commits_keeps_or_loses_as_transactions_do() {
    let walled = Walled::new("procedure", Server::Plain);
    let mut app = walled.app();
    app.run(&format!(
        "CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN
             PERFORM org_scope.set_current_org('{A}', true);
             COMMIT;
             IF org_scope.current_org() IS NOT NULL THEN RAISE 'a local context outlived its transaction'; END IF;
             PERFORM org_scope.set_current_org('{B}');
             ROLLBACK;
             IF org_scope.current_org() IS NOT NULL THEN RAISE 'a rollback kept the context'; END IF;
             PERFORM org_scope.set_current_org('{B}');
             COMMIT;
         END $$"
    ));
    app.run("CALL work()");
    assert_eq!(app.notes(), "b4 b5");
}

#[test]
fn a_prepared_transaction_takes_no_context_along() {
    let walled = Walled::new("twophase", Server::Plain);
    let name = walled.db.name().to_owned();
    let mut app = walled.app_as(A);
    app.run("BEGIN");
    app.run(&set_local(B));
    app.run(&format!("INSERT INTO notes (id, body) VALUES (6, 'b6'); PREPARE TRANSACTION '{name}'"));
    assert_eq!(app.notes(), "a1 a2 a3");
    app.run(&format!("COMMIT PREPARED '{name}'"));
    assert_eq!(app.notes(), "a1 a2 a3");
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5 b6");
}

#[test]
fn access_that_a_prepared_transaction_takes_away_is_gone_with_its_commit() {
    let walled = Walled::new("twophase2", Server::Plain);
    let name = walled.db.name().to_owned();
    let mut app = walled.app_as(A);
    let mut superuser = walled.superuser();
    superuser.run("BEGIN");
    superuser.run(&format!("DELETE FROM org_scope.role_access WHERE role = '{}'::regrole", walled.app));
    superuser.run(&format!("PREPARE TRANSACTION '{name}'"));
    assert_eq!(app.notes(), "a1 a2 a3");
    superuser.run(&format!("COMMIT PREPARED '{name}'"));
    app.is_closed();
}

#[test]
fn a_pooled_role_has_no_context_between_transactions() {
    let walled = pooled("pooled");
    let mut app = walled.app();
    for call in [
        "set_current_org('x')",
        "set_current_org('x', false)",
        "set_current_org('x', NULL)",
        "set_current_user('u')",
    ] {
        app.refused(&format!("SELECT org_scope.{call}"), "OS003").says("is_local => true");
    }
    app.run("BEGIN");
    app.run(&set_local(A));
    app.refused("SELECT org_scope.set_current_project('p')", "OS003");
    app.run("ROLLBACK; BEGIN");
    app.run(&set_local(A));
    app.run("SELECT org_scope.set_current_user('u', true); SELECT org_scope.set_current_project('p', true)");
    assert_eq!(app.notes(), "a1 a2 a3");
    app.run("COMMIT");
    assert_eq!(
        app.text("SELECT org_scope.context() - 'bypasses_row_security'"),
        r#"{"org": null, "user": null, "project": null}"#
    );
    app.is_closed();
}

#[test]
fn a_pooled_transaction_has_one_organization() {
    let walled = pooled("oneorg");
    for way_out in [
        "SELECT 1",
        "ROLLBACK TO s",
        "RELEASE s",
        "RESET ALL",
        "SELECT org_scope.clear_context()",
        "ROLLBACK TO s; RELEASE s; SAVEPOINT u",
        "SET ROLE NONE",
        "DEALLOCATE ALL; DISCARD PLANS",
    ] {
        let mut app = walled.app();
        app.run("BEGIN; SAVEPOINT s");
        app.run(&set_local(A));
        assert_eq!(app.notes(), "a1 a2 a3");
        app.run(way_out);
        app.run("SAVEPOINT attack");
        let refusal = app.refused(&set_local(B), "OS003");
        assert_eq!(refusal.message, "the organization of this transaction is fixed", "{way_out}");
        let refusal = refusal.keeps_quiet_about(A);
        drop(refusal);
        app.run("ROLLBACK TO attack");
        app.run(&set_local(A));
        assert_eq!(app.notes(), "a1 a2 a3", "{way_out}");
        app.run("COMMIT; BEGIN");
        app.run(&set_local(B));
        assert_eq!(app.notes(), "b4 b5", "{way_out}");
    }
}

#[test]
fn a_pooled_role_becomes_a_second_org_in_no_nested_way() {
    let walled = pooled("nested");
    let mut app = walled.app();
    app.refused(
        &format!(
            "DO $$ BEGIN
                BEGIN PERFORM org_scope.set_current_org('{A}', true); RAISE 'x'; EXCEPTION WHEN raise_exception THEN END;
                PERFORM org_scope.set_current_org('{B}', true);
             END $$"
        ),
        "OS003",
    );
    app.refused(
        &format!("SELECT org_scope.set_current_org(o, true) FROM (VALUES ('{A}'), ('{B}')) v (o)"),
        "OS003",
    );
    // A procedure that commits is several transactions.
    app.run(&format!(
        "DO $$ BEGIN PERFORM org_scope.set_current_org('{A}', true); COMMIT; PERFORM org_scope.set_current_org('{B}', true); END $$"
    ));
    app.is_closed();
}

#[test]
fn a_pooled_role_leaves_no_held_cursor() {
    let walled = pooled("held");
    let mut app = walled.app();
    app.run(
        "CREATE FUNCTION hold() RETURNS void LANGUAGE plpgsql
             AS $$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM notes'; END $$",
    );
    for attack in [
        "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM notes",
        "DECLARE c INSENSITIVE SCROLL CURSOR WITH HOLD FOR TABLE notes",
        "SELECT hold()",
        "DO $$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'; END $$",
    ] {
        app.run("BEGIN");
        app.run(&set_local(A));
        app.refused(attack, "OS003").says("WITH HOLD");
        app.run("ROLLBACK");
    }
    app.run("BEGIN");
    app.run(&set_local(A));
    app.run("DECLARE c CURSOR FOR SELECT * FROM notes");
    app.run("COMMIT");
    app.refused("FETCH c", "34000");
}

#[test]
fn what_was_set_before_a_role_became_pooled_is_gone() {
    let walled = Walled::new("became", Server::Plain);
    let mut app = walled.app_as(A);
    app.run("SELECT org_scope.set_current_user('u'); SELECT org_scope.set_current_project('p')");
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct', pooled => true)", walled.app));
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "", "the user of a former client");
    app.is_closed();
    app.run("BEGIN");
    app.run(&set_local(A));
    assert_eq!(
        app.text("SELECT org_scope.context() - 'bypasses_row_security'"),
        format!(r#"{{"org": "{A}", "user": null, "project": null}}"#),
        "user and project of a former client"
    );
}
