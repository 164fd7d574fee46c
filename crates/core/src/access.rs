//! What a login role may do to the context.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::sql::Ident;

/// The ways in which a role may set its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Through the setters, any organization.
    Direct,
    /// As `Direct`, and by `SET` or a connection string's options.
    Parameter,
    /// By the answers of the lookups that its row names.
    Lookup,
    /// By signed tokens.
    Token,
}

impl How {
    /// Reads the word of `allow`.
    ///
    /// # Errors
    /// [`Error::UnknownHow`]
    pub fn parse(word: &str) -> Result<Self, Error> {
        match word {
            "direct" => Ok(Self::Direct),
            "parameter" => Ok(Self::Parameter),
            "lookup" => Ok(Self::Lookup),
            "token" => Ok(Self::Token),
            _ => Err(Error::UnknownHow),
        }
    }

    /// The word of `allow`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Parameter => "parameter",
            Self::Lookup => "lookup",
            Self::Token => "token",
        }
    }

    /// Whether the role may say which organization and user it is.
    pub fn is_free(self) -> bool {
        matches!(self, Self::Direct | Self::Parameter)
    }

    /// Whether a role with this access may have a context that came in through `other`; which lookup it was
    /// comes on top.
    pub fn includes(self, other: Self) -> bool {
        self == other || self == Self::Parameter || (self == Self::Direct && other != Self::Parameter)
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A role's row of the access table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// How it may set the organization; `None` for a role that is only bound.
    pub how: Option<How>,
    /// The lookups that it may use, where that is how.
    pub lookups: Vec<String>,
    /// The organization that it always is.
    pub bound_org: Option<String>,
    /// Whether its connections are handed from client to client between transactions.
    pub pooled: bool,
}

impl Access {
    /// Whether the role may use the lookup.
    pub fn may_look_up(&self, lookup: &str) -> bool {
        match self.how {
            Some(How::Lookup) => self.lookups.iter().any(|name| name == lookup),
            Some(how) => how.is_free(),
            None => false,
        }
    }
}

/// A privilege that goes with a row of the access table, as statements.
#[derive(Debug)]
pub struct Grant<'a> {
    privilege: &'static str,
    role: &'a Ident,
}

impl<'a> Grant<'a> {
    /// EXECUTE on a setter. PUBLIC has it too, so that a role without access gets our error and
    /// its HINT; this one ties the role to the table: DROP ROLE is refused while there is a row. Not on the
    /// setter of the organization, which is called in every transaction: a list of privileges is read at
    /// each call, and costs as much as setting the value.
    pub fn setter(role: &'a Ident) -> Self {
        Self { privilege: "EXECUTE ON FUNCTION org_scope.set_current_user(text, boolean)", role }
    }

    /// SET on the parameter: what access `parameter` adds.
    pub fn parameter(role: &'a Ident) -> Self {
        Self { privilege: "SET ON PARAMETER org_scope.current_org", role }
    }

    /// The GRANT.
    pub fn give(&self) -> String {
        format!("GRANT {} TO {}", self.privilege, self.role)
    }

    /// The REVOKE.
    pub fn take(&self) -> String {
        format!("REVOKE {} FROM {}", self.privilege, self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_quote_the_role() {
        let role = Ident::new("a\"; DROP ROLE b").expect("legal");
        assert_eq!(
            Grant::parameter(&role).give(),
            "GRANT SET ON PARAMETER org_scope.current_org TO \"a\"\"; DROP ROLE b\""
        );
    }

    #[test]
    fn parameter_access_includes_the_setters() {
        assert!(How::Parameter.includes(How::Direct) && !How::Direct.includes(How::Parameter));
        assert_eq!(How::parse("claim"), Err(Error::UnknownHow));
    }

    #[test]
    fn what_is_proven_includes_nothing_that_is_said() {
        for proven in [How::Lookup, How::Token] {
            for other in [How::Direct, How::Parameter, How::Lookup, How::Token] {
                assert_eq!(proven.includes(other), proven == other);
                assert!(How::Parameter.includes(other));
            }
            assert!(How::Direct.includes(proven) && !proven.is_free());
            assert_eq!(How::parse(proven.word()), Ok(proven));
        }
        let access = Access {
            how: Some(How::Lookup),
            lookups: vec!["account".into()],
            bound_org: None,
            pooled: false,
        };
        assert!(access.may_look_up("account") && !access.may_look_up("page"));
        assert!(!Access { how: Some(How::Token), ..access.clone() }.may_look_up("account"));
        assert!(Access { how: Some(How::Direct), ..access }.may_look_up("page"));
    }
}
