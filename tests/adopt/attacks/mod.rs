//! What others try while a table is on its way: to see, to steal, to run with somebody else's rights.

mod rights;
mod rows;
mod steps;
mod values;

use super::*;

/// The fence stands, and no row is filled.
fn fenced(test: &str, tables: &[&str]) -> Inbox {
    let inbox = Inbox::expanding(test);
    for table in tables {
        inbox.owner().run(&format!("CALL org_scope.advance('{table}')"));
    }
    inbox
}
