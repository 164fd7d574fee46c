//! A reader in a CHECK constraint must never become a constant: the planner excludes tables by their
//! constraints, and these would hold for one organization alone.

use super::matrix::{Ground, MODES};
use crate::harness::{A, B, Server};

const TABLES: &str = "
    CREATE TABLE parent (id int, org_id uuid NOT NULL, body text);
    CREATE TABLE child_checked (CHECK (org_id = org_scope.fence_org_uuid())) INHERITS (parent);
    CREATE TABLE child_current (CHECK (org_id = org_scope.current_org_uuid())) INHERITS (parent);
    CREATE TABLE child_text (CHECK (org_id::text = org_scope.fence_org())) INHERITS (parent);
    CREATE TABLE lone (id int, org_id uuid NOT NULL, body text, CHECK (org_id = org_scope.fence_org_uuid()))";

/// Rows of both organizations, each of which its constraint let in under its own.
fn fill(ground: &Ground) {
    let mut owner = ground.walled.owner();
    let role = &ground.walled.owner;
    ground.walled.superuser().run(&format!("SELECT org_scope.allow('{role}', 'direct')"));
    for org in [A, B] {
        owner.act_for(org);
        for table in ["child_checked", "child_current", "child_text", "lone"] {
            owner.run(&format!("INSERT INTO {table} VALUES (1, '{org}', '{}1')", &org[..1]));
        }
    }
}

#[test]
fn no_table_is_excluded_by_a_reader_in_a_constraint() {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new("excluded", server, TABLES);
        fill(&ground);
        let bypassing = ground.walled.db.role_with("bypassing", "LOGIN BYPASSRLS");
        ground.walled.superuser().run(&format!(
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO {bypassing}; SELECT org_scope.allow('{bypassing}', 'direct')"
        ));
        for role in [&bypassing, ground.role(true), ground.role(false)] {
            for exclusion in ["on", "partition", "off"] {
                for mode in MODES {
                    let mut session = ground.walled.db.connect(role);
                    session.run(&format!(
                        "SET constraint_exclusion = {exclusion}; SET plan_cache_mode = {mode}"
                    ));
                    session.run(
                        "PREPARE p (uuid) AS SELECT count(*) FROM parent WHERE org_id = $1;
                         PREPARE u (uuid) AS SELECT count(*) FROM (SELECT * FROM lone UNION ALL SELECT * FROM lone) l WHERE org_id = $1;
                         PREPARE n (uuid) AS SELECT count(*) FROM parent, notes WHERE parent.org_id = $1",
                    );
                    for org in [A, B, A] {
                        session.act_for(org);
                        for sought in [A, B] {
                            let seen = |sql: &str| sql.replace('$', sought);
                            for (sql, expected) in [
                                ("SELECT count(*) FROM parent WHERE org_id = '$'", 3),
                                ("SELECT count(*) FROM lone WHERE org_id = '$'", 1),
                                (
                                    "SELECT count(*) FROM (SELECT * FROM lone UNION ALL SELECT * FROM lone) l WHERE org_id = '$'",
                                    2,
                                ),
                                ("SELECT count(*) FROM parent WHERE org_id::text = '$'", 3),
                                (
                                    "SELECT count(DISTINCT parent.tableoid) FROM parent, notes WHERE parent.org_id = '$'",
                                    3,
                                ),
                                ("EXECUTE p ('$')", 3),
                                ("EXECUTE u ('$')", 2),
                            ] {
                                let found = session.number(&seen(sql));
                                assert_eq!(
                                    found,
                                    expected,
                                    "{role} {exclusion} {mode} as {org}: {}",
                                    seen(sql)
                                );
                            }
                        }
                        assert!(session.number(&format!("EXECUTE n ('{B}')")) >= 6);
                    }
                }
            }
        }
    }
}

/// The counter-proof: were the reader a constant to the planner, tables would be missing.
#[test]
fn a_constant_in_a_constraint_would_exclude_tables() {
    let ground = Ground::new("counter", Server::Plain, TABLES);
    fill(&ground);
    let mut session = ground.walled.superuser();
    session.run("SET org_scope.bypass = off; SET constraint_exclusion = on");
    session.act_for(A);
    let sought = format!("SELECT count(*) FROM parent WHERE org_id = '{B}'");
    assert_eq!(session.number(&sought), 3);
    session.run("ALTER FUNCTION org_scope.fence_org_uuid() IMMUTABLE");
    assert_eq!(session.number(&sought), 2);
}

/// Generated columns, defaults and checks go on asking for each row.
#[test]
fn what_a_row_is_given_and_checked_by_is_asked_for_each_row() {
    let ground = Ground::new("defaults", Server::Plain, TABLES);
    for folding in [true, false] {
        for mode in MODES {
            let mut session = ground.session(folding, mode);
            session.run(
                "PREPARE i (int) AS INSERT INTO notes (id, body) VALUES ($1, 'x') RETURNING left(org_id::text, 1);
                 PREPARE l (uuid) AS INSERT INTO lone SELECT id, $1, body FROM notes",
            );
            for org in [A, B].repeat(4) {
                session.run("BEGIN");
                session.act_for(org);
                assert_eq!(session.text("EXECUTE i (9)"), org[..1]);
                assert!(session.touched(&format!("EXECUTE l ('{org}')")) >= 3);
                assert!(session.touched("INSERT INTO lone SELECT id, org_id, body FROM notes") >= 3);
                let other = if org == A { B } else { A };
                session.refused(&format!("EXECUTE l ('{other}')"), "23514");
                session.run("ROLLBACK");
            }
        }
    }
}
