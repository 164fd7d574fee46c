//! The keys that verify tokens: registered, imported, removed.

use org_scope_core::Error;
use org_scope_core::token::{self, Algorithm, BadKey, ClaimPaths, SigningKey, Trust};

use super::{lookups, table};
use crate::pg::signing_key::{self, Registered};

const TABLE: &str = "signing_key";

/// What an issuer is trusted with, as an administrator says it.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) audience: Option<String>,
    pub(crate) claims: String,
    /// In microseconds.
    pub(crate) leeway: i64,
    /// The lookup that must have the organization for the user.
    pub(crate) membership: Option<String>,
}

impl Issuer {
    fn trust(&self) -> Result<Trust, Error> {
        lookups::must_be_defined(self.membership.as_slice())?;
        let claims = ClaimPaths::parse(&self.claims).map_err(Error::BadClaimPaths)?;
        if self.leeway % 1_000_000 != 0 {
            return Err(Error::BadSigningKey(BadKey::Leeway));
        }
        Trust::new(&self.name, self.audience.as_deref(), claims, self.leeway / 1_000_000)
            .map_err(Error::BadSigningKey)
    }

    fn write(&self, key: &SigningKey) {
        table::run(
            "INSERT INTO org_scope.signing_key AS k (issuer, kid, algorithm, key, audience, claims, leeway, membership) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, kid) DO UPDATE SET \
             algorithm = excluded.algorithm, key = excluded.key, audience = excluded.audience, \
             claims = excluded.claims, leeway = excluded.leeway, membership = excluded.membership",
            &[
                self.name.as_str().into(),
                key.kid().into(),
                key.algorithm().word().into(),
                key.canonical().into(),
                self.audience.clone().into(),
                self.claims.as_str().into(),
                i32::try_from(key.trust().leeway_seconds()).unwrap_or(i32::MAX).into(),
                self.membership.clone().into(),
            ],
        );
    }
}

/// A key of an imported set, and what became of it.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Option<String>,
    pub(crate) state: &'static str,
    pub(crate) reason: String,
}

/// Trusts a key, in place of one of that issuer and name.
///
/// # Errors
/// 22023 for what is no key, or can't be trusted with; OS010 for a lookup that isn't defined.
pub(crate) fn add(issuer: &Issuer, kid: &str, algorithm: &str, text: &str) -> Result<(), Error> {
    table::begin(c"org_scope.add_signing_key()", TABLE);
    let trust = issuer.trust()?;
    let algorithm = Algorithm::parse(algorithm).map_err(Error::BadSigningKey)?;
    issuer.write(&SigningKey::new(kid, algorithm, text, trust).map_err(Error::BadSigningKey)?);
    Ok(())
}

/// Trusts what an issuer publishes, and of its public keys none that it doesn't publish any more.
///
/// # Errors
/// As for [`add`].
pub(crate) fn import(issuer: &Issuer, document: &str, rsa: &str) -> Result<Vec<Imported>, Error> {
    table::begin(c"org_scope.import_jwks()", TABLE);
    let trust = issuer.trust()?;
    let rsa = Algorithm::parse(rsa).map_err(Error::BadSigningKey)?;
    let set = token::import_jwks(document, &trust, rsa, false).map_err(Error::BadSigningKey)?;
    let row = |kid: &str, algorithm: &str, state, reason: &str| Imported {
        kid: Some(kid.to_owned()),
        algorithm: Some(algorithm.to_owned()),
        state,
        reason: reason.to_owned(),
    };
    let mut rows = Vec::new();
    for old in signing_key::all().iter().filter(|old| old.issuer == issuer.name && !is_secret(old)) {
        if set.keys.iter().all(|key| key.kid() != old.kid) {
            delete(&old.issuer, &old.kid);
            rows.push(row(&old.kid, &old.algorithm, "removed", "its issuer publishes it no more"));
        }
    }
    for key in &set.keys {
        issuer.write(key);
        rows.push(row(key.kid(), key.algorithm().word(), "done", "verifies the issuer's tokens"));
    }
    rows.extend(set.notes.into_iter().map(|note| Imported {
        kid: note.kid,
        algorithm: None,
        state: "skipped",
        reason: note.why,
    }));
    Ok(rows)
}

/// Trusts a key no longer.
///
/// # Errors
/// OS010 where there is none.
pub(crate) fn remove(issuer: &str, kid: &str) -> Result<(), Error> {
    table::begin(c"org_scope.remove_signing_key()", TABLE);
    if delete(issuer, kid) == 0 { Err(Error::NoSuchSigningKey) } else { Ok(()) }
}

fn delete(issuer: &str, kid: &str) -> usize {
    table::run(
        "DELETE FROM org_scope.signing_key WHERE issuer = $1 AND kid = $2",
        &[issuer.into(), kid.into()],
    )
}

/// The key as it verifies.
///
/// # Errors
/// 22023 where the row was altered by hand.
pub(super) fn stored(row: &Registered) -> Result<SigningKey, Error> {
    let claims = ClaimPaths::parse(&row.claims).map_err(Error::BadClaimPaths)?;
    let trust = Trust::new(&row.issuer, row.audience.as_deref(), claims, row.leeway.into());
    let algorithm = Algorithm::parse(&row.algorithm);
    trust
        .and_then(|trust| SigningKey::stored(&row.kid, algorithm?, &row.key, trust))
        .map_err(Error::BadSigningKey)
}

fn is_secret(row: &Registered) -> bool {
    row.algorithm.starts_with("HS")
}
