//! Lookups: an access that proves its organization by a key, and can't say it.

use crate::harness::{Db, Server, Session, Wall};

const BECOME: &str = "SELECT org_scope.set_current_org_from('account', 'staff-1')";
const CONTEXT: &str = "SELECT org_scope.context() - 'bypasses_row_security'";

/// `accounts` of the organizations a and b, fenced themselves, and `agents` with a lookup for the application's role
/// that has no privilege on `accounts`.
fn asked(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.agents();
    owner.run(
        "CREATE TABLE accounts (account text PRIMARY KEY, org_id text, status text NOT NULL DEFAULT 'active', note text);
         INSERT INTO accounts VALUES ('admin-1', 'a'), ('staff-1', 'a'), ('staff-2', 'b'), ('gone-1', 'a'), ('free-1', NULL);
         UPDATE accounts SET status = 'suspended' WHERE account = 'gone-1';
         SELECT org_scope.protect('agents'); SELECT org_scope.protect('accounts')",
    );
    wall.db.superuser().run(&format!(
        "SELECT org_scope.define_lookup('account', 'accounts', 'account', 'org_id', 'account', $$status = 'active'$$);
         SELECT org_scope.allow('{}', 'lookup', lookups => '{{account}}')",
        wall.app
    ));
    (wall, owner)
}

fn with_key(key: &str) -> String {
    format!("SELECT org_scope.set_current_org_from('account', '{key}')")
}

