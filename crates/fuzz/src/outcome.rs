//! What became of a mutant.

/// An outcome that is as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Taken, and rightly so.
    Accepted,
    /// Refused, for this reason.
    Refused(String),
}

impl Outcome {
    /// Refused.
    pub(crate) fn refused(why: impl std::fmt::Debug) -> Self {
        Self::Refused(format!("{why:?}"))
    }

    /// A word without blanks.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused(why) => why,
        }
    }
}

/// Or a description of what is wrong.
pub(crate) type Judged = Result<Outcome, String>;
