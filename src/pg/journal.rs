//! The journal of work across organizations.

use pgrx::Spi;
use pgrx::pg_sys::Oid;

use super::{owner, report, role};

/// What was done, as one row of `org_scope.journal`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The function that did it.
    pub(crate) kind: &'a str,
    /// The table, where the function takes one.
    pub(crate) target: Option<Oid>,
    /// The statement as it was given.
    pub(crate) statement: &'a str,
    /// Rows returned or touched, where they are counted.
    pub(crate) rows: Option<i64>,
    /// Why, in the caller's words.
    pub(crate) reason: Option<&'a str>,
}

/// Writes one row as the extension's owner, and one line in the server's log without the statement, which
/// may name data.
pub(crate) fn record(entry: Entry<'_>) {
    let Entry { kind, target, statement, rows, reason } = entry;
    let login = role::login().map(role::name).expect("an SQL function runs in a transaction with a login");
    owner::as_extension_owner(|| {
        Spi::connect_mut(|client| {
            client
                .update(
                    "INSERT INTO org_scope.journal (role, kind, target, statement, rows, reason) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    None,
                    &[
                        login.raw().into(),
                        kind.into(),
                        target.into(),
                        statement.into(),
                        rows.into(),
                        reason.into(),
                    ],
                )
                .map(drop)
        })
    })
    .expect("a statement of our own on our own table");
    let counted = rows.map_or_else(String::new, |rows| format!("{rows} rows, "));
    let reason = reason.unwrap_or("none given");
    report::log(&format!("org_scope: {kind} by role {login}: {counted}reason: {reason}"));
}
