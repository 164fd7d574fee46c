//! Why a token is refused: a reason for each, and never a word of the token itself.

use super::{MAX_DEPTH, MAX_TOKEN_BYTES, Time};
use crate::org::MAX_CONTEXT_BYTES;

/// Which part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Claims,
}

/// Which value a claim gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// The organization.
    Org,
    /// The user.
    User,
}

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum Refused {
    /// Nothing was given.
    Empty,
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// A character that no token has: a blank, a line end, `=`, a byte order mark, "Bearer ".
    ForeignCharacter,
    /// A JWE, which is encrypted and not signed.
    Encrypted,
    /// Not three parts.
    NotThreeParts,
    /// Base64url with bits that say nothing and aren't zero, or of an impossible length.
    Base64,
    /// A part is no UTF-8.
    NotUtf8(Part),
    /// A part is no JSON.
    NotJson(Part),
    /// A part is JSON, but no object.
    NotObject(Part),
    /// A part has a member twice.
    Duplicate(Part),
    /// A part is nested deeper than [`MAX_DEPTH`].
    TooDeep(Part),
    /// Algorithm `none`, in any spelling.
    AlgNone,
    /// An algorithm that isn't known.
    AlgUnknown,
    /// No algorithm.
    AlgMissing,
    /// An algorithm that is no text.
    AlgNotText,
    /// Another type than a JWT's.
    Typ,
    /// A `kid` that can't name a key.
    Kid,
    /// The header brings a key.
    HeaderJwk,
    /// The header points to keys.
    HeaderJku,
    /// The header brings a certificate.
    HeaderX5c,
    /// The header points to a certificate.
    HeaderX5u,
    /// The header demands extensions.
    HeaderCrit,
    /// The header changes what is signed.
    HeaderB64,
    /// The claims are compressed.
    HeaderZip,
    /// No issuer.
    IssMissing,
    /// An issuer that can't be one.
    IssNotText,
    /// No signature.
    SignatureMissing,
    /// Signed by another algorithm than the key's.
    AlgMismatch,
    /// Signed by another key, by the token's own words.
    KidMismatch,
    /// The signature isn't the key's.
    Signature,
    /// Another issuer than the key's.
    Issuer,
    /// No audience, where the key has one.
    AudMissing,
    /// An audience that is neither a text nor an array of texts.
    AudNotText,
    /// For others.
    Audience,
    /// For somebody, and the key has no audience.
    AudUnexpected,
    /// A token without an end.
    ExpMissing,
    /// A moment that is a text.
    TimeText(Time),
    /// A moment with a fraction or an exponent.
    TimeFraction(Time),
    /// A moment before 1970.
    TimeNegative(Time),
    /// A moment after the year 9999.
    TimeHuge(Time),
    /// A moment that is no number at all.
    TimeNotNumber(Time),
    /// It has ended.
    Expired,
    /// It hasn't begun.
    NotYet,
    /// It was issued in the future.
    IssuedLater,
    /// It names no organization.
    NoOrg,
    /// It names several organizations or users where exactly one was expected.
    Several(Value),
    /// Alternatives of the claim paths give different values.
    Contradiction(Value),
    /// A value that is neither a text nor a whole number.
    ValueType(Value),
    /// An empty value.
    ValueEmpty(Value),
    /// A value with control characters.
    ValueControl(Value),
    /// A value longer than [`MAX_CONTEXT_BYTES`].
    ValueTooLong(Value),
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Claims => "claims",
        }
    }
}

impl Value {
    fn name(self) -> &'static str {
        match self {
            Self::Org => "organization",
            Self::User => "user",
        }
    }
}

impl Refused {
    /// What the client reads; lower case, no full stop.
    pub fn message(self) -> String {
        let because = match self {
            Self::Expired => return "the token has expired".into(),
            Self::NoOrg => return "the token names no organization".into(),
            Self::Several(value) => return format!("the token names several {}s", value.name()),
            other => other.because(),
        };
        format!("token refused: {because}")
    }

