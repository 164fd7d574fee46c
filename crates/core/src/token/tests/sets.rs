//! JWK Sets of providers.

use super::forge::trust;
use super::vectors::{A1_SECRET, A2, A3, RFC8037};
use crate::token::{Algorithm, BadKey, Imported, import_jwks};

/// A member with this name and these members besides.
fn member(kid: &str, jwk: &str, more: &str) -> String {
    jwk.replacen('{', &format!(r#"{{"kid":"{kid}",{more}"#), 1)
}

fn rsa() -> String {
    format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, A2.n)
}

fn import(members: &[String]) -> Result<Imported, BadKey> {
    import_document(&format!(r#"{{"keys":[{}]}}"#, members.join(",")))
}

fn import_document(document: &str) -> Result<Imported, BadKey> {
    import_jwks(document, &trust(Some("db"), "clerk"), Algorithm::Rs256, false)
}

#[test]
fn signing_keys_are_taken_and_the_others_noted() {
    let members = [
        member("rsa", &rsa(), r#""use":"sig","x5c":["MIIB"],"x5t":"AA","#),
        member("pss", &rsa(), r#""alg":"PS256","key_ops":["verify"],"#),
        member("p256", &A3.jwk(), ""),
        member("ed", &RFC8037.jwk(), r#""alg":"EdDSA","use":"sig","#),
        member("enc", &rsa(), r#""use":"enc","alg":"RSA-OAEP","#),
        member("enc", &rsa(), r#""use":"enc","#),
        member("ops", &rsa(), r#""key_ops":["encrypt"],"#),
        member("es512", &A3.jwk(), r#""alg":"ES512","#),
        member("confused", &rsa(), r#""alg":"ES256","#),
        member("hmac", &rsa(), r#""alg":"HS256","#),
        member("p521", &A3.jwk().replace("P-256", "P-521"), ""),
        rsa(),
        member("off", &A3.jwk().replace(A3.x, A3.y), ""),
        member("\\u0000", &rsa(), ""),
        member("alg", &rsa(), r#""alg":7,"#),
    ];
    let imported = import(&members).expect("a set");
    let keys: Vec<_> = imported.keys.iter().map(|key| (key.kid(), key.algorithm())).collect();
    assert_eq!(
        keys,
        [
            ("rsa", Algorithm::Rs256),
            ("pss", Algorithm::Ps256),
            ("p256", Algorithm::Es256),
            ("ed", Algorithm::EdDsa)
        ]
    );
    assert!(imported.keys.iter().all(|key| *key.trust() == trust(Some("db"), "clerk")));
    let notes: Vec<_> =
        imported.notes.iter().map(|note| (note.number, note.kid.as_deref(), note.why.as_str())).collect();
    assert_eq!(
        notes,
        [
            (5, Some("enc"), "it is for another use than signing"),
            (6, Some("enc"), "it is for another use than signing"),
            (7, Some("ops"), "its key_ops don't let it verify"),
            (8, Some("es512"), "its algorithm is not one that is taken"),
            (9, Some("confused"), "the key is of another kind than the algorithm's"),
            (10, Some("hmac"), "a public key can't be the secret of an HMAC"),
            (11, Some("p521"), "its kind of key is not one that is taken"),
            (12, None, "it has no kid"),
            (13, Some("off"), "the key is no point of its curve"),
            (14, None, "the kid must have 1 to 1024 bytes and no control characters"),
            (15, Some("alg"), "its algorithm is not a string"),
        ]
    );
    let named = import_jwks(
        &format!(r#"{{"keys":[{}]}}"#, members[0]),
        &trust(None, "standard"),
        Algorithm::Ps384,
        false,
    );
    assert_eq!(named.expect("a set").keys[0].algorithm(), Algorithm::Ps384);
}

#[test]
fn sets_that_nobody_may_publish_are_refused() {
    let good = member("a", &rsa(), "");
    let secret = format!(r#"{{"kty":"oct","kid":"s","alg":"HS256","k":"{A1_SECRET}"}}"#);
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let leaked = member("b", &rsa(), &format!(r#""use":"enc","{private}":"AQ","#));
        assert_eq!(import(&[good.clone(), leaked]), Err(BadKey::PrivateJwk), "{private}");
    }
    assert_eq!(import(&[good.clone(), secret.clone()]), Err(BadKey::SecretInSet));
    assert_eq!(import(&[good.clone(), member("b", &rsa(), r#""k":"AA","#)]), Err(BadKey::SecretInSet));
    let document = format!(r#"{{"keys":[{secret}]}}"#);
    let asked = import_jwks(&document, &trust(None, "standard"), Algorithm::Rs256, true).expect("a set");
    assert_eq!((asked.keys.len(), asked.keys[0].algorithm()), (1, Algorithm::Hs256));
    let short = document.replace(A1_SECRET, "AAAA");
    assert_eq!(
        import_jwks(&short, &trust(None, "standard"), Algorithm::Rs256, true),
        Err(BadKey::NothingInSet)
    );

    assert_eq!(import(&[good.clone(), member("a", &A3.jwk(), "")]), Err(BadKey::KidTwice));
    let other_use = member("a", &A3.jwk(), r#""use":"enc","#);
    assert_eq!(import(&[good.clone(), other_use]).map(|set| set.keys.len()), Ok(1));
    assert_eq!(import(&[]), Err(BadKey::NothingInSet));
    for document in [
        "",
        "[]",
        "{}",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[7]}"#,
        r#"{"keys":[],"keys":[]}"#,
        &good,
        "\u{feff}{\"keys\":[]}",
        r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
    ] {
        assert_eq!(import_document(document), Err(BadKey::NotASet), "{document:.40}");
    }
    let many: Vec<_> = (0..101).map(|i| member(&i.to_string(), &RFC8037.jwk(), "")).collect();
    assert_eq!(import(&many), Err(BadKey::SetTooLarge));
    assert_eq!(import(&many[1..]).map(|set| set.keys.len()), Ok(100));
    assert_eq!(import_document(&" ".repeat(1024 * 1024 + 1)), Err(BadKey::SetTooLarge));
    let rsa = import_jwks(&document, &trust(None, "standard"), Algorithm::Hs256, true);
    assert_eq!(rsa, Err(BadKey::NotRsa));
}
