//! How far an adoption has come.

use super::Standing;

/// A phase, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The column is there and filled by triggers; nothing is fenced yet.
    Expanding,
    /// Fenced; rows without an organization are their key's organization's.
    Fallback,
    /// Every row has an organization.
    Enforced,
    /// Nothing of the transition is left.
    Finished,
}

impl Phase {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expanding => "expanding",
            Self::Fallback => "fallback",
            Self::Enforced => "enforced",
            Self::Finished => "finished",
        }
    }

    /// The one after it.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Expanding => Some(Self::Fallback),
            Self::Fallback => Some(Self::Enforced),
            Self::Enforced => Some(Self::Finished),
            Self::Finished => None,
        }
    }

    /// By what stands; none where nothing is adopted.
    pub fn of(standing: &Standing) -> Option<Self> {
        let brought = standing.org.as_ref().is_some_and(|org| org.brought);
        match (&standing.adopt, standing.fenced) {
            (None, true) if brought => Some(Self::Finished),
            (None, _) => None,
            (Some(_), false) => Some(Self::Expanding),
            (Some(_), true) if standing.org.as_ref().is_some_and(|org| org.not_null) => Some(Self::Enforced),
            (Some(_), true) => Some(Self::Fallback),
        }
    }
}
