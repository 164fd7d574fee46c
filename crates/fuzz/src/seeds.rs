//! What mutants come from: good tokens, claims, key sets, keys and claim paths.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use org_scope_core::token::{Algorithm, ClaimPaths, Presented, SigningKey, Trust, Verified};
use ring::hmac;
use ring::signature::Ed25519KeyPair;

/// When it takes place.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const LEEWAY: i64 = 30;
pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "db";
/// Of RFC 7515, A.1.
const SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
/// RFC 8037, A.
const ED25519: (&str, &str) =
    ("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
/// RFC 7515, A.2 and A.3.
const RSA: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const RFC7515: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RS256: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const ES256: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n";

/// Claims of each kind of issuer: the members, and the claim paths that read them.
const CLAIMS: [(&str, &[(&str, &str)]); 5] = [
    ("standard", &[("org_id", r#""org_a""#), ("sub", r#""user_1""#)]),
    ("clerk", &[("org_id", r#""org_a""#), ("o", r#"{"id":"org_a","rol":"admin"}"#), ("sub", r#""user_1""#)]),
    ("supabase", &[("app_metadata", r#"{"org_id":7}"#), ("sub", r#""user_1""#), ("role", r#""x""#)]),
    ("keycloak", &[("organization", r#"{"acme":{"id":"org_a"}}"#), ("sub", r#""user_1""#)]),
    ("keycloak", &[("organization", r#"["org_a"]"#), ("sub", r#""user_1""#)]),
];

/// A good token and what it says.
pub(crate) struct Good {
    pub(crate) token: String,
    pub(crate) key: SigningKey,
    pub(crate) now: i64,
    pub(crate) says: Verified,
}

/// Claims that are signed after they have been changed.
pub(crate) struct Signed {
    pub(crate) preset: &'static str,
    pub(crate) members: Vec<(String, String)>,
    pub(crate) key: SigningKey,
    pub(crate) says: Verified,
}

/// All of them.
pub(crate) struct Seeds {
    pub(crate) symmetric: Vec<Good>,
    pub(crate) asymmetric: Vec<Good>,
    pub(crate) signed: Vec<Signed>,
    pub(crate) paths: Vec<&'static str>,
    pub(crate) sets: Vec<String>,
    pub(crate) keys: Vec<(Algorithm, String)>,
    pub(crate) trust: Trust,
    secret: hmac::Key,
}

impl Seeds {
    /// The same on every thread.
    pub(crate) fn new() -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &decode(SECRET));
        let mut seeds = Self {
            symmetric: Vec::new(),
            asymmetric: asymmetric(),
            signed: Vec::new(),
            paths: vec![
                "standard",
                "keycloak",
                "org=app.tenant|org_id user=sub",
                r#"org="https://example.com/org_id" user=sub|"a b"."c""d""#,
                "org=o.*.id|o.[] user=sub",
            ],
            sets: sets(),
            keys: vec![
                (Algorithm::Rs256, RSA.into()),
                (Algorithm::Es256, P256.into()),
                (Algorithm::Es256, PEM.into()),
                (Algorithm::EdDsa, ed25519()),
                (Algorithm::Hs256, SECRET.into()),
            ],
            trust: trust(ISSUER, Some(AUDIENCE), "standard", LEEWAY),
            secret,
        };
        for (preset, own) in CLAIMS {
            let mut members: Vec<_> =
                own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            for (name, value) in [
                ("iss", format!("{ISSUER:?}")),
                ("aud", format!("[\"web\",{AUDIENCE:?}]")),
                ("exp", (NOW + 600).to_string()),
                ("nbf", (NOW - 60).to_string()),
                ("iat", (NOW - 60).to_string()),
            ] {
                members.push((name.to_owned(), value));
            }
            let trust = trust(ISSUER, Some(AUDIENCE), preset, LEEWAY);
            let key = key(Algorithm::Hs256, SECRET, trust);
            let token = seeds.sign(HEADER, &crate::mutator::object(&members));
            let says = judge(&token, &key, NOW);
            seeds.signed.push(Signed { preset, members, key: key.clone(), says: says.clone() });
            seeds.symmetric.push(Good { token, key, now: NOW, says });
        }
        seeds
    }

    /// A token of this header and these claims, with a good signature.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = hmac::sign(&self.secret, signed.as_bytes());
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

/// What good tokens begin with.
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#;

fn trust(issuer: &str, audience: Option<&str>, paths: &str, leeway: i64) -> Trust {
    let paths = ClaimPaths::parse(paths).unwrap_or_else(|why| panic!("{why}"));
    Trust::new(issuer, audience, paths, leeway).unwrap_or_else(|why| panic!("{why}"))
}

fn key(algorithm: Algorithm, text: &str, trust: Trust) -> SigningKey {
    SigningKey::new("k1", algorithm, text, trust).unwrap_or_else(|why| panic!("{why}"))
}

fn judge(token: &str, key: &SigningKey, now: i64) -> Verified {
    Presented::parse(token).and_then(|token| token.verify(key, now)).unwrap_or_else(|why| panic!("{why}"))
}

fn ed25519() -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, ED25519.1)
}

fn asymmetric() -> Vec<Good> {
    let pair = Ed25519KeyPair::from_seed_and_public_key(&decode(ED25519.0), &decode(ED25519.1));
    let pair = pair.unwrap_or_else(|why| panic!("{why}"));
    let message = format!("{}.{RFC7515}", encode(br#"{"alg":"EdDSA"}"#));
    let eddsa = encode(pair.sign(message.as_bytes()).as_ref());
    [(Algorithm::Rs256, RSA, RS256), (Algorithm::Es256, P256, ES256), (Algorithm::EdDsa, &ed25519(), &eddsa)]
        .map(|(algorithm, jwk, signature)| {
            let header = encode(format!(r#"{{"alg":"{algorithm}"}}"#).as_bytes());
            let token = format!("{header}.{RFC7515}.{signature}");
            let key = key(algorithm, jwk, trust("joe", None, "org=iss", 0));
            let now = 1_300_000_000;
            let says = judge(&token, &key, now);
            Good { token, key, now, says }
        })
        .into()
}

fn sets() -> Vec<String> {
    let named =
        |kid: &str, jwk: &str, more: &str| jwk.replacen('{', &format!(r#"{{"kid":"{kid}",{more}"#), 1);
    let rsa = named("rsa", RSA, r#""use":"sig","alg":"RS256","#);
    let encryption = named("enc", RSA, r#""use":"enc","#);
    let p256 = named("p256", P256, r#""key_ops":["verify"],"#);
    let ed25519 = named("ed", &ed25519(), "");
    vec![format!(r#"{{"keys":[{rsa},{encryption}]}}"#), format!(r#"{{"keys":[{p256},{ed25519}]}}"#)]
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|why| panic!("{why}"))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
