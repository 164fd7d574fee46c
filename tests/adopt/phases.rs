//! The way from the first phase to the last, and back.

use super::*;
use crate::harness::{notes, work};

/// Everything about the tables that the adoption could touch.
fn world(session: &mut Session) -> Vec<String> {
    ["users"].iter().chain(&TABLES).map(|table| session.fence_of(table)).collect()
}

#[test]
fn c1_every_table_goes_through_all_phases() {
    let inbox = Inbox::expanding("way");
    let mut owner = inbox.owner();
    let phases = ["expanding", "fallback", "enforced", "finished"];
    for table in TABLES {
        assert_eq!(inbox.phase(table), "expanding", "{table}");
        owner.run(&format!("CALL org_scope.backfill('{table}', batch_size => 100)"));
        for phase in &phases[1..] {
            owner.run(&format!("CALL org_scope.advance('{table}')"));
            assert_eq!(&inbox.phase(table), phase, "{table}");
            let drift =
                format!("SELECT drift FROM org_scope.protected_tables WHERE target = '{table}'::regclass");
            assert_eq!(owner.text(&drift), "{}", "{table} {phase}");
        }
    }
    for (account, org) in [("staff-456", XYZ), ("admin-a", X), ("admin-789", ABC)] {
        let mut session = inbox.acting(account);
        for table in TABLES {
            let orgs = format!("SELECT DISTINCT organization_id FROM {table}");
            assert_eq!(session.column(&orgs), [org], "{table}");
        }
    }
    // Staff sees the administrator's conversations, which it never did before.
    let theirs = "SELECT count(*) FROM conversations WHERE account_id = 'admin-123'";
    assert_eq!(inbox.acting("staff-456").number(theirs), 600);
    assert_eq!(inbox.acting("admin-a").number(theirs), 0);
}

#[test]
fn c9_the_end_leaves_what_protect_would_have_brought_and_nothing_else() {
    let inbox = Inbox::expanding("end");
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    for _ in 0..3 {
        owner.run("CALL org_scope.advance('conversations')");
    }
    owner.run(
        "CREATE TABLE twin (LIKE conversations INCLUDING DEFAULTS INCLUDING IDENTITY);
         ALTER TABLE twin ALTER organization_id DROP DEFAULT;
         ALTER TABLE twin ADD PRIMARY KEY (id);
         ALTER TABLE twin ALTER account_id SET DEFAULT org_scope.current_user_id();
         CREATE INDEX twin_account ON twin (account_id, created_at);
         SELECT org_scope.protect('twin', 'organization_id')",
    );
    let normal = |text: String| text.replace("conversations", "twin");
    assert_eq!(normal(owner.fence_of("conversations")), normal(owner.fence_of("twin")));
    let left = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'conversations'::regclass AND conname ~ 'org_scope'";
    assert_eq!(owner.number(left), 0);
    owner.refused("CALL org_scope.advance('conversations')", "OS010").says("finished");
    owner.refused("CALL org_scope.abandon('conversations')", "OS010").says("finished");
}

#[test]
fn a_plan_shows_every_phase_and_changes_nothing() {
    let inbox = Inbox::with_users("plan");
    let mut owner = inbox.owner();
    let arguments =
        "('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')";
    let before = world(&mut owner);
    let plan = owner.steps(&format!("plan_adopt{arguments}"));
    assert_eq!(world(&mut owner), before);
    let mut planned: Vec<String> =
        plan.iter().filter(|s| s.state == "planned").map(|s| s.statement.clone()).collect();
    let mut done = Vec::new();
    for call in [
        format!("CALL org_scope.adopt{arguments}"),
        "CALL org_scope.backfill('conversations')".to_owned(),
        "CALL org_scope.advance('conversations')".to_owned(),
        "CALL org_scope.advance('conversations')".to_owned(),
        "CALL org_scope.advance('conversations')".to_owned(),
    ] {
        owner.run(&call);
        if !call.contains("backfill") {
            let ran = owner.last_run("conversations");
            done.extend(work(&ran).iter().map(|s| s.statement.clone()));
        }
    }
    // The index of the org column comes with the first phase, where there is nothing in it yet; the fence becomes
    // the strict one where no row needs another.
    done.retain(|statement| !statement.starts_with("ALTER POLICY"));
    // The comment holds what the fence remembers.
    let bare = |statements: &mut Vec<String>| {
        statements.retain(|s| !s.starts_with("COMMENT ON POLICY org_scope_fence "));
        statements.sort();
    };
    bare(&mut planned);
    bare(&mut done);
    assert_eq!(planned, done);
    assert!(plan.iter().any(|s| s.state == "run_yourself" && s.statement.contains("backfill")), "{plan:#?}");
}

