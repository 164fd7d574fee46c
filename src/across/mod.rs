//! Work across organizations, for the owner of the tables: recorded, and for nobody else.

use org_scope_core::Error;
use pgrx::spi::Spi;

use crate::pg::{noforce, owner, parse, report, role, spi, transaction};

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
    record("across_orgs", text, rows, reason);
    Ok(rows)
}

/// One row in the journal, and one line in the server's log without the statement, which may name data.
fn record(kind: &str, text: &str, rows: i64, reason: Option<&str>) {
    let login = role::login().map(role::name).expect("an SQL function runs in a transaction with a login");
    owner::as_extension_owner(|| {
        Spi::connect_mut(|client| {
            client
                .update(
                    "INSERT INTO org_scope.journal (role, kind, statement, rows, reason) VALUES ($1, $2, $3, $4, $5)",
                    None,
                    &[login.raw().into(), kind.into(), text.into(), rows.into(), reason.into()],
                )
                .map(drop)
        })
    })
    .expect("a statement of our own on our own table");
    report::log(&format!(
        "org_scope: {kind} by role {login}: {rows} rows, reason: {}",
        reason.unwrap_or("none given")
    ));
}
