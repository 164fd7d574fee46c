//! Guarantee 6: every road to a row is fenced; what PostgreSQL can't fence is reported when protect meets it,
//! with the statement that mends it.

use std::io::{Read as _, Write as _};

use crate::harness::{Role, Session, Step, Wall, notes, work};

const COUNT: &str = "SELECT count(*) FROM agents";
const PROTECT: &str = "SELECT org_scope.protect('agents')";

fn fenced(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.agents();
    owner.run(PROTECT);
    (wall, owner)
}

// Inheritance; tests/partitions has more of it

fn family(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE parent (id int, org_id text); CREATE TABLE child () INHERITS (parent);
         INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (3, 'a'), (4, 'b');
         GRANT ALL ON parent, child TO {}",
        wall.app
    ));
    (wall, owner)
}

#[test]
fn a_child_under_an_open_parent_is_refused_and_the_hint_helps() {
    let (wall, mut owner) = family("open_parent");
    let refusal = owner.refused("SELECT org_scope.protect('child')", "OS009").says("parent");
    owner.run(&refusal.hint);
    owner.run("SELECT org_scope.protect('child')");
    let mut app = wall.app("a");
    for (table, rows) in [("parent", 2), ("child", 1), ("ONLY parent", 1)] {
        assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
    }
    assert_eq!(app.touched("DELETE FROM parent WHERE org_id = 'b'"), 0);
    assert_eq!(app.touched("UPDATE child SET id = 0 WHERE org_id = 'b'"), 0);
}

#[test]
fn open_children_are_noted_and_the_statement_closes_them() {
    let (wall, mut owner) = family("open_child");
    // One that the owner of the parent can't fence.
    let other = wall.db.role("other");
    wall.db
        .superuser()
        .run(&format!("ALTER TABLE child OWNER TO {other}; GRANT CREATE ON SCHEMA public TO {other}"));
    assert_eq!(notes(&owner.steps("plan('parent')"), "inheritance").len(), 1);
    let steps = owner.steps("protect('parent')");
    let open = notes(&steps, "inheritance");
    // The road is there,
    assert_eq!(wall.app("a").number("SELECT count(*) FROM child"), 2);
    wall.db.connect(&other).run(&open[0].statement);
    // and then it isn't.
    assert_eq!(wall.app("a").number("SELECT count(*) FROM child"), 1);
    assert_eq!(notes(&owner.steps("protect('parent')"), "inheritance"), Vec::<&Step>::new());
}

#[test]
fn a_parent_whose_fence_does_not_hold_counts_as_open() {
    for (spoil, mend) in [
        ("ALTER TABLE parent DISABLE ROW LEVEL SECURITY", "SELECT org_scope.protect('parent')"),
        ("DROP POLICY org_scope_fence ON parent", "SELECT org_scope.protect('parent')"),
    ] {
        let (wall, mut owner) = family("spoilt_parent");
        owner.run("SELECT org_scope.protect('parent')");
        wall.tamper(spoil);
        let refusal = owner.try_run("SELECT org_scope.protect('child')").err().map(|r| r.sqlstate);
        assert_eq!(refusal.as_deref(), Some("OS009"), "{spoil}: a query of parent reads child's rows");
        owner.run(mend);
        owner.run("SELECT org_scope.protect('child')");
        assert_eq!(wall.app("a").number("SELECT count(*) FROM parent"), 2);
    }
}

#[test]
fn an_open_parent_that_comes_later_is_drift() {
    let (wall, mut owner) = fenced("late_parent");
    owner.run(&format!("CREATE TABLE above (id int, org_id text); GRANT SELECT ON above TO {}", wall.app));
    wall.tamper("ALTER TABLE agents INHERIT above");
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{table}");
    let refusal = owner.refused(PROTECT, "OS009").says("above");
    owner.run(&refusal.hint);
    assert_eq!(wall.app("a").number("SELECT count(*) FROM above"), 2);
    assert_eq!(
        owner.text("SELECT drift FROM org_scope.protected_tables WHERE target = 'agents'::regclass"),
        "{}"
    );
}