#[test]
fn a_step_twice_is_harmless_and_one_too_early_says_what_comes_first() {
    let inbox = Inbox::new("early");
    let mut owner = inbox.owner();
    let users = "CALL org_scope.adopt('users', 'organization_id', \
                 expression => $$CASE WHEN account_id <> 'admin-789' THEN 'org-' || coalesce(admin_id, account_id) END$$, \
                 legacy_column => 'account_id')";
    owner.refused("CALL org_scope.advance('users')", "OS010").says("CALL org_scope.adopt(");
    owner.refused("CALL org_scope.backfill('users')", "OS010");
    owner.refused("SELECT * FROM org_scope.unresolved('users')", "OS010");
    owner.run(users);
    let before = world(&mut owner);
    owner.run(users);
    assert!(work(&owner.last_run("users")).is_empty());
    assert_eq!(world(&mut owner), before);
    inbox.db.superuser().run(
        "SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', 'account_id')",
    );
    let conversations = "CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')";
    owner.run(conversations);
    // What tells of the organization comes first.
    let early = "CALL org_scope.advance('conversations')";
    owner
        .refused(early, "OS010")
        .says("public.users, which tells of the organization")
        .says("CALL org_scope.advance('public.users')");
    owner.run("CALL org_scope.advance('users')");
    owner.refused(early, "OS010").says("is still fallback");
    owner
        .refused("CALL org_scope.advance('users')", "OS010")
        .says("5 rows")
        .says("CALL org_scope.backfill('public.users')");
    owner.run("CALL org_scope.backfill('users')");
    owner.run("CALL org_scope.backfill('users')");
    owner
        .refused("CALL org_scope.advance('users')", "OS010")
        .says("1 row")
        .says("org_scope.unresolved('public.users')");
    assert_eq!(
        owner.rows("SELECT * FROM org_scope.unresolved('users')"),
        [[Some("admin-789".into()), Some("1".into())]]
    );
    assert_eq!(owner.number("SELECT org_scope.assign('users', '{admin-789}', 'org-admin-789')"), 1);
    assert_eq!(owner.number("SELECT org_scope.assign('users', '{admin-789}', 'org-admin-789')"), 0);
    owner.run("CALL org_scope.advance('users')");
    assert_eq!(inbox.phase("users"), "enforced");
    owner.run(early);
    owner.refused(early, "OS010").says("1000 rows");
    let journal = "SELECT kind || ' ' || rows FROM org_scope.journal WHERE kind IN ('assign', 'backfill') AND rows > 0 ORDER BY at";
    assert_eq!(inbox.db.superuser().column(journal), ["backfill 5", "assign 1"]);
}

#[test]
fn large_tables_get_their_indexes_from_the_user() {
    let inbox = Inbox::with_users("large");
    inbox.db.configure("org_scope.max_inline_index_size", "0");
    let mut owner = inbox.owner();
    let adopt = "CALL org_scope.adopt('messages', 'organization_id', lookup => 'account', legacy_column => 'account_id')";
    owner.run(adopt);
    let said: Vec<String> =
        owner.notices().into_iter().map(|n| n.message).filter(|m| m.contains("CONCURRENTLY")).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    owner.run("CALL org_scope.backfill('messages')");
    let refusal =
        owner.refused("CALL org_scope.advance('messages')", "OS010").says("an index of public.messages");
    for statement in refusal.hint.split_inclusive(';').map(str::trim).filter(|s| !s.is_empty()) {
        owner.run(statement);
    }
    owner.run("CALL org_scope.advance('messages')");
    assert_eq!(inbox.phase("messages"), "fallback");
}

