//! What must not happen to keys by the DDL of others.

use crate::pg::event::{self, Command};
use crate::pg::partial_check;

/// Before a statement of those that the event trigger names. It fires in every session, also where nothing has
/// loaded the library yet, and before the server reads a row.
pub(crate) fn command_start(command: &Command<'_>) {
    if event::stands_aside() {
        return;
    }
    if let Some(alter) = command.alter_table() {
        partial_check::refuse(alter, || command.text());
    }
}
