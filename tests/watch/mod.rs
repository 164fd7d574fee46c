//! `watch`: tables that come into a schema, or get its org column, are fenced, refused or warned of.

mod declared;
mod roads;
mod survives;

use crate::harness::{Session, Wall};

/// A wall whose schema `public` is watched.
fn watched(test: &str, action: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    wall.db.superuser().run(&format!("SELECT org_scope.watch('public', 'org_id', '{action}')"));
    let owner = wall.owner();
    (wall, owner)
}

/// The protected tables, in order.
fn fenced(session: &mut Session) -> Vec<String> {
    session.column("SELECT target::text FROM org_scope.protected_tables ORDER BY target::text COLLATE \"C\"")
}

/// The warnings since the last call.
fn warnings(session: &mut Session) -> Vec<String> {
    let said = session.notices().into_iter().filter(|n| n.severity == "WARNING");
    said.map(|n| format!("{} {} | {}", n.sqlstate, n.message, n.hint)).collect()
}
