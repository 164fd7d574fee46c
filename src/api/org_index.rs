//! `org_scope.org_index`.

use super::policy::target;
use super::steps::answer;
use crate::pg::entry::entry;
use crate::policy;

entry!(org_scope_org_index, pg_finfo_org_scope_org_index, |call| {
    let definition: String = call.required(1, "definition")?;
    let org: String = call.required(2, "org")?;
    Ok(answer(call, policy::org_index(target(call)?, &definition, &org)?))
});
