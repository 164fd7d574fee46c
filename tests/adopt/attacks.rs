//! What others try while a table is on its way: to see, to steal, to run with somebody else's rights.

use std::io::Read;

use super::*;

/// The fence stands, and no row is filled.
fn fenced(test: &str, tables: &[&str]) -> Inbox {
    let inbox = Inbox::expanding(test);
    for table in tables {
        inbox.owner().run(&format!("CALL org_scope.advance('{table}')"));
    }
    inbox
}

#[test]
fn no_road_leads_to_anothers_row_without_an_organization() {
    let inbox = fenced("roads", &["integrations", "conversations", "messages"]);
    inbox.owner().run(&format!(
        "CREATE VIEW seen AS SELECT * FROM conversations;
         CREATE VIEW invoked WITH (security_invoker) AS SELECT * FROM conversations;
         CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM conversations WHERE id = 3';
         GRANT SELECT, UPDATE ON seen, invoked TO {}",
        inbox.app
    ));
    // Conversation 3 is admin-123's.
    let before = inbox.truth("conversations", "true");
    for (account, sees) in [("staff-456", 1), ("admin-a", 0), ("admin-789", 0)] {
        let mut session = inbox.acting(account);
        for read in [
            "SELECT count(*) FROM conversations WHERE id = 3",
            "SELECT count(*) FROM seen WHERE id = 3",
            "SELECT count(*) FROM invoked WHERE id = 3",
            "SELECT counted()",
            "SELECT count(*) FROM (SELECT FROM conversations WHERE id = 3 FOR UPDATE) AS locked",
            "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.id = 3 AND m.id = 9",
        ] {
            assert_eq!(session.number(read), sees, "{account}: {read}");
        }
        let mut copied = String::new();
        let copy = "COPY conversations (id) TO STDOUT";
        session.client().copy_out(copy).expect("allowed").read_to_string(&mut copied).expect("text");
        assert_eq!(copied.lines().filter(|id| *id == "3").count(), usize::from(sees == 1), "{account}");
    }
    let mut thief = inbox.acting("admin-a");
    for attack in [
        "UPDATE conversations SET customer = 'x' WHERE id = 3",
        "UPDATE conversations SET organization_id = 'org-admin-a', account_id = 'admin-a' WHERE id = 3",
        "UPDATE conversations SET organization_id = organization_id WHERE id = 3",
        "UPDATE seen SET account_id = 'admin-a' WHERE id = 3",
        "UPDATE invoked SET account_id = 'admin-a' WHERE id = 3",
        "DELETE FROM conversations WHERE id = 3",
        "MERGE INTO conversations c USING (VALUES (3)) v (id) ON c.id = v.id WHEN MATCHED THEN UPDATE SET account_id = 'admin-a'",
        "MERGE INTO conversations c USING (VALUES (3)) v (id) ON c.id = v.id WHEN MATCHED THEN DELETE",
        "INSERT INTO conversations (id, account_id, customer) VALUES (3, 'admin-a', 'x') ON CONFLICT DO NOTHING",
    ] {
        assert_eq!(thief.touched(attack), 0, "{attack}");
    }
    for upsert in ["customer = 'x'", "account_id = 'admin-a'", "organization_id = excluded.organization_id"] {
        let upsert = format!(
            "INSERT INTO conversations (id, account_id, customer) VALUES (3, 'admin-a', 'x') ON CONFLICT (id) DO UPDATE SET {upsert} RETURNING *"
        );
        thief.refused(&upsert, "42501").keeps_quiet_about("admin-123").keeps_quiet_about(XYZ);
    }
    // Who says nothing sees and does nothing, in either way of saying so.
    inbox.silent().refused("DELETE FROM conversations", "OS001");
    inbox.db.superuser().run(&format!("ALTER ROLE {} SET org_scope.missing_org = 'empty'", inbox.app));
    let mut silent = inbox.silent();
    assert_eq!(silent.number("SELECT count(*) FROM conversations"), 0);
    assert_eq!(silent.touched("UPDATE conversations SET account_id = 'admin-a'"), 0);
    assert_eq!(silent.touched("DELETE FROM conversations"), 0);
    silent.refused("INSERT INTO conversations (account_id, customer) VALUES ('admin-a', 'x')", "23503");
    assert_eq!(inbox.truth("conversations", "true"), before);
}