#[test]
fn the_database_derives_organization_and_user() {
    let (wall, _owner) = asked("lookup_derives");
    let mut app = wall.db.connect(&wall.app);
    app.refused("SELECT count(*) FROM agents", "OS001");
    assert_eq!(app.text(BECOME), "a");
    assert_eq!(app.text(CONTEXT), r#"{"org": "a", "user": "staff-1", "project": null}"#);
    assert_eq!(app.number("SELECT count(*) FROM agents"), 2);
    assert_eq!(app.text(&with_key("staff-2")), "b");
    assert_eq!(app.number("SELECT count(*) FROM agents"), 3);
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "staff-2");
    // For a transaction, a savepoint, and not at all.
    app.run(&format!("BEGIN; SAVEPOINT s; {BECOME}; ROLLBACK TO s"));
    assert_eq!(app.text("SELECT org_scope.current_user_id()"), "staff-2");
    app.run("SELECT org_scope.set_current_org_from('account', 'admin-1', is_local => true)");
    assert_eq!(app.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "aadmin-1");
    app.run("COMMIT");
    assert_eq!(app.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "bstaff-2");
    // It learned nothing else.
    app.refused("SELECT * FROM accounts", "42501");
    app.run("SELECT org_scope.clear_context()");
    assert_eq!(app.text(CONTEXT), r#"{"org": null, "user": null, "project": null}"#);
    for table in ["lookup", "role_access"] {
        app.refused(&format!("SELECT * FROM org_scope.{table}"), "42501");
    }
}

#[test]
fn no_key_a_foreign_condition_and_no_organization_are_one_error() {
    let (wall, _owner) = asked("lookup_error");
    let mut app = wall.db.connect(&wall.app);
    app.run(BECOME);
    let long = "x".repeat(9000);
    let said: Vec<_> =
        ["nobody", "gone-1", "free-1", "", "staff-1' OR true --", "STAFF-1", "staff-1 ", &long]
            .iter()
            .map(|key| app.refused(&with_key(&key.replace('\'', "''")), "OS005").keeps_quiet_about("staff"))
            .collect();
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:#?}");
    app.refused("SELECT org_scope.set_current_org_from('account', NULL)", "22004");
    // What failed changed nothing.
    assert_eq!(app.text("SELECT org_scope.current_org()"), "a");
}

#[test]
fn such_a_role_says_neither_organization_nor_user() {
    let (wall, mut owner) = asked("lookup_says");
    wall.db.superuser().run("SELECT org_scope.define_lookup('page', 'accounts', 'note', 'org_id')");
    owner.run(
        "CREATE FUNCTION helper() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT org_scope.set_current_org('b') $$",
    );
    let mut app = wall.db.connect(&wall.app);
    app.run(BECOME);
    for claim in [
        "SELECT org_scope.set_current_org('b')",
        "SELECT org_scope.set_current_org('b', true)",
        "SELECT org_scope.set_current_user('admin-1')",
        "SELECT helper()",
        "SELECT org_scope.set_current_org_from('page', 'x')",
        "SELECT org_scope.set_current_org_from('nothing', 'x')",
    ] {
        app.refused(claim, "OS002");
    }
    for claim in ["SET org_scope.current_org = 'b'", "SET org_scope.\"current_user\" = 'admin-1'"] {
        app.refused(claim, "42501");
    }
    assert_eq!(app.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "astaff-1");
    // Others may do no more: without access, and with the kinds that prove otherwise.
    let mut other = wall.db.connect(&wall.db.role("other"));
    other.refused(BECOME, "OS002");
    let token = wall.db.role("token");
    wall.db.superuser().run(&format!("SELECT org_scope.allow('{token}', 'token')"));
    let mut token = wall.db.connect(&token);
    token.refused(BECOME, "OS002");
    token.refused("SELECT org_scope.set_current_org('a')", "OS002").says("authenticate");
    token.refused("SELECT org_scope.set_current_user('a')", "OS002");
}

#[test]
fn every_call_reads_anew() {
    let (wall, _owner) = asked("lookup_anew");
    let mut superuser = wall.db.superuser();
    let mut app = wall.db.connect(&wall.app);
    app.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    app.run(BECOME);
    superuser.run("UPDATE accounts SET status = 'suspended' WHERE account = 'staff-1'");
    app.refused(BECOME, "OS005");
    app.run("ROLLBACK");
    app.refused(BECOME, "OS005");
    superuser.run("UPDATE accounts SET status = 'active', org_id = 'b' WHERE account = 'staff-1'");
    assert_eq!(app.text(BECOME), "b");
    superuser.run("DELETE FROM accounts WHERE account = 'staff-1'");
    app.refused(BECOME, "OS005");
}

#[test]
fn an_access_that_is_taken_away_ends_what_it_proved() {
    let (wall, _owner) = asked("lookup_taken");
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT org_scope.define_lookup('page', 'accounts', 'note', 'org_id')");
    let mut app = wall.db.connect(&wall.app);
    app.run("PREPARE count AS SELECT count(*) FROM agents");
    for change in [
        "SELECT org_scope.allow('@', 'lookup', lookups => '{page}')",
        "SELECT org_scope.allow('@', 'token')",
        "SELECT org_scope.disallow('@')",
        "SELECT org_scope.allow('@', 'lookup', lookups => '{account}', pooled => true)",
    ] {
        superuser.run(&format!("SELECT org_scope.allow('{}', 'lookup', lookups => '{{account}}')", wall.app));
        app.run(BECOME);
        assert_eq!(app.number("EXECUTE count"), 2);
        superuser.run(&change.replace('@', wall.app.name()));
        app.refused("EXECUTE count", "OS001");
        assert_eq!(app.value("SELECT org_scope.current_user_id()"), None, "{change}");
    }
    // Pooled: transaction by transaction, one organization in each.
    app.refused(BECOME, "OS003");
    app.run("BEGIN; SELECT org_scope.set_current_org_from('account', 'staff-1', is_local => true)");
    assert_eq!(app.number("EXECUTE count"), 2);
    app.refused("SELECT org_scope.set_current_org_from('account', 'staff-2', is_local => true)", "OS003");
    app.run("ROLLBACK");
    assert_eq!(app.value("SELECT org_scope.current_user_id()"), None);
}

#[test]
fn several_organizations_are_asked_for_one() {
    let (wall, mut owner) = asked("lookup_several");
    owner.run(
        "CREATE TABLE members (who text, org uuid, role text);
         CREATE INDEX ON members (who);
         INSERT INTO members VALUES ('m', 'aaaaaaaa-0000-4000-8000-000000000001', 'x'), ('m', 'bbbbbbbb-0000-4000-8000-000000000002', 'x'),
             ('n', 'aaaaaaaa-0000-4000-8000-000000000001', 'x'), ('n', 'aaaaaaaa-0000-4000-8000-000000000001', 'x'),
             ('o', 'aaaaaaaa-0000-4000-8000-000000000001', 'x'), ('o', 'aaaaaaaa-0000-4000-8000-000000000001', 'y')",
    );
    wall.db.superuser().run(&format!(
        "SELECT org_scope.define_lookup('member', 'members', 'who', 'org', 'role');
         SELECT org_scope.allow('{}', 'lookup', lookups => '{{member}}')",
        wall.app
    ));
    let mut app = wall.db.connect(&wall.app);
    let call = |rest: &str| format!("SELECT org_scope.set_current_org_from('member', {rest})");
    app.refused(&call("'m'"), "OS006").says("org => '...'");
    let (a, b) = ("aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002");
    assert_eq!(app.text(&call(&format!("'m', org => '{b}'"))), b);
    // In another spelling it is the same organization.
    assert_eq!(app.text(&call(&format!("'m', org => '{}'", b.to_uppercase()))), b);
    for foreign in ["cccccccc-0000-4000-8000-000000000003", "nonsense", ""] {
        app.refused(&call(&format!("'m', org => '{foreign}'")), "OS005");
    }
    app.refused(&call(&format!("'n', org => '{b}'")), "OS005");
    assert_eq!(app.text(&call("'n'")), a);
    // One organization, but who is it?
    app.refused(&call("'o'"), "OS006");
}

#[test]
fn secret_keys_are_kept_hashed() {
    let (wall, mut owner) = asked("lookup_hashed");
    owner.run(
        "CREATE TABLE api_keys (digest bytea PRIMARY KEY, hex text, org_id text, expires timestamptz);
         INSERT INTO api_keys SELECT sha256(k::bytea), encode(sha512(k::bytea), 'hex'), o, e
             FROM (VALUES ('sk_a', 'a', now() + interval '1 day'), ('sk_b', 'b', now() - interval '1 day')) v(k, o, e)",
    );
    let mut superuser = wall.db.superuser();
    superuser.notices();
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('key', 'api_keys', 'digest', 'org_id', condition => 'expires > now()', key_hash => 'sha256');
         SELECT org_scope.define_lookup('hex', 'api_keys', 'hex', 'org_id', condition => 'expires > now()', key_hash => 'sha512');
         SELECT org_scope.allow('{}', 'lookup', lookups => '{{key,hex}}')",
        wall.app
    ));
    let said = superuser.notices();
    assert!(said.iter().all(|n| !n.message.contains("guess")), "{said:#?}");
    assert!(said.iter().any(|n| n.message.contains("no index begins with column hex")), "{said:#?}");
    let mut app = wall.db.connect(&wall.app);
    for lookup in ["key", "hex"] {
        let call = |key: &str| format!("SELECT org_scope.set_current_org_from('{lookup}', '{key}')");
        assert_eq!(app.text(&call("sk_a")), "a");
        app.refused(&call("sk_b"), "OS005");
        app.refused(&call("sk_c"), "OS005").keeps_quiet_about("sk_c");
        // What a leaked table holds is no key.
        let leaked = owner.text("SELECT hex FROM api_keys WHERE org_id = 'a'");
        app.refused(&call(&leaked), "OS005");
    }
    // A key that can be guessed is said to be one.
    superuser.run("SELECT org_scope.define_lookup('hex', 'api_keys', 'hex', 'org_id')");
    assert!(superuser.notices().iter().any(|n| n.message.contains("trusted servers")));
    for (column, hash, sqlstate) in
        [("org_id", "'md5'", "22023"), ("expires", "'sha256'", "OS010"), ("digest", "NULL", "OS010")]
    {
        superuser.refused(
            &format!(
                "SELECT org_scope.define_lookup('x', 'api_keys', '{column}', 'org_id', key_hash => {hash})"
            ),
            sqlstate,
        );
    }
}

