//! Key material: read from what an administrator has, checked, and stored in one canonical form.

use std::fmt;

use super::algorithm::{Curve, Family};
use super::{Algorithm, BadKey, base64url, json, jwk, pem, signature};

/// What signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Material {
    /// A shared secret.
    Secret(Vec<u8>),
    /// An RSA public key's modulus and exponent, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point, uncompressed.
    Point { curve: Curve, bytes: Vec<u8> },
    /// An Ed25519 public key.
    Ed25519(Vec<u8>),
}

impl Material {
    /// Reads PEM, a JWK, or a secret's base64url, and checks that it is a key for the algorithm.
    pub(super) fn read(text: &str, algorithm: Algorithm) -> Result<Self, BadKey> {
        let text = text.trim();
        let hmac = matches!(algorithm.family(), Family::Hmac(_));
        let material = if text.contains("-----BEGIN") {
            let read = pem::material(text);
            if hmac && read != Err(BadKey::PrivatePem) { Err(BadKey::PublicForHmac) } else { read }
        } else if text.starts_with('{') {
            jwk::material(&json::object(text).map_err(|_| BadKey::Jwk)?)
        } else if hmac {
            base64url::decode(text).ok_or(BadKey::SecretEncoding).map(Self::Secret)
        } else {
            Err(BadKey::NotAKey)
        }?;
        material.check(algorithm)?;
        Ok(material)
    }

    /// Checks that it is a key, and one for the algorithm.
    pub(super) fn check(&self, algorithm: Algorithm) -> Result<(), BadKey> {
        match (algorithm.family(), self) {
            (Family::Hmac(_), Self::Secret(secret)) if pem::is_public_key(secret) => {
                Err(BadKey::PublicForHmac)
            }
            (Family::Hmac(least), Self::Secret(secret)) if secret.len() < least => Err(BadKey::SecretShort),
            (Family::Hmac(_), Self::Rsa { .. } | Self::Point { .. } | Self::Ed25519(_)) => {
                Err(BadKey::PublicForHmac)
            }
            (Family::Rsa, Self::Rsa { n, e }) => check_rsa(n, e),
            (Family::Ec(wanted), Self::Point { curve, .. }) if wanted != *curve => Err(BadKey::WrongCurve),
            (Family::Hmac(_), Self::Secret(_))
            | (Family::Ec(_), Self::Point { .. })
            | (Family::Ed25519, Self::Ed25519(_)) => Ok(()),
            _ => Err(BadKey::WrongKind),
        }
    }

    /// Checks that a point is on its curve. It costs as much as a signature, so keys are asked once, when they
    /// come; no signature is valid under another point either.
    pub(super) fn check_point(&self) -> Result<(), BadKey> {
        match self {
            Self::Point { curve, bytes } if !signature::is_on_curve(*curve, bytes) => Err(BadKey::NotOnCurve),
            _ => Ok(()),
        }
    }

    /// The canonical JWK of RFC 7638: the members that make the key, in order, without blanks.
    pub(super) fn canonical(&self) -> String {
        match self {
            Self::Secret(secret) => format!(r#"{{"k":"{}","kty":"oct"}}"#, base64url::encode(secret)),
            Self::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url::encode(e), base64url::encode(n))
            }
            Self::Point { curve, bytes } => {
                let (x, y) = bytes[1..].split_at(curve.bytes());
                let (x, y) = (base64url::encode(x), base64url::encode(y));
                format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, curve.word())
            }
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x)),
        }
    }
}

/// The kind alone: a secret must not get into a log by `{:?}`.
impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Rsa { .. } => "Rsa",
            Self::Point { .. } => "Point",
            Self::Ed25519(_) => "Ed25519",
        })
    }
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), BadKey> {
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    match bits {
        0..2048 => Err(BadKey::RsaShort),
        8193.. => Err(BadKey::RsaLong),
        // The library's bounds of the exponent: odd, from 3 to 2^33.
        _ if !odd(n) || !odd(e) || e == [1] || e.len() > 4 => Err(BadKey::RsaNumbers),
        _ => Ok(()),
    }
}