#[test]
fn a_statement_keeps_its_organization_while_rows_have_none() {
    let inbox = fenced("one", &["conversations"]);
    let mut session = inbox.acting("admin-a");
    session.run("SET plan_cache_mode = force_generic_plan; PREPARE mine AS SELECT DISTINCT account_id FROM conversations");
    assert_eq!(session.column("EXECUTE mine"), ["admin-a"]);
    session.run("SELECT org_scope.set_current_org_from('account', 'admin-789')");
    assert_eq!(session.column("EXECUTE mine"), ["admin-789"]);
    // The keys of the organization are asked for with the first row, not when the cursor is opened.
    session.run("BEGIN; DECLARE c CURSOR FOR SELECT account_id FROM conversations");
    session.run("SELECT org_scope.set_current_org_from('account', 'admin-a')");
    session.refused("FETCH c", "OS003");
    session.run("ROLLBACK");
    // A savepoint's context ends with it, for the trigger too.
    session.run(
        "BEGIN; SAVEPOINT s; SELECT org_scope.set_current_org_from('account', 'admin-a'); ROLLBACK TO s",
    );
    session.refused("INSERT INTO conversations (account_id, customer) VALUES ('admin-a', 'x')", "23503");
    session.run("ROLLBACK");
}

#[test]
fn a_condition_that_raises_tells_nothing_of_other_organizations() {
    let inbox = Inbox::with_users("raises");
    inbox.db.superuser().run(
        "SELECT org_scope.define_lookup('cautious', 'users', 'account_id', 'organization_id',
           condition => $$1 / (CASE account_id WHEN 'admin-789' THEN 0 ELSE 1 END) = 1$$)",
    );
    let mut owner = inbox.owner();
    owner.run("DELETE FROM messages; DELETE FROM conversations WHERE account_id = 'admin-789'");
    owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'cautious', legacy_column => 'account_id')");
    // The condition is the owner's to mend before anything goes on; here it turns bad behind the fence.
    inbox.db.superuser().run("UPDATE users SET account_id = 'admin-7' WHERE account_id = 'admin-789'");
    owner.run("CALL org_scope.advance('conversations')");
    inbox.db.superuser().run("UPDATE users SET account_id = 'admin-789' WHERE account_id = 'admin-7'");
    let mut session = inbox.acting("admin-a");
    assert_eq!(session.column("SELECT DISTINCT account_id FROM conversations"), ["admin-a"]);
    let insert =
        |account: &str| format!("INSERT INTO conversations (account_id, customer) VALUES ('{account}', 'x')");
    session.run(&insert("staff-b"));
    let unknown = session.refused(&insert("nobody"), "23503");
    assert_eq!(session.refused(&insert("admin-789"), "23503"), unknown);
    // Whose it is, is told what is wrong.
    inbox.acting("admin-789").refused("SELECT FROM conversations", "22012");
}

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
fn a_table_tells_nothing_of_a_source_that_its_owner_may_not_read() {
    let inbox = Inbox::expanding("untrusted");
    let stranger = inbox.db.role("stranger");
    inbox.db.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {stranger}"));
    let mut own = inbox.db.connect(&stranger);
    own.run("CREATE TABLE probe (account_id text, conversation_id bigint, org text)");
    let adopt = "CALL org_scope.adopt('probe', 'org', lookup => 'account', legacy_column => 'account_id')";
    own.refused(adopt, "OS009").keeps_quiet_about("org-admin");
    let trigger = |arguments: &str| {
        format!(
            "CREATE OR REPLACE TRIGGER org_scope_adopt BEFORE INSERT OR UPDATE OF account_id, org ON probe FOR EACH ROW \
             EXECUTE FUNCTION org_scope.adopt_row({arguments})"
        )
    };
    // A trigger made by hand, told what it likes.
    for arguments in
        ["'lookup', 'account'", "'lookup'", "'lookup', 'none'", "'parent'", "'expression'", "'constant'", ""]
    {
        own.run(&trigger(arguments));
        let known = own.refused("INSERT INTO probe (account_id) VALUES ('admin-789')", "OS010");
        assert_eq!(
            own.refused("INSERT INTO probe (account_id) VALUES ('nobody')", "OS010"),
            known,
            "{arguments}"
        );
    }
    own.run(&trigger("'lookup', 'account'"));
    for call in [
        "SELECT * FROM org_scope.unresolved('probe')",
        "SELECT org_scope.assign('probe', '{admin-a}', 'x')",
        "CALL org_scope.backfill('probe')",
        "CALL org_scope.advance('probe')",
    ] {
        own.refused(call, "OS010").keeps_quiet_about("org-admin");
    }
    own.run("DROP TRIGGER org_scope_adopt ON probe");
    for (trigger, sqlstate) in [
        (
            "BEFORE INSERT OR DELETE ON probe FOR EACH ROW EXECUTE FUNCTION org_scope.adopt_row('constant', 'x')",
            "OS010",
        ),
        (
            "AFTER INSERT ON probe FOR EACH ROW EXECUTE FUNCTION org_scope.adopt_row('lookup', 'account')",
            "0A000",
        ),
        (
            "BEFORE INSERT ON probe FOR EACH STATEMENT EXECUTE FUNCTION org_scope.adopt_row('lookup', 'account')",
            "0A000",
        ),
    ] {
        own.run(&format!("CREATE TRIGGER other {trigger}"));
        own.refused("INSERT INTO probe (account_id) VALUES ('admin-789')", sqlstate);
        own.run("DROP TRIGGER other ON probe");
    }
}