#[test]
fn a_condition_runs_the_servers_own_functions_alone() {
    let (wall, mut owner) = asked("lookup_condition");
    owner.run(
        "CREATE FUNCTION mine(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
         CREATE FUNCTION same(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR === (FUNCTION = same, LEFTARG = text, RIGHTARG = text)",
    );
    let mut superuser = wall.db.superuser();
    for (condition, sqlstate) in [
        ("public.mine(status)", "22023"),
        ("status OPERATOR(public.===) note", "22023"),
        ("status IN (SELECT note FROM public.accounts)", "22023"),
        ("random() > 0.5", "22023"),
        ("status", "22023"),
        ("status = 'active') OR (true", "22023"),
        ("status = 'active' --", "22023"),
        ("true; DROP TABLE accounts", "42601"),
        ("missing = 1", "42703"),
        ("mine(status)", "42883"),
        ("count(*) > 0", "42803"),
    ] {
        let define = format!(
            "SELECT org_scope.define_lookup('x', 'accounts', 'account', 'org_id', condition => $c${condition}$c$)"
        );
        superuser.refused(&define, sqlstate);
    }
    // Another `=` first in the caller's path, and a value that makes the condition fail.
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('account', 'accounts', 'account', 'org_id', condition => 'note::int > 1');
         INSERT INTO accounts VALUES ('leak', 'b', 'active', 'the secret'), ('good', 'b', 'active', '2');
         CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO {};
         CREATE FUNCTION evil.yes(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = text, RIGHTARG = text)",
        wall.app
    ));
    let mut app = wall.db.connect(&wall.app);
    app.run("SET search_path = evil, pg_catalog, public");
    app.refused(&with_key("leak"), "OS010").keeps_quiet_about("secret");
    app.refused(&with_key("nobody"), "OS005");
    assert_eq!(app.text(&with_key("good")), "b");
}

