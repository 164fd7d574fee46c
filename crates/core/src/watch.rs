//! Schemas whose new tables are looked at as they come.

use crate::Error;
use crate::sql::Ident;

/// What becomes of a table that comes into a watched schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is fenced where it has the column, and warned of where not.
    Protect,
    /// The statement that brings it fails.
    Refuse,
    /// It is warned of.
    Warn,
}

impl Action {
    /// Reads the word of an argument.
    ///
    /// # Errors
    /// 22023 for another word.
    pub fn parse(word: &str) -> Result<Self, Error> {
        let all = [Self::Protect, Self::Refuse, Self::Warn];
        all.into_iter().find(|action| action.word() == word).ok_or(Error::UnknownWatch)
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Protect => "protect",
            Self::Refuse => "refuse",
            Self::Warn => "warn",
        }
    }
}

/// A watched schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Its name.
    pub schema: Ident,
    /// The column that its tables should have.
    pub column: Ident,
    /// What becomes of a new table.
    pub action: Action,
}

/// What is to be done about one table that is neither protected nor declared to be global.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Put the fence up.
    Protect,
    /// Let the statement go on, and say so; `has_column`: whether protect could be called.
    Warn {
        /// Whether the table has the column.
        has_column: bool,
    },
    /// Let the statement fail.
    Refuse,
}

impl Watch {
    /// The verdict for a table by whether it has the column.
    ///
    /// A table without it can still be protected by the next statement of a migration, through a parent or
    /// by an expression, so that only `refuse` stops it.
    pub fn verdict(&self, has_column: bool) -> Verdict {
        match self.action {
            Action::Refuse => Verdict::Refuse,
            Action::Protect if has_column => Verdict::Protect,
            Action::Protect | Action::Warn => Verdict::Warn { has_column },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_no_others() {
        for action in [Action::Protect, Action::Refuse, Action::Warn] {
            assert_eq!(Action::parse(action.word()), Ok(action));
        }
        assert_eq!(Action::parse("PROTECT"), Err(Error::UnknownWatch));
    }

    #[test]
    fn a_table_without_the_column_is_stopped_only_where_every_table_is() {
        let name = |n: &str| Ident::new(n).expect("a legal name");
        let verdicts = |action, has_column| {
            Watch { schema: name("public"), column: name("org_id"), action }.verdict(has_column)
        };
        assert_eq!(verdicts(Action::Protect, true), Verdict::Protect);
        assert_eq!(verdicts(Action::Protect, false), Verdict::Warn { has_column: false });
        assert_eq!(verdicts(Action::Warn, true), Verdict::Warn { has_column: true });
        assert_eq!(verdicts(Action::Refuse, false), Verdict::Refuse);
    }
}
