//! What a statement of somebody else's did to a fence that stood.

use super::through::{CHILDREN, KEEPER, ORPHANS};
use super::{FENCE, Facts, GUARD, Kind, STAMP, Spec, drift, part};
use crate::adopt::{ADOPT, REST};
use crate::sql::Ident;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loosening {
    /// DISABLE ROW LEVEL SECURITY.
    RowSecurityOff,
    /// NO FORCE ROW LEVEL SECURITY, where protect had set it.
    ForceOff {
        /// The org column, by which protect can be told otherwise.
        column: Option<Ident>,
    },
    /// A restrictive policy says something else, or has another name.
    PolicyAltered,
    /// A restrictive policy was dropped while others let rows pass.
    PolicyDropped(String),
    /// The TRUNCATE guard doesn't fire any more.
    GuardOff,
    /// The trigger that stamps the actor doesn't fire any more.
    StampOff,
    /// What takes a row along when its parent moves is gone.
    ThroughOff,
    /// What gives rows the organization that they are found to be of is gone.
    AdoptionOff,
}

impl Loosening {
    /// What an ALTER did, as far as the kinds of things that it can have touched.
    ///
    /// By what `protect` would mend: a change that leaves the fence as it is to be is nobody's business, and
    /// one that only closes the table more isn't either.
    pub fn of_change(facts: &Facts, touched: &[Kind]) -> Option<Self> {
        if !facts.has_remains() {
            return None;
        }
        drift(facts).into_iter().filter(|kind| touched.contains(kind)).find_map(|kind| match kind {
            Kind::RowSecurity => Some(Self::RowSecurityOff),
            Kind::Force => {
                let org = Spec::read_back(facts).map(|spec| spec.org);
                Some(Self::ForceOff { column: org.and_then(|org| org.column().cloned()) })
            }
            Kind::Fence | Kind::Project => Some(Self::PolicyAltered),
            Kind::TruncateGuard => Some(Self::GuardOff),
            Kind::Actor => Some(Self::StampOff),
            _ => None,
        })
    }

    /// What an ALTER did that says the condition of a restrictive policy anew. What the fence compares is read from
    /// its own condition, so one that compares another column looks like a fence on that column.
    pub fn of_rewriting(facts: &Facts) -> Option<Self> {
        facts.has_remains().then_some(Self::PolicyAltered)
    }

    /// What the drop of a policy of this name did to a table that still stands.
    ///
    /// Without a permissive policy no row passes: a table in that state is closed, and its fence can go. So
    /// `pg_dump --clean`, which drops policies by their names backwards, takes the gate first.
    pub fn of_dropped_policy(facts: &Facts, name: &str) -> Option<Self> {
        let opens = facts.row_security && facts.policies.iter().any(|p| p.permissive);
        (part::is_restrictive(name) && opens).then(|| Self::PolicyDropped(name.to_owned()))
    }

    /// What the drop of a trigger or constraint of this name did to a table that still stands.
    pub fn of_dropped_trigger(facts: &Facts, name: &str) -> Option<Self> {
        // Without the fence it guards nothing.
        facts.policy(FENCE)?;
        match name {
            GUARD => Some(Self::GuardOff),
            STAMP => Some(Self::StampOff),
            KEEPER | CHILDREN | ORPHANS => Some(Self::ThroughOff),
            ADOPT | REST => Some(Self::AdoptionOff),
            _ => None,
        }
    }

    /// What it did, after "this opens the fence of …: ".
    pub(crate) fn message(&self) -> String {
        match self {
            Self::RowSecurityOff => "row security is switched off".into(),
            Self::ForceOff { .. } => "the table's owner passes it".into(),
            Self::PolicyAltered => "a condition of it is changed".into(),
            Self::PolicyDropped(name) => format!("policy {name} is dropped"),
            Self::GuardOff => "the trigger that stops TRUNCATE is taken away or switched off".into(),
            Self::StampOff => "the trigger that says who made a row is taken away or switched off".into(),
            Self::ThroughOff => "what ties rows to their parents' organization is taken away".into(),
            Self::AdoptionOff => "the trigger that gives rows their organization is taken away".into(),
        }
    }

    /// What that means.
    pub(crate) fn detail(&self) -> &'static str {
        match self {
            Self::RowSecurityOff | Self::PolicyAltered | Self::PolicyDropped(_) => {
                "Rows of other organizations would be open to every role with a privilege on the table."
            }
            Self::ForceOff { .. } => "The owner would read and write the rows of every organization.",
            Self::GuardOff => "Row security doesn't filter TRUNCATE.",
            Self::StampOff => "Roles could write rows in another user's name.",
            Self::ThroughOff => "A row would stay with the organization that its parent has left.",
            Self::AdoptionOff => {
                "Rows could name a key of another organization, and the adoption couldn't go on or back."
            }
        }
    }
}
