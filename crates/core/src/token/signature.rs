//! The library's signatures, by our words. Nothing is computed here.

use ring::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::Algorithm;
use super::algorithm::Curve;
use super::material::Material;

/// How the library checks an algorithm's signatures.
enum Check {
    Hmac(hmac::Algorithm),
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

fn check(algorithm: Algorithm) -> Check {
    match algorithm {
        Algorithm::Hs256 => Check::Hmac(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Check::Hmac(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Check::Hmac(hmac::HMAC_SHA512),
        Algorithm::Rs256 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Check::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Check::Rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Check::Rsa(&RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => Check::Curve(&ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => Check::Curve(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDsa => Check::Curve(&ED25519),
    }
}

/// Whether it is the key's signature of the message. HMACs are compared in constant time by the library.
pub(super) fn is_valid(algorithm: Algorithm, material: &Material, message: &[u8], signature: &[u8]) -> bool {
    match (check(algorithm), material) {
        (Check::Hmac(algorithm), Material::Secret(secret)) => {
            hmac::verify(&hmac::Key::new(algorithm, secret), message, signature).is_ok()
        }
        (Check::Rsa(parameters), Material::Rsa { n, e }) => {
            RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
        }
        (Check::Curve(algorithm), Material::Point { bytes, .. } | Material::Ed25519(bytes)) => {
            UnparsedPublicKey::new(algorithm, bytes).verify(message, signature).is_ok()
        }
        _ => false,
    }
}

/// Whether a point is on its curve: the library says so where a secret is agreed with it.
pub(super) fn is_on_curve(curve: Curve, point: &[u8]) -> bool {
    let algorithm = match curve {
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
    };
    EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).is_ok_and(|own| {
        agreement::agree_ephemeral(own, &agreement::UnparsedPublicKey::new(algorithm, point), |_| ()).is_ok()
    })
}
