//! Tables that are partitioned by organization: while planning, all partitions but one go, as with the
//! literal.

use std::fmt::Write as _;

use super::matrix::Ground;
use crate::harness::{Server, Session};

/// How organization number `i` is called, everywhere in this file.
fn org(i: u32) -> String {
    format!("00000000-0000-4000-8000-{i:012}")
}

/// A partitioned table `name` with as many organizations as partitions, one row and a child row for each.
/// The fence is put up by hand, as `protect` puts it up on a plain table.
fn partitioned(ground: &Ground, name: &str, by: &str, count: u32) {
    let mut sql = format!(
        "CREATE TABLE {name} (id bigint, org_id uuid NOT NULL, body text, PRIMARY KEY (org_id, id)) PARTITION BY {by} (org_id);"
    );
    for i in 0..count {
        let bound = if by == "LIST" {
            format!("IN ('{}')", org(i))
        } else {
            format!("WITH (MODULUS {count}, REMAINDER {i})")
        };
        let _ = write!(sql, "CREATE TABLE {name}_{i} PARTITION OF {name} FOR VALUES {bound};");
    }
    let _ = write!(
        sql,
        "INSERT INTO {name} SELECT i, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'b' || i
             FROM generate_series(0, {last}) i;
         ANALYZE {name}",
        last = count - 1
    );
    ground.walled.owner().run(&sql);
    fence_by_hand(ground, name);
}

/// Takes the policies from the notes, which `protect` has fenced, to a table and its partitions.
fn fence_by_hand(ground: &Ground, name: &str) {
    ground.walled.superuser().run(&format!(
        "DO $$ DECLARE t regclass; p record; BEGIN
             FOR t IN SELECT relid FROM pg_partition_tree('{name}') LOOP
                 EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
                 FOR p IN SELECT * FROM pg_policies WHERE tablename = 'notes' LOOP
                     EXECUTE format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.policyname, t, p.permissive, p.cmd, array_to_string(p.roles, ', '))
                         || coalesce(' USING (' || p.qual || ')', '') || coalesce(' WITH CHECK (' || p.with_check || ')', '');
                 END LOOP;
             END LOOP;
         END $$"
    ));
}

