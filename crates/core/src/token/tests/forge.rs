//! Signs tokens, good and bad ones.

use ring::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use ring::{hmac, rand, rsa};

use super::vectors::{A1_SECRET, A2, A3, RFC8037};
use crate::token::{Algorithm, ClaimPaths, Presented, Refused, SigningKey, Trust, Verified, base64url};

/// When the tests take place.
pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://id.example.com";
/// What a good token says.
pub(super) const CLAIMS: &str =
    r#"{"iss":"https://id.example.com","sub":"user_1","org_id":"org_a","exp":1800000600}"#;

pub(super) fn bytes(text: &str) -> Vec<u8> {
    base64url::decode(text).expect("base64url")
}

/// A private key, and the key that is registered for it.
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    private: Private,
    public: String,
}

enum Private {
    Secret(hmac::Key),
    Rsa(Box<rsa::KeyPair>, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// With the published keys of the RFCs; a fresh one for ES384, which has none there.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            _ => hmac::HMAC_SHA512,
        };
        let (private, public) = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                (Private::Secret(hmac::Key::new(hash, &bytes(A1_SECRET))), A1_SECRET.to_owned())
            }
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&RSA_PSS_SHA512),
            Algorithm::Es256 => {
                let point = [vec![4], bytes(A3.x), bytes(A3.y)].concat();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    &bytes(A3.d),
                    &point,
                    &rand::SystemRandom::new(),
                );
                (Private::Ecdsa(pair.expect("a key")), A3.jwk())
            }
            Algorithm::Es384 => {
                let (kind, random) = (&signature::ECDSA_P384_SHA384_FIXED_SIGNING, rand::SystemRandom::new());
                let document = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
                let pair = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).expect("a key");
                let point = signature::KeyPair::public_key(&pair).as_ref()[1..].to_vec();
                let (x, y) = (base64url::encode(&point[..48]), base64url::encode(&point[48..]));
                (Private::Ecdsa(pair), format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{y}"}}"#))
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes(RFC8037.d), &bytes(RFC8037.x));
                (Private::Ed25519(pair.expect("a key")), RFC8037.jwk())
            }
        };
        Self { algorithm, private, public }
    }

    /// A shared secret of one's own.
    pub(super) fn with_secret(secret: &[u8]) -> Self {
        let private = Private::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Self { algorithm: Algorithm::Hs256, private, public: base64url::encode(secret) }
    }

    pub(super) fn key(&self) -> SigningKey {
        self.key_with(&trust(None, "standard"))
    }

    pub(super) fn key_with(&self, trust: &Trust) -> SigningKey {
        SigningKey::new("k1", self.algorithm, &self.public, trust.clone()).expect("a key")
    }

    pub(super) fn header(&self) -> String {
        format!(r#"{{"alg":"{}","typ":"JWT","kid":"k1"}}"#, self.algorithm)
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &str) -> String {
        self.sign(self.header(), claims)
    }

    /// A token with this header and these claims, whatever they are.
    pub(super) fn sign(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", base64url::encode(header.as_ref()), base64url::encode(claims.as_ref()));
        format!("{signed}.{}", base64url::encode(&self.signature(signed.as_bytes())))
    }

    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = rand::SystemRandom::new();
        match &self.private {
            Private::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
            Private::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).expect("a signature");
                signature
            }
            Private::Ecdsa(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Private::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

fn rsa(encoding: &'static dyn RsaEncoding) -> (Private, String) {
    let components = rsa::KeyPairComponents {
        public_key: rsa::PublicKeyComponents { n: bytes(A2.n), e: bytes("AQAB") },
        d: bytes(A2.d),
        p: bytes(A2.p),
        q: bytes(A2.q),
        dP: bytes(A2.dp),
        dQ: bytes(A2.dq),
        qInv: bytes(A2.qi),
    };
    let pair = rsa::KeyPair::from_components(&components).expect("a key");
    (Private::Rsa(Box::new(pair), encoding), format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, A2.n))
}

pub(super) fn trust(audience: Option<&str>, claims: &str) -> Trust {
    let claims = ClaimPaths::parse(claims).expect("claim paths");
    Trust::new(ISSUER, audience, claims, 30).expect("a trust")
}

/// What becomes of a token.
pub(super) fn judge(token: &str, key: &SigningKey) -> Result<Verified, Refused> {
    Presented::parse(token)?.verify(key, NOW)
}

/// What becomes of claims under a secret, with these claim paths and this audience.
pub(super) fn judge_claims(claims: &str, audience: Option<&str>, paths: &str) -> Result<Verified, Refused> {
    let signer = Signer::new(Algorithm::Hs256);
    judge(&signer.token(claims), &signer.key_with(&trust(audience, paths)))
}
