//! One identifier: a column, a table, a schema, a role, a policy.

use std::fmt;

use super::{MAX_IDENT_BYTES, NameError, keyword};

/// An identifier as the catalog spells it; `Display` is the form that a statement can carry.
///
/// Quotes are left out where the server reads the bare word as the same identifier, as
/// `quote_ident` does, because people read the statements.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

impl Ident {
    /// Takes a name as it stands in the catalog (unquoted).
    ///
    /// # Errors
    /// [`NameError`] where no object of that name can exist.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        match name.as_str() {
            "" => Err(NameError::Empty),
            n if n.len() > MAX_IDENT_BYTES => Err(NameError::TooLong),
            n if n.contains('\0') => Err(NameError::Nul),
            _ => Ok(Self(name)),
        }
    }

    /// The name as the catalog spells it: for comparing and for bind parameters, never for a statement.
    pub fn raw(&self) -> &str {
        &self.0
    }

    fn is_plain(&self) -> bool {
        let mut bytes = self.0.bytes();
        bytes.next().is_some_and(|b| b == b'_' || b.is_ascii_lowercase())
            && bytes.all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
            && !keyword::needs_quotes(&self.0)
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() { f.write_str(&self.0) } else { write!(f, "\"{}\"", self.0.replace('"', "\"\"")) }
    }
}

impl TryFrom<String> for Ident {
    type Error = NameError;
    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(ident: Ident) -> Self {
        ident.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(name: &str) -> String {
        Ident::new(name).expect("a legal name").to_string()
    }

    #[test]
    fn plain_names_stay_plain_and_others_are_quoted() {
        for (name, want) in [
            ("agents", "agents"),
            ("_a1", "_a1"),
            ("Agents", "\"Agents\""),
            ("1a", "\"1a\""),
            ("a b", "\"a b\""),
            ("a\"\"b", "\"a\"\"\"\"b\""),
            ("select", "\"select\""),
            ("user", "\"user\""),
            ("x'; drop", "\"x'; drop\""),
            ("größe", "\"größe\""),
            ("a$b", "\"a$b\""),
        ] {
            assert_eq!(shown(name), want);
        }
    }

    #[test]
    fn impossible_names_are_refused() {
        assert_eq!(Ident::new(""), Err(NameError::Empty));
        assert_eq!(Ident::new("a\0b"), Err(NameError::Nul));
        assert_eq!(Ident::new("x".repeat(64)), Err(NameError::TooLong));
        assert!(Ident::new("x".repeat(63)).is_ok());
    }

    /// Reads a quoted or plain identifier back the way the server's scanner does.
    fn scan(text: &str) -> Option<(String, &str)> {
        if let Some(rest) = text.strip_prefix('"') {
            let mut name = String::new();
            let mut chars = rest.char_indices().peekable();
            while let Some((i, c)) = chars.next() {
                if c != '"' {
                    name.push(c);
                } else if chars.peek().is_some_and(|(_, n)| *n == '"') {
                    chars.next();
                    name.push('"');
                } else {
                    return Some((name, &rest[i + 1..]));
                }
            }
            None
        } else {
            let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
            Some((text[..end].to_lowercase(), &text[end..]))
        }
    }

    proptest! {
        #[test]
        fn hostile_names_read_back_whole(name in "[\"'\\\\;$ a-zA-Z0-9_.\u{e9}\u{1F600}-]{1,15}") {
            let text = format!("{} REST", shown(&name));
            let (read, rest) = scan(&text).expect("a closed identifier");
            prop_assert_eq!(read, name);
            prop_assert_eq!(rest, " REST");
        }
    }
}