#[test]
fn rights_that_are_taken_away_count_at_once() {
    let inbox = Inbox::expanding("revoked");
    let member = inbox.db.role("member");
    inbox
        .db
        .superuser()
        .run(&format!("GRANT CREATE ON SCHEMA public TO {member}; GRANT {} TO {member}", inbox.owner));
    let mut own = inbox.db.connect(&member);
    own.run("CREATE TABLE probe (account_id text)");
    own.run("CALL org_scope.adopt('probe', 'org', lookup => 'account', legacy_column => 'account_id')");
    assert_eq!(own.text("INSERT INTO probe VALUES ('admin-a') RETURNING org"), X);
    inbox.db.superuser().run(&format!("REVOKE {} FROM {member}", inbox.owner));
    // The same session, which knows the way.
    own.refused("INSERT INTO probe VALUES ('admin-789') RETURNING org", "OS010").keeps_quiet_about(ABC);
    own.refused("UPDATE probe SET account_id = 'admin-789' RETURNING org", "OS010").keeps_quiet_about(ABC);
    own.refused("CALL org_scope.backfill('probe')", "OS010");
    inbox.db.superuser().run(&format!("GRANT {} TO {member}", inbox.owner));
    assert_eq!(own.text("INSERT INTO probe VALUES ('admin-789') RETURNING org"), ABC);
    // And a lookup that leads elsewhere leads there at once.
    let stranger = inbox.db.role("stranger");
    inbox.db.superuser().run(&format!(
        "CREATE TABLE elsewhere (account_id text PRIMARY KEY, organization_id text);
         INSERT INTO elsewhere VALUES ('admin-789', 'secret');
         ALTER TABLE elsewhere OWNER TO {stranger};
         SELECT org_scope.define_lookup('account', 'elsewhere', 'account_id', 'organization_id')"
    ));
    own.refused("INSERT INTO probe VALUES ('admin-789') RETURNING org", "OS010").keeps_quiet_about("secret");
}

