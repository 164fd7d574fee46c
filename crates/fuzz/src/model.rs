//! A second reading of signed claims, written apart from the first.

use std::collections::BTreeSet;
use std::fmt;

use org_scope_core::token::Verified;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::seeds::{AUDIENCE, ISSUER, LEEWAY, NOW};

/// What a token of this header and these claims says, or why it says nothing.
pub(crate) fn read(header: &str, claims: &str, preset: &str) -> Result<Verified, &'static str> {
    for text in [header, claims] {
        let names: Names = serde_json::from_str(text).map_err(|_| "is no object")?;
        if names.0.len() != names.1 {
            return Err("has a member twice");
        }
    }
    let header: Value = serde_json::from_str(header).map_err(|_| "is no JSON")?;
    let claims: Value = serde_json::from_str(claims).map_err(|_| "is no JSON")?;
    if header["alg"] != "HS256" || !matches!(header.get("kid").map(|kid| kid == "k1"), None | Some(true)) {
        return Err("names another algorithm or key");
    }
    if ["crit", "jwk", "jku", "x5c", "x5u", "zip", "b64", "enc"].iter().any(|name| header.get(name).is_some())
    {
        return Err("has a forbidden header");
    }
    if claims["iss"] != ISSUER {
        return Err("is of another issuer");
    }
    let aud = &claims["aud"];
    let members = aud.as_array().into_iter().flatten();
    if aud != AUDIENCE
        && (!members.clone().any(|one| one == AUDIENCE) || !members.clone().all(Value::is_string))
    {
        return Err("is for another audience");
    }
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) if number.is_f64() => Err("has a time with a fraction"),
        Some(value) => match value.as_i64() {
            Some(seconds) if (0..=253_402_300_799).contains(&seconds) => Ok(Some(seconds)),
            _ => Err("has a time out of range"),
        },
    };
    let exp = time("exp")?.ok_or("never expires")?;
    if exp + LEEWAY <= NOW || time("nbf")?.max(time("iat")?).is_some_and(|begins| begins > NOW + LEEWAY) {
        return Err("is not valid now");
    }
    let candidates = match preset {
        "clerk" => vec![&claims["org_id"], &claims["o"]["id"]],
        "supabase" => vec![&claims["app_metadata"]["org_id"]],
        "keycloak" => match &claims["organization"] {
            Value::Array(names) if names.len() == 1 => vec![&names[0]],
            Value::Object(members) if members.len() == 1 => members.values().map(|one| &one["id"]).collect(),
            _ => return Err("is for no or several organizations"),
        },
        _ => vec![&claims["org_id"]],
    };
    let found: BTreeSet<_> =
        candidates.into_iter().filter(|one| !one.is_null()).map(text).collect::<Result<_, _>>()?;
    let [org] = &found.into_iter().collect::<Vec<_>>()[..] else { return Err("names not one organization") };
    let user = Some(&claims["sub"]).filter(|user| !user.is_null()).map(text).transpose()?;
    Ok(Verified { org: org.clone(), user, expires: exp + LEEWAY })
}

fn text(value: &Value) -> Result<String, &'static str> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => return Err("gives no text"),
    };
    let plain = !text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control);
    if plain { Ok(text) } else { Err("gives a text that is none") }
}

/// The names of an object's members, and how many there are.
struct Names(BTreeSet<String>, usize);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Names, A::Error> {
                let mut names = Names(BTreeSet::new(), 0);
                while let Some((name, IgnoredAny)) = members.next_entry::<String, _>()? {
                    names.0.insert(name);
                    names.1 += 1;
                }
                Ok(names)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
