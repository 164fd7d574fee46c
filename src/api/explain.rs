//! `org_scope.explain_org`.

use pgrx::IntoDatum;

use crate::identity::explain;
use crate::pg::entry::entry;

entry!(org_scope_explain_org, pg_finfo_org_scope_explain_org, |call| {
    let query: String = call.required(0, "query")?;
    // A NULL among them is none, which the setter refuses.
    let orgs: Option<Vec<Option<String>>> = call.arg(1);
    let orgs = orgs.map(|orgs| orgs.into_iter().map(Option::unwrap_or_default).collect());
    let lines = explain::explain_org(&query, orgs)?;
    Ok(call.column(lines.into_iter().map(IntoDatum::into_datum)))
});
