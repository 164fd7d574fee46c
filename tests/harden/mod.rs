//! Keys that cross organizations, before and after `harden`.

mod attacks;
mod crossing;
mod keys;
mod meaning;
mod partial_check;
mod partitions;
mod runs;
mod survives;
mod uniques;

use crate::harness::{Session, Step, Wall, notes, work};

const NONE: Vec<&Step> = Vec::new();

/// Two protected tables: `parent` with 1 and 2 of organization a and 3 of b, and `child` with a row for each,
/// whose foreign key has the
/// `options`. The rows come first: those of a deferred key wait for the commit.
fn pair(test: &str, options: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE parent (id int PRIMARY KEY, org_id text NOT NULL, name text);
         CREATE TABLE child (id int PRIMARY KEY, org_id text NOT NULL, parent_id int DEFAULT 2 REFERENCES parent {options});
         INSERT INTO parent VALUES (1, 'a', 'a1'), (2, 'a', 'a2'), (3, 'b', 'b3');
         INSERT INTO child VALUES (11, 'a', 1), (12, 'a', 2), (13, 'b', 3)"
    ));
    owner.run(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON parent, child TO {};
         SELECT org_scope.protect('parent'); SELECT org_scope.protect('child')",
        wall.app
    ));
    (wall, owner)
}

/// The same, hardened.
fn hardened(test: &str, options: &str) -> (Wall, Session) {
    let (wall, mut owner) = pair(test, options);
    owner.run("CALL org_scope.harden('child')");
    (wall, owner)
}

/// What the last run of this session did, over all tables.
fn ran(owner: &mut Session) -> Vec<Step> {
    owner.steps("last_run ORDER BY ordinal")
}

/// The foreign keys of a table, as the server prints them.
fn keys_of(session: &mut Session, table: &str) -> Vec<String> {
    session.column(&format!(
        "SELECT conname || ': ' || pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = '{table}'::regclass AND contype = 'f' ORDER BY conname"
    ))
}
