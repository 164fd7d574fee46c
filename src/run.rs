//! Runs of many steps: one native call a step, so that the procedure around it can commit between
//! them. What a run has done stays in the session's memory, for the view `last_run`.

use std::cell::RefCell;
use std::collections::VecDeque;

use org_scope_core::Error;
use org_scope_core::policy::Step;
use pgrx::pg_sys::Oid;

use crate::pg::{report, role, settings, xact};

/// A step of one table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The table.
    pub(crate) target: Oid,
    /// The step.
    pub(crate) step: Step,
}

/// The steps of one table as rows.
pub(crate) fn rows(target: u32, steps: Vec<Step>) -> impl Iterator<Item = Row> {
    steps.into_iter().map(move |step| Row { target: Oid::from_u32(target), step })
}

/// What one table wants done; its rights are those of the moment in which it is done.
pub(crate) type Job = Box<dyn FnOnce() -> Result<Turn, Error>>;

/// What a job has done in one transaction.
#[derive(Default)]
pub(crate) struct Turn {
    /// What was done.
    pub(crate) rows: Vec<Row>,
    /// What is left, for a transaction of its own.
    pub(crate) rest: Option<Job>,
    /// What the client is told, with how far the run has come.
    pub(crate) said: Option<String>,
}

/// A run: jobs to do, and what was done.
#[derive(Default)]
pub(crate) struct Run {
    queue: VecDeque<Job>,
    total: usize,
    rows: Vec<Row>,
    /// Whose run it is: a pooled connection's next user has nothing to do with it.
    user: Option<Oid>,
    /// How many of the rows stand for good: the rest is undone with the transaction.
    committed: usize,
}

thread_local! {
    /// Borrowed only between statements: an event trigger may begin a run inside a run.
    static LAST: RefCell<Run> = RefCell::default();
}

impl Run {
    /// A run to fill. Refused to code that runs with somebody else's hands, in an index expression say: it
    /// could put its own steps in the place of the caller's.
    pub(crate) fn new() -> Result<Self, Error> {
        if role::is_restricted() {
            return Err(Error::NotFromHere);
        }
        Ok(Self { user: Some(role::current()), ..Self::default() })
    }

    /// Adds rows that need no job.
    pub(crate) fn tell(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// Adds a job behind the others.
    pub(crate) fn add(&mut self, job: Job) {
        self.queue.push_back(job);
        self.total += 1;
    }

    /// Makes it the session's run.
    pub(crate) fn begin(self) {
        LAST.set(self);
    }
}

/// Does one step of the run that this session began last; says whether there are more.
pub(crate) fn step() -> Result<bool, Error> {
    let Some(job) = LAST.with_borrow_mut(|run| run.queue.pop_front()) else { return Ok(false) };
    let Turn { rows, rest, said } = settings::neutral(job)?;
    let (finished, total) = LAST.with_borrow_mut(|run| {
        run.rows.extend(rows);
        if let Some(rest) = rest {
            run.queue.push_front(rest);
        }
        (run.total.saturating_sub(run.queue.len()), run.total)
    });
    if let Some(said) = said {
        report::notice(&format!("{said} ({finished} of {total})"));
    }
    Ok(LAST.with_borrow(|run| !run.queue.is_empty()))
}

/// Registers with the server, when the library loads.
pub(crate) fn init() {
    xact::on_end(end_transaction);
}

/// The transaction has ended: what its steps did is there to stay, or was never done.
fn end_transaction(committed: bool) {
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
