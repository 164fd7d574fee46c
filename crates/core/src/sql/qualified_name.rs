//! A schema-qualified name.

use std::fmt;

use super::{Ident, NameError};

/// `schema.name`; always qualified, because a bare name means whatever the search_path says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Ident,
    /// The object in it.
    pub name: Ident,
}

impl QualifiedName {
    /// Takes both parts as the catalog spells them.
    ///
    /// # Errors
    /// [`NameError`] where no object of that name can exist.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Result<Self, NameError> {
        Ok(Self { schema: Ident::new(schema)?, name: Ident::new(name)? })
    }

    /// Another object of the same schema.
    pub fn sibling(&self, name: Ident) -> Self {
        Self { schema: self.schema.clone(), name }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_quoted_on_its_own() {
        let name = QualifiedName::new("Ten ant", "a.b").expect("legal names");
        assert_eq!(name.to_string(), "\"Ten ant\".\"a.b\"");
        assert_eq!(name.sibling(Ident::new("x").expect("legal")).to_string(), "\"Ten ant\".x");
    }
}
