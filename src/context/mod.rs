//! The context: setting it, and reading it.

pub(crate) mod reader;
pub(crate) mod setter;
