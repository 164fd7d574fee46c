//! Writes the access table, and the grants that go with a row.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::access::{Grant, How};
use org_scope_core::org::MAX_CONTEXT_BYTES;
use org_scope_core::sql::Ident;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::Oid;
use pgrx::spi::{Spi, SpiError};

use crate::context::setter;
use crate::pg::{report, role, transaction};

/// Lets the role set its organization in the way of `how`, in place of what it could before.
///
/// # Errors
/// 22023 for an unknown word, and for a pooled `parameter`.
pub(crate) fn allow(target: Oid, how: &str, pooled: bool) -> Result<(), Error> {
    let how = How::parse(how)?;
    if pooled && how == How::Parameter {
        return Err(Error::PooledParameter);
    }
    begin(c"org_scope.allow()");
    let name = role::name(target);
    setter::say_bypass(target)?;
    run(
        "INSERT INTO org_scope.role_access AS a (role, how, pooled) VALUES ($1, $2, $3) \
         ON CONFLICT (role) DO UPDATE SET how = excluded.how, pooled = excluded.pooled",
        &[target.into(), how.to_string().into(), pooled.into()],
    );
    grant(&Grant::setter(&name).give());
    if how == How::Parameter {
        grant_parameter(&Grant::parameter(&name).give());
    } else {
        take_parameter(target, &name);
    }
    Ok(())
}

/// Takes the role's access away; what it is bound to stays.
pub(crate) fn disallow(target: Oid) {
    begin(c"org_scope.disallow()");
    let name = role::name(target);
    let touched = run(
        "DELETE FROM org_scope.role_access WHERE role = $1 AND bound_org IS NULL",
        &[target.into()],
    ) + run(
        "UPDATE org_scope.role_access SET how = NULL, pooled = false WHERE role = $1 AND how IS NOT NULL",
        &[target.into()],
    );
    take_parameter(target, &name);
    finish(target, touched);
}

/// Makes the role's sessions one organization's, whatever they set.
///
/// # Errors
/// OS004 for no organization or one that is too long.
pub(crate) fn bind(target: Oid, org: Option<&str>) -> Result<(), Error> {
    let org = org.filter(|o| !o.is_empty()).ok_or(Error::EmptyOrg)?;
    if org.len() > MAX_CONTEXT_BYTES {
        return Err(Error::ContextTooLong);
    }
    begin(c"org_scope.bind_role()");
    let name = role::name(target);
    setter::say_bypass(target)?;
    run(
        "INSERT INTO org_scope.role_access AS a (role, bound_org) VALUES ($1, $2) \
         ON CONFLICT (role) DO UPDATE SET bound_org = excluded.bound_org",
        &[target.into(), org.into()],
    );
    grant(&Grant::setter(&name).give());
    Ok(())
}

/// Ends that; what the role was allowed stays.
pub(crate) fn unbind(target: Oid) {
    begin(c"org_scope.unbind_role()");
    let touched = run("DELETE FROM org_scope.role_access WHERE role = $1 AND how IS NULL", &[target.into()])
        + run(
            "UPDATE org_scope.role_access SET bound_org = NULL WHERE role = $1 AND bound_org IS NOT NULL",
            &[target.into()],
        );
    finish(target, touched);
}

/// A role without a row needs no grant, and a caller who changed nothing should know.
fn finish(target: Oid, touched: usize) {
    let name = role::name(target);
    if crate::pg::access::row_exists(target) {
        return;
    }
    grant(&Grant::setter(&name).take());
    if touched == 0 {
        report::notice(&format!("role {name} had nothing to take away"));
    }
}

fn run(statement: &str, args: &[DatumWithOid<'_>]) -> usize {
    Spi::connect_mut(|client| Ok::<_, SpiError>(client.update(statement, None, args)?.len()))
        .expect("a statement of our own on our own table")
}

/// One writer at a time: two GRANTs on one function would fail with "tuple concurrently updated".
fn begin(command: &CStr) {
    transaction::must_not_be_in_recovery(command);
    run("LOCK TABLE org_scope.role_access IN SHARE ROW EXCLUSIVE MODE", &[]);
}

/// Takes SET on the parameter away from a role that has it.
fn take_parameter(target: Oid, name: &Ident) {
    let has = "SELECT FROM pg_catalog.pg_roles \
               WHERE oid = $1 AND pg_catalog.has_parameter_privilege(oid, 'org_scope.current_org', 'SET')";
    if run(has, &[target.into()]) > 0 {
        grant_parameter(&Grant::parameter(name).take());
    }
}

/// Privileges on parameters belong to the whole cluster, and so does the lock that keeps two databases
/// from changing them at once.
fn grant_parameter(statement: &str) {
    run("LOCK TABLE pg_catalog.pg_parameter_acl IN SHARE ROW EXCLUSIVE MODE", &[]);
    grant(statement);
}

fn grant(statement: &str) {
    run(statement, &[]);
}

/// A table of ours was written, by us or by hand: every session's cached answer is stale.
pub(crate) fn changed(trigger: &pgrx::PgTrigger<'_>) {
    if let Ok(table) = trigger.relation() {
        crate::pg::access::invalidate(table.oid());
    }
}
