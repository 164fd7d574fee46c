//! Whose rights count, and whose code runs with them.

use super::*;

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
