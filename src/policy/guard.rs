//! The TRUNCATE guard.

use org_scope_core::Error;
use org_scope_core::sql::QualifiedName;
use pgrx::PgTrigger;

use crate::pg::relation;

/// Raises where the table's policies bind the current user: TRUNCATE asks none of them.
///
/// # Errors
/// OS002 as said; 0A000 for a trigger of another kind, where what a row trigger returns would swallow rows.
pub(crate) fn guard_truncate(trigger: &PgTrigger<'_>) -> Result<(), Error> {
    if !trigger.event().fired_by_truncate() {
        return Err(Error::NotTruncateTrigger);
    }
    let table = relation::of_trigger(trigger);
    if relation::binds_current_user(table.oid()) {
        let (schema, name) = relation::name(&table);
        let table = QualifiedName::new(schema, name).map_err(|_| Error::BadName)?;
        return Err(Error::Truncate { table });
    }
    Ok(())
}
