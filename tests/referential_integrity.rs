//! Foreign keys: the server itself lifts FORCE for their checks and cascades, and nobody else may profit.

use crate::harness::{A, B, Server, Walled};

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
