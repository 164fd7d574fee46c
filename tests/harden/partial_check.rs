//! A foreign key that would be checked for one organization's rows, and called valid for all.

use super::*;

/// `child` of b references nothing that exists, under a key that was not checked.
fn violated(test: &str) -> (Wall, Session) {
    let (wall, mut owner) = pair(test, "");
    owner.run("ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey");
    wall.db.superuser().run(&format!(
        "INSERT INTO child VALUES (20, 'b', 777);
         GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {0}; SELECT org_scope.allow('{0}', 'direct')",
        wall.owner
    ));
    owner.run(
        "ALTER TABLE child ADD CONSTRAINT late FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;
         SELECT org_scope.set_current_org('a')",
    );
    (wall, owner)
}

const ROADS: [&str; 5] = [
    "ALTER TABLE child VALIDATE CONSTRAINT late",
    "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent",
    "ALTER TABLE public.child ADD CHECK (id > 0), ADD CONSTRAINT x FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE",
    "ALTER TABLE ONLY child ADD CONSTRAINT x FOREIGN KEY (parent_id) REFERENCES parent",
    "ALTER TABLE child ADD y int DEFAULT 777 REFERENCES parent",
];

#[test]
fn the_owner_is_told_how_to_check_all_rows() {
    let (wall, mut owner) = violated("partial");
    for road in ROADS {
        let refused = owner.refused(road, "OS002").says("for the current organization only");
        assert_eq!(refused.hint, format!("SELECT org_scope.across_orgs('{road}');"));
        // The call that it names checks them all.
        owner.refused(&refused.hint, "23503");
        owner.refused(&format!("BEGIN; SELECT 1; {road} ; COMMIT"), "OS002");
        owner.run("ROLLBACK");
    }
    let valid = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated";
    assert_eq!(owner.number(valid), 0);
    wall.db.superuser().run("DELETE FROM child WHERE id = 20");
    for road in &ROADS[..2] {
        let refused = owner.refused(road, "OS002");
        owner.run(&refused.hint);
    }
    assert_eq!(owner.number(valid), 2);
}

#[test]
fn also_from_functions_and_prepared_text() {
    let (_wall, mut owner) = violated("partial_inside");
    owner
        .refused("DO $$ BEGIN ALTER TABLE child VALIDATE CONSTRAINT late; END $$", "OS002")
        .says("across_orgs('ALTER TABLE public.child ...')");
    owner.refused(
        "DO $$ BEGIN EXECUTE 'ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent'; END $$",
        "OS002",
    );
    owner
        .run("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER TABLE child VALIDATE CONSTRAINT late'");
    owner.refused("SELECT f()", "OS002");
}

#[test]
fn a_rebuilt_key_is_one_too() {
    let (wall, mut owner) = pair("rebuilt", "");
    let retype =
        "ALTER TABLE child ALTER parent_id TYPE bigint USING CASE WHEN id = 13 THEN 777 ELSE parent_id END";
    let mut superuser = wall.db.superuser();
    superuser.run(&format!(
        "GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {0}; SELECT org_scope.allow('{0}', 'direct')",
        wall.owner
    ));
    owner.run("SELECT org_scope.set_current_org('a'); ALTER TABLE child ALTER parent_id DROP DEFAULT");
    let refused = owner.refused(retype, "OS002");
    owner.refused(&refused.hint, "23503");
    owner.refused("ALTER TABLE parent ALTER id TYPE bigint USING id + 1", "OS002");
    // A change goes down to the tables that inherit, and so to their keys.
    owner.run(
        "CREATE TABLE above (id int, org_id text NOT NULL, up int); CREATE TABLE below () INHERITS (above);
         INSERT INTO below VALUES (1, 'b', 3); ALTER TABLE below ADD FOREIGN KEY (up) REFERENCES parent NOT VALID",
    );
    owner.run("SELECT org_scope.across_orgs('ALTER TABLE below VALIDATE CONSTRAINT below_up_fkey')");
    owner.run("SELECT org_scope.protect('above')");
    let refused = owner.refused("ALTER TABLE above ALTER up TYPE bigint USING up + 700", "OS002");
    owner.refused(&refused.hint, "23503");
    // Columns that are in no key are nobody's concern.
    owner.run("ALTER TABLE parent ALTER name TYPE varchar(40)");
}

