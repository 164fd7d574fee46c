//! What measuring commands share.

pub(crate) mod clock;
pub(crate) mod statistics;
