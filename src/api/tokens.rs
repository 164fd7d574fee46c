//! `org_scope.add_signing_key`, `import_jwks`, `remove_signing_key`, `authenticate`, and what PostgREST calls.

use org_scope_core::Error;
use pgrx::datum::{Interval, IntoDatum};
use pgrx::{JsonB, pg_sys::Datum};

use crate::identity::keys::{self, Imported, Issuer};
use crate::identity::{pre_request, tokens};
use crate::pg::entry::{Call, entry};
use crate::pg::types::Name;

/// The arguments from `audience` on, which both ways to bring keys have.
fn issuer(call: &Call, name: usize) -> Result<Issuer, Error> {
    Ok(Issuer {
        name: call.required(name, "issuer")?,
        audience: call.arg(name + 1),
        claims: call.required(name + 2, "claims")?,
        leeway: i64::try_from(call.required::<Interval>(name + 3, "leeway")?.as_micros()).unwrap_or(i64::MAX),
        membership: call.arg::<Name>(name + 4).map(|lookup| lookup.0),
    })
}

fn row(imported: Imported) -> Vec<Option<Datum>> {
    vec![
        imported.kid.into_datum(),
        imported.algorithm.into_datum(),
        imported.state.into_datum(),
        imported.reason.into_datum(),
    ]
}

entry!(org_scope_add_signing_key, pg_finfo_org_scope_add_signing_key, |call| {
    let (kid, algorithm): (String, String) = (call.required(0, "kid")?, call.required(1, "algorithm")?);
    keys::add(&issuer(call, 3)?, &kid, &algorithm, &call.required::<String>(2, "key")?)?;
    Ok(().into())
});
entry!(org_scope_import_jwks, pg_finfo_org_scope_import_jwks, |call| {
    let document = call.required::<JsonB>(0, "jwks")?.0.to_string();
    let rsa: String = call.required(6, "rsa_algorithm")?;
    let rows = keys::import(&issuer(call, 1)?, &document, &rsa)?;
    Ok(call.rows(rows.into_iter().map(row)))
});
entry!(org_scope_remove_signing_key, pg_finfo_org_scope_remove_signing_key, |call| {
    let (issuer, kid): (String, String) = (call.required(0, "issuer")?, call.required(1, "kid")?);
    keys::remove(&issuer, &kid)?;
    Ok(().into())
});
entry!(org_scope_authenticate, pg_finfo_org_scope_authenticate, |call| {
    let token: String = call.required(0, "token")?;
    Ok(Some(tokens::authenticate(&token, call.arg(1).unwrap_or(false))?).into())
});
entry!(org_scope_pre_request, pg_finfo_org_scope_pre_request, |call| {
    pre_request::by_claims(&call.required::<String>(0, "claims")?)?;
    Ok(().into())
});
entry!(org_scope_pre_request_token, pg_finfo_org_scope_pre_request_token, |_| {
    pre_request::by_token()?;
    Ok(().into())
});
