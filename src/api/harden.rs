//! `org_scope.harden` and `org_scope.plan_harden`.

use super::steps::answer;
use crate::harden;
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::types::Names;

fn unique_per_org(call: &Call) -> Vec<String> {
    call.arg::<Names>(1).map(|names| names.0).unwrap_or_default()
}

entry!(org_scope_plan_harden, pg_finfo_org_scope_plan_harden, |call| {
    Ok(answer(call, harden::plan_harden(call.required(0, "target")?, unique_per_org(call))?))
});
entry!(org_scope_begin_harden, pg_finfo_org_scope_begin_harden, |call| {
    Ok(Some(harden::begin_harden(call.required(0, "target")?, unique_per_org(call))?).into())
});

entry!(org_scope_ddl_command_start, pg_finfo_org_scope_ddl_command_start, |call| {
    if let Some(command) = call.event() {
        harden::command_start(&command);
    }
    Ok(Answer::Null)
});
