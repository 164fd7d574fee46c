//! Work across organizations, for the owner of the tables: recorded, and for nobody else.

use org_scope_core::Error;

use crate::pg::journal::{self, Entry};
use crate::pg::{noforce, parse, spi, transaction};

/// Runs one statement with the fence lifted for tables that the caller owns, and records it.
///
/// # Errors
/// 22023 where the text is not one plain statement; raises OS002 where the statement reaches a
/// fenced table as another user, or leaves a cursor open.
pub(crate) fn across_orgs(text: &str, reason: Option<&str>) -> Result<i64, Error> {
    if !parse::is_plain_statement(text) {
        return Err(Error::NotOneStatement);
    }
    transaction::must_not_be_in_recovery(c"org_scope.across_orgs()");
    let rows = noforce::lift(|| spi::execute(text));
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    journal::record(Entry { kind: "across_orgs", target: None, statement: text, rows: Some(rows), reason });
    Ok(rows)
}
