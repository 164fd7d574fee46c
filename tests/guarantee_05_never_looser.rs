//! Guarantee 5: protect keeps existing policies and flags, and ANDs; unprotect takes away only what protect
//! brought.

use crate::harness::{Session, Step, Wall, kinds, notes, work};

const COUNT: &str = "SELECT count(*) FROM agents";

/// Everything of the catalog about a policy that somebody else made.
fn policy(session: &mut Session, name: &str) -> String {
    session.text(&format!(
        "SELECT (p.polname, p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid), \
         pg_get_expr(p.polwithcheck, p.polrelid), p.oid, p.xmin)::text FROM pg_policy p WHERE p.polname = '{name}'"
    ))
}

fn gates(session: &mut Session) -> i64 {
    session.number("SELECT count(*) FROM pg_policy WHERE polname = 'org_scope_gate'")
}

#[test]
fn existing_policies_stay_as_they_are_and_no_gate_widens_them() {
    let wall = Wall::new("keeps_policies");
    let mut owner = wall.agents();
    owner.run(&format!(
        "ALTER TABLE agents ENABLE ROW LEVEL SECURITY; CREATE POLICY firsts ON agents TO {} USING (name ~ '1$')",
        wall.app
    ));
    let before = policy(&mut owner, "firsts");
    owner.run("SELECT org_scope.protect('agents')");
    assert_eq!(policy(&mut owner, "firsts"), before);
    assert_eq!(gates(&mut owner), 0, "a gate ORs with the policy that was there");
    assert_eq!(wall.app("a").column("SELECT name FROM agents"), ["a1"]);
    assert_eq!(wall.app("b").column("SELECT name FROM agents"), ["b1"]);
    // Called again, the gate doesn't come as a repair either.
    owner.run("SELECT org_scope.protect('agents')");
    assert_eq!(gates(&mut owner), 0);
}

#[test]
fn policies_that_slept_wake_and_are_not_widened() {
    let wall = Wall::new("sleeping");
    let mut owner = wall.agents();
    owner.run(&format!("CREATE POLICY readers ON agents FOR SELECT TO {} USING (id < 4)", wall.app));
    let steps = owner.steps("protect('agents')");
    assert_eq!(gates(&mut owner), 0);
    assert_eq!(wall.app("b").column("SELECT id FROM agents"), ["3"]);
    wall.app("b").refused("INSERT INTO agents (id) VALUES (9)", "42501");
    let dark = notes(&steps, "dark_role");
    assert!(
        dark.iter().any(|n| n.reason.contains(wall.app.name()) && n.reason.contains("INSERT")),
        "{steps:#?}"
    );
}

#[test]
fn a_table_that_row_security_keeps_closed_stays_closed() {
    let wall = Wall::new("closed");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents ENABLE ROW LEVEL SECURITY");
    assert_eq!(wall.app("a").number(COUNT), 0);
    let steps = owner.steps("protect('agents')");
    assert_eq!((wall.app("a").number(COUNT), gates(&mut owner)), (0, 0));
    assert!(notes(&steps, "dark_role").iter().any(|n| n.reason.contains(wall.app.name())), "{steps:#?}");
}

#[test]
fn a_policy_that_comes_later_widens_nothing() {
    let wall = Wall::new("later");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    owner.run("CREATE POLICY everything ON agents USING (true) WITH CHECK (true)");
    let mut app = wall.app("a");
    assert_eq!(app.number(COUNT), 2);
    app.refused("INSERT INTO agents VALUES (9, 'b')", "42501");
    app.refused("UPDATE agents SET org_id = 'b'", "42501");
    assert_eq!(app.touched("DELETE FROM agents WHERE org_id = 'b'"), 0);
}

#[test]
fn the_gate_alone_shows_no_foreign_row() {
    let wall = Wall::new("gate_alone");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    // What Citus and some dump tools lose.
    wall.tamper("DROP POLICY org_scope_fence ON agents");
    let mut app = wall.app("a");
    assert_eq!(app.number(COUNT), 2);
    app.refused("INSERT INTO agents VALUES (9, 'b')", "42501");
    wall.db.connect(&wall.app).refused(COUNT, "OS001");
}

