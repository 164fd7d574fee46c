//! Why a key, or what it is registered with, is not taken.

use super::{MAX_LEEWAY_SECONDS, jwks};

/// What is wrong with a key. Nothing of the key is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum BadKey {
    /// Algorithm `none` is no signature.
    NoneAlgorithm,
    /// A word that names no algorithm.
    UnknownAlgorithm,
    /// A kid that can't be one.
    Kid,
    /// An issuer that can't be one.
    Issuer,
    /// An audience that can't be one.
    Audience,
    /// A leeway below zero or too large.
    Leeway,
    /// Neither PEM, nor a JWK, nor base64url.
    NotAKey,
    /// A private key in PEM.
    PrivatePem,
    /// A private key in a JWK.
    PrivateJwk,
    /// A certificate.
    Certificate,
    /// PEM that isn't one block of a public key.
    Pem,
    /// A public key as the secret of an HMAC.
    PublicForHmac,
    /// A shared secret as base64url, with the wrong alphabet or padding.
    SecretEncoding,
    /// A shared secret that is shorter than the hash.
    SecretShort,
    /// An RSA key below 2048 bits.
    RsaShort,
    /// An RSA key above 8192 bits.
    RsaLong,
    /// RSA numbers that are no key.
    RsaNumbers,
    /// A key of another kind than the algorithm's.
    WrongKind,
    /// A point of another curve than the algorithm's.
    WrongCurve,
    /// A point that is not on its curve.
    NotOnCurve,
    /// A JWK that lacks what its kind needs.
    Jwk,
    /// Not a JWK Set.
    NotASet,
    /// A JWK Set that is too large.
    SetTooLarge,
    /// A JWK Set that holds a shared secret, which nobody asked for.
    SecretInSet,
    /// Two signing keys of a set have one kid.
    KidTwice,
    /// No key of a set can be used.
    NothingInSet,
    /// The algorithm for RSA keys without one is no RSA algorithm.
    NotRsa,
}

impl BadKey {
    /// What the client reads; lower case, no full stop.
    pub fn message(self) -> String {
        match self {
            Self::NoneAlgorithm => "\"none\" is no signature".into(),
            Self::UnknownAlgorithm => {
                "the algorithm must be HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA".into()
            }
            Self::Kid => "the kid must have 1 to 1024 bytes and no control characters".into(),
            Self::Issuer => "the issuer must have 1 to 1024 bytes and no control characters".into(),
            Self::Audience => "the audience must have 1 to 1024 bytes and no control characters".into(),
            Self::Leeway => format!("the leeway must be between 0 and {MAX_LEEWAY_SECONDS} seconds"),
            Self::NotAKey => "the key is neither PEM nor a JWK".into(),
            Self::PrivatePem | Self::PrivateJwk => "the key is a private key".into(),
            Self::Certificate => "the key is a certificate".into(),
            Self::Pem => "the key is not one well-formed PEM block of a public key".into(),
            Self::PublicForHmac => "a public key can't be the secret of an HMAC".into(),
            Self::SecretEncoding => "the secret is not base64url without padding".into(),
            Self::SecretShort => "the secret is shorter than the algorithm's hash".into(),
            Self::RsaShort => "the RSA key has fewer than 2048 bits".into(),
            Self::RsaLong => "the RSA key has more than 8192 bits".into(),
            Self::RsaNumbers => "the RSA key's numbers are no key".into(),
            Self::WrongKind => "the key is of another kind than the algorithm's".into(),
            Self::WrongCurve => "the key is of another curve than the algorithm's".into(),
            Self::NotOnCurve => "the key is no point of its curve".into(),
            Self::Jwk => "the JWK lacks what its kind of key needs".into(),
            Self::NotASet => "the document is not a JWK Set".into(),
            Self::SetTooLarge => {
                format!("a JWK Set must not have more than {} keys or {} bytes", jwks::MAX_KEYS, jwks::MAX_BYTES)
            }
            Self::SecretInSet => "the JWK Set holds a shared secret".into(),
            Self::KidTwice => "two signing keys of the JWK Set have the same kid".into(),
            Self::NothingInSet => "the JWK Set has no key that could be used".into(),
            Self::NotRsa => "the algorithm for RSA keys must be an RSA algorithm".into(),
        }
    }

    /// Whole sentences, where more helps.
    pub fn detail(self) -> Option<&'static str> {
        match self {
            Self::PrivatePem | Self::PrivateJwk => {
                Some("To check signatures the public key is enough. Who has seen the private one can sign.")
            }
            Self::PublicForHmac => Some("Everybody knows a public key, so everybody could sign."),
            Self::SecretInSet => {
                Some("A document that is published must not have it; who has seen it can sign.")
            }
            _ => None,
        }
    }

    /// What helps.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::PrivatePem => Some("openssl pkey -in key.pem -pubout"),
            Self::PrivateJwk => {
                Some("Replace the key where it is used, and register the public part of the new one.")
            }
            Self::Certificate => Some("openssl x509 -in certificate.pem -pubkey -noout"),
            Self::SecretEncoding => {
                Some("SELECT translate(encode('...'::bytea, 'base64'), E'+/=\\n', '-_');")
            }
            Self::NotAKey => Some("Give the public key with its lines BEGIN PUBLIC KEY and END PUBLIC KEY."),
            _ => None,
        }
    }
}

/// What is wrong with claim paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum BadClaims {
    /// Neither a preset nor paths.
    Unknown,
    /// Paths that can't be read.
    Syntax,
    /// Longer than anybody needs.
    TooLong,
}

impl BadClaims {
    /// What the client reads; lower case, no full stop.
    pub fn message(self) -> &'static str {
        match self {
            Self::Unknown => {
                "claims must be 'standard', 'clerk', 'auth0', 'workos', 'supabase', 'keycloak' or begin with \"org=\""
            }
            Self::Syntax => "the claim paths can't be read",
            Self::TooLong => "the claim paths are too long",
        }
    }

    /// An example.
    pub fn hint(self) -> &'static str {
        r#"Write them as in 'org=app.tenant|org_id user=sub', and other names than plain ones as in 'org="https://example.com/org_id"'."#
    }
}