/// The literal's plan, asked by a role that no policy binds.
fn literal(ground: &Ground) -> Session {
    let bypassing = ground.walled.db.role_with("bypassing", "LOGIN BYPASSRLS");
    ground.walled.superuser().run(&format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {bypassing}"));
    ground.walled.db.connect(&bypassing)
}

/// What the application sends, and what it would have to send without a fence: `$org` is the organization.
const STATEMENTS: [(&str, &str); 7] = [
    ("SELECT * FROM t", "SELECT * FROM t WHERE org_id = $org"),
    ("SELECT count(*) FROM t WHERE body = 'x'", "SELECT count(*) FROM t WHERE org_id = $org AND body = 'x'"),
    ("SELECT * FROM t WHERE id = 7", "SELECT * FROM t WHERE org_id = $org AND id = 7"),
    ("SELECT * FROM t ORDER BY id LIMIT 3", "SELECT * FROM t WHERE org_id = $org ORDER BY id LIMIT 3"),
    ("UPDATE t SET body = body WHERE id = 7", "UPDATE t SET body = body WHERE org_id = $org AND id = 7"),
    ("DELETE FROM t WHERE id = 7", "DELETE FROM t WHERE org_id = $org AND id = 7"),
    (
        "SELECT * FROM t JOIN t AS u USING (id)",
        "SELECT * FROM t JOIN t AS u USING (id) WHERE t.org_id = $org AND u.org_id = $org",
    ),
];

#[test]
fn a_folded_plan_over_64_partitions_is_the_literals() {
    for (server, by) in [(Server::Plain, "LIST"), (Server::Preloaded, "HASH")] {
        let ground = Ground::new("partitions", server, "");
        partitioned(&ground, "t", by, 64);
        let mut literal = literal(&ground);
        for mode in ["auto", "force_custom_plan"] {
            let mut app = ground.session(true, mode);
            for i in [7, 33] {
                app.act_for(&org(i));
                for (sent, written) in STATEMENTS {
                    let written = written.replace("$org", &format!("'{}'", org(i)));
                    let expected = literal.plan(&written);
                    assert_eq!(app.plan(sent), expected, "{by} {mode}: {sent}");
                    assert!(!expected.contains("Subplans Removed"), "{expected}");
                    app.run(&format!("PREPARE s (int) AS {sent}"));
                    assert_eq!(app.plan("EXECUTE s (0)"), expected, "{by} {mode}: {sent}, prepared");
                    app.run("DEALLOCATE s");
                }
                assert_eq!(app.column("SELECT id FROM t"), [i.to_string()]);
                assert_eq!(app.touched("UPDATE t SET body = body"), 1);
            }
        }
    }
}

#[test]
fn an_unfolded_plan_over_64_partitions_prunes_them_while_it_starts() {
    let ground = Ground::new("unfolded", Server::Plain, "");
    partitioned(&ground, "t", "LIST", 64);
    for (folding, mode, statement) in [
        (false, "auto", "SELECT * FROM t"),
        (false, "force_custom_plan", "EXECUTE p (0)"),
        (true, "force_generic_plan", "EXECUTE p (0)"),
        (true, "auto", "EXECUTE q"),
    ] {
        let mut app = ground.session(folding, mode);
        app.act_for(&org(7));
        app.run("PREPARE p (int) AS SELECT * FROM t WHERE id >= $1; PREPARE q AS SELECT * FROM t");
        for i in [7, 33, 7] {
            app.act_for(&org(i));
            let plan = app.plan(statement);
            assert!(plan.contains("Subplans Removed: 63"), "{statement}, folding {folding}, {mode}:\n{plan}");
            assert_eq!(app.column(statement), [i.to_string()]);
        }
    }
    // Each sees its own through every kind of plan, and a row can't move to where another one's are.
    for folding in [true, false] {
        let mut app = ground.session(folding, "auto");
        app.act_for(&org(7));
        app.refused(&format!("UPDATE t SET org_id = '{}'", org(8)), "42501");
        app.refused(&format!("INSERT INTO t VALUES (1, '{}', 'x')", org(8)), "42501");
        // Were a foreign row looked at, this would divide by zero.
        assert_eq!(app.number("SELECT count(*) FROM t_8 WHERE id / (id - 8) = 1"), 0);
        assert_eq!(app.number("SELECT count(*) FROM t_8"), 0);
        assert_eq!(app.number("SELECT count(*) FROM t_7"), 1);
    }
}

#[test]
fn a_folded_plan_over_1024_partitions_touches_one() {
    let ground = Ground::new("many_partitions", Server::Preloaded, "");
    partitioned(&ground, "t", "LIST", 1024);
    let mut literal = literal(&ground);
    let mut app = ground.session(true, "auto");
    app.run("PREPARE s (int) AS SELECT * FROM t WHERE id >= $1");
    for i in [3, 1000] {
        app.act_for(&org(i));
        for (sent, written) in [STATEMENTS[0], STATEMENTS[4]] {
            let written = written.replace("$org", &format!("'{}'", org(i)));
            assert_eq!(app.plan(sent), literal.plan(&written), "{sent}");
        }
        let plan = app.column("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE s (0)").join("\n");
        assert_eq!(plan.matches("Scan").count(), 1, "{plan}");
        assert_eq!(app.column("SELECT id FROM t"), [i.to_string()]);
        assert_eq!(app.column("EXECUTE s (0)"), [i.to_string()]);
        // Locks say which partitions were opened.
        app.run("BEGIN");
        app.run("SELECT * FROM t");
        let locked = app.number("SELECT count(DISTINCT relation) FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text ~ '^t_[0-9]+$'");
        app.run("ROLLBACK");
        assert_eq!(locked, 1, "partitions opened");
    }
}
