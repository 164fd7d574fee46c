//! A key that was registered, and what its issuer is trusted with.

use super::header::is_name;
use super::material::Material;
use super::{Algorithm, BadKey, ClaimPaths, MAX_LEEWAY_SECONDS};

/// What an issuer's tokens must say, and are taken to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    issuer: String,
    audience: Option<String>,
    claims: ClaimPaths,
    leeway_seconds: i64,
}

impl Trust {
    /// Checks it.
    ///
    /// # Errors
    /// [`BadKey::Issuer`], [`BadKey::Audience`], [`BadKey::Leeway`]
    pub fn new(
        issuer: &str,
        audience: Option<&str>,
        claims: ClaimPaths,
        leeway_seconds: i64,
    ) -> Result<Self, BadKey> {
        if !is_name(issuer) {
            return Err(BadKey::Issuer);
        }
        if !audience.is_none_or(is_name) {
            return Err(BadKey::Audience);
        }
        if !(0..=MAX_LEEWAY_SECONDS).contains(&leeway_seconds) {
            return Err(BadKey::Leeway);
        }
        let (issuer, audience) = (issuer.to_owned(), audience.map(str::to_owned));
        Ok(Self { issuer, audience, claims, leeway_seconds })
    }

    /// The `iss` of its tokens, exactly.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom its tokens must name in `aud`.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Where its tokens name organization and user.
    pub fn claims(&self) -> &ClaimPaths {
        &self.claims
    }

    /// How far its clock may be off.
    pub fn leeway_seconds(&self) -> i64 {
        self.leeway_seconds
    }
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    material: Material,
    trust: Trust,
}

impl SigningKey {
    /// Takes a key as an administrator gives it: a public key in PEM or as a JWK, or for HS256 and its kin the
    /// secret in base64url.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(kid: &str, algorithm: Algorithm, key: &str, trust: Trust) -> Result<Self, BadKey> {
        let material = Material::read(key, algorithm)?;
        material.check_point()?;
        Self::of(kid, algorithm, material, trust)
    }

    /// Takes a key as [`SigningKey::canonical`] wrote it.
    ///
    /// # Errors
    /// What is wrong with it, where it was altered since.
    pub fn stored(kid: &str, algorithm: Algorithm, canonical: &str, trust: Trust) -> Result<Self, BadKey> {
        Self::of(kid, algorithm, Material::read(canonical, algorithm)?, trust)
    }

    pub(super) fn of(
        kid: &str,
        algorithm: Algorithm,
        material: Material,
        trust: Trust,
    ) -> Result<Self, BadKey> {
        if !is_name(kid) {
            return Err(BadKey::Kid);
        }
        Ok(Self { kid: kid.to_owned(), algorithm, material, trust })
    }

    /// The key as text: the same for the same key, whatever form it came in. For HS256 and its kin it is the
    /// secret itself.
    pub fn canonical(&self) -> String {
        self.material.canonical()
    }

    /// Its name in the header of tokens.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm that it is used with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What its issuer is trusted with.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }
}
