//! One key as a JWK, RFC 7517 and RFC 7518.

use super::algorithm::{Algorithm, Curve};
use super::json::{Json, Object};
use super::material::Material;
use super::{BadKey, base64url};

/// Members that only a private key has. `k` is a secret's own.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Whether a JWK has a part of a private key, whatever else it is.
pub(super) fn is_private(members: &Object) -> bool {
    PRIVATE.iter().any(|name| members.contains_key(*name))
}

/// A member that is a text.
pub(super) fn text<'m>(members: &'m Object, name: &str) -> Option<&'m str> {
    match members.get(name) {
        Some(Json::Text(text)) => Some(text),
        _ => None,
    }
}

/// The key that it holds.
pub(super) fn material(members: &Object) -> Result<Material, BadKey> {
    if is_private(members) {
        return Err(BadKey::PrivateJwk);
    }
    let bytes = |name| text(members, name).and_then(base64url::decode).ok_or(BadKey::Jwk);
    match (text(members, "kty"), text(members, "crv")) {
        (Some("oct"), _) => Ok(Material::Secret(bytes("k")?)),
        (Some("RSA"), _) => Ok(Material::Rsa { n: number(bytes("n")?), e: number(bytes("e")?) }),
        (Some("EC"), Some(name)) => {
            let curve = curve(name).ok_or(BadKey::WrongCurve)?;
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != curve.bytes() || y.len() != curve.bytes() {
                return Err(BadKey::NotOnCurve);
            }
            Ok(Material::Point { curve, bytes: [vec![4], x, y].concat() })
        }
        (Some("OKP"), Some("Ed25519")) => {
            let x = bytes("x")?;
            if x.len() == 32 { Ok(Material::Ed25519(x)) } else { Err(BadKey::Jwk) }
        }
        (Some("OKP"), Some(_)) => Err(BadKey::WrongCurve),
        (Some("EC" | "OKP"), None) => Err(BadKey::Jwk),
        (Some(_), _) => Err(BadKey::WrongKind),
        (None, _) => Err(BadKey::Jwk),
    }
}

/// The algorithm that a key without `alg` is for, where its kind leaves no choice.
pub(super) fn only_algorithm(members: &Object) -> Option<Algorithm> {
    match (text(members, "kty")?, text(members, "crv")?) {
        ("EC", "P-256") => Some(Algorithm::Es256),
        ("EC", "P-384") => Some(Algorithm::Es384),
        ("OKP", "Ed25519") => Some(Algorithm::EdDsa),
        _ => None,
    }
}

fn curve(name: &str) -> Option<Curve> {
    [Curve::P256, Curve::P384].into_iter().find(|curve| curve.word() == name)
}

/// Without leading zeros, which RFC 7518 forbids and some issuers write.
pub(super) fn number(bytes: Vec<u8>) -> Vec<u8> {
    match bytes.iter().position(|byte| *byte != 0) {
        Some(0) => bytes,
        Some(first) => bytes[first..].to_vec(),
        None => Vec::new(),
    }
}