#[test]
fn every_phase_goes_back_with_the_data_untouched() {
    for reached in 0..3 {
        let inbox = Inbox::with_users(&format!("back{reached}"));
        let mut owner = inbox.owner();
        let data = "SELECT md5(string_agg(c::text, ' ' ORDER BY id)) FROM (SELECT id, account_id, customer, created_at FROM conversations) AS c";
        let (before, rows) = (world(&mut owner), owner.text(data));
        owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
        owner.run("CALL org_scope.backfill('conversations')");
        for _ in 0..reached {
            owner.run("CALL org_scope.advance('conversations')");
        }
        owner.run("CALL org_scope.abandon('conversations')");
        assert_eq!(owner.text(data), rows);
        assert_eq!(
            owner.number("SELECT count(*) FROM conversations WHERE organization_id IS NULL"),
            0,
            "{reached}"
        );
        // Old code writes as ever.
        inbox.silent().run("INSERT INTO conversations (id, account_id, customer) VALUES (5000, 'nobody', 'x'); DELETE FROM conversations WHERE id = 5000");
        // And again from there, and back with the column.
        owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
        for _ in 0..reached {
            owner.run("CALL org_scope.advance('conversations')");
        }
        owner.run("CALL org_scope.abandon('conversations', drop_column => true)");
        assert_eq!(world(&mut owner), before, "{reached}");
        assert_eq!(owner.text(data), rows);
        owner.refused("CALL org_scope.abandon('conversations')", "OS010");
    }
}

#[test]
fn a_column_that_was_there_stays() {
    let inbox = Inbox::with_users("own_column");
    let mut owner = inbox.owner();
    owner.run("ALTER TABLE conversations ADD organization_id varchar(40); UPDATE conversations SET organization_id = 'org-admin-a' WHERE id = 5");
    let adopt = "CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')";
    owner.run(adopt);
    // One that was wrong is set right before anything is fenced.
    owner.refused("CALL org_scope.advance('conversations')", "OS010").says("1 row").says("backfill");
    owner.run("CALL org_scope.backfill('conversations')");
    assert_eq!(owner.text("SELECT organization_id FROM conversations WHERE id = 5"), XYZ);
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('conversations')");
    }
    owner.run("CALL org_scope.abandon('conversations', drop_column => true)");
    let steps = owner.last_run("conversations");
    assert_eq!(notes(&steps, "column").len(), 1, "{steps:#?}");
    assert_eq!(owner.number("SELECT count(organization_id) FROM conversations"), 1000);
}

#[test]
fn the_view_says_how_far_and_what_is_next() {
    let inbox = Inbox::expanding("view");
    let mut owner = inbox.owner();
    let next = "SELECT phase || ' ' || next FROM org_scope.adoptions WHERE target = 'messages'::regclass";
    let mut seen = Vec::new();
    for _ in 0..4 {
        let line = owner.text(next);
        seen.push(line.clone());
        owner.run(line.split_once(' ').expect("phase and statement").1);
    }
    assert_eq!(
        seen,
        [
            "expanding CALL org_scope.backfill('public.messages');",
            "expanding CALL org_scope.advance('public.messages');",
            "fallback CALL org_scope.advance('public.messages');",
            "enforced CALL org_scope.advance('public.messages');",
        ]
    );
    let all = "SELECT target || ' ' || org_column || ' ' || coalesce(source, '-') || ' ' || phase || ' ' || missing::text \
               FROM org_scope.adoptions ORDER BY target::text";
    assert_eq!(
        owner.column(all),
        [
            "chatbots organization_id lookup account by account_id expanding {}",
            "conversations organization_id lookup account by account_id expanding {}",
            "integrations organization_id lookup account by account_id expanding {}",
            "messages organization_id - finished {}",
            "users organization_id expression ('org-'::text || COALESCE(admin_id, account_id)) enforced {}",
        ]
    );
    owner.run("DROP TRIGGER org_scope_adopt_rest ON chatbots");
    assert_eq!(
        owner.text("SELECT missing::text FROM org_scope.adoptions WHERE target = 'chatbots'::regclass"),
        "{adoption}"
    );
    // Others see how far it is, and nothing of the rows.
    let progress = "SELECT count(filled) FROM org_scope.adoptions";
    owner.run("CALL org_scope.backfill('conversations')");
    assert_eq!(owner.number(progress), 2);
    assert_eq!(inbox.silent().number(progress), 0);
}

