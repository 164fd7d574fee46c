//! Each driver, with the same application.

use std::process::Command;

use super::stand::{Stand, root};

/// What every one of them prints.
const SEEN: &str = "\
org_a: Ada Alan
org_b: Bob
own rows only: true
on the same connections: true
no organization: OS001
a row for another: 42501
another in mid-transaction: OS003
one for the session: OS003
";

/// Runs the application, and compares what it prints. Two server connections serve its eight.
#[track_caller]
fn works(test: &str, command: Command) {
    let stand = Stand::new(test, &["default_pool_size = 2"]);
    let said = stand.run(command);
    // Python writes True.
    assert_eq!(said.replace("True", "true").replace("False", "false"), SEEN);
    let mut everything = stand.db.superuser();
    assert_eq!(
        everything.column("SELECT org_id || ' ' || customer FROM invoices ORDER BY id"),
        ["org_a Ada", "org_b Bob", "org_a Alan"]
    );
}

/// A program of the environments that `cargo xtask test` has made.
fn prepared(path: &str) -> Command {
    let place = std::env::var_os("ORG_SCOPE_TEST_RECIPES")
        .expect("ORG_SCOPE_TEST_RECIPES is not set: `cargo xtask test --only recipes` brings the drivers");
    Command::new(std::path::Path::new(&place).join(path))
}

fn python(name: &str) -> Command {
    let mut command = prepared(&format!("{name}/bin/python"));
    command.arg(root().join("examples").join(name).join("app.py"));
    command
}

#[test]
fn psycopg() {
    works("psycopg", python("psycopg"));
}

#[test]
fn sqlalchemy() {
    works("sqlalchemy", python("sqlalchemy"));
}

#[test]
fn django() {
    works("django", python("django"));
}

#[test]
fn node_postgres() {
    // It looks for its packages beside itself.
    let mut node = Command::new("node");
    node.arg("app.js").current_dir(prepared("node-postgres").get_program());
    works("node_postgres", node);
}

#[test]
fn sqlx() {
    works("sqlx", prepared("sqlx"));
}