#[test]
fn every_role_that_goes_dark_is_named_and_the_statement_lights_them_all() {
    let wall = Wall::new("dark");
    let mut owner = wall.agents();
    let (reader, group, member, lit) =
        (wall.db.role("reader"), wall.db.role("group"), wall.db.role("member"), wall.db.role("lit"));
    wall.db.superuser().run(&format!(
        "GRANT {group} TO {member}; SELECT org_scope.allow('{reader}', 'direct'); SELECT org_scope.allow('{member}', 'direct')"
    ));
    owner.run(&format!(
        "GRANT SELECT ON agents TO {reader}, {group}, {lit};
         ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
         CREATE POLICY for_one ON agents FOR SELECT TO {lit} USING (true)"
    ));
    let steps = owner.steps("protect('agents')");
    let dark = notes(&steps, "dark_role");
    for role in [&reader, &group, &wall.app] {
        assert!(dark.iter().any(|n| n.reason.contains(role.name())), "{role} in {dark:#?}");
    }
    assert!(!dark.iter().any(|n| n.reason.contains(lit.name())), "{lit} has a policy: {dark:#?}");
    for note in dark {
        owner.run(&note.statement);
    }
    for role in [&reader, &member, &wall.app] {
        let mut session = wall.db.connect(role);
        session.run("SELECT org_scope.set_current_org('a')");
        assert_eq!(session.number(COUNT), 2, "{role}");
    }
    let steps = owner.steps("protect('agents')");
    // The owner is fenced too, and dark, unless the gate is his as well.
    assert_eq!(notes(&steps, "dark_role"), Vec::<&Step>::new());
}

#[test]
fn the_statement_that_lights_a_role_keeps_the_other_options() {
    let wall = Wall::new("dark_options");
    let mut owner = wall.agents();
    owner.run(
        "ALTER TABLE agents ENABLE ROW LEVEL SECURITY; ALTER TABLE agents ALTER org_id SET DEFAULT 'mine'",
    );
    let steps = owner.steps("protect('agents', force => false, create_index => false, set_default => false)");
    for note in notes(&steps, "dark_role") {
        let done = owner.steps_of_statement(&note.statement);
        assert_eq!(kinds(&done), ["gate", "fence"], "only the gate, and the memory of it: {done:#?}");
    }
    assert!(!notes(&steps, "dark_role").is_empty());
}

#[test]
fn roles_given_get_the_gate_and_nobody_else() {
    let wall = Wall::new("roles");
    let mut owner = wall.agents();
    let other = wall.db.role("other");
    wall.db.superuser().run(&format!("SELECT org_scope.allow('{other}', 'direct')"));
    owner.run(&format!("GRANT SELECT ON agents TO {other}; CREATE POLICY none ON agents USING (false)"));
    owner.run(&format!("SELECT org_scope.protect('agents', roles => '{{{}}}')", wall.app));
    assert_eq!(wall.app("a").number(COUNT), 2);
    let mut session = wall.db.connect(&other);
    session.run("SELECT org_scope.set_current_org('a')");
    assert_eq!(session.number(COUNT), 0);
    // To leave roles out changes nothing; to name others is the difference.
    assert_eq!(work(&owner.steps("protect('agents')")), Vec::<&Step>::new());
    let steps = owner.steps("protect('agents', roles => '{public}')");
    assert_eq!(kinds(&steps), ["gate", "fence"], "{steps:#?}");
    assert_eq!(session.number(COUNT), 2);
}

#[test]
fn a_gate_that_finer_policies_replace_stays_away() {
    let wall = Wall::new("replaced");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    owner.run("DROP POLICY org_scope_gate ON agents; CREATE POLICY mine ON agents FOR SELECT USING (id = 1)");
    assert_eq!(work(&owner.steps("protect('agents')")), Vec::<&Step>::new());
    assert_eq!(wall.app("a").number(COUNT), 1);
}