#[test]
fn the_first_statement_of_a_session_is_no_exception() {
    let (wall, _owner) = violated("first_statement");
    wall.db.configure("org_scope.missing_org", "empty");
    for road in ROADS {
        // Nothing has loaded the library yet, and without an organization the check would see no row.
        wall.owner().refused(road, "OS002").says("across_orgs");
    }
}

#[test]
fn what_checks_everything_or_nothing_is_not_refused() {
    let (wall, mut owner) = violated("not_partial");
    owner.run(
        "ALTER TABLE child ADD CONSTRAINT again FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;
         ALTER TABLE child ADD z int REFERENCES parent;
         ALTER TABLE child ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;
         ALTER TABLE child VALIDATE CONSTRAINT positive;
         CREATE TABLE fresh (id int PRIMARY KEY, org_id text, parent_id int REFERENCES parent);
         CREATE TABLE kinds (id int PRIMARY KEY); CREATE TABLE loose (id int, kind int);
         ALTER TABLE loose ADD FOREIGN KEY (kind) REFERENCES kinds",
    );
    owner.refused("ALTER TABLE child VALIDATE CONSTRAINT nothing", "42704");
    owner.refused("ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES nothing", "42P01");
    // A superuser, and a role with BYPASSRLS that has the owner's rights, see every row.
    let mut superuser = wall.db.superuser();
    superuser.refused(ROADS[0], "23503");
    let bypasses = wall.db.role_with("bypasses", "LOGIN BYPASSRLS");
    superuser.run(&format!("GRANT {} TO {bypasses}", wall.owner));
    wall.db.connect(&bypasses).refused(ROADS[0], "23503");
    // Without FORCE the owner sees them too.
    wall.tamper(
        "ALTER TABLE child NO FORCE ROW LEVEL SECURITY; ALTER TABLE parent NO FORCE ROW LEVEL SECURITY",
    );
    owner.refused(ROADS[0], "23503");
}

#[test]
fn either_end_counts_and_a_strangers_parent_is_checked_row_by_row() {
    let (wall, mut owner) = violated("ends");
    // An open child of a fenced parent: the owner would see its parents in part.
    owner.run("CREATE TABLE open (id int, parent_id int); INSERT INTO open VALUES (1, 3)");
    owner.refused("ALTER TABLE open ADD FOREIGN KEY (parent_id) REFERENCES parent", "OS002");
    // A parent of somebody else has the server ask its owner for each row.
    let other = wall.db.role("other");
    wall.db.superuser().run(&format!(
        "ALTER TABLE parent OWNER TO {other}; GRANT REFERENCES, SELECT ON parent TO {0}",
        wall.owner
    ));
    owner.refused("ALTER TABLE child VALIDATE CONSTRAINT late", "23503");
    owner.run("ALTER TABLE open ADD FOREIGN KEY (parent_id) REFERENCES parent");
}

#[test]
fn fences_of_others_are_their_own() {
    let wall = Wall::new("own_policies");
    let mut owner = wall.owner();
    owner.run(
        "CREATE TABLE up (id int PRIMARY KEY); CREATE TABLE down (id int, up int); INSERT INTO down VALUES (1, 777);
         ALTER TABLE down ENABLE ROW LEVEL SECURITY; ALTER TABLE down FORCE ROW LEVEL SECURITY;
         SELECT org_scope.current_org(); ALTER TABLE down ADD FOREIGN KEY (up) REFERENCES up",
    );
}