#[test]
fn the_source_is_read_as_its_owner_and_never_as_one_without_a_fence() {
    let (wall, mut owner) = asked("lookup_owner");
    let mut superuser = wall.db.superuser();
    let mut app = wall.db.connect(&wall.app);
    let define = "SELECT org_scope.define_lookup('x', '@', 'account', 'org_id')";
    superuser.run("CREATE TABLE kings (account text, org_id text)");
    owner.run("CREATE VIEW seen AS SELECT * FROM accounts; CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen WITH NO DATA");
    for (table, why) in
        [("kings", "bypasses"), ("seen", "plain table"), ("kept", "plain table"), ("pg_class", "column")]
    {
        superuser.refused(&define.replace('@', table), "OS010").says(why);
    }
    owner.refused(&define.replace('@', "accounts"), "42501");
    // Later, too.
    superuser.run("ALTER TABLE accounts OWNER TO postgres");
    app.refused(BECOME, "OS010").says("bypasses");
    superuser.run(&format!("ALTER TABLE accounts OWNER TO {}", wall.owner));
    assert_eq!(app.text(BECOME), "a");
    superuser.run(&format!("ALTER ROLE {} BYPASSRLS", wall.owner));
    app.refused(BECOME, "OS010");
    superuser.run(&format!("ALTER ROLE {} NOBYPASSRLS", wall.owner));
    owner.run("ALTER TABLE accounts RENAME account TO login");
    app.refused(BECOME, "OS010").says("column");
    owner.run("ALTER TABLE accounts RENAME login TO account; ALTER TABLE accounts RENAME status TO state");
    app.refused(BECOME, "OS010").says("condition");
    owner.run("ALTER TABLE accounts RENAME state TO status; ALTER TABLE accounts RENAME TO logins; CREATE VIEW accounts AS SELECT 'staff-1' AS account, 'b' AS org_id, 'active' AS status");
    assert_eq!(app.text(BECOME), "a", "it is the table that was meant");
    owner.run("DROP TABLE logins CASCADE");
    app.refused(BECOME, "OS010").says("dropped");
    superuser.run("SELECT org_scope.undefine_lookup('account')");
    superuser.refused("SELECT org_scope.undefine_lookup('account')", "OS010");
}