#[test]
fn a_force_that_was_there_stays_whatever_is_asked() {
    let wall = Wall::new("keeps_force");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents FORCE ROW LEVEL SECURITY");
    let flag = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'agents'";
    owner.run("SELECT org_scope.protect('agents', force => false)");
    assert_eq!(owner.text(flag), "t");
    owner.run("SELECT org_scope.protect('agents'); SELECT org_scope.protect('agents', force => false)");
    assert_eq!(owner.text(flag), "t");
    owner.run("SELECT org_scope.unprotect('agents')");
    assert_eq!(owner.text(flag), "t");
}

/// How a table may have been before: each must be exactly so again.
const BEFORE: [&str; 12] = [
    "",
    "ALTER TABLE agents ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE agents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON agents USING (id > 1)",
    "CREATE POLICY p ON agents AS RESTRICTIVE FOR DELETE USING (false); COMMENT ON POLICY p ON agents IS 'mine'",
    "CREATE INDEX mine ON agents (org_id, id)",
    "CREATE INDEX idx_agents_org_id ON agents (org_id)",
    "ALTER TABLE agents ALTER org_id SET DEFAULT 'it''s \\ \"quoted\" {json}'",
    "ALTER TABLE agents ALTER org_id SET DEFAULT current_setting('my.org', true)",
    "ALTER TABLE agents ALTER org_id SET DEFAULT CASE WHEN now() > '2020-01-01' THEN 'new' ELSE NULL END",
    "CREATE SEQUENCE s; ALTER TABLE agents ALTER org_id SET DEFAULT 'org_' || nextval('s')",
    "CREATE FUNCTION my_default(a int DEFAULT 1) RETURNS text LANGUAGE sql AS 'SELECT ''f''';
     ALTER TABLE agents ALTER org_id SET DEFAULT my_default(a => 2)",
    "CREATE TRIGGER mine BEFORE TRUNCATE ON agents EXECUTE FUNCTION suppress_redundant_updates_trigger()",
];

#[test]
fn unprotect_leaves_exactly_what_was_there() {
    let options = [
        "",
        ", force => false",
        ", create_index => false",
        ", set_default => false",
        ", roles => '{public}'",
    ];
    for (number, before) in BEFORE.iter().enumerate() {
        let wall = Wall::new(&format!("back_{number}"));
        let mut owner = wall.agents();
        owner.run(before);
        let was = owner.fence_of("agents");
        for option in options {
            owner.run(&format!("SELECT org_scope.protect('agents'{option})"));
            assert_ne!(owner.fence_of("agents"), was);
            let steps = owner.steps("unprotect('agents')");
            assert_eq!(owner.fence_of("agents"), was, "{before} with{option}: {steps:#?}");
            assert!(steps.iter().all(|s| s.state == "done"), "{before}: {steps:#?}");
            assert_eq!(owner.steps("unprotect('agents')"), [], "nothing is ours any more");
        }
        // By way of all options one after the other, and after repairs.
        for option in options {
            owner.run(&format!("SELECT org_scope.protect('agents'{option})"));
            wall.tamper("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY");
        }
        wall.tamper("DROP TRIGGER org_scope_truncate_guard ON agents");
        owner.run("SELECT org_scope.protect('agents')");
        owner.run("SELECT org_scope.unprotect('agents')");
        assert_eq!(owner.fence_of("agents"), was, "{before} after all options");
    }
}

#[test]
fn unprotect_of_a_table_that_was_never_protected_does_nothing() {
    let wall = Wall::new("never");
    let mut owner = wall.agents();
    owner.run("ALTER TABLE agents ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON agents USING (true)");
    let before = owner.fence_of("agents");
    assert_eq!(owner.steps("unprotect('agents')"), []);
    assert_eq!(owner.fence_of("agents"), before);
}

#[test]
fn policies_made_since_keep_row_security_on() {
    let wall = Wall::new("since");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents'); CREATE POLICY firsts ON agents USING (name ~ '1$')");
    let steps = owner.steps("unprotect('agents')");
    assert_eq!(wall.app("a").number(COUNT), 2, "the rows of the policy, whatever the organization");
    let yours: Vec<&Step> = steps.iter().filter(|s| s.state == "run_yourself").collect();
    assert_eq!(yours.len(), 1, "{steps:#?}");
    owner.run(&yours[0].statement);
    assert_eq!(wall.app("a").number(COUNT), 5);
}

