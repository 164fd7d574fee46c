//! Writes the access table, and the grants that go with a row.

use org_scope_core::Error;
use org_scope_core::access::{Grant, How};
use org_scope_core::org::MAX_CONTEXT_BYTES;
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::{lookups, table};
use crate::context::setter;
use crate::pg::{report, role};

const TABLE: &str = "role_access";

/// Lets the role set its organization in the way of `how`, in place of what it could before.
///
/// # Errors
/// 22023 for an unknown word, for a pooled `parameter`, and where `lookups` doesn't go with `how`; OS010 for a
/// lookup that isn't defined.
pub(crate) fn allow(target: Oid, how: &str, lookups: Option<Vec<String>>, pooled: bool) -> Result<(), Error> {
    let how = How::parse(how)?;
    let lookups = lookups.filter(|names| !names.is_empty());
    if lookups.is_some() != (how == How::Lookup) {
        return Err(Error::LookupsDontFit { needed: how == How::Lookup });
    }
    lookups::must_be_defined(lookups.as_deref().unwrap_or_default())?;
    if pooled && how == How::Parameter {
        return Err(Error::PooledParameter);
    }
    table::begin(c"org_scope.allow()", TABLE);
    let name = role::name(target);
    setter::say_bypass(target)?;
    table::run(
        "INSERT INTO org_scope.role_access AS a (role, how, lookups, pooled) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (role) DO UPDATE SET how = excluded.how, lookups = excluded.lookups, pooled = excluded.pooled",
        &[target.into(), how.to_string().into(), lookups.into(), pooled.into()],
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
    table::begin(c"org_scope.disallow()", TABLE);
    let name = role::name(target);
    let touched = table::run(
        "DELETE FROM org_scope.role_access WHERE role = $1 AND bound_org IS NULL",
        &[target.into()],
    ) + table::run(
        "UPDATE org_scope.role_access SET how = NULL, lookups = NULL, pooled = false WHERE role = $1 AND how IS NOT NULL",
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
    table::begin(c"org_scope.bind_role()", TABLE);
    let name = role::name(target);
    setter::say_bypass(target)?;
    table::run(
        "INSERT INTO org_scope.role_access AS a (role, bound_org) VALUES ($1, $2) \
         ON CONFLICT (role) DO UPDATE SET bound_org = excluded.bound_org",
        &[target.into(), org.into()],
    );
    grant(&Grant::setter(&name).give());
    Ok(())
}

/// Ends that; what the role was allowed stays.
pub(crate) fn unbind(target: Oid) {
    table::begin(c"org_scope.unbind_role()", TABLE);
    let touched =
        table::run("DELETE FROM org_scope.role_access WHERE role = $1 AND how IS NULL", &[target.into()])
            + table::run(
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

/// Takes SET on the parameter away from a role that has it.
fn take_parameter(target: Oid, name: &Ident) {
    let has = "SELECT FROM pg_catalog.pg_roles \
               WHERE oid = $1 AND pg_catalog.has_parameter_privilege(oid, 'org_scope.current_org', 'SET')";
    if table::run(has, &[target.into()]) > 0 {
        grant_parameter(&Grant::parameter(name).take());
    }
}

/// Privileges on parameters belong to the whole cluster, and so does the lock that keeps two databases
/// from changing them at once.
fn grant_parameter(statement: &str) {
    table::run("LOCK TABLE pg_catalog.pg_parameter_acl IN SHARE ROW EXCLUSIVE MODE", &[]);
    grant(statement);
}

fn grant(statement: &str) {
    table::run(statement, &[]);
}

/// A table of ours was written, by us or by hand: every session's cached answer is stale.
pub(crate) fn changed(trigger: &pgrx::PgTrigger<'_>) {
    if let Ok(table) = trigger.relation() {
        crate::pg::access::invalidate(table.oid());
    }
}