#[test]
fn who_may_say_it_may_look_it_up() {
    let (wall, _owner) = asked("lookup_free");
    let (direct, bound) = (wall.db.role("direct"), wall.db.role("bound"));
    wall.db.superuser().run(&format!(
        "SELECT org_scope.allow('{direct}', 'direct'); SELECT org_scope.allow('{bound}', 'direct'); SELECT org_scope.bind_role('{bound}', 'a')"
    ));
    let mut free = wall.db.connect(&direct);
    free.run("SELECT org_scope.set_current_user('somebody')");
    assert_eq!(free.text(BECOME), "a");
    assert_eq!(free.text("SELECT org_scope.current_user_id()"), "staff-1");
    free.run("SELECT org_scope.set_current_user('another')");
    assert_eq!(free.text("SELECT org_scope.current_org() || org_scope.current_user_id()"), "aanother");
    free.refused("SELECT org_scope.set_current_org_from('none', 'x')", "OS010").says("define_lookup");
    // A bound login learns nothing of keys of others.
    let mut bound = wall.db.connect(&bound);
    assert_eq!(bound.text(BECOME), "a");
    let said = bound.refused(&with_key("nobody"), "OS005");
    assert_eq!(bound.refused(&with_key("staff-2"), "OS005"), said);
    // A superuser asks too, and is told that it isn't fenced.
    let mut superuser = wall.db.superuser();
    superuser.notices();
    assert_eq!(superuser.text(BECOME), "a");
    assert!(superuser.notices().iter().any(|n| n.severity == "WARNING"));
}

#[test]
fn an_access_names_its_lookups() {
    let (wall, _owner) = asked("lookup_allow");
    let mut superuser = wall.db.superuser();
    for (arguments, sqlstate) in [
        ("'lookup'", "22023"),
        ("'lookup', lookups => '{}'", "22023"),
        ("'direct', lookups => '{account}'", "22023"),
        ("'token', lookups => '{account}'", "22023"),
        ("'lookup', lookups => '{account,none}'", "OS010"),
    ] {
        superuser.refused(&format!("SELECT org_scope.allow('{}', {arguments})", wall.app), sqlstate);
    }
    let row =
        format!("SELECT how || lookups::text FROM org_scope.access WHERE role = '{}'::regrole", wall.app);
    assert_eq!(superuser.text(&row), "lookup{account}");
    superuser.run(&format!("SELECT org_scope.allow('{}', 'direct')", wall.app));
    assert_eq!(superuser.value(&row), None);
}

#[test]
fn lookups_survive_a_dump() {
    let (wall, _owner) = asked("lookup_dump");
    let copy = Db::empty("lookup_back", Server::Plain);
    copy.psql_superuser(&wall.db.dump(&[])).ok();
    let mut app = copy.connect(&wall.app);
    assert_eq!(app.text(BECOME), "a");
    assert_eq!(app.number("SELECT count(*) FROM agents"), 2);
    app.refused(&with_key("gone-1"), "OS005");
}

#[test]
fn lookups_answer_on_a_standby() {
    let (wall, _owner) = asked("lookup_standby");
    let mut app = wall.db.connect_standby(wall.app.name());
    assert_eq!(app.text("SELECT pg_is_in_recovery()"), "t");
    assert_eq!(app.text(BECOME), "a");
    assert_eq!(app.number("SELECT count(*) FROM agents"), 2);
    app.refused(&with_key("gone-1"), "OS005");
    wall.db
        .connect_standby("postgres")
        .refused("SELECT org_scope.define_lookup('x', 'accounts', 'account', 'org_id')", "25006");
}
