//! One string literal.

use std::fmt;

use super::NameError;

/// A text value; `Display` is a string literal that reads the same under either setting of
/// `standard_conforming_strings` (the `E''` form is used as soon as there is a backslash).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal(String);

impl Literal {
    /// Takes the value.
    ///
    /// # Errors
    /// [`NameError::Nul`]: the server's text has no NUL bytes.
    pub fn new(value: impl Into<String>) -> Result<Self, NameError> {
        let value = value.into();
        if value.contains('\0') { Err(NameError::Nul) } else { Ok(Self(value)) }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = self.0.replace('\'', "''");
        if quoted.contains('\\') {
            write!(f, "E'{}'", quoted.replace('\\', "\\\\"))
        } else {
            write!(f, "'{quoted}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_backslashes_are_doubled() {
        for (value, want) in [("a", "'a'"), ("it's", "'it''s'"), ("a\\'", "E'a\\\\'''"), ("", "''")] {
            assert_eq!(Literal::new(value).expect("no NUL").to_string(), want);
        }
        assert_eq!(Literal::new("a\0"), Err(NameError::Nul));
    }

    proptest! {
        #[test]
        fn nothing_closes_the_literal_early(value in "['\\\\\"; a-z\u{e9}\n]{0,20}") {
            let text = Literal::new(value.clone()).expect("no NUL").to_string();
            let (escapes, body) = match text.strip_prefix('E') {
                Some(rest) => (true, rest),
                None => (false, text.as_str()),
            };
            let body = body.strip_prefix('\'').and_then(|b| b.strip_suffix('\'')).expect("quotes at both ends");
            let mut read = String::new();
            let mut chars = body.chars();
            while let Some(c) = chars.next() {
                if c == '\'' || (escapes && c == '\\') {
                    prop_assert_eq!(chars.next(), Some(c), "an unpaired quote or backslash");
                }
                read.push(c);
            }
            prop_assert_eq!(read, value);
        }
    }
}