#[test]
fn what_can_not_be_adopted_is_refused_with_a_reason() {
    let inbox = Inbox::with_users("refused");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE parts (id int, account_id text) PARTITION BY HASH (id);
         CREATE TABLE fenced (id int, account_id text, organization_id text NOT NULL);
         SELECT org_scope.protect('fenced', 'organization_id');
         CREATE TABLE filled (id int, account_id text, organization_id text NOT NULL);
         CREATE TABLE made (id int, account_id text, up text GENERATED ALWAYS AS (upper(account_id)) STORED);
         CREATE TABLE numbers (id int, account_id bigint)",
    );
    let other = inbox.db.role("other");
    inbox.db.superuser().run(&format!(
        "CREATE TABLE theirs (account_id text PRIMARY KEY, organization_id text);
         ALTER TABLE theirs OWNER TO {other};
         SELECT org_scope.define_lookup('theirs', 'theirs', 'account_id', 'organization_id');
         SELECT org_scope.define_lookup('email', 'users', 'email', 'organization_id');
         SELECT org_scope.define_lookup('secret', 'users', 'email', 'organization_id', key_hash => 'sha256')"
    ));
    let by = |table: &str, rest: &str| format!("CALL org_scope.adopt('{table}', 'organization_id', {rest})");
    let account = "lookup => 'account', legacy_column => 'account_id'";
    for (call, sqlstate, says) in [
        (by("parts", account), "OS009", "partitioned"),
        (by("fenced", account), "OS009", "protected already"),
        (by("filled", account), "OS009", "no row whose organization_id is unknown"),
        (by("numbers", account), "OS009", "can't be compared"),
        (by("messages", "lookup => 'account'"), "22023", "legacy_column"),
        (
            by("messages", "lookup => 'account', constant => 'x', legacy_column => 'account_id'"),
            "22023",
            "exactly one",
        ),
        (by("messages", "org_type => 'uuid', constant => 'x'"), "OS004", "no uuid"),
        (by("messages", "org_type => 'json', constant => 'x'"), "OS009", "organization_id"),
        (
            by("messages", "org_type => 'uuid', lookup => 'account', legacy_column => 'account_id'"),
            "OS009",
            "text",
        ),
        (by("messages", "lookup => 'nothing', legacy_column => 'account_id'"), "OS010", "not defined"),
        (by("messages", "lookup => 'account', legacy_column => 'nothing'"), "OS009", "no column nothing"),
        (by("messages", "lookup => 'email', legacy_column => 'account_id'"), "OS009", "several rows"),
        (by("messages", "lookup => 'secret', legacy_column => 'account_id'"), "OS009", "hashed"),
        (by("messages", "lookup => 'theirs', legacy_column => 'account_id'"), "OS009", "rights"),
        (by("messages", "parent => 'users', legacy_column => 'account_id'"), "OS009", "foreign key"),
        (by("messages", "expression => 'md5(random()::text)'"), "OS009", "something else for the same row"),
        (by("messages", "expression => '(SELECT account_id)'"), "OS009", "asks"),
        (by("messages", "expression => 'id'"), "OS009", "bigint"),
        (by("made", "expression => 'up'"), "OS009", "computes column up"),
    ] {
        owner.refused(&call, sqlstate).says(says);
    }
    // Nor by somebody else.
    inbox.silent().refused(&by("messages", account), "42501");
    inbox.silent().refused("CALL org_scope.backfill('users')", "42501");
    inbox.silent().refused("CALL org_scope.advance('users')", "42501");
    inbox.silent().refused("CALL org_scope.abandon('users')", "42501");
    inbox.silent().refused("SELECT * FROM org_scope.unresolved('users')", "42501");
    inbox.silent().refused("SELECT org_scope.assign('users', '{x}', 'x')", "42501");
    owner.run(&by("messages", account));
    owner.refused(&by("messages", "constant => 'x'"), "OS009").says("by lookup account by account_id");
}
