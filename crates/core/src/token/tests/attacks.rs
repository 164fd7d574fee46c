//! Known attacks on verifiers of JWTs, by name, each with the reason for which it is refused.

use super::forge::{CLAIMS, ISSUER, NOW, Signer, judge, trust};
use crate::token::{
    Algorithm, ClaimPaths, MAX_TOKEN_BYTES, Part, Presented, Refused, SigningKey, Time, Trust, base64url,
};

fn refused(attack: &str, token: &str, key: &SigningKey, why: Refused) {
    assert_eq!(judge(token, key), Err(why), "{attack}");
}

fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()))
}

#[test]
fn algorithm_none_in_any_spelling() {
    let key = Signer::new(Algorithm::Rs256).key();
    for none in ["none", "None", "NONE", "nOnE", "noNe", " none", "none "] {
        let header = format!(r#"{{"alg":"{none}"}}"#);
        for signature in ["", "AAAA"] {
            let token = format!("{}.{signature}", unsigned(&header, CLAIMS));
            refused(none, &token, &key, Refused::AlgNone);
        }
    }
    for (attack, header, why) in [
        ("no alg", r#"{"typ":"JWT"}"#, Refused::AlgMissing),
        ("alg null", r#"{"alg":null}"#, Refused::AlgNotText),
        ("alg false", r#"{"alg":false}"#, Refused::AlgNotText),
        ("alg in an array", r#"{"alg":["RS256","none"]}"#, Refused::AlgNotText),
        ("alg empty", r#"{"alg":""}"#, Refused::AlgUnknown),
        ("alg in small letters", r#"{"alg":"rs256"}"#, Refused::AlgUnknown),
        ("alg with NUL", r#"{"alg":"none\u0000"}"#, Refused::AlgUnknown),
        ("Alg", r#"{"Alg":"RS256"}"#, Refused::AlgMissing),
        ("another curve", r#"{"alg":"ES256K"}"#, Refused::AlgUnknown),
        ("a JWE's", r#"{"alg":"dir"}"#, Refused::AlgUnknown),
        ("alg twice", r#"{"alg":"RS256","alg":"none"}"#, Refused::Duplicate(Part::Header)),
        ("alg twice, escaped", r#"{"alg":"RS256","\u0061lg":"none"}"#, Refused::Duplicate(Part::Header)),
    ] {
        refused(attack, &format!("{}.AAAA", unsigned(header, CLAIMS)), &key, why);
    }
}

#[test]
fn algorithm_confusion() {
    let rsa = Signer::new(Algorithm::Rs256);
    let ecdsa = Signer::new(Algorithm::Es256);
    let ed25519 = Signer::new(Algorithm::EdDsa);
    // The public key, which everybody knows, as secret: as PEM in each common form, and as the numbers.
    let pem = include_str!("pem/rsa.pem");
    for secret in [pem, pem.trim_end(), &pem.replace('\n', "\r\n"), include_str!("pem/rsa_pkcs1.pem")] {
        let token = Signer::with_secret(secret.as_bytes()).token(CLAIMS);
        refused("RS256 to HS256", &token, &rsa.key(), Refused::AlgMismatch);
    }
    let token = Signer::with_secret(ecdsa.key().canonical().as_bytes()).token(CLAIMS);
    refused("ES256 to HS256", &token, &ecdsa.key(), Refused::AlgMismatch);
    refused(
        "HS256 to ES256",
        &ecdsa.token(CLAIMS),
        &Signer::new(Algorithm::Hs256).key(),
        Refused::AlgMismatch,
    );
    refused("RS256 to RS512", &Signer::new(Algorithm::Rs512).token(CLAIMS), &rsa.key(), Refused::AlgMismatch);
    refused("EdDSA to ES256", &ed25519.token(CLAIMS), &ecdsa.key(), Refused::AlgMismatch);
    // The header says what the key wants, and the signature is of another kind.
    refused(
        "HMAC as RS256",
        &Signer::with_secret(pem.as_bytes()).sign(rsa.header(), CLAIMS),
        &rsa.key(),
        Refused::Signature,
    );
    let pss = Signer::new(Algorithm::Ps256);
    refused("PSS as PKCS #1", &pss.sign(rsa.header(), CLAIMS), &rsa.key(), Refused::Signature);
    refused("PKCS #1 as PSS", &rsa.sign(pss.header(), CLAIMS), &pss.key(), Refused::Signature);
    let long = Signer::new(Algorithm::Rs512).sign(rsa.header(), CLAIMS);
    refused("SHA-512 as SHA-256", &long, &rsa.key(), Refused::Signature);
    refused("Ed25519 as ECDSA", &ed25519.sign(ecdsa.header(), CLAIMS), &ecdsa.key(), Refused::Signature);
}

#[test]
fn signatures_that_sign_nothing() {
    let with = |signer: &Signer, signature: &[u8]| {
        format!("{}.{}", unsigned(&signer.header(), CLAIMS), base64url::encode(signature))
    };
    for (algorithm, length) in [(Algorithm::Es256, 64), (Algorithm::Es384, 96)] {
        let signer = Signer::new(algorithm);
        let key = signer.key();
        refused("psychic signature", &with(&signer, &vec![0; length]), &key, Refused::Signature);
        let mut ones = vec![0; length];
        ones[length / 2 - 1] = 1;
        ones[length - 1] = 1;
        refused("r and s are one", &with(&signer, &ones), &key, Refused::Signature);
        refused("r and s are too large", &with(&signer, &vec![255; length]), &key, Refused::Signature);
        // The same psychic one in the encoding of X.509.
        refused("psychic, ASN.1", &with(&signer, &[0x30, 6, 2, 1, 0, 2, 1, 0]), &key, Refused::Signature);
    }
    for (algorithm, length) in
        [(Algorithm::Hs256, 32), (Algorithm::EdDsa, 64), (Algorithm::Rs256, 256), (Algorithm::Ps256, 256)]
    {
        let signer = Signer::new(algorithm);
        let key = signer.key();
        let whole = signer.signature(unsigned(&signer.header(), CLAIMS).as_bytes());
        refused("zeros", &with(&signer, &vec![0; length]), &key, Refused::Signature);
        refused("ones", &with(&signer, &vec![255; length]), &key, Refused::Signature);
        refused("cut off", &with(&signer, &whole[..length - 1]), &key, Refused::Signature);
        refused("first byte", &with(&signer, &whole[..1]), &key, Refused::Signature);
        refused("a byte more", &with(&signer, &[&whole[..], &[0]].concat()), &key, Refused::Signature);
        refused("a zero before", &with(&signer, &[&[0], &whole[..]].concat()), &key, Refused::Signature);
        refused(
            "stripped",
            &format!("{}.", unsigned(&signer.header(), CLAIMS)),
            &key,
            Refused::SignatureMissing,
        );
        refused("stripped with its dot", &unsigned(&signer.header(), CLAIMS), &key, Refused::NotThreeParts);
    }
    // A signature of another token, and a token under another key.
    let signer = Signer::new(Algorithm::Hs256);
    let (mine, foreign) = (signer.token(CLAIMS), signer.token(&CLAIMS.replace("org_a", "org_b")));
    let (claims, signature) =
        (foreign.rsplit_once('.').expect("dots").0, mine.rsplit_once('.').expect("dots").1);
    refused("claims exchanged", &format!("{claims}.{signature}"), &signer.key(), Refused::Signature);
    let stranger = Signer::with_secret(&[7; 32]);
    refused("a stranger's key", &stranger.token(CLAIMS), &signer.key(), Refused::Signature);
    refused("an empty secret", &Signer::with_secret(b"").token(CLAIMS), &signer.key(), Refused::Signature);
}

#[test]
fn keys_that_a_token_brings_or_points_to() {
    let attacker = Signer::new(Algorithm::Rs256);
    let key = attacker.key();
    let embedded = key.canonical();
    for (member, value, why) in [
        ("jwk", embedded.as_str(), Refused::HeaderJwk),
        ("jwk", "null", Refused::HeaderJwk),
        ("jku", r#""https://evil.example/jwks""#, Refused::HeaderJku),
        ("jku", r#""https://id.example.com@evil.example/jwks""#, Refused::HeaderJku),
        ("x5c", r#"["MIIB"]"#, Refused::HeaderX5c),
        ("x5u", r#""https://evil.example/certificate""#, Refused::HeaderX5u),
        ("crit", r#"["exp"]"#, Refused::HeaderCrit),
        ("crit", "[]", Refused::HeaderCrit),
        ("b64", "false", Refused::HeaderB64),
        ("zip", r#""DEF""#, Refused::HeaderZip),
        ("enc", r#""A256GCM""#, Refused::Encrypted),
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k1","{member}":{value}}}"#);
        // Even where the signature is the registered key's.
        refused(member, &attacker.sign(header, CLAIMS), &key, why);
    }
    for (attack, kid, why) in [
        ("path", r#""../../../../dev/null""#, Refused::KidMismatch),
        ("SQL", r#""k1' UNION SELECT 'secret' --""#, Refused::KidMismatch),
        ("command", r#""k1;sleep 9""#, Refused::KidMismatch),
        ("case", r#""K1""#, Refused::KidMismatch),
        ("look-alike", "\"k\u{ff11}\"", Refused::KidMismatch),
        ("blank", r#""k1 ""#, Refused::KidMismatch),
        ("NUL", r#""k1\u0000""#, Refused::Kid),
        ("line end", r#""k1\n""#, Refused::Kid),
        ("empty", r#""""#, Refused::Kid),
        ("number", "1", Refused::Kid),
        ("null", "null", Refused::Kid),
        ("array", r#"["k1"]"#, Refused::Kid),
    ] {
        refused(attack, &attacker.sign(format!(r#"{{"alg":"RS256","kid":{kid}}}"#), CLAIMS), &key, why);
    }
    let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(1025));
    refused("a long kid", &attacker.sign(long, CLAIMS), &key, Refused::Kid);
}

#[test]
fn tokens_that_are_another_kind_of_document() {
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key();
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"] {
        let token = signer.sign(format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#), CLAIMS);
        assert!(judge(&token, &key).is_ok(), "{typ}");
    }
    for typ in [
        r#""logout+jwt""#,
        r#""dpop+jwt""#,
        r#""secevent+jwt""#,
        r#""JOSE""#,
        r#""JWE""#,
        r#""""#,
        "null",
        "7",
        r#""JWT ""#,
        r#""application/application/jwt""#,
        r#"["JWT"]"#,
    ] {
        refused(typ, &signer.sign(format!(r#"{{"alg":"HS256","typ":{typ}}}"#), CLAIMS), &key, Refused::Typ);
    }
    let part = base64url::encode(br#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    refused("JWE", &format!("{part}.AAAA.AAAA.AAAA.AAAA"), &key, Refused::Encrypted);
    refused("JWE with an empty key", &format!("{part}..AAAA.AAAA.AAAA"), &key, Refused::Encrypted);
    refused("the JSON form", r#"{"payload":"","signatures":[]}"#, &key, Refused::ForeignCharacter);
}

#[test]
fn parts_that_are_written_in_another_way() {
    let signer = Signer::new(Algorithm::Hs256);
    let (key, good) = (signer.key(), signer.token(CLAIMS));
    assert!(judge(&good, &key).is_ok());
    for (attack, token, why) in [
        ("empty", String::new(), Refused::Empty),
        ("a dot behind", format!("{good}."), Refused::NotThreeParts),
        ("a dot before", format!(".{good}"), Refused::NotThreeParts),
        ("two dots behind", format!("{good}.."), Refused::Encrypted),
        ("six parts", format!("{good}..."), Refused::NotThreeParts),
        ("only dots", "..".into(), Refused::NotJson(Part::Header)),
        ("many dots", ".".repeat(60_000), Refused::NotThreeParts),
        ("blank behind", format!("{good} "), Refused::ForeignCharacter),
        ("line end behind", format!("{good}\n"), Refused::ForeignCharacter),
        ("line end inside", good.replacen('.', ".\n", 1), Refused::ForeignCharacter),
        ("tab before", format!("\t{good}"), Refused::ForeignCharacter),
        ("byte order mark", format!("\u{feff}{good}"), Refused::ForeignCharacter),
        ("zero-width blank", good.replacen('.', ".\u{200b}", 1), Refused::ForeignCharacter),
        ("NUL behind", format!("{good}\0"), Refused::ForeignCharacter),
        ("Bearer", format!("Bearer {good}"), Refused::ForeignCharacter),
        ("quotes", format!("\"{good}\""), Refused::ForeignCharacter),
        ("padding", format!("{good}="), Refused::ForeignCharacter),
        ("escaped dot", good.replacen('.', "%2E", 1), Refused::ForeignCharacter),
        ("full-width dot", good.replacen('.', "\u{ff0e}", 1), Refused::ForeignCharacter),
        ("the other alphabet", good.replacen('.', ".+/", 1), Refused::ForeignCharacter),
        ("one letter too many", format!("{good}AA"), Refused::Base64),
        ("64 KiB and one", "A".repeat(MAX_TOKEN_BYTES + 1), Refused::TooLong),
    ] {
        refused(attack, &token, &key, why);
    }
    // A hash of 32 bytes leaves two bits of the last letter unused: three more spellings of the same bytes.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(&good[good.len() - 1..]).expect("a letter");
    for bits in 1..4 {
        let other = format!("{}{}", &good[..good.len() - 1], &alphabet[last + bits..=last + bits]);
        refused("padding bits of the signature", &other, &key, Refused::Base64);
    }
    let header = base64url::encode(signer.header().as_bytes());
    assert_ne!(signer.header().len() % 3, 0, "a header that leaves bits unused");
    let last = alphabet.find(&header[header.len() - 1..]).expect("a letter");
    let other = format!("{}{}", &header[..header.len() - 1], &alphabet[last + 1..=last + 1]);
    refused("padding bits of the header", &good.replacen(&header, &other, 1), &key, Refused::Base64);
}

#[test]
fn json_with_two_readings() {
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key();
    let more = |members: &str| CLAIMS.replacen('{', &format!("{{{members},"), 1);
    let bomb =
        |open: &str, close: &str, n: usize| more(&format!("\"x\":{}0{}", open.repeat(n), close.repeat(n)));
    let claims = Part::Claims;
    for (attack, text, why) in [
        ("org twice", more(r#""org_id":"org_b""#), Refused::Duplicate(claims)),
        ("org twice, escaped", more(r#""org\u005fid":"org_b""#), Refused::Duplicate(claims)),
        ("exp twice", more(r#""exp":99999999999"#), Refused::Duplicate(claims)),
        ("twice deep inside", more(r#""x":[{"y":{"z":1,"z":1}}]"#), Refused::Duplicate(claims)),
        ("arrays in arrays", bomb("[", "]", 16), Refused::TooDeep(claims)),
        ("a thousand arrays", bomb("[", "]", 1000), Refused::TooDeep(claims)),
        ("twenty thousand arrays", bomb("[", "]", 20_000), Refused::TooDeep(claims)),
        ("objects in objects", bomb("{\"a\":", "}", 5000), Refused::TooDeep(claims)),
        ("claims in an array", format!("[{CLAIMS}]"), Refused::NotObject(claims)),
        ("a string", "\"claims\"".into(), Refused::NotObject(claims)),
        ("null", "null".into(), Refused::NotObject(claims)),
        ("nothing", String::new(), Refused::NotJson(claims)),
        ("two objects", format!("{CLAIMS}{CLAIMS}"), Refused::NotJson(claims)),
        ("rubbish behind", format!("{CLAIMS}x"), Refused::NotJson(claims)),
        ("NUL behind", format!("{CLAIMS}\0"), Refused::NotJson(claims)),
        ("byte order mark", format!("\u{feff}{CLAIMS}"), Refused::NotJson(claims)),
        ("a comment", more("/**/\"x\":1"), Refused::NotJson(claims)),
        ("a lone surrogate", more(r#""x":"\ud800""#), Refused::NotJson(claims)),
        ("a lone surrogate in a name", more(r#""\udfff":1"#), Refused::NotJson(claims)),
        ("surrogates reversed", more(r#""x":"\udc00\ud800""#), Refused::NotJson(claims)),
        ("NaN", more(r#""x":NaN"#), Refused::NotJson(claims)),
    ] {
        refused(attack, &signer.token(&text), &key, why);
    }
    assert!(judge(&signer.token(&bomb("[", "]", 15)), &key).is_ok());
    assert!(judge(&signer.token(&format!(" {CLAIMS}\r\n")), &key).is_ok(), "blanks around JSON are JSON");
    for invalid in [&b"{\"iss\":\"\xff\"}"[..], b"\xc0\xaf", b"{\"iss\":\"\xed\xa0\x80\"}", b"\xfe\xff\0{\0}"]
    {
        refused("UTF-8", &signer.sign(signer.header(), invalid), &key, Refused::NotUtf8(claims));
        refused("UTF-8", &signer.sign(invalid, CLAIMS), &key, Refused::NotUtf8(Part::Header));
    }
    let header = Part::Header;
    for (attack, text, why) in [
        ("header in an array", r#"[{"alg":"HS256"}]"#.to_owned(), Refused::NotObject(header)),
        ("header with two objects", r#"{"alg":"HS256"}{}"#.into(), Refused::NotJson(header)),
        (
            "header too deep",
            format!("{{\"alg\":\"HS256\",\"x\":{}", "[".repeat(900)),
            Refused::TooDeep(header),
        ),
        ("header in UTF-8 with mark", "\u{feff}{\"alg\":\"HS256\"}".into(), Refused::NotJson(header)),
    ] {
        refused(attack, &signer.sign(text, CLAIMS), &key, why);
    }
}

#[test]
fn times_that_are_no_whole_seconds() {
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key();
    let with = |time: &str, value: &str| {
        let rest = if time == "exp" { String::new() } else { ",\"exp\":1800000600".into() };
        signer.token(&format!(r#"{{"iss":"{ISSUER}","org_id":"a","{time}":{value}{rest}}}"#))
    };
    for time in [Time::Exp, Time::Nbf, Time::Iat] {
        for (value, why) in [
            ("\"1800000600\"", Refused::TimeText(time)),
            ("\"\"", Refused::TimeText(time)),
            ("1800000600.0", Refused::TimeFraction(time)),
            ("1800000600.9", Refused::TimeFraction(time)),
            ("18e8", Refused::TimeFraction(time)),
            ("-0", Refused::TimeFraction(time)),
            ("-1", Refused::TimeNegative(time)),
            ("-9223372036854775808", Refused::TimeNegative(time)),
            ("253402300800", Refused::TimeHuge(time)),
            ("9223372036854775807", Refused::TimeHuge(time)),
            ("9223372036854775808", Refused::TimeHuge(time)),
            ("18446744073709551615", Refused::TimeHuge(time)),
            ("18446744073709551616", Refused::TimeHuge(time)),
            ("340282366920938463463374607431768211456", Refused::TimeHuge(time)),
            ("1e300", Refused::TimeHuge(time)),
            ("1e999", Refused::NotJson(Part::Claims)),
            ("Infinity", Refused::NotJson(Part::Claims)),
            ("null", Refused::TimeNotNumber(time)),
            ("true", Refused::TimeNotNumber(time)),
            ("[1800000600]", Refused::TimeNotNumber(time)),
            ("{}", Refused::TimeNotNumber(time)),
        ] {
            refused(value, &with(time.claim(), value), &key, why);
        }
    }
    assert!(judge(&with("exp", "253402300799"), &key).is_ok());
    let missing = signer.token(&format!(r#"{{"iss":"{ISSUER}","org_id":"a"}}"#));
    refused("no exp", &missing, &key, Refused::ExpMissing);
    let shouted = signer.token(&format!(r#"{{"iss":"{ISSUER}","org_id":"a","EXP":1800000600}}"#));
    refused("EXP", &shouted, &key, Refused::ExpMissing);
}

#[test]
fn time_passes_with_the_leeway_and_no_second_longer() {
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key();
    let at = |members: &str, now: i64| {
        let token = signer.token(&format!(r#"{{"iss":"{ISSUER}","org_id":"a",{members}}}"#));
        Presented::parse(&token).expect("well-formed").verify(&key, now).map(|verified| verified.expires)
    };
    let exp = format!("\"exp\":{NOW}");
    assert_eq!(at(&exp, NOW + 29), Ok(NOW + 30));
    assert_eq!(at(&exp, NOW + 30), Err(Refused::Expired));
    assert_eq!(at(&exp, i64::MAX), Err(Refused::Expired));
    assert_eq!(at("\"exp\":0", NOW), Err(Refused::Expired));
    for (claim, why) in [("nbf", Refused::NotYet), ("iat", Refused::IssuedLater)] {
        let members = format!("\"exp\":{},\"{claim}\":{NOW}", NOW + 600);
        assert_eq!(at(&members, NOW - 30), Ok(NOW + 630));
        assert_eq!(at(&members, NOW - 31), Err(why));
        assert_eq!(at(&members, i64::MIN), Err(why));
    }
}

#[test]
fn issuers_that_look_alike_and_audiences_of_others() {
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key();
    for issuer in [
        "https://id.example.com/",
        "HTTPS://id.example.com",
        "https://id.example.com.",
        "https://id.example.com ",
        "https://\u{456}d.example.com",
        "https://id.ex\u{430}mple.com",
        "https://id.example.com\u{200b}",
        "https://\u{ff49}d.example.com",
        "https://id.example.com:443",
        "https://id.example.co",
    ] {
        let token = signer.token(&CLAIMS.replace(ISSUER, issuer));
        refused(issuer, &token, &key, Refused::Issuer);
    }
    for (iss, why) in [
        (format!(r#"["{ISSUER}"]"#), Refused::IssNotText),
        (format!(r#"{{"a":"{ISSUER}"}}"#), Refused::IssNotText),
        ("null".into(), Refused::IssNotText),
        ("7".into(), Refused::IssNotText),
        (r#""""#.into(), Refused::IssNotText),
        (format!(r#""{ISSUER}\u0000""#), Refused::IssNotText),
        (format!(r#""{}""#, "i".repeat(1025)), Refused::IssNotText),
    ] {
        refused(&iss, &signer.token(&CLAIMS.replace(&format!("\"{ISSUER}\""), &iss)), &key, why);
    }
    for name in ["\u{456}ss", "ISS", "iss\u{200b}", "\\u0456ss", "iss "] {
        refused(name, &signer.token(&CLAIMS.replace("iss", name)), &key, Refused::IssMissing);
    }
    let with = |aud: &str| signer.token(&CLAIMS.replacen('{', &format!("{{\"aud\":{aud},"), 1));
    let ours = signer.key_with(&trust(Some("db"), "standard"));
    for good in [r#""db""#, r#"["db"]"#, r#"["web","db"]"#] {
        assert!(judge(&with(good), &ours).is_ok(), "{good}");
        refused(good, &with(good), &key, Refused::AudUnexpected);
    }
    refused("no aud", &signer.token(CLAIMS), &ours, Refused::AudMissing);
    for aud in
        [r#""DB""#, r#""db ""#, r#""""#, r#""web db""#, r#"["web"]"#, "[]", r#"["d","b"]"#, "\"d\u{42c}\""]
    {
        refused(aud, &with(aud), &ours, Refused::Audience);
    }
    for aud in ["7", "null", "true", r#"{"db":1}"#, r#"["db",7]"#, r#"["db",null]"#, r#"[["db"]]"#] {
        refused(aud, &with(aud), &ours, Refused::AudNotText);
        refused(aud, &with(aud), &key, Refused::AudNotText);
    }
}

#[test]
fn a_token_of_the_largest_size_is_judged() {
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key();
    let fill = |n: usize| CLAIMS.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(n)), 1);
    let overhead = signer.token(&fill(0)).len();
    let most = (MAX_TOKEN_BYTES - overhead) / 4 * 3;
    let largest = (most - 4..=most + 4).map(|n| signer.token(&fill(n))).rfind(|t| t.len() <= MAX_TOKEN_BYTES);
    let largest = largest.expect("one that fits");
    assert!(MAX_TOKEN_BYTES - largest.len() < 4);
    assert!(judge(&largest, &key).is_ok());
    refused("a little more", &signer.token(&fill(most + 8)), &key, Refused::TooLong);
}

#[test]
fn no_reason_repeats_what_the_token_says() {
    let paths = ClaimPaths::parse("clerk").expect("paths");
    let trust = Trust::new("https://id.example.com", None, paths, 0).expect("a trust");
    let signer = Signer::new(Algorithm::Hs256);
    let key = signer.key_with(&trust);
    let claims =
        r#"{"iss":"https://id.example.com","org_id":"SECRET-A","o":{"id":"SECRET-B"},"exp":1800000600}"#;
    let token = signer.token(claims);
    let why = judge(&token, &key).expect_err("a contradiction");
    let presented = Presented::parse(&token).expect("well-formed");
    for text in
        [why.message(), format!("{why:?}"), format!("{why}"), format!("{presented:?}"), format!("{key:?}")]
    {
        assert!(!text.contains("SECRET") && !text.contains(&key.canonical()[6..30]), "{text}");
    }
}
