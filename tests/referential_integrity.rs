//! Foreign keys: the server itself lifts FORCE for their checks and cascades, and nobody else may profit.

use crate::harness::{A, B, Role, Server, Session, Walled};

/// The owner's application: a parent whose rows take fenced children along, and a trigger on them.
fn cascade(walled: &Walled, trigger_function: &str) {
    walled.owner().run(&format!(
        "CREATE TABLE parent (id int PRIMARY KEY, org_id uuid NOT NULL);
         CREATE TABLE child (id int PRIMARY KEY, org_id uuid NOT NULL,
                             parent_id int REFERENCES parent ON DELETE CASCADE);
         INSERT INTO parent VALUES (1, '{A}'), (2, '{A}');
         INSERT INTO child VALUES (1, '{A}', 1), (2, '{A}', 2);
         SELECT org_scope.protect('parent', 'org_id');
         SELECT org_scope.protect('child', 'org_id');
         CREATE FUNCTION count_notes() RETURNS bigint LANGUAGE plpgsql AS
             $$ BEGIN RETURN (SELECT count(*) FROM notes); END $$;
         CREATE FUNCTION on_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {trigger_function} RETURN old; END $$;
         CREATE TRIGGER on_delete BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION on_delete()"
    ));
    walled.db.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
}

#[test]
fn a_trigger_that_a_cascade_fires_is_fenced() {
    let walled = Walled::new("cascade", Server::Plain);
    cascade(&walled, "RAISE NOTICE 'trigger sees %', count_notes();");
    let mut owner = walled.owner();
    owner.act_for(A);
    owner.notices();
    owner.run("DELETE FROM parent WHERE id = 1");
    let said: Vec<_> = owner.notices().into_iter().map(|n| n.message).collect();
    assert_eq!(said, ["trigger sees 3"], "A has three notes, and both organizations five");
    assert_eq!(owner.number("SELECT count(*) FROM child"), 1, "the cascade itself went through");
}

#[test]
fn what_a_cascades_trigger_plans_is_fenced_afterwards() {
    let walled = Walled::new("cascade_plans", Server::Plain);
    cascade(&walled, "PERFORM count_notes();");
    let mut owner = walled.owner();
    owner.act_for(A);
    owner.run("DELETE FROM parent WHERE id = 1");
    assert_eq!(owner.number("SELECT count_notes()"), 3);
    owner.act_for(B);
    assert_eq!(owner.number("SELECT count_notes()"), 2);
    assert_eq!(owner.number("SELECT count(*) FROM notes"), 2);
}

#[test]
fn a_trigger_that_fails_in_a_cascade_leaves_everything_fenced() {
    let walled = Walled::new("cascade_fails", Server::Plain);
    cascade(&walled, "PERFORM count_notes(); RAISE EXCEPTION 'no';");
    let mut owner = walled.owner();
    owner.act_for(A);
    owner.refused("DELETE FROM parent WHERE id = 1", "P0001");
    owner
        .run("DO $$ BEGIN DELETE FROM parent WHERE id = 1; EXCEPTION WHEN raise_exception THEN NULL; END $$");
    assert_eq!(owner.number("SELECT count_notes()"), 3);
    owner.act_for(B);
    assert_eq!(owner.number("SELECT count_notes()"), 2);
}

#[test]
fn across_orgs_still_sees_everything_in_the_callers_own_trigger() {
    let walled = Walled::new("cascade_across", Server::Plain);
    cascade(&walled, "RAISE NOTICE 'trigger sees %', count_notes();");
    walled
        .db
        .superuser()
        .run(&format!("GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {}", walled.owner));
    let mut owner = walled.owner();
    owner.notices();
    owner.run("SELECT org_scope.across_orgs('DELETE FROM parent WHERE id = 1')");
    let said: Vec<_> = owner.notices().into_iter().map(|n| n.message).collect();
    assert_eq!(said, ["trigger sees 5"]);
}

/// A role with tables of its own, which has the server read the owner's view inside referential integrity:
/// by `reading`, in which a condition or a DEFAULT calls one of the server's functions that take a query.
struct Thief {
    walled: Walled,
    role: Role,
}

