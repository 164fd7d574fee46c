//! By what a table's rows are told apart when they are counted.

use super::{Compared, FENCE, Facts, Source, Spec};
use crate::org::OrgType;

/// What says whose a row is; none where the fence doesn't, as one that was altered by hand.
pub fn usage_key(facts: &Facts) -> Option<(Source, OrgType)> {
    let source = Spec::read_back(facts)?.org;
    let org = Compared::of(facts, &source).ok()?;
    let fence = facts.policy(FENCE)?;
    let own = org.own();
    let shared = own.clone().or(org.shared());
    let seen = org.clone().with_fallback(facts.fallback.clone()).seen();
    if org.asks_parent() {
        return None;
    }
    let stands = fence.check.as_ref() == Some(&own.printed)
        && fence
            .using
            .as_ref()
            .is_some_and(|using| [&own.printed, &shared.printed, &seen.printed].contains(&using));
    stands.then(|| (source, org.family()))
}
