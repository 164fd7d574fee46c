//! How a server says no.

use postgres::error::DbError;

/// An error, or a notice, of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// ERROR, WARNING, NOTICE, …
    pub(crate) severity: String,
    /// Five characters.
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    /// Empty where the server said none.
    pub(crate) detail: String,
    /// Empty where the server said none.
    pub(crate) hint: String,
}

impl Refusal {
    /// Asserts that message, detail or hint contains a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let all = format!("{}\n{}\n{}", self.message, self.detail, self.hint);
        assert!(all.contains(text), "the server did not say {text:?}, but {self:#?}");
        self
    }

    /// Asserts that neither message, detail nor hint contains a text.
    #[track_caller]
    pub(crate) fn keeps_quiet_about(self, text: &str) -> Self {
        let all = format!("{}\n{}\n{}", self.message, self.detail, self.hint);
        assert!(!all.contains(text), "the server said {text:?}: {self:#?}");
        self
    }
}

impl From<&DbError> for Refusal {
    fn from(error: &DbError) -> Self {
        Self {
            severity: error.severity().to_owned(),
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().unwrap_or_default().to_owned(),
            hint: error.hint().unwrap_or_default().to_owned(),
        }
    }
}

impl From<postgres::Error> for Refusal {
    /// Panics where it wasn't the server that said no: a test must not take a broken connection for a wall.
    #[track_caller]
    fn from(error: postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => said.into(),
            None => panic!("not an error of the server: {error:?}"),
        }
    }
}
