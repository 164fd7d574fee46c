//! What was asked for.

use serde::{Deserialize, Serialize};

use super::{Column, Compared, Facts, Grantee, Reading, part};
use crate::org::OrgType;
use crate::sql::Ident;

/// The options of one `protect` call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Where a row's organization stands.
    pub org: Source,
    /// Whether the owner is fenced too.
    pub force: bool,
    /// Whether an index led by the organization belongs to it.
    pub create_index: bool,
    /// Whether the DEFAULT of the org column, and of the project column, is the current one.
    pub set_default: bool,
    /// Whom the gate is for; none leaves it as it is.
    pub roles: Option<Vec<Grantee>>,
    /// Whether rows without an organization are everybody's to read; none leaves it as it is.
    pub shared_rows: Option<bool>,
    /// The project column.
    pub project: Extra<Ident>,
    /// Who is stamped into which column.
    pub actor: Extra<Actor>,
    /// Whether a view beside the table takes COPY FROM; none leaves it as it is.
    pub copy_view: Option<bool>,
}

/// An option that stays as it is unless it is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Extra<T> {
    /// As it is.
    #[default]
    Keep,
    /// Taken away.
    Without,
    /// This one.
    With(T),
}

impl<T: Clone> Extra<T> {
    /// The value, where one is asked for.
    pub fn asked(&self) -> Option<&T> {
        match self {
            Self::With(value) => Some(value),
            Self::Keep | Self::Without => None,
        }
    }

    /// The value in the end, where this one stands now.
    pub(super) fn or_standing(&self, standing: Option<T>) -> Option<T> {
        match self {
            Self::Keep => standing,
            Self::Without => None,
            Self::With(value) => Some(value.clone()),
        }
    }
}

/// Where a row's organization stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a column.
    Column(Ident),
    /// In the value of an expression over the row.
    Expression(Expression),
    /// In a parent row.
    Parent(Box<Reading>),
}

impl Source {
    /// The column, where it is one.
    pub fn column(&self) -> Option<&Ident> {
        match self {
            Self::Column(column) => Some(column),
            Self::Expression(_) | Self::Parent(_) => None,
        }
    }

    /// Whether a parent is asked for it with every statement.
    pub fn asks_parent(&self) -> bool {
        matches!(self, Self::Parent(_))
    }

    /// The column that leads the index: the organization's, or the key of the parent.
    pub fn leading(&self) -> Option<&Ident> {
        match self {
            Self::Column(column) => Some(column),
            Self::Parent(reading) => reading.column.as_ref(),
            Self::Expression(_) => None,
        }
    }
}

/// An expression over the row, which calls the server's own functions only, always gives the same for
/// the same row, and asks no other table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// As the server prints it, which reads back.
    pub printed: String,
    /// With which readers it is compared.
    pub family: OrgType,
}

/// A column that says who wrote a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The column.
    pub column: Ident,
    /// What becomes of a new row where no user is set.
    pub missing: MissingUser,
}

/// What becomes of a new row where no user is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingUser {
    /// It is refused.
    Error,
    /// Its column is NULL.
    Null,
}

impl MissingUser {
    /// Reads the word of an argument.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Error, Self::Null].into_iter().find(|m| m.word() == word)
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Null => "null",
        }
    }
}

impl Spec {
    /// The spec that stands: read back from the fence, as far as it and its comment tell.
    pub fn read_back(facts: &Facts) -> Option<Self> {
        let memory = facts.memory();
        let org = Source::read_back(facts)?;
        let ours = Compared::of(facts, &org).ok().map(|compared| compared.org_default());
        let own_default = ours.is_some() && facts.column.as_ref().and_then(|c| c.default.as_deref()) == ours;
        Some(Self {
            org,
            force: memory.as_ref().map_or(facts.force, |m| m.force),
            create_index: memory
                .as_ref()
                .map_or_else(|| facts.indexes.iter().any(|i| i.valid && i.plain), |m| m.index),
            set_default: memory.as_ref().map_or(own_default, |m| m.default || m.project_default),
            roles: None,
            shared_rows: None,
            project: Extra::Keep,
            actor: Extra::Keep,
            copy_view: Some(facts.copy_view.is_some()),
        })
    }
}

impl Source {
    /// Where the fence that stands has it.
    fn read_back(facts: &Facts) -> Option<Self> {
        if let Some(reading) = Reading::read_back(facts) {
            return Some(Self::Parent(Box::new(reading)));
        }
        let column = facts.column.as_ref().map(|c| Self::Column(c.name.clone()));
        let told = facts.memory().map(|m| m.expression);
        let expression = part::expression_of(facts).filter(|e| match &facts.column {
            Some(column) => told.unwrap_or_else(|| e.printed != column.quoted && !e.is_relabelled(column)),
            None => true,
        });
        expression.map(Self::Expression).or(column)
    }
}

impl Expression {
    /// Whether this is how the server prints the column beside the operator.
    fn is_relabelled(&self, column: &Column) -> bool {
        self.printed.strip_prefix(&format!("({})::", column.quoted)).is_some_and(|cast| !cast.contains('('))
    }
}
