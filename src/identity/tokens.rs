//! Tokens: a session becomes what somebody who is trusted has signed.

use org_scope_core::Error;
use org_scope_core::sql::Ident;
use org_scope_core::token::Presented;

use super::{keys, lookups};
use crate::context::setter::{self, Proof};
use crate::pg::signing_key::{self, Registered};
use crate::pg::{access, query_text, quick};

/// Becomes the organization, and user, that the token names, until it expires; gives the organization.
///
/// # Errors
/// OS002 without access by tokens, OS003 for what a pooled login can't have, OS005 for a user who is no member, OS006
/// for several organizations, OS007 and OS008 for a token that isn't taken.
pub(crate) fn authenticate(token: &str, is_local: bool) -> Result<String, Error> {
    setter::must_be_provable(&Proof::Token { expires: 0 }, is_local)?;
    // Others of the role would read it in pg_stat_activity, and everybody with the log.
    if !token.is_empty() && query_text::contains(token) {
        return Err(Error::TokenInQuery);
    }
    let presented = Presented::parse(token).map_err(Error::Token)?;
    access::accept_invalidations();
    let registered = signing_key::all();
    let registered = find(&registered, &presented).ok_or(Error::NoSuchSigningKey)?;
    let verified = presented.verify(&keys::stored(registered)?, quick::now()).map_err(Error::Token)?;
    if let Some(lookup) = &registered.membership {
        let lookup = Ident::new(lookup.clone()).map_err(|_| Error::BadName)?;
        let user = verified.user.as_deref().ok_or(Error::NoMember)?;
        lookups::must_be_member(&lookup, user, &verified.org)?;
    }
    let proof = Proof::Token { expires: verified.expires };
    setter::set_proven(proof, &verified.org, verified.user.as_deref(), is_local)?;
    Ok(verified.org)
}

/// The key that the token names; where it names none, the only one of its issuer.
fn find<'k>(keys: &'k [Registered], token: &Presented<'_>) -> Option<&'k Registered> {
    let mut of_issuer = keys.iter().filter(|key| key.issuer == token.issuer());
    match token.kid() {
        Some(kid) => of_issuer.find(|key| key.kid == kid),
        None => {
            let first = of_issuer.next()?;
            of_issuer.next().is_none().then_some(first)
        }
    }
}
