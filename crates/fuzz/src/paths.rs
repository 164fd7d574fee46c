//! Claim paths: what is taken must be written as it was read.

use fastrand::Rng;
use org_scope_core::token::ClaimPaths;

use crate::mutator;
use crate::outcome::{Judged, Outcome};
use crate::seeds::Seeds;

/// Changed paths.
pub(crate) fn paths(seeds: &Seeds, random: &mut Rng) -> Judged {
    let mutant = mutator::text(mutator::choice::<&str>(&seeds.paths, random), random);
    match ClaimPaths::parse(&mutant) {
        Ok(paths) if ClaimPaths::parse(&paths.to_string()).as_ref() == Ok(&paths) => Ok(Outcome::Accepted),
        Ok(paths) => Err(format!("{mutant} became {paths}")),
        Err(why) => Ok(Outcome::refused(why)),
    }
}
