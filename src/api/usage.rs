//! `org_scope.usage`.

use pgrx::IntoDatum;

use crate::pg::entry::entry;
use crate::pg::types::Names;
use crate::policy;

entry!(org_scope_usage, pg_finfo_org_scope_usage, |call| {
    let schemas = call.arg::<Names>(0).map(|schemas| schemas.0);
    Ok(call.rows(policy::usage(schemas)?.into_iter().map(|usage| {
        vec![
            usage.org.into_datum(),
            usage.target.into_datum(),
            usage.rows.into_datum(),
            usage.bytes.into_datum(),
        ]
    })))
});
