//! Claims and headers, changed and signed again: what is taken must be what an independent reading says.

use fastrand::Rng;
use org_scope_core::token::Presented;

use crate::outcome::{Judged, Outcome};
use crate::seeds::{HEADER, NOW, Seeds};
use crate::{model, mutator};

/// Changed claims or a changed header, with a good signature.
pub(crate) fn signed(seeds: &Seeds, random: &mut Rng) -> Judged {
    let seed = mutator::choice(&seeds.signed, random);
    let same = random.u8(0..10) == 0;
    let mut header = HEADER.to_owned();
    let claims = if same {
        mutator::rewrite(&seed.members, random)
    } else {
        let mut members = seed.members.clone();
        match random.u8(0..8) {
            0 => header = mutator::text(HEADER, random),
            1 => {
                let parts = [("alg", "\"HS256\""), ("typ", "\"JWT\""), ("kid", "\"k1\"")];
                let mut parts = parts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
                mutator::members(&mut parts, random);
                header = mutator::object(&parts);
            }
            _ => mutator::members(&mut members, random),
        }
        let claims = mutator::object(&members);
        if random.u8(0..5) == 0 { mutator::text(&claims, random) } else { claims }
    };
    let token = seeds.sign(&header, &claims);
    match Presented::parse(&token).and_then(|presented| presented.verify(&seed.key, NOW)) {
        Ok(says) if same && says != seed.says => Err(format!("{claims} gave {says:?}")),
        Ok(says) => match model::read(&header, &claims, seed.preset) {
            Ok(model) if model == says => Ok(Outcome::Accepted),
            Ok(model) => Err(format!("{header} {claims} gave {says:?}, not {model:?}")),
            Err(why) => Err(format!("took {header} {claims}, which {why}")),
        },
        Err(why) if same => Err(format!("refused {claims}, which means what is good: {why:?}")),
        Err(why) => Ok(Outcome::refused(why)),
    }
}