#[test]
fn where_the_comment_is_lost_unprotect_says_what_it_could_not_know_and_stays_closed() {
    for comment in ["NULL", "'my own words'", "'{}'", "'{\"version\":1'"] {
        let wall = Wall::new("comment_lost");
        let mut owner = wall.agents();
        owner.run("ALTER TABLE agents ALTER org_id SET DEFAULT 'mine'; SELECT org_scope.protect('agents')");
        owner.run(&format!("COMMENT ON POLICY org_scope_fence ON agents IS {comment}"));
        // The loss does no harm while the fence stands.
        assert_eq!(work(&owner.steps("protect('agents')")), Vec::<&Step>::new(), "{comment}");
        assert_eq!(
            owner.column("SELECT unnest(drift) FROM org_scope.protected_tables"),
            Vec::<String>::new()
        );
        let steps = owner.steps("unprotect('agents')");
        let unsaid: Vec<&str> =
            ["default", "force", "row_security"].into_iter().filter(|k| !unknown(&steps, k)).collect();
        assert_eq!(unsaid, Vec::<&str>::new(), "{comment}: {steps:#?}");
        assert_eq!(wall.app("a").number(COUNT), 0, "closed, not open");
        assert_eq!(owner.number(COUNT), 0, "also for the owner: FORCE stays");
        for step in steps.iter().filter(|s| s.state == "run_yourself") {
            owner.run(&step.statement);
        }
        assert_eq!(wall.app("a").number(COUNT), 5);
    }
}

fn unknown(steps: &[Step], kind: &str) -> bool {
    steps.iter().any(|s| {
        s.kind == kind && (s.state == "note" || s.state == "run_yourself") && s.reason.contains("isn't known")
    })
}

/// The fence's memory with other content, as the owner can write it.
fn forged(default: &str, gate: &str) -> String {
    let json = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        r#"{{"version":1,"force":true,"index":true,"default":true,"gate":["{}"],"found":{{"row_security":false,"force":false,"policies":false,"default":"{}"}}}}"#,
        json(gate),
        json(default)
    )
}

#[test]
fn what_the_owner_writes_into_the_comment_is_never_executed() {
    let hostile = [
        "1); DROP TABLE public.victim; --",
        "'x'); DROP TABLE public.victim; --",
        "'x'; DROP TABLE public.victim",
        "'x') , DISABLE ROW LEVEL SECURITY, ALTER COLUMN name SET DEFAULT ('y'",
        "'x' /* ",
        "'x' -- ",
        "(SELECT public.caught())",
        "public.caught()",
        "'x' || public.caught()",
        "public.caught() OVER ()",
        "'\\'); DROP TABLE public.victim; --'",
        "$$x$$); DROP TABLE public.victim; --",
        "U&'\\0027); DROP TABLE public.victim; --'",
        "current_setting('x') FROM pg_class",
        "'x', 'y'",
        "'x' AS y",
        "*",
        "",
        "\u{0}",
        "no_such_function()",
        "org_id",
    ];
    let wall = Wall::new("hostile_comment");
    let mut owner = wall.agents();
    owner.run(
        "CREATE TABLE victim (); CREATE TABLE seen (who name);
         CREATE FUNCTION caught() RETURNS text LANGUAGE plpgsql AS
         'BEGIN INSERT INTO public.seen VALUES (current_user); RETURN ''x''; END'",
    );
    let mut superuser = wall.db.superuser();
    for strings in ["on", "off"] {
        superuser
            .run(&format!("SET standard_conforming_strings = {strings}; SET escape_string_warning = off"));
        for default in hostile {
            owner.run("SELECT org_scope.protect('agents')");
            let comment = forged(default, "public").replace('\u{0}', "\\u0000").replace('\'', "''");
            owner.run(&format!("COMMENT ON POLICY org_scope_fence ON agents IS '{comment}'"));
            superuser.run("SELECT * FROM org_scope.plan('agents'); SELECT * FROM org_scope.protected_tables");
            // Whether it can come back at all is the next test's.
            drop(superuser.try_run("SELECT * FROM org_scope.protect('agents', set_default => false)"));
            superuser.run("SELECT * FROM org_scope.protect('agents')");
            owner.run(&format!("COMMENT ON POLICY org_scope_fence ON agents IS '{comment}'"));
            superuser.run("SELECT org_scope.alter_protected('agents', 'ALTER TABLE agents ALTER name SET STATISTICS 7')");
            owner.run(&format!("COMMENT ON POLICY org_scope_fence ON agents IS '{comment}'"));
            let steps = superuser.steps("unprotect('agents')");
            assert_eq!(owner.column("SELECT who FROM seen"), Vec::<String>::new(), "{default}: {steps:#?}");
            assert_eq!(owner.text("SELECT to_regclass('victim')"), "victim", "{default}: {steps:#?}");
            assert_eq!(
                owner.number("SELECT count(*) FROM pg_policy"),
                0,
                "{default} keeps the fence up: {steps:#?}"
            );
            let name_default = "SELECT count(*) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
                WHERE a.attname = 'name'";
            assert_eq!(owner.number(name_default), 0, "{default}: {steps:#?}");
            owner.run("ALTER TABLE agents ALTER org_id DROP DEFAULT, DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY");
        }
    }
}

