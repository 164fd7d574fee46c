//! The cells, group by group.

mod partial;
pub(super) mod partitions;
mod readers;
mod reads;
mod search;
mod setter;
pub(super) mod skew;
mod transactions;
mod unrelated;
mod writes;

use super::cell::{Cell, Group, Mode};
use super::stand::Stand;
pub(super) use search::SETTING_OFF;
pub(super) use transactions::B_SETS;

/// The cells of a group.
pub(super) fn of(group: Group, stand: &Stand<'_>) -> Vec<Cell> {
    match group {
        Group::Readers => readers::cells(stand),
        Group::Setter => setter::cells(stand),
        Group::Reads => reads::cells(stand),
        Group::Transactions => transactions::cells(stand),
        Group::Skew => skew::cells(stand),
        Group::Partitions => partitions::cells(stand),
        Group::Partial => partial::cells(stand),
        Group::Search => search::cells(stand),
        Group::Unrelated => unrelated::cells(),
        Group::Writes => writes::cells(stand),
    }
}

const MODES: [Mode; 2] = [Mode::Simple, Mode::Prepared];
