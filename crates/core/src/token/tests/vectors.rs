//! Keys and signatures that the RFCs publish, and each algorithm's good token.

use super::forge::{CLAIMS, NOW, Signer, bytes, judge};
use crate::token::material::Material;
use crate::token::{Algorithm, ClaimPaths, Presented, Refused, SigningKey, Trust, Verified, signature};

/// RFC 7515, A.1.
pub(super) const A1_SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

pub(super) struct RsaPair {
    pub(super) n: &'static str,
    pub(super) d: &'static str,
    pub(super) p: &'static str,
    pub(super) q: &'static str,
    pub(super) dp: &'static str,
    pub(super) dq: &'static str,
    pub(super) qi: &'static str,
}

/// RFC 7515, A.2.
pub(super) const A2: RsaPair = RsaPair {
    n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    d: "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    p: "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
    q: "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
    dp: "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
    dq: "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
    qi: "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
};
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

pub(super) struct CurvePair {
    pub(super) kind: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) d: &'static str,
}

impl CurvePair {
    /// The public part.
    pub(super) fn jwk(&self) -> String {
        let y = if self.y.is_empty() { String::new() } else { format!(r#","y":"{}""#, self.y) };
        format!(r#"{{{},"x":"{}"{y}}}"#, self.kind, self.x)
    }
}

/// RFC 7515, A.3.
pub(super) const A3: CurvePair = CurvePair {
    kind: r#""kty":"EC","crv":"P-256""#,
    x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
};
const A3_SIGNATURE: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 8037, A.
pub(super) const RFC8037: CurvePair = CurvePair {
    kind: r#""kty":"OKP","crv":"Ed25519""#,
    x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    y: "",
    d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
};

/// The claims of RFC 7515 name no organization; its issuer serves.
fn rfc7515(algorithm: Algorithm, key: &str) -> SigningKey {
    let paths = ClaimPaths::parse("org=iss").expect("paths");
    let trust = Trust::new("joe", None, paths, 0).expect("a trust");
    SigningKey::new("k1", algorithm, key, trust).expect("a key")
}

#[test]
fn the_tokens_of_rfc_7515_are_good_until_they_expire() {
    let rsa = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, A2.n);
    for (header, signature, key) in [
        ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", A1_SIGNATURE, rfc7515(Algorithm::Hs256, A1_SECRET)),
        ("eyJhbGciOiJSUzI1NiJ9", A2_SIGNATURE, rfc7515(Algorithm::Rs256, &rsa)),
        ("eyJhbGciOiJFUzI1NiJ9", A3_SIGNATURE, rfc7515(Algorithm::Es256, &A3.jwk())),
    ] {
        let token = format!("{header}.{PAYLOAD}.{signature}");
        let presented = Presented::parse(&token).expect("well-formed");
        assert_eq!((presented.issuer(), presented.kid()), ("joe", None));
        let good = Verified { org: "joe".into(), user: None, expires: 1_300_819_380 };
        assert_eq!(presented.verify(&key, 1_300_819_379), Ok(good));
        assert_eq!(presented.verify(&key, 1_300_819_380), Err(Refused::Expired));
    }
    // A.5: its unsecured one.
    assert_eq!(Presented::parse(&format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.")).err(), Some(Refused::AlgNone));
}

#[test]
fn the_signatures_of_rfc_8037_and_rfc_7520_are_valid() {
    let ed25519 = Material::Ed25519(bytes(RFC8037.x));
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signed = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert!(signature::is_valid(Algorithm::EdDsa, &ed25519, message, &bytes(signed)));

    // RFC 7520, 4.2: PS384.
    let n = "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw";
    let rsa = Material::Rsa { n: bytes(n), e: bytes("AQAB") };
    let message = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
    let signed = "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
    assert!(signature::is_valid(Algorithm::Ps384, &rsa, message.as_bytes(), &bytes(signed)));
    for other in [Algorithm::Ps256, Algorithm::Ps512, Algorithm::Rs384, Algorithm::Hs384, Algorithm::Es384] {
        assert!(!signature::is_valid(other, &rsa, message.as_bytes(), &bytes(signed)), "{other}");
    }
}

#[test]
fn each_algorithm_has_its_good_token_and_no_other_takes_it() {
    let signers = Algorithm::ALL.map(Signer::new);
    for signer in &signers {
        let token = signer.token(CLAIMS);
        for other in &signers {
            let judged = judge(&token, &other.key());
            if other.algorithm == signer.algorithm {
                let good = Verified { org: "org_a".into(), user: Some("user_1".into()), expires: NOW + 630 };
                assert_eq!(judged, Ok(good), "{}", signer.algorithm);
            } else {
                assert_eq!(judged, Err(Refused::AlgMismatch), "{} {}", signer.algorithm, other.algorithm);
            }
        }
    }
}
