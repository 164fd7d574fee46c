//! What a migration costs: the fence of one more table, and the looks at all of them.

use anyhow::Result;

use super::notebook::Notebook;
use super::place::{Extent, Fence, OWNER, Place};
use crate::unit::Unit;
use crate::watched::Watch;

/// The table that comes and goes.
const TABLE: &str = "one_more";

/// Measures the fence of one more table, in a session of its own, as migrations are.
pub(super) fn one(watch: &mut Watch<'_>, notebook: &mut Notebook, place: Place) -> Result<()> {
    let (fence, mut owner) = (place.fence, watch.connect(&place.database(), OWNER)?);
    owner.run(&format!("CREATE TABLE {TABLE} (org_id uuid NOT NULL, id bigint NOT NULL, v int)"))?;
    let nothing_to_do = match fence {
        Fence::Scope => fence.protect(TABLE),
        Fence::Hand => fence.plan(TABLE),
    };
    for (what, sql) in [
        ("plan, the first of a session", fence.plan(TABLE)),
        ("plan", fence.plan(TABLE)),
        ("protect", fence.protect(TABLE)),
        ("protect, with nothing to do", nothing_to_do),
        ("alter_protected", fence.alter(TABLE, "ALTER org_id TYPE uuid")),
        ("unprotect", fence.unprotect(TABLE)),
    ] {
        notebook.note(place, what, Unit::Time, owner.time(&sql)?);
    }
    owner.run(&format!("DROP TABLE {TABLE}"))?;
    owner.end();
    Ok(())
}

/// Measures what looks at all tables, for each of them.
pub(super) fn all(watch: &mut Watch<'_>, notebook: &mut Notebook, place: Place, all: Extent) -> Result<()> {
    let fence = place.fence;
    let mut owner = watch.connect(&place.database(), OWNER)?;
    let tables = place.extent(all).tables as f64;
    let again = match fence {
        Fence::Scope => "CALL org_scope.protect_all('org_id')",
        Fence::Hand => fence.list(),
    };
    for (what, sql) in [("protected_tables, a table", fence.list()), ("protect_all again, a table", again)] {
        notebook.note(place, what, Unit::Time, owner.time(sql)? / tables);
    }
    owner.end();
    Ok(())
}