    fn because(self) -> String {
        match self {
            Self::Empty => "it is empty".into(),
            Self::TooLong => format!("it is longer than {MAX_TOKEN_BYTES} bytes"),
            Self::ForeignCharacter => "it has a character that no token has".into(),
            Self::Encrypted => "it is encrypted (JWE), not signed".into(),
            Self::NotThreeParts => "it has not three parts".into(),
            Self::Base64 => "a part is not strict base64url".into(),
            Self::NotUtf8(part) => format!("its {} not UTF-8", part.is()),
            Self::NotJson(part) => format!("its {} not JSON", part.is()),
            Self::NotObject(part) => format!("its {} not a JSON object", part.is()),
            Self::Duplicate(part) => format!("its {} one member twice", part.has()),
            Self::TooDeep(part) => format!("its {} nested deeper than {MAX_DEPTH} levels", part.is()),
            Self::AlgNone => "it is not signed (alg \"none\")".into(),
            Self::AlgUnknown => "its algorithm is unknown".into(),
            Self::AlgMissing => "its header names no algorithm".into(),
            Self::AlgNotText => "its algorithm is not a string".into(),
            Self::Typ => "its header's typ is not a JWT's".into(),
            Self::Kid => "its header's kid can't name a key".into(),
            Self::HeaderJwk => "its header brings a key of its own (jwk)".into(),
            Self::HeaderJku => "its header points to keys of its own (jku)".into(),
            Self::HeaderX5c => "its header brings a certificate of its own (x5c)".into(),
            Self::HeaderX5u => "its header points to a certificate of its own (x5u)".into(),
            Self::HeaderCrit => "its header demands extensions (crit)".into(),
            Self::HeaderB64 => "its header changes what is signed (b64)".into(),
            Self::HeaderZip => "its claims are compressed (zip)".into(),
            Self::IssMissing => "it names no issuer".into(),
            Self::IssNotText => "its issuer is not a string that can name one".into(),
            Self::SignatureMissing => "it has no signature".into(),
            Self::AlgMismatch => "its algorithm is not the one that its key is registered with".into(),
            Self::KidMismatch => "its kid is another than its key's".into(),
            Self::Signature => "its signature is not valid".into(),
            Self::Issuer => "its issuer is another than its key's".into(),
            Self::AudMissing => "it names no audience".into(),
            Self::AudNotText => "its audience is neither a string nor an array of strings".into(),
            Self::Audience => "it is for another audience".into(),
            Self::AudUnexpected => "it is for an audience, and its key is registered without one".into(),
            Self::ExpMissing => "it never expires (no exp)".into(),
            Self::TimeText(time) => format!("its {} is a string, not a number", time.claim()),
            Self::TimeFraction(time) => format!("its {} is not written as an integer", time.claim()),
            Self::TimeNegative(time) => format!("its {} is negative", time.claim()),
            Self::TimeHuge(time) => format!("its {} is after the year 9999", time.claim()),
            Self::TimeNotNumber(time) => format!("its {} is not a number", time.claim()),
            Self::NotYet => "it is not valid yet (nbf)".into(),
            Self::IssuedLater => "it was issued in the future (iat)".into(),
            Self::Contradiction(value) => {
                format!("its claims contradict each other about the {}", value.name())
            }
            Self::ValueType(value) => format!("its {} is neither a string nor an integer", value.name()),
            Self::ValueEmpty(value) => format!("its {} is empty", value.name()),
            Self::ValueControl(value) => format!("its {} has control characters", value.name()),
            Self::ValueTooLong(value) => {
                format!("its {} is longer than {MAX_CONTEXT_BYTES} bytes", value.name())
            }
            Self::Expired | Self::NoOrg | Self::Several(_) => self.message(),
        }
    }

    /// Whole sentences, where more helps.
    pub fn detail(self) -> Option<&'static str> {
        match self {
            Self::NoOrg => Some("The claims that its issuer's keys are registered with are not in it."),
            Self::AudUnexpected => {
                Some("A token that was made for another service must not open this database.")
            }
            Self::Several(Value::Org) => {
                Some("A context is one organization's, so a token must be for exactly one.")
            }
            _ => None,
        }
    }

    /// What helps.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::ForeignCharacter => {
                Some("Pass the token itself, without \"Bearer\", quotes, blanks and line ends.")
            }
            Self::AudUnexpected | Self::Audience | Self::AudMissing => {
                Some("Register the issuer's keys with audience => '...'.")
            }
            Self::NoOrg => Some(
                "Ask the issuer for a token for an organization, or register its keys with claims => '...'.",
            ),
            Self::Several(_) => Some("Ask the issuer for a token for one of them."),
            Self::Expired => Some("Ask the issuer for a new token."),
            _ => None,
        }
    }
}

impl Part {
    fn is(self) -> String {
        format!("{} {}", self.name(), if self == Self::Header { "is" } else { "are" })
    }

    fn has(self) -> String {
        format!("{} {}", self.name(), if self == Self::Header { "has" } else { "have" })
    }
}
