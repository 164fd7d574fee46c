//! From the facts about a table's keys to the steps that harden them.
//!
//! Steps come in phases, each a transaction of its own where there may be several: what takes long
//! under a lock that only stops writers or DDL stands apart from what takes no time and stops everybody.

use std::collections::HashMap;

use super::action::Definition;
use super::{Action, Crossing, Facts, Table};
use crate::policy::{Column, Kind, Text, array};
use crate::policy::{State, Step};
use crate::sql::{Ident, QualifiedName};

/// What a plan needs to know beside the catalog's facts.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The unique keys that shall hold for each organization.
    pub unique_per_org: &'a [Ident],
    /// Rows that cross organizations, by the foreign key's OID; a key that isn't there was not asked about.
    pub crossing: &'a HashMap<u32, Crossing>,
    /// Size and taken names of tables that get an index, by OID.
    pub rooms: &'a HashMap<u32, (u64, Vec<Ident>)>,
    /// Above this size an index is left to CREATE INDEX CONCURRENTLY.
    pub max_inline_index: u64,
}

/// A change that harden makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The table.
    pub target: u32,
    /// What it is.
    pub action: Action,
    /// How it is shown.
    pub step: Step,
}

/// Something to know, or to do oneself.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The table.
    pub target: u32,
    /// What it is.
    pub step: Step,
}

/// What is to do about one table's keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// What stays as it is, with the reason, and what the user has to do.
    pub reports: Vec<Entry>,
    /// What harden does.
    pub phases: Vec<Vec<Change>>,
    /// What is to know.
    pub notes: Vec<Entry>,
    /// Foreign keys whose rows were not asked about: OIDs, and the queries that count them.
    pub uncounted: Vec<(u32, String)>,
    /// Tables that get an index, and the names that come into question.
    pub wanting: Vec<(u32, Vec<Ident>)>,
}

/// Plans the keys of one table; none where it has no fence on a column of its own.
pub fn plan(facts: &Facts, target: u32, around: &Around<'_>) -> Option<Plan> {
    let table = facts.table(target)?;
    let org = table.org()?;
    let mut planner = Planner {
        facts,
        table,
        org,
        around,
        plan: Plan::default(),
        keys: Vec::new(),
        definitions: Vec::new(),
        built: Vec::new(),
    };
    let replaced = planner.foreign_keys();
    planner.unique_keys(&replaced);
    planner.incoming();
    Some(planner.plan)
}

/// A plan in the making.
pub(super) struct Planner<'a> {
    pub(super) facts: &'a Facts,
    pub(super) table: &'a Table,
    pub(super) org: &'a Column,
    pub(super) around: &'a Around<'a>,
    pub(super) plan: Plan,
    /// Keys on parents that the plan has spoken of: table, sorted columns, and whether they will stand.
    pub(super) keys: Vec<(u32, Vec<Ident>, bool)>,
    /// The keys with the organization that will stand.
    pub(super) definitions: Vec<Definition>,
    /// Indexes that the plan builds for foreign keys: table, columns, name.
    pub(super) built: Vec<(u32, Vec<Ident>, Ident)>,
}

impl Planner<'_> {
    pub(super) fn phase(&mut self, changes: Vec<Change>) {
        self.plan.phases.push(changes);
    }

    pub(super) fn report(&mut self, target: u32, step: Step) {
        self.plan.reports.push(Entry { target, step });
    }

    pub(super) fn skip(&mut self, kind: Kind, statement: Option<String>, reason: String) {
        self.report(self.table.oid, Step { statement, ..Step::skipped(kind, reason) });
    }

    pub(super) fn note(&mut self, kind: Kind, statement: Option<String>, reason: String) {
        self.plan.notes.push(Entry { target: self.table.oid, step: Step::note(kind, statement, reason) });
    }

    /// A step that the user has to make.
    pub(super) fn yours(&mut self, table: &Table, kind: Kind, action: &Action, reason: String) {
        let statement = Some(action.statement(&table.name()));
        let step = Step { state: State::RunYourself, statement, ..Step::note(kind, None, reason) };
        self.report(table.oid, step);
    }

    /// Whether an index of the table can be built here; else why not.
    pub(super) fn may_build(&self, table: &Table) -> Result<(), String> {
        let size = self.around.rooms.get(&table.oid).map_or(0, |room| room.0);
        if !table.owned {
            return Err(format!("{} belongs to {}, whose rights you don't have", table.name(), table.owner));
        }
        if !table.may_create_index {
            return Err(format!("you have no CREATE privilege on schema {}", table.schema));
        }
        if size > self.around.max_inline_index {
            return Err("the table is larger than org_scope.max_inline_index_size: building it here would \
                        block writers"
                .into());
        }
        Ok(())
    }
}

pub(super) fn change(table: &Table, kind: Kind, action: Action, reason: &str) -> Change {
    let statement = Some(action.statement(&table.name()));
    let step = Step { state: State::Planned, statement, ..Step::note(kind, None, reason) };
    Change { target: table.oid, action, step }
}

/// The call that hardens a table.
pub(super) fn harden_call(table: &QualifiedName, unique: Option<&Ident>) -> String {
    let name = table.to_string();
    let more =
        unique.map(|key| format!(", unique_per_org => {}", Text(&array(&[key.raw()])))).unwrap_or_default();
    format!("CALL org_scope.harden({}{more})", Text(&name))
}

/// A statement over all organizations.
pub(super) fn across(statement: &str) -> String {
    format!("SELECT org_scope.across_orgs({})", Text(statement))
}
