//! Rules that make several statements of one, planned together before the first is executed, and triggers
//! that switch the organization.

use super::matrix::{Ground, MODES, everywhere, named, perform};
use crate::harness::Server;

const SWITCH: &str = "
    CREATE FUNCTION become(org text) RETURNS boolean LANGUAGE plpgsql
        AS $$ BEGIN PERFORM org_scope.set_current_org(org); RETURN true; END $$;
    CREATE FUNCTION become_for_row() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM become('@B'); RETURN coalesce(new, old); END $$;
    CREATE TABLE switched (note text);
    CREATE TABLE plain (id int, body text);
    INSERT INTO plain VALUES (1, 'x')";

/// The rules, the statements that they make several of, and whether the statement that was sent is the first.
const RULES: [(&str, &str); 6] = [
    (
        "CREATE RULE r AS ON UPDATE TO notes DO ALSO INSERT INTO switched SELECT 'x' WHERE become('@B')",
        "UPDATE notes SET body = body",
    ),
    (
        "CREATE RULE r AS ON UPDATE TO notes DO ALSO INSERT INTO switched SELECT 'x' WHERE become('@B')",
        "UPDATE notes SET body = 'x' WHERE id > 0",
    ),
    (
        "CREATE RULE r AS ON DELETE TO notes DO ALSO INSERT INTO switched SELECT 'x' WHERE become('@B')",
        "DELETE FROM notes",
    ),
    (
        "CREATE RULE r AS ON UPDATE TO plain DO INSTEAD (INSERT INTO switched SELECT 'x' WHERE become('@B'); SELECT body FROM notes)",
        "UPDATE plain SET body = 'y'",
    ),
    (
        "CREATE RULE r AS ON INSERT TO plain DO ALSO (INSERT INTO switched SELECT 'x' WHERE become('@B'); UPDATE notes SET body = body)",
        "INSERT INTO plain VALUES (2, 'z')",
    ),
    (
        "CREATE RULE r AS ON INSERT TO notes DO ALSO (INSERT INTO switched SELECT 'x' WHERE become('@B'); UPDATE notes SET body = 'x')",
        "INSERT INTO notes (id, body) VALUES (9, 'x')",
    ),
];

/// What a rule's first statement switches to, a later one either acts for from its beginning, as it does
/// without folding, or it was folded before and is refused. It never acts for the organization before.
#[test]
fn the_statements_of_a_rule_are_each_of_one_organization() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("rules", server, SWITCH);
        let mut owner = ground.walled.owner();
        for (rule, sql) in RULES {
            owner.run(&named(rule));
            for mode in MODES {
                let [on, off] = [true, false].map(|folding| {
                    let mut session = ground.session(folding, mode);
                    // A parameter that nothing uses makes a custom plan all the same.
                    session.run(&format!("PREPARE s AS {sql}; PREPARE b (int) AS {sql}"));
                    let seen = [sql, "EXECUTE s", "EXECUTE b (0)", "EXECUTE s"].map(|sql| {
                        session.run(&named("SELECT org_scope.set_current_org('@A'); BEGIN"));
                        let seen = perform(&mut session, sql);
                        let left =
                            if seen.starts_with('!') { String::new() } else { superuser_view(&mut session) };
                        session.run("ROLLBACK");
                        (seen, left)
                    });
                    assert_eq!(ground.walled.truth(), "a1 a2 a3 b4 b5");
                    seen
                });
                for (on, off) in on.iter().zip(&off) {
                    assert!(
                        on == off || on.0 == "!OS003",
                        "{rule}; {sql}; {mode}: {on:?} folded, {off:?} not"
                    );
                }
                // A generic plan has nothing folded in it, so nothing that could be refused.
                for generic in [1, 3] {
                    assert_eq!(on[generic], off[generic], "{rule}; {sql}; {mode}");
                }
                if mode == "force_custom_plan" && off[2].0 != "!OS003" {
                    assert_eq!(on[2].0, "!OS003", "{rule}; {sql}: a custom plan of the organization before");
                }
            }
            let table = rule.split(" TO ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
            owner.run(&format!("DROP RULE r ON {table}"));
        }
    }
}

/// What both organizations have now, each asked for itself.
fn superuser_view(session: &mut crate::harness::Session) -> String {
    ["@A", "@B"]
        .map(|org| {
            session.run(&named(&format!("SELECT org_scope.set_current_org('{org}')")));
            session.notes()
        })
        .join("|")
}

#[test]
fn triggers_that_switch_change_no_row_of_another_organization() {
    const TRIGGERS: [&str; 6] = [
        "BEFORE UPDATE ON notes FOR EACH ROW",
        "AFTER UPDATE ON notes FOR EACH ROW",
        "BEFORE UPDATE ON notes FOR EACH STATEMENT",
        "AFTER UPDATE ON notes FOR EACH STATEMENT",
        "AFTER DELETE ON notes FOR EACH ROW",
        "BEFORE INSERT ON notes FOR EACH STATEMENT",
    ];
    let ground = Ground::new("triggers", Server::Plain, SWITCH);
    let mut owner = ground.walled.owner();
    for trigger in TRIGGERS {
        owner.run(&format!("CREATE TRIGGER t {trigger} EXECUTE FUNCTION become_for_row()"));
        for folding in [true, false] {
            for mode in MODES {
                let mut session = ground.session(folding, mode);
                session.run(
                    "PREPARE u (int) AS UPDATE notes SET body = 'x' WHERE id >= $1 RETURNING body;
                     PREPARE d AS DELETE FROM notes RETURNING body",
                );
                for sql in [
                    "UPDATE notes SET body = 'x' RETURNING body",
                    "EXECUTE u (0)",
                    "DELETE FROM notes RETURNING body",
                    "EXECUTE d",
                    "INSERT INTO notes (id, body) VALUES (9, 'x')",
                    "WITH u AS (UPDATE notes SET body = 'x' RETURNING body) SELECT body FROM u UNION ALL SELECT body FROM notes",
                ] {
                    session.run(&named("SELECT org_scope.set_current_org('@A'); BEGIN"));
                    let seen = perform(&mut session, sql);
                    if !seen.starts_with('!') {
                        session.run(&named("SELECT org_scope.set_current_org('@B')"));
                        assert_eq!(session.notes(), "b4 b5", "{trigger}: {sql}: {seen}");
                    } else {
                        assert!(["!OS003", "!42501"].contains(&seen.as_str()), "{trigger}: {sql}: {seen}");
                    }
                    session.run("ROLLBACK");
                    assert!(!seen.contains("b4"), "{trigger}: {sql}: {seen}");
                }
            }
        }
        owner.run("DROP TRIGGER t ON notes");
    }
}

/// Triggers that ask in their own statements, cached for the session.
#[test]
fn triggers_follow_the_organization() {
    const COUNTS: &str = "
        CREATE TABLE log (n text);
        CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE i int = 0; BEGIN
                new.body := (SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= i);
                RETURN new;
            END $$;
        CREATE TABLE asks (body text);
        INSERT INTO asks VALUES (NULL);
        CREATE TRIGGER t BEFORE UPDATE ON asks FOR EACH ROW EXECUTE FUNCTION counts()";
    everywhere("triggers_ask", COUNTS, |cell| {
        cell.run("PREPARE u (text) AS UPDATE asks SET body = $1 RETURNING body");
        cell.tour_of_all(&["UPDATE asks SET body = NULL RETURNING body", "EXECUTE u ('')"]);
    });
}
