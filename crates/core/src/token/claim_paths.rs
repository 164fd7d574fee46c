//! In which claims a token names the organization and the user.
//!
//! ```text
//! paths  = "org=" alternatives [ " user=" alternatives ]
//! alternatives = path *( "|" path )
//! path   = step *( "." step )
//! step   = name           letters, digits, "_" and "-"
//!        / '"' any '"'    any name, '"' in it doubled
//!        / "*"            the only member of an object
//!        / "[]"           the only element of an array
//! ```

use std::fmt;

use super::claims;
use super::json::{self, Json, Object};
use super::path_text::Reader;
use super::refused::{Part, Value};
use super::{BadClaims, Refused};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of this name.
    Member(String),
    /// The only member, whatever its name.
    OnlyMember,
    /// The only element.
    OnlyElement,
}

/// Where a value lies.
pub(super) type Path = Vec<Step>;

/// Where organization and user lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPaths {
    pub(super) preset: Option<&'static str>,
    pub(super) org: Vec<Path>,
    pub(super) user: Vec<Path>,
}

/// The words for what well-known issuers write.
const PRESETS: [(&str, &str); 6] = [
    ("standard", "org=org_id user=sub"),
    ("clerk", "org=org_id|o.id user=sub"),
    ("auth0", "org=org_id user=sub"),
    ("workos", "org=org_id user=sub"),
    ("supabase", "org=app_metadata.org_id user=sub"),
    // By its id where the mapper adds it, else by its alias, which Keycloak keeps unique.
    ("keycloak", "org=organization.*.id|organization.[] user=sub"),
];

impl ClaimPaths {
    /// Reads a preset's word, or paths.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(text: &str) -> Result<Self, BadClaims> {
        match PRESETS.into_iter().find(|(word, _)| *word == text) {
            Some((word, paths)) => Ok(Self { preset: Some(word), ..Reader::new(paths).paths()? }),
            None => Reader::new(text).paths(),
        }
    }

    /// Organization and user by claims that somebody else has verified.
    ///
    /// # Errors
    /// The reason, where they aren't one JSON object without a member twice, or name no organization.
    pub fn read(&self, claims: &str) -> Result<(String, Option<String>), Refused> {
        let claims = json::object(claims).map_err(|fault| fault.of(Part::Claims))?;
        Ok((self.org(&claims)?, self.user(&claims)?))
    }

    /// The organization.
    pub(super) fn org(&self, claims: &Object) -> Result<String, Refused> {
        one(claims, &self.org, Value::Org)?.ok_or(Refused::NoOrg)
    }

    /// The user, if there is one.
    pub(super) fn user(&self, claims: &Object) -> Result<Option<String>, Refused> {
        one(claims, &self.user, Value::User)
    }
}

/// The value of all alternatives that are there, which must be the same.
fn one(claims: &Object, alternatives: &[Path], which: Value) -> Result<Option<String>, Refused> {
    let mut found = None;
    for path in alternatives {
        let Some(claim) = follow(claims, path, which)? else { continue };
        let value = claims::value(claim, which)?;
        match &found {
            Some(other) if *other != value => return Err(Refused::Contradiction(which)),
            _ => found = Some(value),
        }
    }
    Ok(found)
}

/// Steps into the claims. What isn't there, or is null, or can't be stepped into, is absent.
fn follow<'c>(claims: &'c Object, path: &[Step], which: Value) -> Result<Option<&'c Json>, Refused> {
    let Some((Step::Member(first), rest)) = path.split_first() else { return Ok(None) };
    let mut here = claims.get(first);
    for step in rest {
        here = match (step, here) {
            (Step::Member(name), Some(Json::Object(members))) => members.get(name),
            (Step::OnlyMember, Some(Json::Object(members))) if members.len() > 1 => {
                return Err(Refused::Several(which));
            }
            (Step::OnlyMember, Some(Json::Object(members))) => members.values().next(),
            (Step::OnlyElement, Some(Json::Array(elements))) if elements.len() > 1 => {
                return Err(Refused::Several(which));
            }
            (Step::OnlyElement, Some(Json::Array(elements))) => elements.first(),
            _ => None,
        };
    }
    Ok(here.filter(|claim| **claim != Json::Null))
}

/// As it can be parsed again.
impl fmt::Display for ClaimPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(word) = self.preset {
            return f.write_str(word);
        }
        f.write_str("org=")?;
        super::path_text::write(f, &self.org)?;
        if !self.user.is_empty() {
            f.write_str(" user=")?;
            super::path_text::write(f, &self.user)?;
        }
        Ok(())
    }
}
