//! `org_scope.allow`, `disallow`, `bind_role`, `unbind_role`.

use pgrx::pg_sys::Oid;

use crate::identity::access;
use crate::pg::entry::{Answer, entry};
use crate::pg::types::Names;

entry!(org_scope_allow, pg_finfo_org_scope_allow, |call| {
    let how: String = call.required(1, "how")?;
    let lookups = call.arg::<Names>(2).map(|names| names.0);
    access::allow(call.required::<Oid>(0, "role")?, &how, lookups, call.required(3, "pooled")?)?;
    Ok(().into())
});
entry!(org_scope_disallow, pg_finfo_org_scope_disallow, |call| {
    access::disallow(call.required::<Oid>(0, "role")?);
    Ok(().into())
});
entry!(org_scope_bind_role, pg_finfo_org_scope_bind_role, |call| {
    let org: Option<String> = call.arg(1);
    access::bind(call.required::<Oid>(0, "role")?, org.as_deref())?;
    Ok(().into())
});
entry!(org_scope_unbind_role, pg_finfo_org_scope_unbind_role, |call| {
    access::unbind(call.required::<Oid>(0, "role")?);
    Ok(().into())
});
entry!(org_scope_access_changed, pg_finfo_org_scope_access_changed, |call| {
    if let Some(trigger) = call.trigger() {
        access::changed(&trigger);
    }
    Ok(Answer::Fired)
});
