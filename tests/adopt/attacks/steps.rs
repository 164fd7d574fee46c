//! What others do between the steps: by hand, by DDL, by other calls.

use super::*;

#[test]
fn who_may_not_read_the_source_is_named_before_it_goes_dark() {
    let inbox = Inbox::expanding("dark");
    let blind = inbox.db.role("blind");
    inbox.owner().run(&format!("GRANT SELECT, UPDATE ON messages TO {blind}"));
    inbox
        .db
        .superuser()
        .run(&format!("SELECT org_scope.allow('{blind}', 'lookup', lookups => '{{account}}')"));
    let mut owner = inbox.owner();
    let grant = format!("GRANT SELECT (account_id, organization_id) ON TABLE public.users TO {blind}");
    let planned = "SELECT statement FROM org_scope.plan_adopt('messages', 'organization_id', lookup => 'account', legacy_column => 'account_id') WHERE kind = 'dark_role'";
    assert_eq!(owner.column(planned), std::slice::from_ref(&grant));
    owner.notices();
    owner.run("CALL org_scope.advance('messages')");
    assert!(owner.notices().iter().any(|notice| notice.message.contains(&grant)), "{grant}");
    let mut session = inbox.db.connect(&blind);
    session.run("SELECT org_scope.set_current_org_from('account', 'staff-b')");
    session.refused("SELECT count(*) FROM messages", "42501").says("users").keeps_quiet_about("org-admin");
    owner.run(&grant);
    assert_eq!(session.column("SELECT DISTINCT account_id FROM messages ORDER BY 1"), ["admin-a", "staff-b"]);
    session.refused("SELECT email FROM users", "42501");
    assert_eq!(owner.column(planned), Vec::<String>::new());
}

#[test]
fn a_trigger_made_by_hand_is_in_nobodys_way() {
    let inbox = fenced("hand", &["conversations"]);
    let stranger = inbox.db.role("stranger");
    inbox.db.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {stranger}"));
    let mut own = inbox.db.connect(&stranger);
    own.run("CREATE TABLE probe (id int, org text, told jsonb); SELECT org_scope.protect('probe', 'org')");
    for when in ["(old.told->>'org')", "(pg_catalog.now()::text)", "new.told::text", "(new.id / 0)::text"] {
        own.run(&format!(
            "CREATE OR REPLACE TRIGGER org_scope_adopt BEFORE UPDATE OF id, org ON probe FOR EACH ROW \
             WHEN (new.org IS DISTINCT FROM {when}) EXECUTE FUNCTION org_scope.adopt_row('expression')"
        ));
        let mut superuser = inbox.db.superuser();
        let all = "SELECT count(*) FROM org_scope.protected_tables";
        assert_eq!(inbox.owner().number(all), 3, "{when}");
        assert_eq!(superuser.number("SELECT count(*) FROM org_scope.adoptions"), 6, "{when}");
        assert!(superuser.number("SELECT sum(rows) FROM org_scope.usage()") > 0, "{when}");
        superuser.run("SELECT FROM org_scope.plan_all('organization_id')");
    }
    // A lookup whose condition names what is gone.
    inbox.db.superuser().run(
        "SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', 'account_id', condition => $$role <> 'x'$$);
         ALTER TABLE users RENAME role TO part",
    );
    assert_eq!(inbox.owner().number("SELECT count(*) FROM org_scope.protected_tables"), 3);
}

#[test]
fn what_an_adoption_rests_on_is_not_taken_away_behind_our_back() {
    let inbox = fenced("behind", &["conversations"]);
    let mut owner = inbox.owner();
    for attack in [
        "ALTER POLICY org_scope_fence ON conversations USING (true)",
        "ALTER POLICY org_scope_fence ON conversations USING (organization_id = org_scope.fence_org() OR organization_id IS NULL)",
        "ALTER POLICY org_scope_fence ON conversations WITH CHECK (organization_id IS NULL)",
        "DROP POLICY org_scope_fence ON conversations",
        "ALTER TABLE conversations DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE conversations NO FORCE ROW LEVEL SECURITY",
    ] {
        owner.refused(attack, "OS002");
    }
    for attack in [
        "DROP TRIGGER org_scope_adopt ON conversations",
        "DROP TRIGGER org_scope_adopt_rest ON conversations",
    ] {
        owner.refused(attack, "OS002").says("CALL org_scope.abandon('public.conversations');");
    }
    owner.refused("ALTER TABLE conversations DROP COLUMN account_id", "2BP01");
    owner.refused("ALTER TABLE conversations ALTER COLUMN account_id TYPE varchar(20)", "0A000");
    owner.refused("ALTER TABLE users DROP COLUMN organization_id", "2BP01");
    // Closed, not open.
    owner.run("ALTER TABLE conversations DROP COLUMN account_id CASCADE");
    assert_eq!(inbox.acting("admin-a").number("SELECT count(*) FROM conversations"), 0);
}

