//! `protect_all` and `unprotect_all`: one native call a step, so that the procedure around it can
//! commit between tables. What a run has done stays in the session's memory, for the view `last_run`.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

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
use crate::pg::{report, role, settings, transaction};

#[derive(Default)]
struct Run {
    /// None takes fences away.
    spec: Option<Spec>,
    queue: VecDeque<Job>,
    total: usize,
    rows: Vec<Row>,
    /// Whose run it is: a pooled connection's next user has nothing to do with it.
    user: Option<Oid>,
    /// How many of the rows stand for good: the rest is undone with the transaction.
    committed: usize,
}

/// A table with all that hang together with it, by partitions or inheritance.
#[derive(Clone)]
struct Job {
    tables: Vec<Oid>,
    /// The first of them.
    name: QualifiedName,
    notes: HashMap<u32, Vec<Step>>,
    /// Whether the indexes stand already, in a transaction of their own.
    indexed: bool,
}

thread_local! {
    /// Borrowed only between statements: an event trigger may begin a run inside a run.
    static LAST: RefCell<Run> = RefCell::default();
}

/// Plans a run of `protect_all`; says whether the caller may commit between its steps.
pub(crate) fn begin_protect(
    org_column: String,
    schemas: Vec<String>,
    options: Options,
) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let spec = spec(column(org_column)?, options)?;
        let mut run = begin()?;
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
                Some(first) if members.iter().any(to_do) => run.queue.push_back(Job {
                    tables: members.iter().map(|p| Oid::from_u32(p.table.oid)).collect(),
                    name: first.table.table(),
                    notes: members
                        .iter()
                        .filter_map(|p| notes.remove(&p.table.oid).map(|notes| (p.table.oid, notes)))
                        .collect(),
                    indexed: !may_commit,
                }),
                _ => run.rows.extend(members.into_iter().flat_map(|Planned { table, steps }| match steps {
                    Err(why) => rows(table.oid, vec![why.skipped()]),
                    Ok(steps) => rows(table.oid, [steps, given(&spec, &table, &mut notes)].concat()),
                })),
            }
        }
        run.rows.extend(suggestions(&spec, schemas));
        run.total = run.queue.len();
        run.spec = Some(spec);
        LAST.replace(run);
        Ok(may_commit)
    })
}

/// Plans a run of `unprotect_all`.
pub(crate) fn begin_unprotect(schemas: Vec<String>) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    settings::neutral(|| {
        let schemas = idents(schemas)?;
        let mut run = begin()?;
        let mut tables = facts::read(&facts::protected(Some(&schemas))?, &Columns::default());
        // What asks a parent goes before the parent, whose org column may go with its fence.
        tables.sort_by_cached_key(|t| {
            (Reading::read_back(t).is_none(), t.open_parents.len() + t.fenced_parents.len(), t.table())
        });
        for group in family::groups(&tables) {
            let (owned, others): (Vec<_>, Vec<_>) =
                group.into_iter().map(|place| &tables[place]).partition(|table| table.owned);
            for table in others {
                run.rows.extend(rows(table.oid, vec![Hindrance::not_owned(table).skipped()]));
            }
            if let Some(first) = owned.first() {
                run.queue.push_back(Job {
                    tables: owned.iter().map(|table| Oid::from_u32(table.oid)).collect(),
                    name: first.table(),
                    notes: HashMap::new(),
                    indexed: true,
                });
            }
        }
        run.total = run.queue.len();
        LAST.replace(run);
        Ok(may_commit)
    })
}

/// Does one step of the run that this session began last; says whether there are more.
///
/// The rights are those of now: whoever has become another role since meets the next tables as that role.
pub(crate) fn step() -> Result<bool, Error> {
    let next = LAST.with_borrow_mut(|run| run.queue.pop_front().map(|job| (job, run.spec.clone())));
    let Some((job, spec)) = next else { return Ok(false) };
    settings::neutral(|| {
        let done = match &spec {
            Some(spec) => {
                let look = || Ok(survey(spec, facts::read(&family::below(&job.tables), &Columns::of(spec))));
                if job.indexed {
                    // Since the survey a table, or a parent that should have been fenced before it, may
                    // have changed.
                    fence(spec, look, Noting::Given(job.notes.clone()), |_| true)?
                } else {
                    LAST.with_borrow_mut(|run| run.queue.push_front(Job { indexed: true, ..job.clone() }));
                    // Their SHARE locks end with the commit, before the next step asks for ACCESS EXCLUSIVE.
                    let index = |s: &Step| s.kind == Kind::Index && s.state == State::Planned;
                    let mut done = fence(spec, look, Noting::Silent, index)?;
                    // What stands in the way is said by the next step.
                    done.retain(|row| row.step.kind != Kind::Table);
                    done
                }
            }
            None => lift(&job.tables),
        };
        let left_out = done.iter().all(|row| row.step.kind == Kind::Table);
        let finished = LAST.with_borrow_mut(|run| {
            run.rows.extend(done);
            run.total - run.queue.len()
        });
        if job.indexed {
            let what = match &spec {
                _ if left_out => "skipped",
                Some(_) => "protected",
                None => "unprotected",
            };
            let total = LAST.with_borrow(|run| run.total);
            report::notice(&format!("{what} {} ({finished} of {total})", job.name));
        }
        Ok(())
    })?;
    Ok(LAST.with_borrow(|run| !run.queue.is_empty()))
}

/// The transaction has ended: what its steps did is there to stay, or was never done.
pub(super) fn end_transaction(committed: bool) {
    LAST.with_borrow_mut(|run| {
        if !committed {
            run.rows.truncate(run.committed);
            run.queue.clear();
        }
        run.committed = run.rows.len();
    });
}

/// What the last run of this session did.
pub(crate) fn last_run() -> Vec<Row> {
    LAST.with_borrow(|run| if run.user == Some(role::current()) { run.rows.clone() } else { Vec::new() })
}

/// A run to fill. Refused to code that runs with somebody else's hands, in an index expression say: it
/// could put its own steps in the place of the caller's.
fn begin() -> Result<Run, Error> {
    if role::is_restricted() {
        return Err(Error::NotFromHere);
    }
    Ok(Run { user: Some(role::current()), ..Run::default() })
}
