//! The text of good tokens, changed and not signed again: only the very same text may be taken.

use fastrand::Rng;
use org_scope_core::token::Presented;

use crate::mutator;
use crate::outcome::{Judged, Outcome};
use crate::seeds::{Good, Seeds};

/// A token with a shared secret.
pub(crate) fn symmetric(seeds: &Seeds, random: &mut Rng) -> Judged {
    judge(&seeds.symmetric, random)
}

/// A token with a public key.
pub(crate) fn asymmetric(seeds: &Seeds, random: &mut Rng) -> Judged {
    judge(&seeds.asymmetric, random)
}

fn judge(seeds: &[Good], random: &mut Rng) -> Judged {
    let good = mutator::choice(seeds, random);
    let mutant = match random.u8(0..8) {
        // Parts of several tokens.
        0 => {
            let part = |i: usize, random: &mut Rng| {
                let from = mutator::choice(seeds, random);
                from.token.split('.').nth(i).unwrap_or_default().to_owned()
            };
            [part(0, random), part(1, random), part(2, random)].join(".")
        }
        _ => mutator::text(&good.token, random),
    };
    match Presented::parse(&mutant).and_then(|presented| presented.verify(&good.key, good.now)) {
        Ok(says) if mutant == good.token && says == good.says => Ok(Outcome::Accepted),
        // All of them are signed with one secret, so a whole other token may come out of the parts.
        Ok(_) if seeds.iter().any(|other| other.token == mutant) => Ok(Outcome::Accepted),
        Ok(says) => Err(format!("took {mutant} for {says:?}")),
        Err(_) if mutant == good.token => Err("refused the good token".into()),
        Err(why) => Ok(Outcome::refused(why)),
    }
}