#[test]
fn a_foreign_key_takes_no_row_of_another_organization_along() {
    let inbox = Inbox::expanding("cascade");
    // The owner's own would look at the rows of one organization only.
    inbox.db.superuser().run(
        "ALTER TABLE conversations ADD FOREIGN KEY (account_id) REFERENCES users ON UPDATE CASCADE;
         ALTER TABLE messages ADD FOREIGN KEY (account_id) REFERENCES users ON UPDATE CASCADE",
    );
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run("CALL org_scope.advance('conversations')");
    owner.run("CALL org_scope.advance('messages')");
    let rename =
        |from: &str, to: &str| format!("UPDATE users SET account_id = '{to}' WHERE account_id = '{from}'");
    // What was written for one organization by an account that another has by now.
    inbox.db.superuser().run("UPDATE users SET admin_id = 'admin-a' WHERE account_id = 'staff-456'");
    inbox
        .db
        .superuser()
        .run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'staff-456', 'new')");
    inbox.db.superuser().run(
        "SET session_replication_role = replica; UPDATE conversations SET account_id = 'staff-456' WHERE id = 1",
    );
    let mut thief = inbox.acting("staff-b");
    assert_eq!(thief.touched(&rename("staff-456", "staff-c")), 1);
    assert_eq!(
        inbox.truth("conversations", "id IN (1, 2001)"),
        format!("1:staff-c:{XYZ} 2001:staff-c:{X}"),
        "a row stays with its organization"
    );
    assert_eq!(thief.number("SELECT count(*) FROM conversations WHERE id IN (1, 2001)"), 1);
    // Rows without one are the account's, and are adopted by whoever has it.
    let written = inbox
        .db
        .superuser()
        .column("SELECT DISTINCT organization_id FROM messages WHERE account_id = 'staff-c'");
    assert_eq!(written, [X]);
    // While nothing is fenced a row goes along.
    inbox
        .db
        .superuser()
        .run("ALTER TABLE chatbots ADD FOREIGN KEY (account_id) REFERENCES users ON UPDATE CASCADE");
    owner.run("CALL org_scope.backfill('chatbots')");
    inbox.db.superuser().run("SET session_replication_role = replica; UPDATE chatbots SET organization_id = 'org-admin-789' WHERE account_id = 'admin-789'");
    inbox.db.superuser().run(&rename("admin-789", "admin-7"));
    assert_eq!(
        inbox
            .db
            .superuser()
            .column("SELECT DISTINCT organization_id FROM chatbots WHERE account_id = 'admin-7'"),
        ["org-admin-7"]
    );
}