#[test]
fn a_trigger_that_is_switched_off_is_missed_and_comes_back() {
    let inbox = fenced("off", &["conversations"]);
    let mut owner = inbox.owner();
    let missing = "SELECT missing FROM org_scope.adoptions WHERE target = 'conversations'::regclass";
    assert_eq!(owner.text(missing), "{}");
    owner.run("ALTER TABLE conversations DISABLE TRIGGER org_scope_adopt");
    assert_eq!(owner.text(missing), "{adoption}");
    // Nobody's row in the meantime, and no other's.
    let mut session = inbox.acting("admin-a");
    session.run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'admin-123', 'x')");
    assert_eq!(inbox.truth("conversations", "id = 2001"), format!("2001:admin-123:{X}"));
    assert_eq!(inbox.acting("admin-123").number("SELECT count(*) FROM conversations WHERE id = 2001"), 0);
    owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    assert_eq!(owner.text(missing), "{}");
    session.refused("INSERT INTO conversations (account_id, customer) VALUES ('admin-123', 'x')", "23503");
}

#[test]
fn a_step_that_was_cut_off_is_gone_on_with() {
    let inbox = fenced("half", &["conversations"]);
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    let constraint =
        "SELECT string_agg(convalidated::text, ' ') FROM pg_constraint WHERE conname = 'org_scope_adopted'";
    let drift = "SELECT drift FROM org_scope.protected_tables WHERE target = 'conversations'::regclass";
    for proved in ["false", "true"] {
        owner.run("SELECT org_scope._begin_advance('conversations', NULL)");
        for _ in 0..=usize::from(proved == "true") {
            owner.run("SELECT org_scope._run_step()");
        }
        assert_eq!(owner.text(constraint), proved);
        assert_eq!(owner.text(drift), "{}");
        assert_eq!(inbox.phase("conversations"), "fallback");
        // Nothing is left behind that would hold up the application.
        inbox
            .acting("admin-a")
            .run("INSERT INTO conversations (account_id, customer) VALUES ('admin-a', 'x')");
        assert_eq!(inbox.acting("admin-789").number("SELECT count(*) FROM conversations"), 100);
    }
    // The proof is taken away, and a row without an organization turns up.
    owner.run("ALTER TABLE conversations DROP CONSTRAINT org_scope_adopted");
    inbox.db.superuser().run("SET session_replication_role = replica; INSERT INTO conversations (account_id, customer) VALUES ('nobody', 'x')");
    owner.refused("CALL org_scope.advance('conversations')", "OS010");
    owner.run("SELECT org_scope.assign('conversations', '{nobody}', 'org-x')");
    owner.run("CALL org_scope.advance('conversations')");
    assert_eq!(inbox.phase("conversations"), "enforced");
    assert_eq!(owner.text(constraint), "");
    // So is what it has proved.
    owner.run("ALTER TABLE conversations ALTER COLUMN organization_id DROP NOT NULL");
    assert_eq!(inbox.phase("conversations"), "fallback");
    assert_eq!(inbox.acting("admin-789").number("SELECT count(*) FROM conversations"), 100);
    owner.run("CALL org_scope.advance('conversations')");
    assert_eq!((inbox.phase("conversations"), owner.text(drift)), ("enforced".to_owned(), "{}".to_owned()));
}

