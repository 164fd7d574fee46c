//! System B, the voice-agent product: `clerk_org_id` on nine tables.

use crate::harness::{Db, Role, Server, Session, System};

const ACME: &str = "org_38mpe7YzuKjtqIRiuiWGCruMwX5";
const GLOBEX: &str = "org_2hGq9TfW4sLxVbN6kYcZr8AeDpJ";
const NINE: [&str; 9] = [
    "agents",
    "calls",
    "voices",
    "knowledge_bases",
    "tools",
    "contacts",
    "contact_folders",
    "campaigns",
    "webhook_endpoints",
];

fn product(test: &str) -> (Db, Role, Role) {
    let db = Db::new(test, Server::Preloaded);
    let (owner, app) = (db.role("owner"), db.role("app"));
    db.load(System::Voice, &owner);
    db.connect(&owner)
        .run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}"));
    db.superuser().run(&format!("SELECT org_scope.allow('{app}', 'direct')"));
    (db, owner, app)
}

fn as_org(db: &Db, role: &Role, org: &str) -> Session {
    let mut session = db.connect(role);
    session.run(&format!("SELECT org_scope.set_current_org('{org}')"));
    session
}

#[test]
fn b1_one_call_protects_all_nine() {
    let (db, owner, app) = product("b1");
    db.connect(&owner).run("CALL org_scope.protect_all('clerk_org_id')");
    let mut fenced = db.superuser().column("SELECT target::text FROM org_scope.protected_tables ORDER BY 1");
    fenced.sort();
    let mut nine = NINE.map(str::to_owned);
    nine.sort();
    assert_eq!(fenced, nine);
    for org in [ACME, GLOBEX] {
        let mut session = as_org(&db, &app, org);
        for table in NINE {
            let orgs = session.column(&format!("SELECT DISTINCT clerk_org_id FROM {table}"));
            assert_eq!(orgs, [org], "{table}");
        }
    }
    let mut nobody = db.connect(&app);
    for table in NINE {
        nobody.refused(&format!("SELECT count(*) FROM {table}"), "OS001");
        nobody.refused(&format!("DELETE FROM {table}"), "OS001");
    }
}

#[test]
fn b2_the_indexes_that_are_there_are_recognised() {
    let (db, owner, app) = product("b2");
    let count = "SELECT count(*) FROM pg_index WHERE indrelid::regclass::text = ANY ('{agents,calls,voices,\
        knowledge_bases,tools,contacts,contact_folders,campaigns,webhook_endpoints}')";
    let before = db.superuser().number(count);
    let mut migration = db.connect(&owner);
    let planned =
        "SELECT count(*) FROM org_scope.plan_all('clerk_org_id') WHERE statement ILIKE '%CREATE INDEX%'";
    assert_eq!(migration.number(planned), 0);
    migration.run("CALL org_scope.protect_all('clerk_org_id')");
    assert_eq!(db.superuser().number(count), before);
    let mut session = as_org(&db, &app, GLOBEX);
    session.run("SET enable_seqscan = off");
    for table in NINE {
        let plan = session.plan(&format!("SELECT * FROM {table}"));
        assert!(plan.contains(&format!("idx_{table}_clerk_org_id")), "{table}:\n{plan}");
    }
}

#[test]
fn b8_rerunning_the_migration_changes_nothing_and_a_later_table_is_caught() {
    let (db, owner, _app) = product("b8");
    let mut migration = db.connect(&owner);
    migration.run("CALL org_scope.protect_all('clerk_org_id')");
    let again = "SELECT count(*) FROM org_scope.plan_all('clerk_org_id') WHERE state <> 'note'";
    assert_eq!(migration.number(again), 0);
    // Without a watch the next run finds it; with one it is fenced as it comes.
    migration.run("CREATE TABLE recordings (id int, clerk_org_id text)");
    let caught =
        "SELECT DISTINCT target::text FROM org_scope.plan_all('clerk_org_id') WHERE state = 'planned'";
    assert_eq!(migration.column(caught), ["recordings"]);
    db.superuser().run("SELECT org_scope.watch('public', 'clerk_org_id')");
    migration.run("CREATE TABLE transcripts (id int, clerk_org_id text)");
    migration.run("CREATE TABLE notes (id int); ALTER TABLE notes ADD COLUMN clerk_org_id text");
    let fenced = "SELECT target::text FROM org_scope.protected_tables \
        WHERE target IN ('recordings'::regclass, 'transcripts'::regclass, 'notes'::regclass) ORDER BY 1";
    assert_eq!(migration.column(fenced), ["notes", "transcripts"]);
}

#[test]
fn b3_the_database_says_who_started_the_call() {
    let (db, owner, app) = product("b3");
    let mut migration = db.connect(&owner);
    migration.run("SELECT org_scope.protect('calls', 'clerk_org_id', actor_column => 'created_by_user_id')");
    let mut session = as_org(&db, &app, ACME);
    let columns = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'calls'::regclass \
        AND attnum > 0 AND attname NOT IN ('id', 'clerk_org_id', 'created_by_user_id')";
    let columns = session.text(columns);
    let copy = |by: &str| {
        format!(
            "INSERT INTO calls (created_by_user_id, {columns}) SELECT {by}, {columns} FROM calls LIMIT 1 RETURNING created_by_user_id"
        )
    };
    session.refused(&copy("NULL"), "OS010");
    session.run("SELECT org_scope.set_current_user('user_alice')");
    assert_eq!(session.text(&copy("NULL")), "user_alice");
    session.refused(&copy("'user_bob'"), "OS002");
    session.refused("UPDATE calls SET created_by_user_id = 'user_bob'", "OS002");
}

