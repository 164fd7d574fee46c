//! A token as it was presented, and what it says once it is verified.

use super::header::{Header, is_name};
use super::json::{self, Json, Object};
use super::refused::Part;
use super::{MAX_TOKEN_BYTES, Refused, SigningKey, base64url, claims, signature, time};

/// A token that is well-formed. Nothing in it is true yet.
#[derive(Clone, PartialEq)]
pub struct Presented<'t> {
    signed: &'t str,
    header: Header,
    claims: Object,
    issuer: String,
    signature: Vec<u8>,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The organization, exactly as it stands in the token.
    pub org: String,
    /// Who acts.
    pub user: Option<String>,
    /// From this second on the token would be refused, so the context must end: `exp` and the leeway.
    pub expires: i64,
}

impl<'t> Presented<'t> {
    /// Takes a token apart. Whatever isn't exactly as the standards say is refused.
    ///
    /// # Errors
    /// The reason.
    pub fn parse(token: &'t str) -> Result<Self, Refused> {
        if token.is_empty() {
            return Err(Refused::Empty);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::TooLong);
        }
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(Refused::ForeignCharacter);
        }
        let parts: Vec<&str> = token.splitn(6, '.').collect();
        let (header, claims, signature) = match parts[..] {
            [header, claims, signature] => (header, claims, signature),
            [_, _, _, _, _] => return Err(Refused::Encrypted),
            _ => return Err(Refused::NotThreeParts),
        };
        let signed = &token[..header.len() + 1 + claims.len()];
        let header = Header::read(&object(header, Part::Header)?)?;
        let claims = object(claims, Part::Claims)?;
        let issuer = match claims.get("iss") {
            Some(Json::Text(issuer)) if is_name(issuer) => issuer.clone(),
            Some(_) => return Err(Refused::IssNotText),
            None => return Err(Refused::IssMissing),
        };
        if signature.is_empty() {
            return Err(Refused::SignatureMissing);
        }
        let signature = base64url::decode(signature).ok_or(Refused::Base64)?;
        Ok(Self { signed, header, claims, issuer, signature })
    }

    /// Who issued it, by its own words: only to find the key.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Which key signed it, by its own words: only to find the key.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Checks it with a key, at this second since 1970.
    ///
    /// # Errors
    /// The reason.
    pub fn verify(&self, key: &SigningKey, now: i64) -> Result<Verified, Refused> {
        if self.header.algorithm != key.algorithm() {
            return Err(Refused::AlgMismatch);
        }
        if self.header.kid.as_deref().is_some_and(|kid| kid != key.kid()) {
            return Err(Refused::KidMismatch);
        }
        if !signature::is_valid(key.algorithm(), key.material(), self.signed.as_bytes(), &self.signature) {
            return Err(Refused::Signature);
        }
        let trust = key.trust();
        if self.issuer != trust.issuer() {
            return Err(Refused::Issuer);
        }
        claims::check_audience(&self.claims, trust.audience())?;
        let expires = time::check(&self.claims, trust.leeway_seconds(), now)?;
        let org = trust.claims().org(&self.claims)?;
        let user = trust.claims().user(&self.claims)?;
        Ok(Verified { org, user, expires })
    }
}

/// A token is a secret: what it says must not get into a log by `{:?}`.
impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("algorithm", &self.header.algorithm).finish_non_exhaustive()
    }
}

fn object(part: &str, which: Part) -> Result<Object, Refused> {
    let bytes = base64url::decode(part).ok_or(Refused::Base64)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Refused::NotUtf8(which))?;
    json::object(text).map_err(|fault| fault.of(which))
}
