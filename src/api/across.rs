//! `org_scope.across_orgs`.

use crate::across;
use crate::pg::entry::entry;

entry!(org_scope_across_orgs, pg_finfo_org_scope_across_orgs, |call| {
    let statement: String = call.required(0, "statement")?;
    let reason: Option<String> = call.arg(1);
    Ok(Some(across::across_orgs(&statement, reason.as_deref())?).into())
});