#[test]
fn an_open_grandparent_counts_too() {
    let (wall, mut owner) = family("grandparent");
    owner.run("SELECT org_scope.protect('parent'); CREATE TABLE above (id int, org_id text)");
    wall.tamper("ALTER TABLE parent INHERIT above");
    // A query of `above` reads child's rows too.
    owner.refused("SELECT org_scope.protect('child')", "OS009").says("above");
}

#[test]
fn a_run_fences_a_whole_family_whatever_its_members_are_called() {
    let wall = Wall::new("family_run");
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE m_parent (id int, org_id text); CREATE TABLE a_child () INHERITS (m_parent);
         CREATE TABLE z_child () INHERITS (m_parent); CREATE TABLE a_grandchild () INHERITS (z_child);
         INSERT INTO a_child VALUES (1, 'a'), (2, 'b'); GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
        wall.app
    ));
    let planned =
        "SELECT DISTINCT target::text FROM org_scope.plan_all('org_id') WHERE state = 'planned' ORDER BY 1";
    assert_eq!(owner.column(planned), ["a_child", "a_grandchild", "m_parent", "z_child"]);
    owner.run("CALL org_scope.protect_all('org_id')");
    assert_eq!(wall.app("a").number("SELECT count(*) FROM a_child"), 1);
    let fenced = "SELECT target FROM org_scope.protected_tables WHERE drift = '{}' ORDER BY target::text";
    assert_eq!(owner.column(fenced), ["a_child", "a_grandchild", "m_parent", "z_child"]);
    let order = "SELECT target FROM org_scope.last_run WHERE kind = 'row_security' ORDER BY ordinal";
    assert_eq!(owner.column(order), ["m_parent", "a_child", "z_child", "a_grandchild"]);
    // Nor does the parent say of its children that they are open.
    assert_eq!(owner.number("SELECT count(*) FROM org_scope.last_run WHERE kind = 'inheritance'"), 0);
}

#[test]
fn a_run_leaves_out_what_inherits_from_a_table_that_stays_open() {
    let wall = Wall::new("family_open");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE m_parent (id int, org_id text); CREATE TABLE outside (id int);
         CREATE TABLE a_child () INHERITS (m_parent, outside); CREATE TABLE a_grandchild () INHERITS (a_child)",
    );
    for show in ["SELECT count(*) FROM org_scope.plan_all('org_id')", "CALL org_scope.protect_all('org_id')"]
    {
        owner.run(show);
    }
    // The reason is a table that stays open, not one that the run fences.
    for (table, open) in [("a_child", vec!["outside"]), ("a_grandchild", vec!["a_child", "outside"])] {
        let steps = owner.last_run(table);
        assert_eq!((steps.len(), steps[0].state.as_str()), (1, "skipped"), "{table}: {steps:#?}");
        let says = |open: &&str| steps[0].reason.contains(&format!("inherits from public.{open}, "));
        assert!(open.iter().any(says), "{steps:#?}");
    }
    assert_eq!(
        owner.column("SELECT target FROM org_scope.protected_tables WHERE drift = '{}'"),
        ["m_parent"]
    );
    let holes = "SELECT target FROM org_scope.protected_tables WHERE drift = '{fence}' ORDER BY target::text";
    assert_eq!(owner.column(holes), ["a_child", "a_grandchild"]);
    assert_eq!(notes(&owner.last_run("m_parent"), "inheritance").len(), 1);
}

#[test]
fn a_child_is_skipped_where_its_parent_failed_meanwhile() {
    let wall = Wall::new("family_failed");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE m_parent (id int, org_id text); CREATE TABLE a_child () INHERITS (m_parent);
         CREATE TABLE other (org_id text)",
    );
    owner.run("SELECT org_scope._begin_protect('org_id', '{public}', true, true, true, NULL, NULL, NULL, NULL, 'error', NULL)");
    wall.db.superuser().run("ALTER TABLE m_parent OWNER TO CURRENT_USER");
    while owner.text("SELECT org_scope._run_step()::text") == "true" {}
    for (table, reason) in [("m_parent", "belongs to"), ("a_child", "inherits from public.m_parent")] {
        let steps = owner.last_run(table);
        let last = steps.last().expect("a row");
        assert_eq!((last.kind.as_str(), last.state.as_str()), ("table", "skipped"), "{steps:#?}");
        assert!(last.reason.contains(reason), "{steps:#?}");
    }
    assert_eq!(owner.column("SELECT target FROM org_scope.protected_tables"), ["other"]);
    assert!(!owner.fence_of("a_child").contains("idx_"), "no index of a table that is skipped");
}

