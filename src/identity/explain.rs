//! One query's plans for organizations of several sizes, each run for it.

use org_scope_core::Error;
use org_scope_core::explain::{Column, Plan, Sample, pick, side_by_side};

use crate::context::setter;
use crate::pg::{analysis, attempt, org_column, relation, role, spi};

/// Runs the query for each of the organizations, or for a big, a middle and a small one, each under its own fence and
/// in a subtransaction that is undone with the context that it set, and shows the plans beside each other.
///
/// # Errors
/// 22023 where the text is not one query, OS002 without direct access, OS003 for a pooled login, OS010 where no fence is
/// met, or no organization is known.
pub(crate) fn explain_org(query: &str, orgs: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    setter::must_be_free_to_change()?;
    let fenced = analysis::fenced_columns_of_query(query).ok_or(Error::NotOneQuery)?;
    if fenced.is_empty() {
        return Err(Error::NothingFenced { role: role::name(role::current()) });
    }
    let samples = fenced.into_iter().filter_map(|(column, family)| {
        let (statistics, rare) = org_column::statistics(column, family)?;
        let sample = Sample { table: relation::short_name(column.relation)?, family, statistics, rare };
        (!pick(&sample).is_empty()).then_some(sample)
    });
    let sample = samples.max_by(|a, b| a.statistics.rows.total_cmp(&b.statistics.rows));
    let orgs = orgs.or_else(|| sample.as_ref().map(pick)).filter(|orgs| !orgs.is_empty());
    let orgs = orgs.ok_or(Error::NoKnownOrgs)?;
    let columns: Vec<Column> = orgs.into_iter().map(|org| Column { plan: plan(query, &org), org }).collect();
    Ok(side_by_side(&columns, sample.as_ref()))
}

fn plan(query: &str, org: &str) -> Result<Plan, String> {
    let explained = attempt::trial(|| setter::set_org(Some(org), true).map(|()| spi::explain(query)))?;
    let json = explained.map_err(|error| {
        let report = error.report();
        format!("{}: {}", report.sqlstate, report.message)
    })?;
    Plan::parse(json.as_deref().unwrap_or_default()).map_err(|unreadable| unreadable.to_string())
}
