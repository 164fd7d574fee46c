//! Writes the access table, and the grants that go with a row.

use org_scope_core::Error;
use org_scope_core::access::{Grant, How};
use org_scope_core::org::MAX_CONTEXT_BYTES;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::Oid;
use pgrx::spi::{Spi, SpiError};

use crate::context::setter;
use crate::pg::{report, role};

/// Lets the role set its organization in the way of `how`, in place of what it could before.
///
/// # Errors
/// 22023 for an unknown word, and for a pooled `parameter`.
pub(crate) fn allow(target: Oid, how: &str, pooled: bool) -> Result<(), Error> {
    let how = How::parse(how)?;
    if pooled && how == How::Parameter {
        return Err(Error::PooledParameter);
    }
    let name = role::name(target);
    setter::say_bypass(target)?;
    run(
        "INSERT INTO org_scope.role_access AS a (role, how, pooled) VALUES ($1, $2, $3) \
         ON CONFLICT (role) DO UPDATE SET how = excluded.how, pooled = excluded.pooled",
        &[target.into(), how.to_string().into(), pooled.into()],
    );
    grant(&Grant::setter(&name).give());
    let parameter = Grant::parameter(&name);
    grant(&if how == How::Parameter { parameter.give() } else { parameter.take() });
    Ok(())
}

/// Takes the role's access away; what it is bound to stays.
pub(crate) fn disallow(target: Oid) {
    let name = role::name(target);
    let touched = run(
        "DELETE FROM org_scope.role_access WHERE role = $1 AND bound_org IS NULL",
        &[target.into()],
    ) + run(
        "UPDATE org_scope.role_access SET how = NULL, pooled = false WHERE role = $1 AND how IS NOT NULL",
        &[target.into()],
    );
    grant(&Grant::parameter(&name).take());
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

fn grant(statement: &str) {
    run(statement, &[]);
}

/// The access table was written, by us or by hand: every session's cached answer is stale.
pub(crate) fn changed(trigger: &pgrx::PgTrigger<'_>) {
    if let Ok(table) = trigger.relation() {
        crate::pg::access::invalidate(table.oid());
    }
}
