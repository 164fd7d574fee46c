//! Keys: what is taken has one canonical form, which gives the same key.

use fastrand::Rng;
use org_scope_core::token::{Algorithm, SigningKey};

use crate::mutator;
use crate::outcome::{Judged, Outcome};
use crate::seeds::Seeds;

/// A changed key, or one for another algorithm.
pub(crate) fn key(seeds: &Seeds, random: &mut Rng) -> Judged {
    let (own, text) = mutator::choice(&seeds.keys, random);
    let algorithm = if random.u8(0..4) == 0 { *mutator::choice(&Algorithm::ALL, random) } else { *own };
    let mutant = mutator::text(text, random);
    match SigningKey::new("k1", algorithm, &mutant, seeds.trust.clone()) {
        Ok(key) => check(&key, algorithm).map(|()| Outcome::Accepted),
        Err(why) => Ok(Outcome::refused(why)),
    }
}

/// Whether a key that was taken is whole.
pub(crate) fn check(key: &SigningKey, algorithm: Algorithm) -> Result<(), String> {
    let canonical = key.canonical();
    if key.algorithm() != algorithm {
        return Err(format!("a key for {algorithm} became one for {}", key.algorithm()));
    }
    if SigningKey::new(key.kid(), algorithm, &canonical, key.trust().clone()).as_ref() != Ok(key) {
        return Err(format!("{canonical} gives another key than the one that wrote it"));
    }
    let kind = match algorithm.word().as_bytes()[0] {
        b'H' => "oct",
        b'R' | b'P' => "RSA",
        _ if algorithm == Algorithm::EdDsa => "OKP",
        _ => "EC",
    };
    if canonical.contains(&format!("\"kty\":\"{kind}\"")) {
        Ok(())
    } else {
        Err(format!("{canonical} was taken for {algorithm}"))
    }
}
