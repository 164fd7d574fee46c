//! What a call, or the trigger that stands, tells of where the organization comes from.

use super::Standing;
use crate::sql::Ident;

/// A source by its words, before the tables that it names are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A lookup is asked by a column.
    Lookup {
        /// Its name.
        lookup: Ident,
        /// The column.
        legacy: Ident,
    },
    /// The parent is asked to which a foreign key of a column leads.
    Parent {
        /// The column.
        legacy: Ident,
    },
    /// An expression over the row, with bare columns in a call, and with `new.` in a trigger.
    Expression {
        /// Its text.
        text: String,
        /// The column by which rows are named.
        legacy: Option<Ident>,
    },
    /// One organization.
    Constant {
        /// As it was given.
        org: String,
        /// The column by which rows are named.
        legacy: Option<Ident>,
    },
}

impl Told {
    /// What the trigger that stands tells; none where there is none, or it has been altered.
    pub fn by_trigger(standing: &Standing) -> Option<Self> {
        standing.adopt.as_ref()?;
        let words = standing.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let first = || (standing.watched.len() > 1).then(|| standing.watched.first().cloned()).flatten();
        Some(match words.as_slice() {
            ["lookup", lookup] => Self::Lookup { lookup: Ident::new(*lookup).ok()?, legacy: first()? },
            ["parent"] => Self::Parent { legacy: first()? },
            ["expression"] => Self::Expression { text: standing.expression()?, legacy: None },
            ["expression", "named"] => {
                Self::Expression { text: standing.expression()?, legacy: Some(first()?) }
            }
            ["constant", org] => Self::Constant { org: (*org).to_owned(), legacy: None },
            ["constant", org, "named"] => Self::Constant { org: (*org).to_owned(), legacy: Some(first()?) },
            _ => return None,
        })
    }

    /// The column of the row that it names.
    pub fn legacy(&self) -> Option<&Ident> {
        match self {
            Self::Lookup { legacy, .. } | Self::Parent { legacy } => Some(legacy),
            Self::Expression { legacy, .. } | Self::Constant { legacy, .. } => legacy.as_ref(),
        }
    }
}
