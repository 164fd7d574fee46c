//! The header of a token: what it may say, and what is refused because other verifiers were fooled by it.

use super::json::{Json, Object};
use super::{Algorithm, Refused};
use crate::org::MAX_CONTEXT_BYTES;

/// What counts of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
}

/// Members that bring a key, point to one, or change what is signed.
const FORBIDDEN: [(&str, Refused); 8] = [
    ("jwk", Refused::HeaderJwk),
    ("jku", Refused::HeaderJku),
    ("x5c", Refused::HeaderX5c),
    ("x5u", Refused::HeaderX5u),
    ("crit", Refused::HeaderCrit),
    ("b64", Refused::HeaderB64),
    ("zip", Refused::HeaderZip),
    ("enc", Refused::Encrypted),
];

impl Header {
    pub(super) fn read(members: &Object) -> Result<Self, Refused> {
        if let Some((_, why)) = FORBIDDEN.into_iter().find(|(name, _)| members.contains_key(*name)) {
            return Err(why);
        }
        let algorithm = match members.get("alg") {
            Some(Json::Text(word)) => Algorithm::of_header(word)?,
            Some(_) => return Err(Refused::AlgNotText),
            None => return Err(Refused::AlgMissing),
        };
        match members.get("typ") {
            None => {}
            Some(Json::Text(typ)) if is_jwt(typ) => {}
            Some(_) => return Err(Refused::Typ),
        }
        let kid = match members.get("kid") {
            None => None,
            Some(Json::Text(kid)) if is_name(kid) => Some(kid.clone()),
            Some(_) => return Err(Refused::Kid),
        };
        Ok(Self { algorithm, kid })
    }
}

/// RFC 7515 lets `application/` be left out, and media types have no case.
fn is_jwt(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    ["jwt", "at+jwt"].contains(&typ.strip_prefix("application/").unwrap_or(&typ))
}

/// Whether a text can name a key or an issuer.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_CONTEXT_BYTES && !text.contains(char::is_control)
}
