//! One statement in the context of one organization after the other.

use org_scope_core::Error;

use crate::context::setter::{self, Kept};
use crate::pg::{attempt, parse, quick, report, spi};

/// What the statement did for one organization.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) org: String,
    /// Rows that it returned or touched; none where it failed.
    pub(crate) rows: Option<i64>,
    /// SQLSTATE and message; then nothing of it has happened.
    pub(crate) error: Option<String>,
}

/// Runs the statement once for each organization that the query names, each in its own subtransaction and under its own
/// fence, and goes on after failures. The context that was set before is set again, for the rest of the transaction.
///
/// # Errors
/// 22023 where one of the texts is not one plain statement, OS002 without direct access, OS003 for a pooled login.
pub(crate) fn for_each_org(statement: &str, orgs: &str) -> Result<Vec<Done>, Error> {
    if !parse::is_plain_statement(statement) || !parse::is_plain_statement(orgs) {
        return Err(Error::NotOneStatement);
    }
    setter::must_be_free_to_change()?;
    let orgs = spi::first_column(orgs);
    let before = Kept::now();
    let mut said = quick::now();
    let mut failures = 0;
    let mut all = Vec::with_capacity(orgs.len());
    for (number, org) in orgs.iter().enumerate() {
        let ran = attempt::each(|| setter::set_org(Some(org), true).map(|()| spi::execute(statement)));
        let (rows, error) = match ran {
            Ok(Ok(rows)) => (Some(i64::try_from(rows).unwrap_or(i64::MAX)), None),
            Ok(Err(error)) => {
                let report = error.report();
                (None, Some(format!("{}: {}", report.sqlstate, report.message)))
            }
            Err(said) => (None, Some(said)),
        };
        failures += usize::from(error.is_some());
        all.push(Done { org: org.clone(), rows, error });
        // Long work shows progress.
        if quick::now() > said {
            said = quick::now();
            report::notice(&format!("{} of {} organizations, {failures} failed", number + 1, orgs.len()));
        }
    }
    before.set_again();
    Ok(all)
}
