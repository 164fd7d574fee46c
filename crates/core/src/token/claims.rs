//! What verified claims say: for whom the token is, and the values that it gives.

use super::Refused;
use super::json::{Json, Object};
use super::refused::Value;
use crate::org::MAX_CONTEXT_BYTES;

/// RFC 7519, 4.1.3: who isn't named by `aud` must refuse the token, also who has no name.
pub(super) fn check_audience(claims: &Object, audience: Option<&str>) -> Result<(), Refused> {
    let named: Vec<&str> = match claims.get("aud") {
        None if audience.is_none() => return Ok(()),
        None => return Err(Refused::AudMissing),
        Some(Json::Text(one)) => vec![one],
        Some(Json::Array(several)) => {
            several.iter().map(text).collect::<Option<_>>().ok_or(Refused::AudNotText)?
        }
        Some(_) => return Err(Refused::AudNotText),
    };
    let audience = audience.ok_or(Refused::AudUnexpected)?;
    if named.contains(&audience) { Ok(()) } else { Err(Refused::Audience) }
}

fn text(value: &Json) -> Option<&str> {
    match value {
        Json::Text(text) => Some(text),
        _ => None,
    }
}

/// A claim as a context's value: exactly as it stands, neither trimmed nor folded nor normalised.
pub(super) fn value(claim: &Json, which: Value) -> Result<String, Refused> {
    let text = match claim {
        Json::Text(text) => text.clone(),
        Json::Integer(number) => number.to_string(),
        _ => return Err(Refused::ValueType(which)),
    };
    if text.is_empty() {
        Err(Refused::ValueEmpty(which))
    } else if text.len() > MAX_CONTEXT_BYTES {
        Err(Refused::ValueTooLong(which))
    } else if text.contains(char::is_control) {
        Err(Refused::ValueControl(which))
    } else {
        Ok(text)
    }
}