// Commands

#[test]
fn an_upsert_touches_no_foreign_row() {
    let (wall, mut owner) = fenced("upsert");
    let mut app = wall.app("a");
    let upsert = "INSERT INTO agents (id, name) VALUES (3, 'mine') ON CONFLICT (id) DO UPDATE SET";
    app.refused(&format!("{upsert} name = 'stolen'"), "42501");
    app.refused(&format!("{upsert} org_id = 'a'"), "42501");
    assert_eq!(app.touched("INSERT INTO agents (id, name) VALUES (3, 'mine') ON CONFLICT DO NOTHING"), 0);
    app.refused(
        "INSERT INTO agents VALUES (2, 'a', 'x') ON CONFLICT (id) DO UPDATE SET org_id = 'b'",
        "42501",
    );
    app.run(
        "INSERT INTO agents (id, name) VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    );
    owner.run("SELECT org_scope.unprotect('agents')");
    assert_eq!(owner.column("SELECT name FROM agents ORDER BY id"), ["a1", "x", "b1", "b2", "b3"]);
}

#[test]
fn update_delete_and_returning_see_their_own_only() {
    let (wall, _owner) = fenced("returning");
    let mut app = wall.app("a");
    assert_eq!(app.column("UPDATE agents SET name = 'x' RETURNING id"), ["1", "2"]);
    assert_eq!(
        app.column("DELETE FROM agents USING agents other WHERE other.id > agents.id RETURNING other.id"),
        ["2"]
    );
    assert_eq!(
        app.column("WITH gone AS (DELETE FROM agents RETURNING org_id) SELECT DISTINCT org_id FROM gone"),
        ["a"]
    );
    app.refused("INSERT INTO agents SELECT id + 100, 'b', name FROM generate_series(1, 2) AS id, (VALUES ('x')) AS v (name)", "42501");
    app.refused("INSERT INTO agents (id, org_id) VALUES (9, NULL)", "42501");
    assert_eq!(wall.app("b").number(COUNT), 3);
}

#[test]
fn a_merge_touches_no_foreign_row() {
    let (wall, _owner) = fenced("merge");
    let mut app = wall.app("a");
    let merge = "MERGE INTO agents t USING (VALUES (1), (3)) AS s (id) ON t.id = s.id";
    assert_eq!(app.touched(&format!("{merge} WHEN MATCHED THEN UPDATE SET name = 'merged'")), 1);
    app.refused(&format!("{merge} WHEN MATCHED THEN UPDATE SET org_id = 'b'"), "42501");
    app.refused(&format!("{merge} WHEN NOT MATCHED THEN INSERT VALUES (s.id + 100, 'b', 'x')"), "42501");
    // A row of b's that a can't see is not matched; its key then says no more than that it is taken.
    app.refused(&format!("{merge} WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'a', 'x')"), "23505");
    assert_eq!(app.touched(&format!("{merge} WHEN MATCHED THEN DELETE")), 1);
    assert_eq!(wall.app("b").column("SELECT name FROM agents ORDER BY id"), ["b1", "b2", "b3"]);
}

fn copy_out(session: &mut Session, what: &str) -> String {
    let mut text = String::new();
    let mut reader = session.client().copy_out(&format!("COPY {what} TO STDOUT")).expect("a copy");
    reader.read_to_string(&mut text).expect("rows");
    text
}

#[test]
fn copy_shows_its_own_and_takes_nothing_past_the_fence() {
    let (wall, mut owner) = fenced("copy");
    let mut app = wall.app("a");
    for what in ["agents", "agents (org_id)", "(SELECT * FROM agents)", "(DELETE FROM agents RETURNING *)"] {
        let text = copy_out(&mut app, what);
        assert_eq!(text.lines().count(), 2, "{what}");
        assert!(!text.contains('b'), "{text}");
    }
    let mut nobody = wall.db.connect(&wall.app);
    assert!(nobody.client().copy_out("COPY agents TO STDOUT").is_err(), "closed by default");
    for session in [&mut app, &mut owner] {
        let into = session.client().copy_in("COPY agents FROM STDIN").map(|mut writer| {
            writer.write_all(b"99\tb\tx\n").expect("sent");
            writer.finish()
        });
        let refused = match into {
            Err(error) | Ok(Err(error)) => error.code().map(|c| c.code().to_owned()),
            Ok(Ok(_)) => None,
        };
        assert_eq!(refused.as_deref(), Some("0A000"));
    }
}

// TRUNCATE

#[test]
fn truncate_is_stopped_for_everybody_whom_the_fence_binds() {
    let (wall, mut owner) = fenced("truncate");
    owner.run(&format!(
        "GRANT TRUNCATE ON agents TO {0}; CREATE TABLE other (); GRANT TRUNCATE ON other TO {0}",
        wall.app
    ));
    for statement in [
        "TRUNCATE agents",
        "TRUNCATE ONLY agents",
        "TRUNCATE other, agents",
        "TRUNCATE agents RESTART IDENTITY CASCADE",
    ] {
        for mut session in [wall.app("a"), wall.db.connect(&wall.app), wall.owner()] {
            let refusal = session.refused(statement, "OS002").says("agents");
            assert!(refusal.hint.starts_with("DELETE FROM"), "{refusal:?}");
        }
    }
    // The hint does what it says: its own rows only.
    let hint = wall.app("a").refused("TRUNCATE agents", "OS002").hint;
    assert_eq!(wall.app("a").touched(&hint), 2);
    assert_eq!(wall.app("b").number(COUNT), 3);
}

#[test]
fn truncate_is_stopped_also_where_a_replica_role_silences_triggers() {
    let (wall, mut owner) = fenced("replica");
    owner.run(&format!("GRANT TRUNCATE ON agents TO {}", wall.app));
    for role in [&wall.app, &wall.owner] {
        for setting in ["replica", "local"] {
            let mut session = wall.db.superuser();
            session.run(&format!("SET session_replication_role = {setting}; SET ROLE {role}"));
            session.refused("TRUNCATE agents", "OS002");
        }
    }
}

#[test]
fn truncate_by_way_of_another_table_is_stopped() {
    let (wall, mut owner) = fenced("truncate_cascade");
    owner.run(&format!(
        "CREATE TABLE plans (id int PRIMARY KEY); ALTER TABLE agents ADD plan int REFERENCES plans;
         GRANT TRUNCATE ON plans, agents TO {}",
        wall.app
    ));
    wall.app("a").refused("TRUNCATE plans CASCADE", "OS002").says("agents");
    owner.refused("TRUNCATE plans CASCADE", "OS002");
    // By way of a parent, where permissions of children aren't even asked.
    owner.run(&format!("CREATE TABLE above (id int, org_id text); GRANT TRUNCATE ON above TO {}", wall.app));
    wall.tamper("ALTER TABLE agents INHERIT above");
    wall.app("a").refused("TRUNCATE above", "OS002");
    assert_eq!(wall.db.superuser().number(COUNT), 5);
}

#[test]
fn truncate_passes_for_those_whom_no_policy_binds() {
    let (wall, mut owner) = fenced("truncate_passes");
    let bypassing = wall.db.role_with("bypassing", "LOGIN BYPASSRLS");
    owner.run(&format!("GRANT TRUNCATE ON agents TO {bypassing}"));
    wall.db.connect(&bypassing).run("TRUNCATE agents");
    wall.db.superuser().run("TRUNCATE agents");
    // row_security off is an error for SELECT; it must not be a key.
    owner.run("SET row_security = off");
    owner.refused("TRUNCATE agents", "OS002");
    owner.run("SELECT org_scope.protect('agents', force => false)");
    owner.run("TRUNCATE agents");
}

// Foreign keys

#[test]
fn foreign_keys_stay_correct_under_the_fence() {
    let (wall, mut owner) = fenced("foreign_keys");
    owner.run(&format!(
        "CREATE TABLE calls (id int PRIMARY KEY, org_id text, agent int REFERENCES agents ON DELETE CASCADE ON UPDATE CASCADE);
         CREATE TABLE marks (id int PRIMARY KEY, org_id text, agent int REFERENCES agents ON DELETE SET NULL ON UPDATE CASCADE);
         CREATE TABLE bills (id int PRIMARY KEY, org_id text, agent int REFERENCES agents);
         INSERT INTO calls VALUES (1, 'a', 1), (2, 'a', 1), (3, 'b', 3);
         INSERT INTO marks VALUES (1, 'a', 1), (2, 'b', 3); INSERT INTO bills VALUES (1, 'b', 4), (2, 'a', 2);
         SELECT org_scope.protect('calls'); SELECT org_scope.protect('marks'); SELECT org_scope.protect('bills');
         GRANT SELECT, INSERT, UPDATE, DELETE ON calls, marks, bills TO {}",
        wall.app
    ));
    let mut app = wall.app("a");
    app.run("UPDATE agents SET id = 11 WHERE id = 1");
    assert_eq!(app.column("SELECT DISTINCT agent FROM calls"), ["11"]);
    assert_eq!(app.touched("DELETE FROM agents WHERE id = 11"), 1);
    assert_eq!(app.column("SELECT id FROM calls"), Vec::<String>::new());
    assert_eq!(app.column("SELECT id FROM marks WHERE agent IS NULL"), ["1"]);
    app.refused("DELETE FROM agents WHERE id = 2", "23503");
    app.refused("INSERT INTO calls (id, agent) VALUES (9, 777)", "23503");
    // b's were never touched.
    let mut b = wall.app("b");
    assert_eq!(b.column("SELECT agent FROM calls UNION ALL SELECT agent FROM marks"), ["3", "3"]);
    let valid = "SELECT bool_and(convalidated) FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(owner.text(valid), "t");
}

// What PostgreSQL can't fence: 0 → note → the road is there → mended → the road is closed → 0

struct Road {
    kind: &'static str,
    /// Run by the superuser; `{app}` and `{owner}` are the roles.
    build: &'static str,
    /// Run by the application for organization a: more than 2 rows, or an error that `reach` doesn't know, is a leak.
    attack: &'static str,
}

const ROADS: [Road; 15] = [
    Road {
        kind: "view",
        build: "CREATE VIEW road AS SELECT * FROM agents; GRANT SELECT ON road TO {app}",
        attack: "SELECT count(*) FROM road",
    },
    Road {
        kind: "view",
        build: "CREATE VIEW inner_road AS SELECT * FROM agents; CREATE VIEW \"Road 2\" AS SELECT * FROM inner_road;
                ALTER VIEW \"Road 2\" OWNER TO {owner}; GRANT SELECT ON inner_road TO {owner}, {app}; GRANT SELECT ON \"Road 2\" TO {app}",
        attack: "SELECT count(*) FROM \"Road 2\"",
    },
    Road {
        kind: "view",
        build: "CREATE MATERIALIZED VIEW road AS SELECT * FROM agents; GRANT SELECT ON road TO {app}, PUBLIC",
        attack: "SELECT count(*) FROM road",
    },
    Road {
        kind: "view",
        build: "SET ROLE {owner}; CREATE MATERIALIZED VIEW road AS SELECT * FROM agents; GRANT SELECT ON road TO {app}; RESET ROLE",
        attack: "SELECT count(*) FROM road",
    },
    Road {
        kind: "view",
        build: "CREATE MATERIALIZED VIEW road AS SELECT * FROM agents; GRANT SELECT (id) ON road TO {app}",
        attack: "SELECT count(id) FROM road",
    },
    Road {
        kind: "view",
        build: "CREATE MATERIALIZED VIEW copies AS SELECT * FROM agents; CREATE VIEW road AS SELECT * FROM copies;
                GRANT SELECT ON road TO {app}",
        attack: "SELECT count(*) FROM road",
    },
    Road {
        kind: "view",
        build: "CREATE TABLE plans (name text); CREATE VIEW road AS SELECT a.*, p.name AS plan FROM agents a LEFT JOIN plans p ON true;
                GRANT SELECT ON road TO {app}",
        attack: "SELECT count(*) FROM road",
    },
    Road {
        kind: "function",
        build: "CREATE VIEW peek WITH (security_invoker = true) AS SELECT * FROM agents; CREATE VIEW over AS SELECT * FROM peek;
                CREATE FUNCTION road() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
                AS 'BEGIN RETURN (SELECT count(*) FROM public.over); END'",
        attack: "SELECT road()",
    },
    Road {
        kind: "function",
        build: "CREATE VIEW peek WITH (security_invoker = true) AS SELECT * FROM agents;
                CREATE FUNCTION road() RETURNS bigint SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM peek; END",
        attack: "SELECT road()",
    },
    Road {
        kind: "function",
        build: "CREATE FUNCTION road(n numeric(5,2) DEFAULT 1, VARIADIC \"x y\" text[] DEFAULT '{}') RETURNS bigint
                LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT count(*) FROM public.AGENTS); END'",
        attack: "SELECT road()",
    },
    Road {
        kind: "function",
        build: "CREATE FUNCTION road() RETURNS bigint SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM agents; END",
        attack: "SELECT road()",
    },
    Road {
        kind: "function",
        build: "CREATE PROCEDURE road(INOUT n bigint) LANGUAGE plpgsql SECURITY DEFINER
                AS 'BEGIN n := (SELECT count(*) FROM public.agents); END'",
        attack: "CALL road(0)",
    },
    Road {
        kind: "rule",
        build: "CREATE TABLE bell (n bigint); GRANT SELECT, INSERT ON bell TO {app};
                CREATE TABLE heard (n bigint); GRANT SELECT ON heard TO {app};
                CREATE RULE ring AS ON INSERT TO bell DO ALSO INSERT INTO heard SELECT count(*) FROM agents",
        attack: "INSERT INTO bell VALUES (1); SELECT max(n) FROM heard",
    },
    Road {
        kind: "rule",
        build: "CREATE TABLE heard (n bigint); GRANT SELECT ON heard TO {app};
                CREATE VIEW bell WITH (security_invoker = true) AS SELECT 1 AS n; GRANT SELECT, INSERT ON bell TO {app};
                CREATE RULE ring AS ON INSERT TO bell DO INSTEAD INSERT INTO heard SELECT count(*) FROM agents",
        attack: "INSERT INTO bell VALUES (1); SELECT max(n) FROM heard",
    },
    Road {
        kind: "view",
        build: "CREATE VIEW road AS SELECT * FROM agents; GRANT SELECT ON road TO {app};
                CREATE VIEW \"a\"\"b\" AS SELECT * FROM agents; GRANT SELECT ON \"a\"\"b\" TO {app}",
        attack: "SELECT greatest((SELECT count(*) FROM road), (SELECT count(*) FROM \"a\"\"b\"))",
    },
];

