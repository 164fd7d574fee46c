//! `org_scope.watch`, `unwatch`, `declare_global`, `undeclare_global`.

use org_scope_core::Error;

use crate::pg::entry::{Call, entry};
use crate::pg::types::Name;
use crate::policy;

fn name(call: &Call, number: usize, argument: &'static str) -> Result<String, Error> {
    Ok(call.required::<Name>(number, argument)?.0)
}

/// A reason that says something.
fn why(call: &Call, number: usize) -> Result<String, Error> {
    let why: String = call.required(number, "why")?;
    if why.trim().is_empty() { Err(Error::NoReason) } else { Ok(why) }
}

entry!(org_scope_watch, pg_finfo_org_scope_watch, |call| {
    let action: String = call.required(2, "action")?;
    policy::watch(name(call, 0, "schema")?, name(call, 1, "org_column")?, &action)?;
    Ok(().into())
});
entry!(org_scope_unwatch, pg_finfo_org_scope_unwatch, |call| {
    policy::unwatch(&name(call, 0, "schema")?);
    Ok(().into())
});
entry!(org_scope_declare_global, pg_finfo_org_scope_declare_global, |call| {
    policy::declare_global(call.required(0, "target")?, &why(call, 1)?);
    Ok(().into())
});
entry!(org_scope_declare_global_name, pg_finfo_org_scope_declare_global_name, |call| {
    policy::declare_global_name(&name(call, 0, "schema")?, &name(call, 1, "name")?, &why(call, 2)?)?;
    Ok(().into())
});
entry!(org_scope_undeclare_global, pg_finfo_org_scope_undeclare_global, |call| {
    policy::undeclare_global(call.required(0, "target")?);
    Ok(().into())
});
entry!(org_scope_undeclare_global_name, pg_finfo_org_scope_undeclare_global_name, |call| {
    policy::undeclare_global_name(&name(call, 0, "schema")?, &name(call, 1, "name")?);
    Ok(().into())
});