#[test]
fn b6_api_keys_are_isolated_by_what_their_settings_say() {
    let (db, owner, app) = product("b6");
    let mut migration = db.connect(&owner);
    migration.run("SELECT org_scope.protect_expression('api_keys', $$settings->>'clerk_org_id'$$, 'text')");
    assert_eq!(
        migration.text("SELECT index FROM org_scope.protected_tables WHERE target = 'api_keys'::regclass"),
        "idx_api_keys_org"
    );
    let mut everything = db.superuser();
    for org in [ACME, GLOBEX] {
        let mut session = as_org(&db, &app, org);
        assert_eq!(session.column("SELECT DISTINCT settings->>'clerk_org_id' FROM api_keys"), [org]);
        let all = format!("SELECT count(*) FROM api_keys WHERE settings->>'clerk_org_id' = '{org}'");
        assert_eq!(session.number("SELECT count(*) FROM api_keys"), everything.number(&all));
        assert_eq!(
            session.touched("UPDATE api_keys SET settings = settings WHERE NOT settings ? 'clerk_org_id'"),
            0
        );
    }
    assert!(everything.number("SELECT count(*) FROM api_keys WHERE NOT settings ? 'clerk_org_id'") > 0);
}

#[test]
fn b4_one_identity_finds_the_other() {
    let (db, _owner, _app) = product("b4");
    let gateway = db.role("gateway");
    let mut superuser = db.superuser();
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('client_of_org', 'clients', 'clerk_organization_id', 'id');
         SELECT org_scope.define_lookup('org_of_client', 'clients', 'id', 'clerk_organization_id');
         SELECT org_scope.allow('{gateway}', 'lookup', lookups => '{{client_of_org,org_of_client}}')"
    ));
    let clients = superuser
        .rows("SELECT clerk_organization_id, id FROM clients WHERE clerk_organization_id IS NOT NULL");
    assert!(clients.len() > 1);
    let mut session = db.connect(&gateway);
    for client in clients {
        let [Some(org), Some(id)] = &client[..] else { panic!("{client:?}") };
        let call =
            |lookup: &str, key: &str| format!("SELECT org_scope.set_current_org_from('{lookup}', '{key}')");
        assert_eq!(&session.text(&call("client_of_org", org)), id);
        assert_eq!(&session.text("SELECT org_scope.current_org_uuid()"), id);
        assert_eq!(&session.text(&call("org_of_client", id)), org);
    }
}

/// The tables that know only the client, which leads to the organization.
fn protect_clients(migration: &mut Session) {
    migration.run("SELECT org_scope.protect('clients', 'clerk_organization_id', set_default => false)");
}

#[test]
fn b5_tables_that_know_only_the_client_are_isolated_through_it() {
    let (db, owner, app) = product("b5");
    let mut migration = db.connect(&owner);
    protect_clients(&mut migration);
    let tables = ["users", "audit_log", "application_logs", "credit_transactions"];
    for table in tables {
        migration.run(&format!(
            "SELECT org_scope.protect_through('{table}', 'client_id', 'clients', org_column => 'clerk_org_id')"
        ));
    }
    let mut everything = db.superuser();
    for org in [ACME, GLOBEX] {
        let mut session = as_org(&db, &app, org);
        for table in tables {
            let all = everything.number(&format!(
                "SELECT count(*) FROM {table} t JOIN clients c ON c.id = t.client_id WHERE c.clerk_organization_id = '{org}'"
            ));
            assert!(all > 0);
            assert_eq!(session.number(&format!("SELECT count(*) FROM {table}")), all, "{table}");
        }
    }
    let mut session = as_org(&db, &app, ACME);
    let insert = |client: &str| {
        format!("INSERT INTO credit_transactions (client_id, credits, reason) VALUES ({client}, 1, 'x')")
    };
    session.run(&insert("md5('client 0')::uuid"));
    session.refused(&insert("md5('client 1')::uuid"), "42501");
    session.refused(&insert("md5('no client')::uuid"), "42501");
    session.refused("UPDATE audit_log SET client_id = md5('client 1')::uuid", "42501");
}

#[test]
fn b7_the_client_inside_a_key_leads_to_the_organization() {
    let (db, owner, app) = product("b7");
    let mut migration = db.connect(&owner);
    protect_clients(&mut migration);
    migration.run(
        "SELECT org_scope.protect_through('idempotency_keys', 'split_part(key, '':'', 1)', 'clients',
             org_column => 'clerk_org_id')",
    );
    let mut everything = db.superuser();
    for (org, client) in [(ACME, "client 0"), (GLOBEX, "client 1")] {
        let mut session = as_org(&db, &app, org);
        let all = everything.number(&format!(
            "SELECT count(*) FROM idempotency_keys WHERE key LIKE md5('{client}')::uuid::text || ':%'"
        ));
        assert!(all > 0);
        assert_eq!(session.number("SELECT count(*) FROM idempotency_keys"), all);
    }
    let mut session = as_org(&db, &app, ACME);
    let insert = |key: &str| format!("INSERT INTO idempotency_keys (key) VALUES ({key} || ':new')");
    session.run(&insert("md5('client 0')::uuid"));
    for key in ["md5('client 1')::uuid", "md5('no client')::uuid", "'no uuid'"] {
        session.refused(&insert(key), "42501");
    }
    assert_eq!(session.number("SELECT count(*) FROM idempotency_keys WHERE key LIKE '%:new'"), 1);
}
