//! A provider's JWK Set, taken as it is published: its signing keys, and a note for each key that is none.

use std::collections::BTreeSet;

use super::algorithm::{Algorithm, Family};
use super::header::is_name;
use super::json::{self, Json, Object};
use super::material::Material;
use super::{BadKey, SigningKey, Trust, jwk};

/// The longest document.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// The most keys.
pub(super) const MAX_KEYS: usize = 100;

/// What a set gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its signing keys.
    pub keys: Vec<SigningKey>,
    /// The others.
    pub notes: Vec<Note>,
}

/// A key that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The how manieth it is, from 1.
    pub number: usize,
    /// Its name, where it has one that can be shown.
    pub kid: Option<String>,
    /// Why it is left out.
    pub why: String,
}

/// Takes the signing keys of a set. RSA keys that name no algorithm get `rsa`; shared secrets are taken only
/// where they are asked for, since no published document has any.
///
/// # Errors
/// What is wrong with the set. A private key or, unasked, a secret in it is: whoever published that has lost it.
pub fn import_jwks(
    document: &str,
    trust: &Trust,
    rsa: Algorithm,
    take_secrets: bool,
) -> Result<Imported, BadKey> {
    if rsa.family() != Family::Rsa {
        return Err(BadKey::NotRsa);
    }
    if document.len() > MAX_BYTES {
        return Err(BadKey::SetTooLarge);
    }
    let set = json::object(document).map_err(|_| BadKey::NotASet)?;
    let Some(Json::Array(members)) = set.get("keys") else { return Err(BadKey::NotASet) };
    if members.len() > MAX_KEYS {
        return Err(BadKey::SetTooLarge);
    }
    let mut imported = Imported { keys: Vec::new(), notes: Vec::new() };
    let mut kids = BTreeSet::new();
    for (i, member) in members.iter().enumerate() {
        let Json::Object(member) = member else { return Err(BadKey::NotASet) };
        if jwk::is_private(member) {
            return Err(BadKey::PrivateJwk);
        }
        if !take_secrets && (member.contains_key("k") || jwk::text(member, "kty") == Some("oct")) {
            return Err(BadKey::SecretInSet);
        }
        match signing_key(member, trust, rsa) {
            Ok(key) if kids.insert(key.kid().to_owned()) => imported.keys.push(key),
            Ok(_) => return Err(BadKey::KidTwice),
            Err(why) => {
                let kid = jwk::text(member, "kid").filter(|kid| is_name(kid)).map(str::to_owned);
                imported.notes.push(Note { number: i + 1, kid, why });
            }
        }
    }
    if imported.keys.is_empty() { Err(BadKey::NothingInSet) } else { Ok(imported) }
}

/// The key of one member, or why it is none.
fn signing_key(member: &Object, trust: &Trust, rsa: Algorithm) -> Result<SigningKey, String> {
    match member.get("use") {
        None => {}
        Some(Json::Text(word)) if word == "sig" => {}
        Some(_) => return Err("it is for another use than signing".into()),
    }
    match member.get("key_ops") {
        None => {}
        Some(Json::Array(operations)) if operations.contains(&Json::Text("verify".into())) => {}
        Some(_) => return Err("its key_ops don't let it verify".into()),
    }
    let kid = jwk::text(member, "kid").ok_or("it has no kid")?;
    let algorithm = match member.get("alg") {
        Some(Json::Text(word)) => Algorithm::of_word(word).ok_or("its algorithm is not one that is taken")?,
        Some(_) => return Err("its algorithm is not a string".into()),
        None if jwk::text(member, "kty") == Some("RSA") => rsa,
        None => jwk::only_algorithm(member).ok_or("its kind of key is not one that is taken")?,
    };
    let key = jwk::material(member).and_then(|material: Material| {
        material.check(algorithm)?;
        material.check_point()?;
        SigningKey::of(kid, algorithm, material, trust.clone())
    });
    key.map_err(BadKey::message)
}
