//! `protect_all` and `unprotect_all`, a table with all that hang together with it at a time.

use std::collections::HashMap;
use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::policy::{Kind, Reading, Spec, State, Step};
use org_scope_core::sql::QualifiedName;
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::protect::{Noting, fence, given, survey_schemas};
use super::survey::{Hindrance, Planned, all_notes, survey};
use super::through::suggestions;
use super::unprotect::lift;
use super::{Options, Row, column, facts, family, idents, rows, spec};
use crate::pg::{settings, transaction};
use crate::run::{Job, Run, Turn};

/// A table with all that hang together with it, by partitions or inheritance.
struct Group {
    tables: Vec<Oid>,
    /// The first of them.
    name: QualifiedName,
    notes: HashMap<u32, Vec<Step>>,
}

/// Plans a run of `protect_all`; says whether the caller may commit between its steps.
pub(crate) fn begin_protect(
    org_column: String,
    schemas: Vec<String>,
    options: Options,
) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let spec = Rc::new(spec(column(org_column)?, options)?);
        let mut run = Run::new()?;
        let planned = survey_schemas(&spec, schemas.clone())?;
        let mut notes = all_notes(&spec, &planned, false);
        let groups = family::groups(planned.iter().map(|p| &p.table));
        let mut planned: Vec<Option<Planned>> = planned.into_iter().map(Some).collect();
        for group in groups {
            let members: Vec<Planned> = group.into_iter().filter_map(|place| planned[place].take()).collect();
            let to_do = |p: &Planned| {
                p.steps.as_ref().is_ok_and(|steps| steps.iter().any(|s| s.state == State::Planned))
            };
            match members.first() {
                Some(first) if members.iter().any(to_do) => {
                    let group = Group {
                        tables: members.iter().map(|p| Oid::from_u32(p.table.oid)).collect(),
                        name: first.table.table(),
                        notes: members
                            .iter()
                            .filter_map(|p| notes.remove(&p.table.oid).map(|notes| (p.table.oid, notes)))
                            .collect(),
                    };
                    let spec = Rc::clone(&spec);
                    run.add(if may_commit {
                        Box::new(move || group.index(spec))
                    } else {
                        Box::new(move || group.protect(&spec))
                    });
                }
                _ => run.tell(members.into_iter().flat_map(|Planned { table, steps }| match steps {
                    Err(why) => rows(table.oid, vec![why.skipped()]),
                    Ok(steps) => rows(table.oid, [steps, given(&spec, &table, &mut notes)].concat()),
                })),
            }
        }
        run.tell(suggestions(&spec, schemas));
        run.begin();
        Ok(may_commit)
    })
}

/// Plans a run of `unprotect_all`; says whether the caller may commit between its steps.
pub(crate) fn begin_unprotect(schemas: Vec<String>) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let schemas = idents(schemas)?;
        let mut run = Run::new()?;
        let mut tables = facts::read(&facts::protected(Some(&schemas))?, &Columns::default());
        // What asks a parent goes before the parent, whose org column may go with its fence.
        tables.sort_by_cached_key(|t| {
            (Reading::read_back(t).is_none(), t.open_parents.len() + t.fenced_parents.len(), t.table())
        });
        for group in family::groups(&tables) {
            let (owned, others): (Vec<_>, Vec<_>) =
                group.into_iter().map(|place| &tables[place]).partition(|table| table.owned);
            for table in others {
                run.tell(rows(table.oid, vec![Hindrance::not_owned(table).skipped()]));
            }
            if let Some(first) = owned.first() {
                let tables = owned.iter().map(|table| Oid::from_u32(table.oid)).collect();
                let group = Group { tables, name: first.table(), notes: HashMap::new() };
                run.add(Box::new(move || {
                    let done = lift(&group.tables);
                    Ok(group.turn(done, "unprotected"))
                }));
            }
        }
        run.begin();
        Ok(may_commit)
    })
}

impl Group {
    /// The indexes alone: their SHARE locks end with the commit, before the next step asks for ACCESS EXCLUSIVE.
    fn index(self, spec: Rc<Spec>) -> Result<Turn, Error> {
        let only = |s: &Step| s.kind == Kind::Index && s.state == State::Planned;
        let mut done = self.fence(&spec, Noting::Silent, only)?;
        // What stands in the way is said by the next step.
        done.retain(|row| row.step.kind != Kind::Table);
        let rest: Job = Box::new(move || self.protect(&spec));
        Ok(Turn { rows: done, rest: Some(rest), said: None })
    }

    /// Since the survey a table, or a parent that should have been fenced before it, may have changed.
    fn protect(self, spec: &Spec) -> Result<Turn, Error> {
        let done = self.fence(spec, Noting::Given(self.notes.clone()), |_| true)?;
        Ok(self.turn(done, "protected"))
    }

    fn fence(&self, spec: &Spec, noting: Noting, now: fn(&Step) -> bool) -> Result<Vec<Row>, Error> {
        let look = || Ok(survey(spec, facts::read(&family::below(&self.tables), &Columns::of(spec))));
        fence(spec, look, noting, now)
    }

    fn turn(self, done: Vec<Row>, what: &str) -> Turn {
        let left_out = done.iter().all(|row| row.step.kind == Kind::Table);
        let what = if left_out { "skipped" } else { what };
        Turn { rows: done, rest: None, said: Some(format!("{what} {}", self.name)) }
    }
}
