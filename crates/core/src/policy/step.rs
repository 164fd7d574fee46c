//! One row of a plan.

use super::Action;
use crate::sql::QualifiedName;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the word that the user reads")]
pub enum Kind {
    Index,
    TruncateGuard,
    Default,
    Fence,
    Project,
    Actor,
    Gate,
    RowSecurity,
    Force,
    CopyView,
    Table,
    NullRows,
    DarkRole,
    Privilege,
    View,
    Rule,
    Function,
    Publication,
    Inheritance,
    Statement,
    ForeignKey,
    UniqueKey,
    CrossOrgRows,
    Column,
    Through,
    Fill,
    Adoption,
    NotNull,
}

impl Kind {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::TruncateGuard => "truncate_guard",
            Self::Default => "default",
            Self::Fence => "fence",
            Self::Project => "project",
            Self::Actor => "actor",
            Self::Gate => "gate",
            Self::RowSecurity => "row_security",
            Self::Force => "force",
            Self::CopyView => "copy_view",
            Self::Table => "table",
            Self::NullRows => "null_rows",
            Self::DarkRole => "dark_role",
            Self::Privilege => "privilege",
            Self::View => "view",
            Self::Rule => "rule",
            Self::Function => "function",
            Self::Publication => "publication",
            Self::Inheritance => "inheritance",
            Self::Statement => "statement",
            Self::ForeignKey => "foreign_key",
            Self::UniqueKey => "unique_key",
            Self::CrossOrgRows => "cross_org_rows",
            Self::Column => "column",
            Self::Through => "through",
            Self::Fill => "fill",
            Self::Adoption => "adoption",
            Self::NotNull => "not_null",
        }
    }
}

/// What has become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was executed.
    Done,
    /// `protect` would execute it.
    Planned,
    /// It can't be executed inside a function, or not by this user; it comes back until it is done.
    RunYourself,
    /// It was asked for and is not possible here.
    Skipped,
    /// Something to know.
    Note,
}

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Planned => "planned",
            Self::RunYourself => "run_yourself",
            Self::Skipped => "skipped",
            Self::Note => "note",
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub kind: Kind,
    /// What has become of it.
    pub state: State,
    /// The change that it makes; none for advice.
    pub action: Option<Action>,
    /// The statement, executed exactly as shown.
    pub statement: Option<String>,
    /// Why.
    pub reason: String,
}

impl Step {
    /// A change that protect executes.
    pub(crate) fn planned(
        kind: Kind,
        table: &QualifiedName,
        action: Action,
        reason: impl Into<String>,
    ) -> Self {
        let statement = Some(action.statement(table));
        Self { kind, state: State::Planned, action: Some(action), statement, reason: reason.into() }
    }

    /// A change that the user must make.
    pub(super) fn run_yourself(
        kind: Kind,
        table: &QualifiedName,
        action: Action,
        reason: impl Into<String>,
    ) -> Self {
        Self { state: State::RunYourself, ..Self::planned(kind, table, action, reason) }
    }

    /// Something to know, with the statement that mends it where one does.
    pub fn note(kind: Kind, statement: Option<String>, reason: impl Into<String>) -> Self {
        Self { kind, state: State::Note, action: None, statement, reason: reason.into() }
    }

    /// Something that was asked for and can't be.
    pub fn skipped(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, state: State::Skipped, action: None, statement: None, reason: reason.into() }
    }

    /// The same step, executed.
    #[must_use]
    pub fn done(self) -> Self {
        Self { state: State::Done, ..self }
    }
}
