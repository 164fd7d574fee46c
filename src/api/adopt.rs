//! `org_scope.adopt` and its kin.

use org_scope_core::Error;
use pgrx::IntoDatum;
use pgrx::pg_sys::Oid;

use super::policy::target;
use super::steps::answer;
use crate::adopt::{self, Options};
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::types::{Name, Names};

fn options(call: &Call) -> Result<Options, Error> {
    let name = |number| call.arg::<Name>(number).map(|name| name.0);
    Ok(Options {
        org_column: call.required::<Name>(1, "org_column")?.0,
        org_type: call.required::<Oid>(2, "org_type")?,
        lookup: name(3),
        legacy_column: name(4),
        parent: call.arg(5),
        parent_key: name(6),
        expression: call.arg(7),
        constant: call.arg(8),
    })
}

entry!(org_scope_plan_adopt, pg_finfo_org_scope_plan_adopt, |call| {
    Ok(answer(call, adopt::plan_adopt(target(call)?, &options(call)?)?))
});
entry!(org_scope_begin_adopt, pg_finfo_org_scope_begin_adopt, |call| {
    Ok(Some(adopt::begin_adopt(target(call)?, options(call)?)?).into())
});
entry!(org_scope_begin_adopt_all, pg_finfo_org_scope_begin_adopt_all, |call| {
    let begun = adopt::begin_adopt_all(
        call.required::<Name>(0, "org_column")?.0,
        call.required::<Oid>(1, "org_type")?,
        call.required::<Name>(2, "lookup")?.0,
        call.required::<Name>(3, "legacy_column")?.0,
        call.required::<Names>(4, "schemas")?.0,
    )?;
    Ok(Some(begun).into())
});
entry!(org_scope_begin_advance, pg_finfo_org_scope_begin_advance, |call| {
    let roles = call.arg::<Names>(1).map(|roles| roles.0);
    Ok(Some(adopt::begin_advance(target(call)?, roles)?).into())
});
entry!(org_scope_begin_abandon, pg_finfo_org_scope_begin_abandon, |call| {
    Ok(Some(adopt::begin_abandon(target(call)?, call.required(1, "drop_column")?)?).into())
});
entry!(org_scope_begin_backfill, pg_finfo_org_scope_begin_backfill, |call| {
    let (batch, skip) = (call.required(1, "batch_size")?, call.required(2, "skip_triggers")?);
    let path = call.required(3, "callers_path")?;
    Ok(Some(adopt::begin_backfill(target(call)?, batch, skip, path)?).into())
});
entry!(org_scope_backfill_step, pg_finfo_org_scope_backfill_step, |_| {
    Ok(Some(adopt::backfill_step()?).into())
});
entry!(org_scope_unresolved, pg_finfo_org_scope_unresolved, |call| {
    let keys = adopt::unresolved(target(call)?)?;
    Ok(call.rows(keys.into_iter().map(|found| vec![found.0.into_datum(), found.1.into_datum()])))
});
entry!(org_scope_assign, pg_finfo_org_scope_assign, |call| {
    let keys: Vec<Option<String>> = call.required(1, "keys")?;
    let org: String = call.required(2, "org")?;
    Ok(Some(adopt::assign(target(call)?, &keys, &org)?).into())
});
entry!(org_scope_adoptions, pg_finfo_org_scope_adoptions, |call| {
    Ok(call.rows(adopt::adoptions().into_iter().map(|adoption| {
        let backfill = adoption.backfill.as_ref();
        vec![
            adoption.target.into_datum(),
            adoption.org_column.into_datum(),
            adoption.source.into_datum(),
            adoption.phase.into_datum(),
            adoption.missing.into_datum(),
            backfill.map(|b| b.filled).into_datum(),
            backfill.map(|b| b.percent).into_datum(),
            backfill.and_then(|b| b.rate).into_datum(),
            backfill.and_then(|b| b.left).into_datum(),
            backfill.and_then(|b| b.pid).into_datum(),
            adoption.next.into_datum(),
        ]
    })))
});
entry!(org_scope_adopt_row, pg_finfo_org_scope_adopt_row, |call| match call.trigger() {
    Some(trigger) => adopt::adopt_row(&trigger, call.function()).map(Answer::Row),
    None => Err(Error::NotThisTrigger),
});
