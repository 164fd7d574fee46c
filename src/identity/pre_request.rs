//! What PostgREST calls at the start of each request, in the request's transaction.

use org_scope_core::Error;
use org_scope_core::token::{ClaimPaths, Refused};
use serde_json::Value;

use super::tokens;
use crate::context::setter;
use crate::pg::guc;

/// Becomes the organization and user of the claims that PostgREST has verified, for the transaction. A request without
/// them, or whose claims name no organization, stays without one.
///
/// # Errors
/// What setting them says, with the SQLSTATE that PostgREST turns into an HTTP status.
pub(crate) fn by_claims(paths: &str) -> Result<(), Error> {
    let paths = ClaimPaths::parse(paths).map_err(Error::BadClaimPaths)?;
    let Some(claims) = guc::foreign("request.jwt.claims").filter(|claims| !claims.is_empty()) else {
        return Ok(());
    };
    match paths.read(&claims) {
        Err(Refused::NoOrg) => Ok(()),
        Err(why) => Err(Error::Token(why)),
        Ok((org, user)) => {
            setter::set_org(Some(&org), true).and_then(|()| setter::set_user(user.as_deref(), true))
        }
    }
    .map_err(http)
}

/// Shows the request's bearer token itself, so that the database need not believe whoever speaks for it. A request
/// without one stays without an organization.
///
/// # Errors
/// As [`tokens::authenticate`], with the SQLSTATE that PostgREST turns into an HTTP status.
pub(crate) fn by_token() -> Result<(), Error> {
    let headers = guc::foreign("request.headers").unwrap_or_default();
    let headers: Value = serde_json::from_str(&headers).unwrap_or_default();
    let bearer = headers.get("authorization").and_then(Value::as_str).and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match bearer {
        Some(token) => tokens::authenticate(token, true).map(drop).map_err(http),
        None => Ok(()),
    }
}

fn http(error: Error) -> Error {
    Error::Http(Box::new(error))
}