fn reach(session: &mut Session, attack: &str) -> i64 {
    match session.try_run("SELECT 1") {
        Ok(()) => {}
        Err(refusal) => panic!("{refusal:?}"),
    }
    let messages = match session.client().simple_query(attack) {
        Ok(messages) => messages,
        Err(error) => {
            let code = error.code().map(|c| c.code().to_owned());
            // 55000: a view that has lost its rule takes no rows.
            assert!(matches!(code.as_deref(), Some("42501" | "55000")), "{attack}: {error:?}");
            return 0;
        }
    };
    let last = messages.iter().rev().find_map(|m| match m {
        postgres::SimpleQueryMessage::Row(row) => row.get(0).map(|v| v.parse().expect("a number")),
        _ => None,
    });
    last.unwrap_or_default()
}

#[test]
fn what_reaches_past_the_fence_is_noted_and_the_statement_mends_it() {
    let mut failed = Vec::new();
    for (number, road) in ROADS.iter().enumerate() {
        let outcome = std::panic::catch_unwind(|| travel(number, road));
        if outcome.is_err() {
            failed.push(format!("{number}: {}", road.build));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn travel(number: usize, road: &Road) {
    let wall = Wall::new(&format!("road_{number}"));
    let mut owner = wall.agents();
    assert_eq!(notes(&owner.steps("plan('agents')"), road.kind), Vec::<&Step>::new());
    let mut superuser = wall.db.superuser();
    superuser.run(&road.build.replace("{app}", wall.app.name()).replace("{owner}", wall.owner.name()));
    let planned = owner.steps("plan('agents')");
    let steps = owner.steps("protect('agents')");
    let found = notes(&steps, road.kind);
    assert_eq!(notes(&planned, road.kind), found, "plan says the same");
    assert_eq!(reach(&mut wall.app("a"), road.attack), 5, "{}: no road at all", road.build);
    assert!(!found.is_empty(), "{}: {steps:#?}", road.build);
    for note in found {
        superuser.run(&note.statement);
    }
    if road.kind == "rule" {
        superuser.run("TRUNCATE heard");
    }
    assert!(reach(&mut wall.app("a"), road.attack) <= 2, "{}: mended, and still open", road.build);
    let rest = owner.steps("protect('agents')");
    let rest: Vec<&Step> = notes(&rest, road.kind).into_iter().filter(|n| !n.statement.is_empty()).collect();
    assert_eq!(rest, Vec::<&Step>::new(), "{}", road.build);
}

#[test]
fn views_of_an_owner_whom_the_fence_binds_are_no_road_and_not_noted() {
    let wall = Wall::new("bound_views");
    let mut owner = wall.agents();
    owner.run(&format!(
        "CREATE VIEW v AS SELECT * FROM agents; GRANT SELECT ON v TO {};
         CREATE FUNCTION f() RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM public.agents); END'",
        wall.app
    ));
    let steps = owner.steps("protect('agents')");
    assert!(notes(&steps, "view").is_empty() && notes(&steps, "function").is_empty(), "{steps:#?}");
    let mut app = wall.app("a");
    assert_eq!((app.number("SELECT count(*) FROM v"), app.number("SELECT f()")), (2, 2));
    // Without FORCE both are roads, and both are said.
    let steps = owner.steps("protect('agents', force => false)");
    assert_eq!((app.number("SELECT count(*) FROM v"), app.number("SELECT f()")), (5, 5));
    for kind in ["view", "function"] {
        owner.run(&notes(&steps, kind)[0].statement);
    }
    assert_eq!((app.number("SELECT count(*) FROM v"), app.number("SELECT f()")), (2, 2));
    let steps = owner.steps("protect('agents', force => false)");
    assert!(notes(&steps, "view").is_empty() && notes(&steps, "function").is_empty(), "{steps:#?}");
}

#[test]
fn publications_are_noted_with_the_statement_where_there_is_one() {
    let wall = Wall::new("publications");
    let mut owner = wall.agents();
    let mut superuser = wall.db.superuser();
    superuser.run(
        "CREATE PUBLICATION \"P 1\" FOR TABLE agents; CREATE PUBLICATION p2 FOR TABLES IN SCHEMA public",
    );
    let steps = owner.steps("protect('agents')");
    let found = notes(&steps, "publication");
    assert_eq!(found.len(), 2, "{steps:#?}");
    for note in found {
        superuser.run(&note.statement);
    }
    assert_eq!(notes(&owner.steps("protect('agents')"), "publication"), Vec::<&Step>::new());
    superuser.run("CREATE PUBLICATION p3 FOR ALL TABLES");
    assert!(notes(&owner.steps("protect('agents')"), "publication")[0].reason.contains("p3"));
}

#[test]
fn privileges_that_reach_past_row_security_are_noted_and_revoked() {
    let wall = Wall::new("privileges");
    let mut owner = wall.agents();
    let other = wall.db.role("other");
    owner.run(&format!(
        "GRANT TRIGGER, TRUNCATE ON agents TO {}; GRANT REFERENCES (id, org_id) ON agents TO PUBLIC;
         GRANT REFERENCES ON agents TO {other}",
        wall.app
    ));
    let steps = owner.steps("protect('agents')");
    let found = notes(&steps, "privilege");
    assert_eq!(found.len(), 5, "{found:#?}");
    for note in found {
        owner.run(&note.statement);
    }
    assert_eq!(notes(&owner.steps("protect('agents')"), "privilege"), Vec::<&Step>::new());
    assert_eq!(wall.app("a").number(COUNT), 2, "what it needs, it keeps");
}

#[test]
fn a_privilege_that_was_handed_on_is_mended_too() {
    let wall = Wall::new("handed_on");
    let mut owner = wall.agents();
    let other = wall.db.role("other");
    owner.run(&format!("GRANT TRUNCATE ON agents TO {} WITH GRANT OPTION", wall.app));
    wall.app("a").run(&format!("GRANT TRUNCATE ON agents TO {other}"));
    let steps = owner.steps("protect('agents')");
    for note in notes(&steps, "privilege") {
        owner.run(&note.statement);
    }
    assert_eq!(notes(&owner.steps("protect('agents')"), "privilege"), Vec::<&Step>::new());
}

#[test]
fn rows_of_nobody_are_noted_and_the_statement_takes_them_home() {
    let wall = Wall::new("nobody");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents ALTER org_id DROP NOT NULL; INSERT INTO agents VALUES (6), (7)");
    wall.db.superuser().run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs TO {}", wall.owner));
    for call in ["plan('agents')", "protect('agents')", "protect('agents')"] {
        let steps = owner.steps(call);
        assert!(notes(&steps, "null_rows")[0].reason.starts_with("2 rows"), "{steps:#?}");
    }
    let steps = owner.steps("protect('agents')");
    owner.run(&notes(&steps, "null_rows")[0].statement.replace("...", "''a''"));
    let steps = owner.steps("protect('agents')");
    assert_eq!((work(&steps).len(), notes(&steps, "null_rows").len()), (0, 0), "{steps:#?}");
    assert_eq!(wall.app("a").number(COUNT), 4);
}

#[test]
fn only_rules_that_reach_the_table_past_its_fence_are_noted() {
    let wall = Wall::new("rules");
    let mut owner = wall.agents();
    owner.run(
        "CREATE TABLE heard (n bigint);
         CREATE RULE \"hands on\" AS ON UPDATE TO agents DO ALSO INSERT INTO heard SELECT OLD.id WHERE NEW.id > 0;
         CREATE RULE \"Ring \"\"it\" AS ON DELETE TO agents DO ALSO INSERT INTO heard SELECT count(*) FROM agents;
         CREATE TABLE bell (n bigint);
         CREATE RULE asks AS ON INSERT TO bell WHERE (SELECT count(*) > 0 FROM agents old) DO INSTEAD NOTHING;
         CREATE VIEW shown WITH (security_invoker = true) AS SELECT * FROM agents;
         CREATE RULE puts AS ON INSERT TO shown DO INSTEAD INSERT INTO agents VALUES (NEW.id, NEW.org_id);
         CREATE RULE sleeps AS ON INSERT TO heard DO ALSO DELETE FROM agents;
         ALTER TABLE heard DISABLE RULE sleeps",
    );
    // The owner whom FORCE binds is stopped in his rules too.
    assert_eq!(notes(&owner.steps("protect('agents')"), "rule"), Vec::<&Step>::new());
    let steps = owner.steps("protect('agents', force => false)");
    let found: Vec<_> = notes(&steps, "rule").into_iter().map(|n| n.statement.clone()).collect();
    assert_eq!(
        found,
        [
            "DROP RULE \"Ring \"\"it\" ON public.agents",
            "DROP RULE asks ON public.bell",
            "DROP RULE puts ON public.shown"
        ]
    );
    assert_eq!(notes(&steps, "view"), Vec::<&Step>::new());
    for statement in found {
        owner.run(&statement);
    }
    assert_eq!(notes(&owner.steps("protect('agents', force => false)"), "rule"), Vec::<&Step>::new());
}

/// Roles that hold nothing must not be blamed.
#[test]
fn a_table_without_roads_has_no_notes() {
    let wall = Wall::new("clean");
    let mut owner = wall.agents();
    let role: &Role = &wall.app;
    owner.run(&format!(
        "CREATE VIEW v WITH (security_invoker = true) AS SELECT * FROM agents; GRANT SELECT ON v TO {role};
         CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM agents'"
    ));
    let steps = owner.steps("protect('agents')");
    assert_eq!(steps.iter().filter(|s| s.state == "note").collect::<Vec<_>>(), Vec::<&Step>::new());
}
