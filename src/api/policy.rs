//! The generator: `org_scope.protect` and its kin.

use org_scope_core::Error;
use pgrx::IntoDatum;
use pgrx::pg_sys::Oid;

use super::steps::answer;
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::types::{Name, Names};
use crate::policy::{self, Asked, Options};

/// Reads the options, which follow one after the other in every declaration.
fn options(call: &Call, first: usize) -> Result<Options, Error> {
    let name = |number| call.arg::<Name>(number).map(|name| name.0);
    Ok(Options {
        force: call.required(first, "force")?,
        create_index: call.required(first + 1, "create_index")?,
        set_default: call.required(first + 2, "set_default")?,
        roles: call.arg::<Names>(first + 3).map(|roles| roles.0),
        shared_rows: call.arg(first + 4),
        project_column: name(first + 5),
        actor_column: name(first + 6),
        actor_missing: call.required(first + 7, "actor_missing")?,
        copy_view: call.arg(first + 8),
    })
}

fn org_column(call: &Call, number: usize) -> Result<String, Error> {
    Ok(call.required::<Name>(number, "org_column")?.0)
}

fn expression(call: &Call) -> Result<Asked, Error> {
    Ok(Asked::Expression(call.required(1, "expression")?, call.required(2, "org_type")?))
}

pub(super) fn target(call: &Call) -> Result<Oid, Error> {
    call.required(0, "target")
}

fn schemas(call: &Call, number: usize) -> Result<Vec<String>, Error> {
    Ok(call.required::<Names>(number, "schemas")?.0)
}

entry!(org_scope_protect, pg_finfo_org_scope_protect, |call| {
    let asked = Asked::Column(org_column(call, 1)?);
    Ok(answer(call, policy::protect(target(call)?, asked, options(call, 2)?)?))
});
entry!(org_scope_plan, pg_finfo_org_scope_plan, |call| {
    let asked = Asked::Column(org_column(call, 1)?);
    Ok(answer(call, policy::plan(target(call)?, asked, options(call, 2)?)?))
});
entry!(org_scope_protect_expression, pg_finfo_org_scope_protect_expression, |call| {
    Ok(answer(call, policy::protect(target(call)?, expression(call)?, options(call, 3)?)?))
});
entry!(org_scope_plan_expression, pg_finfo_org_scope_plan_expression, |call| {
    Ok(answer(call, policy::plan(target(call)?, expression(call)?, options(call, 3)?)?))
});
entry!(org_scope_plan_all, pg_finfo_org_scope_plan_all, |call| {
    Ok(answer(call, policy::plan_all(org_column(call, 0)?, schemas(call, 1)?, options(call, 2)?)?))
});
entry!(org_scope_unprotect, pg_finfo_org_scope_unprotect, |call| {
    Ok(answer(call, policy::unprotect(target(call)?)?))
});
entry!(org_scope_alter_protected, pg_finfo_org_scope_alter_protected, |call| {
    let statement: String = call.required(1, "statement")?;
    Ok(answer(call, policy::alter_protected(target(call)?, &statement)?))
});
entry!(org_scope_begin_protect, pg_finfo_org_scope_begin_protect, |call| {
    Ok(Some(policy::begin_protect(org_column(call, 0)?, schemas(call, 1)?, options(call, 2)?)?).into())
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
            table.org_expression.into_datum(),
            table.project_column.into_datum(),
            table.actor_column.into_datum(),
            table.shared_rows.into_datum(),
        ]
    })))
});

entry!(org_scope_copy_row, pg_finfo_org_scope_copy_row, |call| {
    let Some(row) = call.row_trigger() else { return Err(Error::NotCopyTrigger) };
    if policy::copy_row(&row)? { Ok(row.kept()) } else { Ok(Answer::Fired) }
});

entry!(org_scope_ddl_command_end, pg_finfo_org_scope_ddl_command_end, |call| {
    if let Some(command) = call.event() {
        policy::command_end(&command)?;
    }
    Ok(Answer::Null)
});

entry!(org_scope_sql_drop, pg_finfo_org_scope_sql_drop, |call| {
    if let Some(command) = call.event() {
        policy::sql_drop(&command)?;
    }
    Ok(Answer::Null)
});

entry!(org_scope_truncate_guard, pg_finfo_org_scope_truncate_guard, |call| {
    if let Some(trigger) = call.trigger() {
        policy::guard_truncate(&trigger)?;
    }
    Ok(Answer::Fired)
});

entry!(org_scope_stamp_actor, pg_finfo_org_scope_stamp_actor, |call| {
    match call.trigger() {
        Some(trigger) => policy::stamp_actor(&trigger).map(Answer::Row),
        None => Err(Error::NotStampTrigger),
    }
});
