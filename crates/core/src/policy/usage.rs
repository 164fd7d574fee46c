//! By what a table's rows are told apart when they are counted.

use super::{FENCE, Facts, OrgKey};
use crate::sql::Ident;

/// The column whose value is a row's organization; none where the fence doesn't say so, as one that was
/// altered by hand.
pub fn usage_key(facts: &Facts) -> Option<(&Ident, OrgKey)> {
    let column = facts.column.as_ref()?;
    let key = OrgKey::of(column).ok()?;
    let stands = facts.policy(FENCE)?.using.as_deref() == Some(&key.printed(column));
    stands.then_some((&column.name, key))
}
