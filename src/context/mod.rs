//! The context: setting it, and reading it.

pub(crate) mod projects;
pub(crate) mod reader;
pub(crate) mod setter;
pub(crate) mod source;