#[test]
fn other_calls_make_nothing_looser_in_any_phase() {
    let inbox = Inbox::expanding("calls");
    let mut owner = inbox.owner();
    let mut superuser = inbox.db.superuser();
    let policy = "SELECT string_agg(pg_get_expr(polqual, polrelid) || pg_get_expr(polwithcheck, polrelid), ';' ORDER BY polname)
                  FROM pg_policy WHERE polrelid = 'conversations'::regclass";
    let drift = "SELECT drift FROM org_scope.protected_tables WHERE target = 'conversations'::regclass";
    for phase in ["fallback", "enforced"] {
        if phase == "enforced" {
            owner.run("CALL org_scope.backfill('conversations')");
        }
        owner.run("CALL org_scope.advance('conversations')");
        let before = superuser.text(policy);
        let shared =
            "SELECT * FROM org_scope.protect('conversations', 'organization_id', shared_rows => true)";
        for call in [
            "SELECT * FROM org_scope.protect('conversations', 'account_id')",
            "SELECT * FROM org_scope.protect_expression('conversations', 'account_id || customer', 'text')",
            "SELECT * FROM org_scope.protect_through('conversations', 'integration_id', 'integrations', reading => true)",
        ]
        .into_iter()
        // Where every row has an organization, there are none to share.
        .chain((phase == "fallback").then_some(shared))
        {
            let said = owner.try_run(call).expect_err(call).sqlstate;
            assert!(["OS009", "OS010"].contains(&said.as_str()), "{phase}: {call} {said}");
            assert_eq!(superuser.text(policy), before, "{phase}: {call}");
        }
        owner
            .run("SELECT * FROM org_scope.protect('conversations', 'organization_id', shared_rows => false)");
        owner.run("SELECT * FROM org_scope.alter_protected('conversations', 'ALTER TABLE conversations ADD COLUMN note_of_it text')");
        owner.run("ALTER TABLE conversations DROP COLUMN note_of_it");
        assert_eq!(superuser.text(policy), before, "{phase}");
        assert_eq!(owner.text(drift), "{}", "{phase}");
        superuser.run(
            "SELECT org_scope.across_orgs('UPDATE conversations SET customer = customer WHERE id <= 10')",
        );
        let counted = superuser.column(
            "SELECT coalesce(org, '-') || ' ' || rows FROM org_scope.usage() WHERE target = 'conversations'::regclass ORDER BY 1",
        );
        let all = match phase {
            "fallback" => ["- 990", "org-admin-123 6", "org-admin-789 1", "org-admin-a 3"].as_slice(),
            _ => ["org-admin-123 600", "org-admin-789 100", "org-admin-a 300"].as_slice(),
        };
        assert_eq!(counted, all, "{phase}");
    }
    // Taking the fence away by itself leads back to where nothing was fenced.
    owner.run("SELECT * FROM org_scope.unprotect('conversations')");
    assert_eq!(inbox.phase("conversations"), "expanding");
    assert_eq!(inbox.silent().number("SELECT count(*) FROM conversations"), 1000);
    owner.run("CALL org_scope.abandon('conversations')");
}

#[test]
fn a_table_that_hands_its_columns_down_by_now_goes_no_further() {
    let inbox = Inbox::expanding("kid");
    let mut owner = inbox.owner();
    owner.run("CREATE TABLE kid () INHERITS (chatbots); INSERT INTO kid (id, account_id, name) VALUES (50, 'admin-789', 'x')");
    owner.refused("CALL org_scope.advance('chatbots')", "OS009");
    assert_eq!(inbox.phase("chatbots"), "expanding");
    assert_eq!(inbox.silent().number("SELECT count(*) FROM chatbots"), 11);
    owner.run("DROP TABLE kid");
    owner.run("CALL org_scope.advance('chatbots')");
}

#[test]
fn a_watched_schema_fences_nothing_before_its_time() {
    let inbox = Inbox::with_users("watched");
    inbox.db.superuser().run("SELECT org_scope.watch('public', 'organization_id', 'protect')");
    inbox.owner().run(
        "CALL org_scope.adopt_all('organization_id', lookup => 'account', legacy_column => 'account_id')",
    );
    for table in TABLES {
        assert_eq!(inbox.phase(table), "expanding", "{table}");
    }
    assert_eq!(inbox.silent().number("SELECT count(*) FROM conversations"), 1000);
}