impl Thief {
    fn new(test: &str, server: Server, reading: &str) -> Self {
        let walled = Walled::new(test, server);
        let role = walled.db.role("thief");
        walled
            .owner()
            .run(&format!("CREATE VIEW seen AS SELECT * FROM notes; GRANT SELECT ON seen TO {role}"));
        walled.db.superuser().run(&format!(
            "GRANT CREATE ON SCHEMA public TO {role}; SELECT org_scope.allow('{role}', 'direct')"
        ));
        walled.db.connect(&role).run(&format!(
            "CREATE TABLE above (id int PRIMARY KEY);
             CREATE TABLE below (id int DEFAULT 0 REFERENCES above ON UPDATE CASCADE ON DELETE SET DEFAULT, body text);
             INSERT INTO above VALUES (0), (1);
             SELECT org_scope.set_current_org('{A}'); INSERT INTO below VALUES (1); {reading}"
        ));
        Self { walled, role }
    }

    /// A session that has called nothing.
    fn session(&self) -> Session {
        self.walled.db.connect(&self.role)
    }
}

const QUERY: &str = "pg_catalog.query_to_xml('SELECT body FROM public.seen', true, true, '')::text";

fn check() -> String {
    format!("ALTER TABLE below ADD CHECK (set_config('x.seen', {QUERY}, false) IS NOT NULL)")
}

#[test]
fn a_query_in_a_condition_that_a_cascade_evaluates_is_refused() {
    let reading = [
        format!(
            "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
             CREATE TRIGGER t BEFORE UPDATE ON below FOR EACH ROW
                 WHEN (set_config('x.seen', {QUERY}, false) IS NOT NULL) EXECUTE FUNCTION kept()"
        ),
        check(),
        format!("CREATE RULE r AS ON UPDATE TO below DO ALSO SELECT set_config('x.seen', {QUERY}, false)"),
        "CREATE RULE r AS ON UPDATE TO below DO ALSO UPDATE above a SET id = a.id FROM public.seen s WHERE s.id < 0"
            .to_owned(),
    ];
    for (number, reading) in reading.into_iter().enumerate() {
        let thief = Thief::new(&format!("cascade_query_{number}"), Server::Plain, &reading);
        let mut session = thief.session();
        session.act_for(A);
        session.run("SET x.seen = ''");
        session.refused("UPDATE above SET id = 2 WHERE id = 1", "OS002");
        assert_eq!(session.text("SELECT current_setting('x.seen')"), "", "{reading}");
        // It sees its organization's as ever.
        assert_eq!(session.number("SELECT count(*) FROM seen"), 3);
    }
}

#[test]
fn a_query_in_a_default_that_a_cascade_evaluates_is_refused() {
    let default = format!("ALTER TABLE below ALTER id SET DEFAULT length({QUERY})");
    let thief = Thief::new("cascade_default", Server::Plain, &default);
    let mut session = thief.session();
    session.act_for(A);
    session.refused("DELETE FROM above WHERE id = 1", "OS002");
    assert_eq!(session.number("SELECT id FROM below"), 1);
}

#[test]
fn a_session_that_called_nothing_is_held_where_the_library_is_loaded_with_it() {
    let trigger = "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE NOTICE 'saw %', (SELECT count(*) FROM public.seen); RETURN new; END$$;
         CREATE TRIGGER t BEFORE UPDATE ON below FOR EACH ROW EXECUTE FUNCTION look()";
    for (reading, sqlstate) in [(check().as_str(), "OS002"), (trigger, "OS001")] {
        let preloaded = Thief::new(&format!("cascade_first_{sqlstate}"), Server::Preloaded, reading);
        preloaded.session().refused("UPDATE above SET id = 2 WHERE id = 1", sqlstate);
        let plain = Thief::new(&format!("cascade_first_too_{sqlstate}"), Server::Plain, reading);
        plain.walled.db.configure("session_preload_libraries", "org_scope");
        plain.session().refused("UPDATE above SET id = 2 WHERE id = 1", sqlstate);
    }
}
