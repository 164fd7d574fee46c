//! Reading and writing claim paths.

use std::fmt;

use super::BadClaims;
use super::claim_paths::{ClaimPaths, Path, Step};

/// The longest text.
const MAX_BYTES: usize = 1000;

/// Reads the text of claim paths.
pub(super) struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    pub(super) fn paths(mut self) -> Result<ClaimPaths, BadClaims> {
        if self.rest.len() > MAX_BYTES {
            return Err(BadClaims::TooLong);
        }
        if !self.takes("org=") {
            return Err(BadClaims::Unknown);
        }
        let org = self.alternatives()?;
        let user = if self.takes(" user=") { self.alternatives()? } else { Vec::new() };
        if self.rest.is_empty() { Ok(ClaimPaths { preset: None, org, user }) } else { Err(BadClaims::Syntax) }
    }

    fn takes(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn alternatives(&mut self) -> Result<Vec<Path>, BadClaims> {
        let mut alternatives = vec![self.path()?];
        while self.takes("|") {
            alternatives.push(self.path()?);
        }
        Ok(alternatives)
    }

    fn path(&mut self) -> Result<Path, BadClaims> {
        let mut path = vec![self.step()?];
        if !matches!(path[0], Step::Member(_)) {
            // The claims themselves have more than one member.
            return Err(BadClaims::Syntax);
        }
        while self.takes(".") {
            path.push(self.step()?);
        }
        Ok(path)
    }

    fn step(&mut self) -> Result<Step, BadClaims> {
        if self.takes("*") {
            Ok(Step::OnlyMember)
        } else if self.takes("[]") {
            Ok(Step::OnlyElement)
        } else if self.takes("\"") {
            self.quoted().map(Step::Member)
        } else {
            let end = self.rest.find(|c| !is_plain(c)).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            self.rest = rest;
            if name.is_empty() { Err(BadClaims::Syntax) } else { Ok(Step::Member(name.to_owned())) }
        }
    }

    /// A name behind its opening quote.
    fn quoted(&mut self) -> Result<String, BadClaims> {
        let mut name = String::new();
        loop {
            let (until, rest) = self.rest.split_once('"').ok_or(BadClaims::Syntax)?;
            name.push_str(until);
            self.rest = rest;
            if !self.takes("\"") {
                break;
            }
            name.push('"');
        }
        if name.is_empty() || name.contains(char::is_control) { Err(BadClaims::Syntax) } else { Ok(name) }
    }
}

/// What needs no quotes.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Writes alternatives as they are read.
pub(super) fn write(f: &mut fmt::Formatter<'_>, alternatives: &[Path]) -> fmt::Result {
    for (i, path) in alternatives.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { "|" })?;
        for (j, step) in path.iter().enumerate() {
            f.write_str(if j == 0 { "" } else { "." })?;
            match step {
                Step::Member(name) if name.chars().all(is_plain) => f.write_str(name)?,
                Step::Member(name) => write!(f, "\"{}\"", name.replace('"', "\"\""))?,
                Step::OnlyMember => f.write_str("*")?,
                Step::OnlyElement => f.write_str("[]")?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [
            "standard",
            "clerk",
            "auth0",
            "workos",
            "supabase",
            "keycloak",
            "org=org_id",
            "org=app.tenant|org_id user=sub",
            r#"org="https://example.com/org_id" user=sub|"a b"."c""d""#,
            r#"org=o.*.id|o.[]|o."*""#,
        ] {
            assert_eq!(ClaimPaths::parse(text).map(|paths| paths.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("org={}", "a".repeat(MAX_BYTES));
        for (text, why) in [
            ("", BadClaims::Unknown),
            ("Clerk", BadClaims::Unknown),
            ("okta", BadClaims::Unknown),
            ("user=sub", BadClaims::Unknown),
            (" org=a", BadClaims::Unknown),
            ("org=", BadClaims::Syntax),
            ("org=a user=", BadClaims::Syntax),
            ("org=a  user=b", BadClaims::Syntax),
            ("org=a user=b org=c", BadClaims::Syntax),
            ("org=a|", BadClaims::Syntax),
            ("org=a..b", BadClaims::Syntax),
            ("org=.a", BadClaims::Syntax),
            ("org=*", BadClaims::Syntax),
            ("org=[].a", BadClaims::Syntax),
            ("org=\"\"", BadClaims::Syntax),
            ("org=\"a", BadClaims::Syntax),
            ("org=\"a\"b", BadClaims::Syntax),
            ("org=\"a\nb\"", BadClaims::Syntax),
            ("org=https://example.com/org_id", BadClaims::Syntax),
            ("org=größe", BadClaims::Syntax),
            (long.as_str(), BadClaims::TooLong),
        ] {
            assert_eq!(ClaimPaths::parse(text), Err(why), "{text}");
        }
    }
}
