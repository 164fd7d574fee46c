//! A role of one test's own.

use std::fmt;

/// A role's name, which needs no quoting: write it into statements as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role(String);

impl Role {
    pub(super) fn new(name: String) -> Self {
        assert!(name.len() <= 63, "{name} is too long for a role");
        Self(name)
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
