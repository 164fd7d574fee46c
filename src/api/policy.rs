//! The generator: `org_scope.protect` and its kin.

use org_scope_core::Error;
use pgrx::IntoDatum;
use pgrx::pg_sys::Oid;

use super::steps::answer;
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::types::{Name, Names};
use crate::policy::{self, Options};

/// Reads the options, which follow one after the other in every declaration.
fn options(call: &Call, org_column: usize, first: usize) -> Result<Options, Error> {
    Ok(Options {
        org_column: call.required::<Name>(org_column, "org_column")?.0,
        force: call.required(first, "force")?,
        create_index: call.required(first + 1, "create_index")?,
        set_default: call.required(first + 2, "set_default")?,
        roles: call.arg::<Names>(first + 3).map(|roles| roles.0),
    })
}

fn target(call: &Call) -> Result<Oid, Error> {
    call.required(0, "target")
}

fn schemas(call: &Call, number: usize) -> Result<Vec<String>, Error> {
    Ok(call.required::<Names>(number, "schemas")?.0)
}

entry!(org_scope_protect, pg_finfo_org_scope_protect, |call| {
    Ok(answer(call, policy::protect(target(call)?, options(call, 1, 2)?)?))
});
entry!(org_scope_plan, pg_finfo_org_scope_plan, |call| {
    Ok(answer(call, policy::plan(target(call)?, options(call, 1, 2)?)?))
});
entry!(org_scope_plan_all, pg_finfo_org_scope_plan_all, |call| {
    Ok(answer(call, policy::plan_all(schemas(call, 1)?, options(call, 0, 2)?)?))
});
entry!(org_scope_unprotect, pg_finfo_org_scope_unprotect, |call| {
    Ok(answer(call, policy::unprotect(target(call)?)))
});
entry!(org_scope_alter_protected, pg_finfo_org_scope_alter_protected, |call| {
    let statement: String = call.required(1, "statement")?;
    Ok(answer(call, policy::alter_protected(target(call)?, &statement)?))
});
entry!(org_scope_begin_protect, pg_finfo_org_scope_begin_protect, |call| {
    Ok(Some(policy::begin_protect(schemas(call, 1)?, options(call, 0, 2)?)?).into())
});
entry!(org_scope_begin_unprotect, pg_finfo_org_scope_begin_unprotect, |call| {
    Ok(Some(policy::begin_unprotect(schemas(call, 0)?)?).into())
});

entry!(org_scope_protected_tables, pg_finfo_org_scope_protected_tables, |call| {
    Ok(call.rows(policy::protected_tables().into_iter().map(|table| {
        vec![
            table.target.into_datum(),
            table.org_column.into_datum(),
            table.org_type.into_datum(),
            table.forced.into_datum(),
            table.gate_roles.into_datum(),
            table.index.into_datum(),
            table.drift.into_datum(),
        ]
    })))
});

entry!(org_scope_truncate_guard, pg_finfo_org_scope_truncate_guard, |call| {
    if let Some(trigger) = call.trigger() {
        policy::guard_truncate(&trigger)?;
    }
    Ok(Answer::Fired)
});
