//! The algorithms of signatures, by the words of RFC 7518 and RFC 8037.

use std::fmt;

use super::{BadKey, Refused};

/// How a token is signed. There is no `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The kind of key that an algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// A shared secret, at least so many bytes long.
    Hmac(usize),
    /// An RSA public key.
    Rsa,
    /// A point on this curve.
    Ec(Curve),
    /// An Ed25519 public key.
    Ed25519,
}

/// The curves of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// The name in a JWK.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// The length of one coordinate.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Reads the word that a key is registered with.
    ///
    /// # Errors
    /// [`BadKey::NoneAlgorithm`], [`BadKey::UnknownAlgorithm`]
    pub fn parse(word: &str) -> Result<Self, BadKey> {
        match Self::of_word(word) {
            Some(algorithm) => Ok(algorithm),
            None if word.eq_ignore_ascii_case("none") => Err(BadKey::NoneAlgorithm),
            None => Err(BadKey::UnknownAlgorithm),
        }
    }

    /// Reads a header's `alg`, whose spelling is exact.
    pub(super) fn of_header(word: &str) -> Result<Self, Refused> {
        match Self::of_word(word) {
            Some(algorithm) => Ok(algorithm),
            None if word.trim().eq_ignore_ascii_case("none") => Err(Refused::AlgNone),
            None => Err(Refused::AlgUnknown),
        }
    }

    /// The algorithm of a word, if it is one.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.word() == word)
    }

    /// The word of JWA.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// What its key must be.
    pub(super) fn family(self) -> Family {
        match self {
            Self::Hs256 => Family::Hmac(32),
            Self::Hs384 => Family::Hmac(48),
            Self::Hs512 => Family::Hmac(64),
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::Ec(Curve::P256),
            Self::Es384 => Family::Ec(Curve::P384),
            Self::EdDsa => Family::Ed25519,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_exact_and_none_is_none_of_them() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.word()), Ok(algorithm));
            assert_eq!(
                Algorithm::of_header(&algorithm.word().to_uppercase()).is_ok(),
                algorithm.word() != "EdDSA"
            );
            assert_eq!(Algorithm::of_header(&algorithm.word().to_lowercase()), Err(Refused::AlgUnknown));
        }
        for word in ["none", "None", "NONE", "nOnE"] {
            assert_eq!(Algorithm::parse(word), Err(BadKey::NoneAlgorithm));
            assert_eq!(Algorithm::of_header(word), Err(Refused::AlgNone));
        }
        for word in ["", "HS256 ", "ES512", "ES256K", "RSA-OAEP", "dir", "HS1", "ＨＳ256"] {
            assert_eq!(Algorithm::parse(word), Err(BadKey::UnknownAlgorithm), "{word}");
        }
    }
}
