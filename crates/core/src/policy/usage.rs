//! By what a table's rows are told apart when they are counted.

use super::{Compared, FENCE, Facts, Spec};

/// What says whose a row is; none where the fence doesn't, as one that was altered by hand.
pub fn usage_key(facts: &Facts) -> Option<Compared> {
    let org = Compared::of(facts, &Spec::read_back(facts)?.org).ok()?;
    let fence = facts.policy(FENCE)?.check.as_deref()?;
    (fence == org.own().printed).then_some(org)
}
