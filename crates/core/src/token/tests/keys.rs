//! Which keys are taken.

use super::forge::{bytes, trust};
use super::vectors::{A1_SECRET, A2, A3, RFC8037};
use crate::Error;
use crate::token::{Algorithm, BadKey, ClaimPaths, SigningKey, Trust, base64url};

const RSA: &str = include_str!("pem/rsa.pem");
const RSA_PKCS1: &str = include_str!("pem/rsa_pkcs1.pem");
const P256: &str = include_str!("pem/p256.pem");
const P384: &str = include_str!("pem/p384.pem");
const ED25519: &str = include_str!("pem/ed25519.pem");

fn read(algorithm: Algorithm, text: &str) -> Result<String, BadKey> {
    SigningKey::new("k1", algorithm, text, trust(None, "standard")).map(|key| key.canonical())
}

#[test]
fn a_key_is_the_same_in_every_form() {
    let rsa = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, A2.n);
    let zero = base64url::encode(&[vec![0], bytes(A2.n)].concat());
    let p256 = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, A3.x, A3.y);
    let ed25519 = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, RFC8037.x);
    let secret = format!(r#"{{"k":"{A1_SECRET}","kty":"oct"}}"#);
    for (algorithm, text, canonical) in [
        (Algorithm::Rs256, RSA, &rsa),
        (Algorithm::Ps512, RSA_PKCS1, &rsa),
        (Algorithm::Rs384, &RSA.replace('\n', "\r\n"), &rsa),
        (Algorithm::Rs384, &format!("\n  {RSA}\n"), &rsa),
        (Algorithm::Rs256, &format!(r#"{{"kty":"RSA","use":"sig","e":"AAEAAQ","n":"{zero}"}}"#), &rsa),
        (Algorithm::Es256, P256, &p256),
        (Algorithm::Es256, &A3.jwk(), &p256),
        (Algorithm::EdDsa, ED25519, &ed25519),
        (Algorithm::EdDsa, &RFC8037.jwk(), &ed25519),
        (Algorithm::Hs256, A1_SECRET, &secret),
        (Algorithm::Hs512, &format!(" {A1_SECRET}\n"), &secret),
    ] {
        assert_eq!(read(algorithm, text).as_deref(), Ok(canonical.as_str()), "{algorithm}");
        let trust = trust(Some("db"), "clerk");
        let stored = SigningKey::stored("k1", algorithm, canonical, trust.clone());
        assert_eq!(stored, SigningKey::new("k1", algorithm, text, trust));
    }
    assert!(read(Algorithm::Es384, P384).is_ok());
}

#[test]
fn other_keys_are_refused() {
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END PRIVATE KEY-----\n";
    let rsa1024 = include_str!("pem/rsa1024.pem");
    let jwk = |members: &str| format!("{{{members}}}");
    let numbers = |n: &[u8], e: &str| format!(r#"{{"kty":"RSA","n":"{}","e":"{e}"}}"#, base64url::encode(n));
    let mut even = bytes(A2.n);
    even[255] -= 1;
    let packed: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    let der = packed.replace('+', "-").replace('/', "_").replace('=', "");
    use Algorithm::{EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Ps256, Rs256};
    for (what, algorithm, text, why) in [
        ("a private key", EdDsa, private.to_owned(), BadKey::PrivatePem),
        ("a private key for HMAC", Hs256, private.into(), BadKey::PrivatePem),
        (
            "an encrypted private key",
            Rs256,
            private.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            BadKey::PrivatePem,
        ),
        ("an RSA private key", Rs256, private.replace("PRIVATE", "RSA PRIVATE"), BadKey::PrivatePem),
        ("a private key behind a public one", Rs256, format!("{RSA}{private}"), BadKey::PrivatePem),
        ("a certificate", Es384, include_str!("pem/cert.pem").into(), BadKey::Certificate),
        ("two keys", Rs256, format!("{RSA}{RSA}"), BadKey::Pem),
        ("a word before", Rs256, format!("key: {RSA}"), BadKey::Pem),
        ("another label at the end", Rs256, RSA.replace("END PUBLIC", "END RSA PUBLIC"), BadKey::Pem),
        ("another kind of block", Rs256, RSA.replace("PUBLIC KEY", "DH PARAMETERS"), BadKey::Pem),
        ("the wrong label", Rs256, RSA.replace("PUBLIC KEY", "RSA PUBLIC KEY"), BadKey::Pem),
        ("half a key", Rs256, RSA.replace("MIIB", ""), BadKey::Pem),
        ("a key and more", Es256, P256.replace("lrQ==", "lrQA"), BadKey::Pem),
        ("no PEM", Rs256, A1_SECRET.into(), BadKey::NotAKey),
        ("nothing", Rs256, String::new(), BadKey::NotAKey),
        ("RSA for HMAC", Hs256, RSA.into(), BadKey::PublicForHmac),
        ("PKCS #1 for HMAC", Hs512, RSA_PKCS1.into(), BadKey::PublicForHmac),
        ("a point for HMAC", Hs256, P256.into(), BadKey::PublicForHmac),
        ("a certificate for HMAC", Hs256, include_str!("pem/cert.pem").into(), BadKey::PublicForHmac),
        ("PEM in base64url for HMAC", Hs256, base64url::encode(RSA.as_bytes()), BadKey::PublicForHmac),
        ("DER in base64url for HMAC", Hs256, der, BadKey::PublicForHmac),
        ("a public JWK for HMAC", Hs256, A3.jwk(), BadKey::PublicForHmac),
        ("a secret for RSA", Rs256, jwk(&format!(r#""kty":"oct","k":"{A1_SECRET}""#)), BadKey::WrongKind),
        ("RSA with 1024 bits", Rs256, rsa1024.into(), BadKey::RsaShort),
        ("RSA with 1024 bits for PSS", Ps256, rsa1024.into(), BadKey::RsaShort),
        (
            "RSA with 2047 bits",
            Rs256,
            numbers(&[&[0x7f][..], &[255; 255]].concat(), "AQAB"),
            BadKey::RsaShort,
        ),
        ("RSA with 8200 bits", Rs256, numbers(&[255; 1025], "AQAB"), BadKey::RsaLong),
        ("RSA without a modulus", Rs256, numbers(&[], "AQAB"), BadKey::RsaShort),
        ("an even modulus", Rs256, numbers(&even, "AQAB"), BadKey::RsaNumbers),
        ("exponent one", Rs256, numbers(&bytes(A2.n), "AQ"), BadKey::RsaNumbers),
        ("an even exponent", Rs256, numbers(&bytes(A2.n), "Ag"), BadKey::RsaNumbers),
        ("exponent zero", Rs256, numbers(&bytes(A2.n), "AA"), BadKey::RsaNumbers),
        ("a huge exponent", Rs256, numbers(&bytes(A2.n), "AQAAAAAB"), BadKey::RsaNumbers),
        ("RSA for ECDSA", Es256, RSA.into(), BadKey::WrongKind),
        ("a point for RSA", Rs256, P256.into(), BadKey::WrongKind),
        ("Ed25519 for ECDSA", Es256, ED25519.into(), BadKey::WrongKind),
        ("a point for Ed25519", EdDsa, P256.into(), BadKey::WrongKind),
        ("X25519 for Ed25519", EdDsa, include_str!("pem/x25519.pem").into(), BadKey::WrongKind),
        ("P-256 for ES384", Es384, P256.into(), BadKey::WrongCurve),
        ("P-384 for ES256", Es256, P384.into(), BadKey::WrongCurve),
        ("P-521", Es384, include_str!("pem/p521.pem").into(), BadKey::WrongCurve),
        ("secp256k1", Es256, include_str!("pem/secp256k1.pem").into(), BadKey::WrongCurve),
        ("no point of the curve", Es256, A3.jwk().replace(A3.x, A3.y), BadKey::NotOnCurve),
        (
            "the point at infinity",
            Es256,
            A3.jwk().replace(A3.x, &"A".repeat(43)).replace(A3.y, &"A".repeat(43)),
            BadKey::NotOnCurve,
        ),
        ("a short coordinate", Es256, A3.jwk().replace(A3.x, &A3.x[..40]), BadKey::NotOnCurve),
        ("a private JWK", Es256, A3.jwk().replace("{", &format!(r#"{{"d":"{}","#, A3.d)), BadKey::PrivateJwk),
        ("a private part of null", EdDsa, RFC8037.jwk().replace('{', r#"{"d":null,"#), BadKey::PrivateJwk),
        ("a JWK with a member twice", EdDsa, RFC8037.jwk().replace('{', r#"{"kty":"OKP","#), BadKey::Jwk),
        ("a JWK without a kind", EdDsa, jwk(r#""x":"AAAA""#), BadKey::Jwk),
        ("a JWK of an unknown kind", EdDsa, jwk(r#""kty":"AKP""#), BadKey::WrongKind),
        ("Ed448", EdDsa, RFC8037.jwk().replace("Ed25519", "Ed448"), BadKey::WrongCurve),
        ("31 bytes", Hs256, base64url::encode(&[7; 31]), BadKey::SecretShort),
        ("47 bytes", Hs384, base64url::encode(&[7; 47]), BadKey::SecretShort),
        ("63 bytes", Hs512, base64url::encode(&[7; 63]), BadKey::SecretShort),
        ("no secret", Hs256, String::new(), BadKey::SecretShort),
        ("padding", Hs256, format!("{A1_SECRET}=="), BadKey::SecretEncoding),
        ("the other alphabet", Hs256, A1_SECRET.replace('-', "+"), BadKey::SecretEncoding),
        ("plain text", Hs256, "a secret that is a sentence with blanks".into(), BadKey::SecretEncoding),
    ] {
        assert_eq!(read(algorithm, &text), Err(why), "{what}");
        let report = Error::BadSigningKey(why).report();
        assert!(report.message.starts_with(|c: char| c.is_lowercase() || c == '"'), "{report:?}");
        assert_eq!((report.sqlstate, report.message.ends_with('.')), ("22023", false));
    }
    for least in [(Hs256, 32), (Hs384, 48), (Hs512, 64)] {
        assert!(read(least.0, &base64url::encode(&vec![7; least.1])).is_ok());
    }
}

#[test]
fn what_a_key_is_registered_with_is_checked() {
    let paths = || ClaimPaths::parse("standard").expect("paths");
    for bad in ["", "a\0", "a\n", &"i".repeat(1025)] {
        assert_eq!(Trust::new(bad, None, paths(), 0), Err(BadKey::Issuer));
        assert_eq!(Trust::new("i", Some(bad), paths(), 0), Err(BadKey::Audience));
        let key = SigningKey::new(bad, Algorithm::Hs256, A1_SECRET, trust(None, "standard"));
        assert_eq!(key, Err(BadKey::Kid));
    }
    for leeway in [-1, 3601, i64::MAX, i64::MIN] {
        assert_eq!(Trust::new("i", None, paths(), leeway), Err(BadKey::Leeway));
    }
    assert!(Trust::new("i", None, paths(), 3600).is_ok());
}
