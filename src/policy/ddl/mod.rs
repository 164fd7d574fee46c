//! What happens with the DDL of others: a file for each reaction.

mod added_default;
mod guard;
mod joins;
mod watch;

use org_scope_core::Error;

use crate::pg::event::{self, Command};

/// At the end of a statement of those that the event trigger names. Each reaction decides by the parse tree alone
/// whether the statement can concern it.
///
/// # Errors
/// Whatever makes the statement fail.
pub(crate) fn command_end(command: &Command<'_>) -> Result<(), Error> {
    if event::stands_aside() {
        return Ok(());
    }
    if command.may_call_ours_for_new_column() {
        added_default::react(command)?;
    }
    if command.joins() {
        joins::react()?;
    }
    command.touch().map_or(Ok(()), |touch| guard::altered(&touch))?;
    // After the joins: what has been fenced by then is nobody's concern any more.
    watch::react(command)
}

/// When a statement has dropped something.
///
/// # Errors
/// Whatever makes the statement fail.
pub(crate) fn sql_drop(command: &Command<'_>) -> Result<(), Error> {
    if event::stands_aside() || !command.drops_parts() {
        return Ok(());
    }
    guard::dropped()
}
