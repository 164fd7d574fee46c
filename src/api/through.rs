//! `org_scope.protect_through` and its triggers.

use org_scope_core::Error;

use super::policy::target;
use super::steps::answer;
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::types::{Name, Names};
use crate::policy::{self, ThroughOptions};

fn options(call: &Call) -> Result<ThroughOptions, Error> {
    Ok(ThroughOptions {
        key: call.required(1, "key")?,
        parent_key: call.arg::<Name>(3).map(|name| name.0),
        reading: call.required(4, "reading")?,
        org_column: call.arg::<Name>(5).map(|name| name.0),
        force: call.required(6, "force")?,
        create_index: call.required(7, "create_index")?,
        roles: call.arg::<Names>(8).map(|roles| roles.0),
    })
}

entry!(org_scope_protect_through, pg_finfo_org_scope_protect_through, |call| {
    let parent = call.required(2, "parent")?;
    Ok(answer(call, policy::protect_through(target(call)?, parent, options(call)?)?))
});
entry!(org_scope_plan_through, pg_finfo_org_scope_plan_through, |call| {
    let parent = call.required(2, "parent")?;
    Ok(answer(call, policy::plan_through(target(call)?, parent, options(call)?)?))
});
entry!(org_scope_begin_fill, pg_finfo_org_scope_begin_fill, |call| {
    Ok(Some(policy::begin_fill(target(call)?, call.required(1, "batch_size")?)?).into())
});
entry!(org_scope_fill_step, pg_finfo_org_scope_fill_step, |_| Ok(Some(policy::fill_step()?).into()));

entry!(org_scope_fill_from_parent, pg_finfo_org_scope_fill_from_parent, |call| {
    match call.trigger() {
        Some(trigger) => {
            let row = policy::fill_from_parent(&trigger, call.function())?;
            Ok(row.map_or(Answer::Fired, Answer::Row))
        }
        None => Err(Error::NotThisTrigger),
    }
});
entry!(org_scope_check_parent, pg_finfo_org_scope_check_parent, |call| {
    match call.trigger() {
        Some(trigger) => policy::check_parent(&trigger).map(|()| Answer::Fired),
        None => Err(Error::NotThisTrigger),
    }
});
entry!(org_scope_move_children, pg_finfo_org_scope_move_children, |call| {
    match call.trigger() {
        Some(trigger) => policy::move_children(&trigger).map(|()| Answer::Fired),
        None => Err(Error::NotThisTrigger),
    }
});
