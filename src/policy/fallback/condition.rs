//! To whom rows without an organization belong, as a condition of the fence.

use org_scope_core::policy::{Clause, Facts};
use pgrx::pg_sys::Oid;

use super::known;
use crate::pg::{attempt, expression};

/// Adds it to the facts of tables that are in transition. What can't be said any more, as a lookup is gone say, is
/// left out: such rows are nobody's then.
pub(crate) fn add(tables: &mut [Facts]) {
    for facts in tables.iter_mut().filter(|facts| facts.is_in_transition()) {
        let table = Oid::from_u32(facts.oid);
        let written = known(table).ok().and_then(|known| known.adopted.fallback());
        facts.fallback = written.and_then(|text| {
            // A column that a lookup's condition names may be gone.
            let printed = attempt::read(|| expression::printed(table, &text)).ok()?;
            Some(Clause::laid_out(text, &printed))
        });
    }
}
