//! Guarantee 9, as far as there are secrets yet: our tables are closed, and no message shows another
//! organization's id or rows.

use crate::harness::{A, B, Refusal, Server, Walled, fence};

#[track_caller]
fn quiet(refusal: Refusal, attack: &str) {
    let all = format!("{refusal:?}");
    for secret in [A, B, "a1", "b4", "b5", "secret"] {
        assert!(!all.contains(secret), "{attack} showed {secret}: {refusal:#?}");
    }
}

#[test]
fn no_role_reads_our_tables_by_being_a_reader_of_all() {
    let walled = Walled::new("readall", Server::Plain);
    walled.superuser().run(&format!(
        "SELECT org_scope.bind_role('{}', 'secret'); INSERT INTO org_scope.journal (role, kind, statement) VALUES ('r', 'k', 'secret')",
        walled.app
    ));
    let reader = walled.db.role_with("reader", "LOGIN IN ROLE pg_read_all_data, pg_write_all_data");
    let mut session = walled.db.connect(&reader);
    for table in ["role_access", "journal"] {
        assert!(session.rows(&format!("SELECT * FROM org_scope.{table}")).is_empty(), "{table}");
        assert_eq!(session.touched(&format!("DELETE FROM org_scope.{table}")), 0, "{table}");
        session.run("SET row_security = off");
        session.refused(&format!("SELECT * FROM org_scope.{table}"), "42501");
        session.run("RESET row_security");
    }
    session.refused("INSERT INTO org_scope.journal (role, kind, statement) VALUES ('r', 'k', 's')", "42501");
    session.refused("UPDATE pg_proc SET prosrc = 'x' WHERE proname = 'fence_org'", "42501");
    // The same through the view of the DBA, which must not lend its owner's eyes.
    assert!(
        session.rows("SELECT * FROM org_scope.access").is_empty(),
        "the access view shows bindings to a reader of all"
    );
}

#[test]
fn nobody_else_reads_our_tables() {
    let walled = Walled::new("others", Server::Plain);
    for mut session in [walled.app(), walled.owner()] {
        for attack in [
            "TABLE org_scope.role_access",
            "TABLE org_scope.journal",
            "TABLE org_scope.access",
            "SELECT pg_get_viewdef('org_scope.access'), (SELECT count(*) FROM org_scope.access)",
            "COPY org_scope.journal TO STDOUT",
            "BEGIN; LOCK org_scope.role_access",
        ] {
            quiet(session.refused(attack, "42501"), attack);
            drop(session.try_run("ROLLBACK"));
        }
    }
}

#[test]
fn errors_name_no_organization() {
    let walled = Walled::new("errors", Server::Plain);
    let bound = walled.role("bound");
    let pooled = walled.role("pooled");
    walled.superuser().run(&format!(
        "SELECT org_scope.bind_role('{bound}', '{A}'); SELECT org_scope.allow('{pooled}', 'direct', pooled => true)"
    ));
    let mut app = walled.app_as(A);
    app.run("SELECT org_scope.current_org()");
    for (attack, sqlstate) in [
        ("SET org_scope.current_org = 'secret'", "42501"),
        ("INSERT INTO notes VALUES (9, 'bbbbbbbb-0000-4000-8000-000000000002', 'x')", "42501"),
        ("INSERT INTO notes VALUES (4, org_scope.current_org_uuid(), 'x')", "23505"),
        (
            "INSERT INTO notes VALUES (4, org_scope.current_org_uuid(), 'x') ON CONFLICT (id) DO UPDATE SET body = 'x'",
            "42501",
        ),
        ("SELECT org_scope.current_org_bigint()", "OS004"),
    ] {
        quiet(app.refused(attack, sqlstate), attack);
    }
    let mut session = walled.db.connect(&bound);
    quiet(session.refused(&format!("SELECT org_scope.set_current_org('{B}')"), "OS003"), "bound");
    let mut session = walled.db.connect(&pooled);
    session.run("BEGIN");
    session.run(&format!("SELECT org_scope.set_current_org('{A}', true)"));
    quiet(session.refused(&format!("SELECT org_scope.set_current_org('{B}', true)"), "OS003"), "pooled");
    // In a superuser's session the check hook itself answers.
    let mut superuser = walled.superuser();
    superuser.run("SELECT org_scope.current_org()");
    quiet(superuser.refused("SET org_scope.current_org = 'secret'", "OS002"), "superuser");
    // Placeholders that are refused when the library comes.
    let mut early = walled.app();
    early.run("SET org_scope.current_org = 'secret'; SET org_scope.current_secret = 'x'");
    early.run("SELECT org_scope.clear_context()");
    for notice in early.notices() {
        assert!(
            !format!("{notice:?}").contains("'secret'") && !notice.message.contains("\"secret\""),
            "{notice:?}"
        );
    }
}

#[test]
fn a_foreign_keys_error_shows_no_foreign_row() {
    let walled = Walled::new("fk", Server::Plain);
    walled.owner().run(&format!(
        "CREATE TABLE marks (id int PRIMARY KEY, org_id uuid NOT NULL, note_id int REFERENCES notes);
         INSERT INTO marks VALUES (1, '{B}', 4); GRANT ALL ON marks TO {}",
        walled.app
    ));
    fence(&mut walled.owner(), "marks", "org_id");
    let mut app = walled.app_as(A);
    let refusal = app.refused("INSERT INTO marks VALUES (2, org_scope.current_org_uuid(), 77)", "23503");
    assert!(refusal.message.contains("marks_note_id_fkey"), "{refusal:?}");
    quiet(refusal, "a key that isn't there");
    app.refused("DELETE FROM marks; TRUNCATE notes", "0A000");
}

#[test]
fn the_journal_is_not_for_its_writers() {
    let walled = Walled::new("journal", Server::Plain);
    walled.superuser().run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs TO {}", walled.owner));
    let mut owner = walled.owner();
    owner.run("SELECT org_scope.across_orgs('SELECT 1', 'secret reason')");
    for attack in [
        "TABLE org_scope.journal",
        "DELETE FROM org_scope.journal",
        "UPDATE org_scope.journal SET reason = 'none'",
        "TRUNCATE org_scope.journal",
        "INSERT INTO org_scope.journal (role, kind, statement) VALUES ('r', 'k', 's')",
        "SELECT org_scope.across_orgs('DELETE FROM org_scope.journal')",
        "SELECT org_scope.across_orgs('SELECT * FROM org_scope.journal')",
        "SELECT org_scope.across_orgs('ALTER TABLE org_scope.journal DISABLE ROW LEVEL SECURITY')",
    ] {
        owner.refused(attack, "42501");
    }
    assert_eq!(walled.superuser().column("SELECT reason FROM org_scope.journal"), ["secret reason"]);
}
