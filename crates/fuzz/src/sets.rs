//! Key sets: what is taken are whole public keys, each under a name of its own.

use std::collections::BTreeSet;

use fastrand::Rng;
use org_scope_core::token::{Algorithm, import_jwks};

use crate::outcome::{Judged, Outcome};
use crate::seeds::Seeds;
use crate::{keys, mutator};

/// A changed set.
pub(crate) fn set(seeds: &Seeds, random: &mut Rng) -> Judged {
    let set = mutator::choice(&seeds.sets, random);
    let mutant = if random.u8(0..4) == 0 {
        // A member of a private key, a second name, another use: somewhere.
        let more =
            [r#""d":"AQ","#, r#""k":"AQ","#, r#""kid":"rsa","#, r#""use":"enc","#, r#""alg":"HS256","#];
        let at = random.usize(1..set.matches('{').count());
        let place = set.match_indices('{').nth(at).map_or(1, |(place, _)| place + 1);
        format!("{}{}{}", &set[..place], mutator::choice(&more, random), &set[place..])
    } else {
        mutator::text(set, random)
    };
    match import_jwks(&mutant, &seeds.trust, Algorithm::Rs256, false) {
        Ok(imported) => {
            let names: BTreeSet<_> = imported.keys.iter().map(|key| key.kid()).collect();
            if names.len() != imported.keys.len() || names.is_empty() {
                return Err(format!("{mutant} gave keys of one name, or none"));
            }
            if mutant.contains("{\"d\":")
                || imported.keys.iter().any(|key| key.canonical().contains("\"oct\""))
            {
                return Err(format!("{mutant} gave a secret"));
            }
            imported.keys.iter().try_for_each(|key| keys::check(key, key.algorithm()))?;
            Ok(Outcome::Accepted)
        }
        Err(why) => Ok(Outcome::refused(why)),
    }
}
