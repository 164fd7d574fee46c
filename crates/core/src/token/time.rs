//! The moments that a token names, in seconds since 1970.

use super::Refused;
use super::json::{Json, Object};

/// The last second of the year 9999: beyond it no timestamp of an application lies, and arithmetic might wrap.
const LAST: i128 = 253_402_300_799;

/// A claim that is a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// When the token ends.
    Exp,
    /// When it begins.
    Nbf,
    /// When it was issued.
    Iat,
}

impl Time {
    /// The claim's name.
    pub fn claim(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Nbf => "nbf",
            Self::Iat => "iat",
        }
    }

    fn read(self, claims: &Object) -> Result<Option<i64>, Refused> {
        match claims.get(self.claim()) {
            None => Ok(None),
            Some(Json::Integer(number)) if *number < 0 => Err(Refused::TimeNegative(self)),
            Some(Json::Integer(number)) if *number > LAST => Err(Refused::TimeHuge(self)),
            Some(Json::Integer(number)) => Ok(i64::try_from(*number).ok()),
            // Without a fraction only because it has more than 64 bits.
            Some(Json::Float(number)) if number.abs() >= 9.2e18 => Err(Refused::TimeHuge(self)),
            Some(Json::Float(_)) => Err(Refused::TimeFraction(self)),
            Some(Json::Text(_)) => Err(Refused::TimeText(self)),
            Some(_) => Err(Refused::TimeNotNumber(self)),
        }
    }
}

/// Checks all of them, and answers when the token ends for this verifier, the leeway included.
pub(super) fn check(claims: &Object, leeway: i64, now: i64) -> Result<i64, Refused> {
    let exp = Time::Exp.read(claims)?.ok_or(Refused::ExpMissing)?;
    let nbf = Time::Nbf.read(claims)?;
    let iat = Time::Iat.read(claims)?;
    let expires = exp + leeway;
    if now >= expires {
        return Err(Refused::Expired);
    }
    let soon = now.saturating_add(leeway);
    if nbf.is_some_and(|nbf| nbf > soon) {
        return Err(Refused::NotYet);
    }
    if iat.is_some_and(|iat| iat > soon) {
        return Err(Refused::IssuedLater);
    }
    Ok(expires)
}
