//! `org_scope.across_orgs`, `for_each_org`.

use pgrx::datum::IntoDatum;

use crate::across;
use crate::identity::each_org;
use crate::pg::entry::entry;

entry!(org_scope_across_orgs, pg_finfo_org_scope_across_orgs, |call| {
    let statement: String = call.required(0, "statement")?;
    let reason: Option<String> = call.arg(1);
    Ok(Some(across::across_orgs(&statement, reason.as_deref())?).into())
});
entry!(org_scope_for_each_org, pg_finfo_org_scope_for_each_org, |call| {
    let statement: String = call.required(0, "statement")?;
    let orgs: String = call.required(1, "orgs")?;
    let all = each_org::for_each_org(&statement, &orgs)?;
    Ok(call.rows(
        all.into_iter()
            .map(|done| vec![done.org.into_datum(), done.rows.into_datum(), done.error.into_datum()]),
    ))
});
