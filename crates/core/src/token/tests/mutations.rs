//! Whatever differs from a good token in one byte is refused, and no text makes anything panic.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::forge::{CLAIMS, NOW, Signer, judge, trust};
use crate::token::{Algorithm, ClaimPaths, Presented, SigningKey, import_jwks};

/// A good token of each algorithm, and its key.
static GOOD: LazyLock<Vec<(String, SigningKey)>> = LazyLock::new(|| {
    let good = |algorithm| {
        let signer = Signer::new(algorithm);
        (signer.token(CLAIMS), signer.key())
    };
    Algorithm::ALL.map(good).into()
});

proptest! {
    #[test]
    fn one_byte_makes_a_good_token_bad(which in 0..12_usize, at: prop::sample::Index, byte in 0..128_u8) {
        let (token, key) = &GOOD[which];
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let mutant = String::from_utf8(bytes).expect("ASCII");
        prop_assert!(judge(&mutant, key).is_err(), "{at} {byte}");
    }

    #[test]
    fn a_byte_more_or_less_makes_it_bad(which in 0..12_usize, at: prop::sample::Index, byte in 0..128_u8) {
        let (token, key) = &GOOD[which];
        let mut more = token.clone();
        more.insert(at.index(token.len() + 1), char::from(byte));
        prop_assert!(judge(&more, key).is_err());
        let mut less = token.clone();
        less.remove(at.index(token.len()));
        prop_assert!(judge(&less, key).is_err());
    }

    #[test]
    fn nothing_panics_over_any_bytes(bytes: Vec<u8>, header: Vec<u8>, claims: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = Presented::parse(&text);
        let _ = ClaimPaths::parse(&text);
        let _ = import_jwks(&text, &trust(None, "standard"), Algorithm::Rs256, true);
        for algorithm in Algorithm::ALL {
            let _ = SigningKey::new("k", algorithm, &text, trust(None, "standard"));
        }
        let signer = Signer::new(Algorithm::Hs256);
        let signed = signer.sign(header, claims);
        if let Ok(presented) = Presented::parse(&signed) {
            let _ = presented.verify(&signer.key(), NOW);
        }
    }

    #[test]
    fn claim_paths_say_again_what_they_read(text in "org=[a\".|*\\[\\] =]{0,12}( user=[a\".|]{1,8})?") {
        if let Ok(paths) = ClaimPaths::parse(&text) {
            prop_assert_eq!(ClaimPaths::parse(&paths.to_string()), Ok(paths));
        }
    }
}