#[test]
fn nothing_depends_on_the_search_path() {
    let inbox = Inbox::expanding("path");
    let evil = inbox.db.role("evil");
    inbox
        .db
        .superuser()
        .run(&format!("CREATE SCHEMA evil AUTHORIZATION {evil}; GRANT USAGE ON SCHEMA evil TO PUBLIC"));
    inbox.db.connect(&evil).run(
        "CREATE FUNCTION evil.raises(text, text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE 'as %', current_user; END$$;
         CREATE FUNCTION evil.raises(tid, tid) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE 'as %', current_user; END$$;
         CREATE FUNCTION evil.joins(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'as %', current_user; END$$;
         CREATE OPERATOR evil.= (FUNCTION = evil.raises, LEFTARG = text, RIGHTARG = text);
         CREATE OPERATOR evil.= (FUNCTION = evil.raises, LEFTARG = tid, RIGHTARG = tid);
         CREATE OPERATOR evil.>= (FUNCTION = evil.raises, LEFTARG = tid, RIGHTARG = tid);
         CREATE OPERATOR evil.|| (FUNCTION = evil.joins, LEFTARG = text, RIGHTARG = text);
         CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
         CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (false);
         CREATE TABLE evil.users (account_id pg_catalog.text, organization_id pg_catalog.text)",
    );
    let path = "SET search_path = evil, pg_catalog, public; CREATE TEMP TABLE users (account_id pg_catalog.text, organization_id pg_catalog.text)";
    let mut owner = inbox.owner();
    owner.run(path);
    owner.run("CREATE TABLE public.pairs (a pg_catalog.text, b pg_catalog.text); INSERT INTO public.pairs VALUES ('a', 'b')");
    owner.run("CALL org_scope.adopt('public.pairs', 'organization_id', legacy_column => 'a', expression => 'a || b')");
    owner.run("CALL org_scope.backfill('public.pairs')");
    owner.run("INSERT INTO public.pairs VALUES ('c', 'd'); UPDATE public.pairs SET b = 'e'");
    owner.run("INSERT INTO public.messages (account_id, conversation_id, text) VALUES ('nobody', 1, 'x')");
    owner.run("CALL org_scope.backfill('public.messages')");
    assert_eq!(owner.column("SELECT key FROM org_scope.unresolved('public.messages')"), ["nobody"]);
    assert_eq!(owner.number("SELECT org_scope.assign('public.messages', '{nobody}', 'org-x')"), 1);
    for phase in ["fallback", "enforced", "finished"] {
        owner.run("CALL org_scope.advance('public.messages')");
        let target = "target OPERATOR(pg_catalog.=) 'public.messages'::pg_catalog.regclass";
        assert_eq!(owner.text(&format!("SELECT phase FROM org_scope.adoptions WHERE {target}")), phase);
    }
    owner.run("CALL org_scope.advance('public.conversations')");
    assert_eq!(owner.text("SHOW search_path"), "evil, pg_catalog, public");
    assert_eq!(inbox.db.superuser().column("SELECT organization_id FROM pairs ORDER BY a"), ["ae", "ce"]);
    let mut session = inbox.acting("staff-b");
    session.run(path);
    assert_eq!(session.number("SELECT pg_catalog.count(*) FROM public.conversations"), 300);
    session.run("INSERT INTO public.conversations (id, account_id, customer) VALUES (2001, 'staff-b', 'x')");
    assert_eq!(inbox.truth("conversations", "id = 2001"), format!("2001:staff-b:{X}"));
}

#[test]
fn the_native_steps_do_nothing_for_others() {
    let inbox = Inbox::expanding("steps");
    let mut app = inbox.silent();
    for call in [
        "CALL org_scope.adopt('messages', 'organization_id', constant => 'x')",
        "CALL org_scope.backfill('messages')",
        "CALL org_scope.advance('messages')",
        "CALL org_scope.abandon('messages', drop_column => true)",
        "SELECT org_scope._begin_adopt('messages', 'o', 'text', NULL, NULL, NULL, NULL, NULL, 'x')",
        "SELECT org_scope._begin_advance('messages', NULL)",
        "SELECT org_scope._begin_abandon('messages', true)",
        "SELECT org_scope._begin_backfill('messages', 10, false, 'public')",
        "SELECT * FROM org_scope.plan_adopt('messages', 'organization_id', constant => 'x')",
        "SELECT * FROM org_scope.unresolved('messages')",
        "SELECT org_scope.assign('messages', '{x}', 'x')",
        "SELECT * FROM org_scope.backfill_progress",
    ] {
        app.refused(call, "42501");
    }
    assert_eq!(app.text("SELECT org_scope._backfill_step()"), "f");
    // What the owner has begun goes on with the owner's rights alone.
    inbox.db.superuser().run(&format!("GRANT {} TO {}", inbox.app, inbox.owner));
    let mut owner = inbox.owner();
    for (begin, step) in [
        (
            "SELECT org_scope._begin_backfill('messages', 10, false, 'public')",
            "SELECT org_scope._backfill_step()",
        ),
        ("SELECT org_scope._begin_advance('conversations', NULL)", "SELECT org_scope._run_step()"),
        ("SELECT org_scope._begin_abandon('conversations', true)", "SELECT org_scope._run_step()"),
    ] {
        owner.run(&format!("BEGIN; {begin}; SET ROLE {}", inbox.app));
        match owner.try_run(step) {
            Ok(()) => {}
            Err(refusal) => assert_eq!(refusal.sqlstate, "42501", "{step}"),
        }
        owner.run("ROLLBACK; RESET ROLE");
    }
    assert_eq!(inbox.truth("messages", "organization_id IS NOT NULL"), "");
    assert_eq!(inbox.phase("conversations"), "expanding");
    // A run that its transaction has taken back doesn't go on.
    owner.run("BEGIN; SELECT org_scope._begin_backfill('messages', 10, false, 'public'); ROLLBACK");
    assert_eq!(owner.text("SELECT org_scope._backfill_step()"), "f");
    assert_eq!(inbox.truth("messages", "organization_id IS NOT NULL"), "");
}

#[test]
fn what_users_have_put_on_a_table_runs_as_its_owner() {
    let inbox = Inbox::expanding("users");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE log (line text);
         CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$
         DECLARE attack text;
         BEGIN
           INSERT INTO public.log VALUES ('as ' || current_user);
           FOREACH attack IN ARRAY ARRAY['SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT',
             'CREATE TEMP TABLE t (i int)', 'ALTER ROLE ' || current_user || ' SUPERUSER',
             'SELECT org_scope.across_orgs(''SELECT'')',
             'SELECT org_scope._begin_backfill(''public.messages'', 1, false, ''public'')',
             'SELECT org_scope._begin_abandon(''public.messages'', true)'] LOOP
             BEGIN
               EXECUTE attack;
               INSERT INTO public.log VALUES ('done: ' || attack);
             EXCEPTION WHEN others THEN
             END;
           END LOOP;
           RETURN new;
         END$$;
         CREATE TRIGGER logs BEFORE UPDATE ON conversations FOR EACH ROW WHEN (old.id = 1) EXECUTE FUNCTION logs();
         CREATE FUNCTION checks(text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN
           INSERT INTO public.log VALUES ('as ' || current_user);
           RETURN true;
         END$$;
         ALTER TABLE conversations ADD CHECK (public.checks(customer))",
    );
    owner.run("DELETE FROM log");
    inbox.db.superuser().run("CALL org_scope.backfill('conversations')");
    inbox.db.superuser().run("UPDATE conversations SET account_id = 'nobody' WHERE id = 2; UPDATE conversations SET organization_id = NULL WHERE id = 2");
    inbox.db.superuser().run("DELETE FROM log WHERE line = 'as postgres'");
    assert_eq!(owner.column("SELECT DISTINCT line FROM log"), [format!("as {}", inbox.owner)]);
    owner.run("DELETE FROM log");
    inbox.db.superuser().run("SET session_replication_role = replica; UPDATE conversations SET organization_id = NULL WHERE id IN (1, 2); DELETE FROM log");
    inbox.db.superuser().run("SELECT org_scope.assign('conversations', '{nobody}', 'org-x')");
    inbox.db.superuser().run("CALL org_scope.backfill('conversations')");
    assert_eq!(owner.column("SELECT DISTINCT line FROM log"), [format!("as {}", inbox.owner)]);
}

#[test]
fn a_constraint_under_our_name_is_proved_as_the_tables_owner() {
    let inbox = fenced("proof", &["conversations"]);
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run(
        "CREATE TABLE log (line text);
         CREATE FUNCTION tells(text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN
           INSERT INTO public.log VALUES ('as ' || current_user);
           RETURN true;
         END$$;
         ALTER TABLE conversations ADD CONSTRAINT org_scope_adopted CHECK (public.tells(organization_id)) NOT VALID",
    );
    inbox.db.superuser().run("CALL org_scope.advance('conversations')");
    assert_eq!(owner.column("SELECT DISTINCT line FROM log"), [format!("as {}", inbox.owner)]);
    assert_eq!(inbox.phase("conversations"), "enforced");
    owner.refused("INSERT INTO conversations (account_id, customer) VALUES ('nobody', 'x')", "OS001");
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
fn a_column_that_leads_to_two_tables_tells_of_neither() {
    let inbox = Inbox::with_users("two");
    let mut owner = inbox.owner();
    owner.run("CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    owner.run("CALL org_scope.backfill('conversations')");
    owner.run(
        "CREATE TABLE archive (id bigint PRIMARY KEY, organization_id text);
         INSERT INTO archive SELECT id, 'org-x' FROM conversations;
         ALTER TABLE messages ADD CONSTRAINT a_first FOREIGN KEY (conversation_id) REFERENCES archive",
    );
    let adopt = "CALL org_scope.adopt('messages', 'organization_id', parent => 'conversations', legacy_column => 'conversation_id')";
    owner.refused(adopt, "OS009");
    owner.run("ALTER TABLE messages DROP CONSTRAINT a_first");
    owner.run(adopt);
    owner.run("ALTER TABLE messages ADD CONSTRAINT a_first FOREIGN KEY (conversation_id) REFERENCES archive");
    let insert = "INSERT INTO messages (account_id, conversation_id, text) VALUES ('admin-a', 7, 'x') RETURNING organization_id";
    owner.refused(insert, "OS010");
    owner.run("ALTER TABLE messages DROP CONSTRAINT a_first");
    assert_eq!(owner.text(insert), X);
}

#[test]
fn what_triggers_write_during_a_backfill_is_written_as_ever() {
    let inbox = Inbox::expanding("nested");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE FUNCTION answers() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
           INSERT INTO public.chatbots (account_id, name) VALUES ('admin-a', 'by a trigger');
           RETURN NULL;
         END$$;
         CREATE TRIGGER answers AFTER UPDATE ON chatbots FOR EACH STATEMENT EXECUTE FUNCTION answers()",
    );
    owner.run("CALL org_scope.backfill('chatbots')");
    assert_eq!(
        owner.column("SELECT DISTINCT organization_id FROM chatbots WHERE name = 'by a trigger'"),
        [X]
    );
}

#[test]
fn a_backfill_without_triggers_leaves_out_only_its_own_tables() {
    let inbox = Inbox::expanding("without");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE log (line text);
         CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
           INSERT INTO public.log VALUES (tg_table_name || ' ' || tg_op);
           RETURN new;
         END$$;
         CREATE TRIGGER logs AFTER UPDATE ON conversations FOR EACH ROW EXECUTE FUNCTION logs();
         CREATE TRIGGER logs AFTER UPDATE ON chatbots FOR EACH ROW EXECUTE FUNCTION logs();
         CREATE TABLE orgs (id text PRIMARY KEY);
         INSERT INTO orgs VALUES ('org-admin-a'), ('org-admin-789');
         ALTER TABLE conversations ADD FOREIGN KEY (organization_id) REFERENCES orgs",
    );
    // A foreign key is no trigger of the user's.
    owner.refused("CALL org_scope.backfill('conversations', skip_triggers => true)", "23503");
    // What failed leaves nothing switched off behind it.
    owner.run("UPDATE conversations SET customer = 'x' WHERE id = 7");
    assert_eq!(owner.column("SELECT line FROM log"), ["conversations UPDATE"]);
    assert_eq!(inbox.truth("conversations", "id = 7"), format!("7:admin-a:{X}"));
    owner.run("DELETE FROM log; INSERT INTO orgs VALUES ('org-admin-123')");
    owner.run("CALL org_scope.backfill('conversations', skip_triggers => true)");
    assert_eq!(owner.column("SELECT line FROM log"), Vec::<String>::new());
    assert_eq!(inbox.truth("conversations", "organization_id IS NULL"), "");
    owner.run(
        "UPDATE conversations SET customer = 'y' WHERE id = 7; UPDATE chatbots SET name = 'y' WHERE id = 1",
    );
    assert_eq!(owner.column("SELECT line FROM log"), ["conversations UPDATE", "chatbots UPDATE"]);
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

#[test]
fn organizations_are_stored_as_what_their_column_takes() {
    let inbox = Inbox::with_users("types");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE narrow (account_id text, organization_id varchar(11));
         CREATE TABLE wide (told jsonb);
         CREATE TABLE small (n int)",
    );
    owner.run("CALL org_scope.adopt('narrow', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    // Eleven characters fit, thirteen don't, and are not cut off to be somebody else's.
    let insert =
        "INSERT INTO narrow VALUES ('admin-a'), ('admin-123') RETURNING coalesce(organization_id, '-')";
    assert_eq!(owner.column(insert), [X, "-"]);
    owner.refused("CALL org_scope.backfill('narrow')", "22001");
    owner.run(
        "CALL org_scope.adopt('wide', 'org', org_type => 'bigint', expression => $$(told->>'org')::int$$)",
    );
    assert_eq!(owner.text(r#"INSERT INTO wide VALUES ('{"org": 7}') RETURNING org"#), "7");
    assert_eq!(owner.text(r#"UPDATE wide SET told = '{"org": -1}' RETURNING org"#), "-1");
    owner.refused(
        "CALL org_scope.adopt('small', 'org', org_type => 'smallint', constant => '99999')",
        "OS004",
    );
    owner.run("CALL org_scope.adopt('small', 'org', org_type => 'smallint', constant => '-7')");
    assert_eq!(owner.text("INSERT INTO small VALUES (1) RETURNING org"), "-7");
}

#[test]
fn a_default_does_not_lock_out_old_code() {
    let inbox = Inbox::with_users("default");
    let mut owner = inbox.owner();
    owner.run("ALTER TABLE conversations ADD COLUMN organization_id text DEFAULT 'org-x'");
    let adopt = "CALL org_scope.adopt('conversations', 'organization_id', lookup => 'account', legacy_column => 'account_id')";
    let said = owner.refused(adopt, "OS009");
    owner.run(&said.hint);
    owner.run(adopt);
    inbox.silent().run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'staff-b', 'x')");
    assert_eq!(inbox.truth("conversations", "id = 2001"), format!("2001:staff-b:{X}"));
    owner.run("CREATE TABLE small (n int, org text DEFAULT 'org-x')");
    owner.run("CALL org_scope.adopt('small', 'org', constant => 'org-x')");
    assert_eq!(owner.text("INSERT INTO small VALUES (1) RETURNING org"), "org-x");
}

#[test]
fn rows_of_every_build_go_through() {
    let inbox = Inbox::with_users("built");
    let mut owner = inbox.owner();
    owner.run(
        "CREATE TABLE built (id int PRIMARY KEY, gone int, account_id text, body text, says text GENERATED ALWAYS AS (account_id || '!') STORED, last int);
         ALTER TABLE built ALTER body SET STORAGE EXTERNAL;
         INSERT INTO built (id, gone, account_id, body) SELECT n, n, 'staff-b', repeat(md5(n::text), 400) FROM generate_series(1, 20) n;
         ALTER TABLE built DROP COLUMN gone",
    );
    owner.run("CALL org_scope.adopt('built', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    owner.run("INSERT INTO built (id, account_id, body) VALUES (21, 'admin-789', repeat('x', 9000))");
    // The session knows the way by now.
    owner.run("ALTER TABLE built ADD COLUMN later int DEFAULT 7, DROP COLUMN last; ALTER TABLE built RENAME organization_id TO org; ALTER TABLE built RENAME account_id TO account");
    owner.run("INSERT INTO built (id, account, body) VALUES (22, 'admin-789', repeat('y', 9000))");
    owner.run("UPDATE built SET account = 'admin-123' WHERE id = 1");
    owner.run("CALL org_scope.backfill('built', batch_size => 3)");
    assert_eq!(
        owner.column("SELECT concat_ws(' ', org, says, later, count(*), sum(length(body))) FROM built GROUP BY org, says, later ORDER BY 1"),
        ["org-admin-123 admin-123! 7 1 12800", "org-admin-789 admin-789! 7 2 18000", "org-admin-a staff-b! 7 19 243200"]
    );
    // What tells of the organization lies outside of its row.
    owner.run("CREATE TABLE long (id int, body text); ALTER TABLE long ALTER body SET STORAGE EXTERNAL");
    owner.run("CALL org_scope.adopt('long', 'org', expression => 'body')");
    owner.run("INSERT INTO long VALUES (1, repeat('o', 9000)); UPDATE long SET id = 2; UPDATE long SET body = body || 'p'");
    assert_eq!(owner.text("SELECT length(org) || ' ' || (org = body) FROM long"), "9001 true");
    owner.refused("UPDATE long SET org = 'x'", "23503");
}