#[test]
fn a_default_that_cannot_come_back_stops_neither_the_fence_nor_the_way_back() {
    let call_off = "protect('agents', set_default => false)";
    for (spoil, call) in [
        ("DROP FUNCTION mine()", "unprotect('agents')"),
        ("DROP FUNCTION mine()", call_off),
        ("ALTER FUNCTION mine() RENAME TO yours", call_off),
    ] {
        let wall = Wall::new("vanished_default");
        let mut owner = wall.agents();
        owner.run("CREATE FUNCTION mine() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'");
        owner.run("ALTER TABLE agents ALTER org_id SET DEFAULT mine(); SELECT org_scope.protect('agents')");
        owner.run(spoil);
        let steps = owner.steps(call);
        let yours = steps.iter().find(|s| s.state == "run_yourself" || s.state == "note");
        assert!(yours.is_some_and(|s| s.kind == "default"), "{spoil}, {call}: {steps:#?}");
        assert_eq!(owner.number("SELECT count(*) FROM pg_attrdef WHERE adrelid = 'agents'::regclass"), 0);
    }
}

#[test]
fn roles_written_into_the_comment_are_names_and_nothing_else() {
    let wall = Wall::new("hostile_gate");
    let mut owner = wall.agents();
    let mut superuser = wall.db.superuser();
    for gate in ["PUBLIC USING (true); DROP TABLE public.agents; --", "x\" USING (true) --", "no_such_role"] {
        owner.run("SELECT org_scope.protect('agents')");
        owner.run(&format!("COMMENT ON POLICY org_scope_fence ON agents IS '{}'", forged("1", gate)));
        owner.run("DROP POLICY org_scope_gate ON agents");
        drop(superuser.try_run("SELECT * FROM org_scope.protect('agents')"));
        assert_eq!(superuser.number(COUNT), 5);
        let open = "SELECT count(*) FROM pg_policy WHERE pg_get_expr(polqual, polrelid) !~ 'fence_org'";
        assert_eq!(superuser.number(open), 0);
        superuser.run("SELECT * FROM org_scope.unprotect('agents')");
    }
}

#[test]
fn a_gate_comes_back_for_a_role_that_has_another_name_now() {
    let wall = Wall::new("renamed_gate");
    let mut owner = wall.agents();
    owner.run(&format!("SELECT org_scope.protect('agents', roles => '{{{}}}')", wall.app));
    let renamed = format!("{}_2", wall.app);
    wall.db.superuser().run(&format!("ALTER ROLE {} RENAME TO {renamed}", wall.app));
    assert_eq!(work(&owner.steps("protect('agents')")), Vec::<&Step>::new());
    owner.run("DROP POLICY org_scope_gate ON agents");
    let repaired = owner.try_run("SELECT org_scope.protect('agents')");
    wall.db.superuser().run(&format!("ALTER ROLE {renamed} RENAME TO {}", wall.app));
    assert_eq!(repaired, Ok(()), "the table can't be protected any more");
}
