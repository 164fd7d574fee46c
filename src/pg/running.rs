//! Which organization each running statement began under.
//!
//! A cursor is started once and run in pieces, and a function in a statement may set another
//! organization, so the answer belongs to the statement (its `QueryDesc`), not to the session.

use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::context::Context;
use pgrx::pg_sys;

use super::backend::BackendRefCell;
use super::session::Stamp;
use super::{access, epoch, quick, report, session};

/// What a fenced statement began under, and the stamp for which that was the context.
struct Began {
    stamp: Stamp,
    context: Rc<Context>,
}

struct Started {
    query: *mut pg_sys::QueryDesc,
    /// `None` for a statement without a fence, which nothing holds back.
    began: Option<Began>,
    /// Counts up over all statements: what a piece of work left open has a higher one than it found.
    serial: u64,
    /// The subtransaction that started it; an abort ends its statements without telling.
    within: pg_sys::SubTransactionId,
}

enum Running {
    /// What the planner evaluates for its estimates is the new statement's, not the outer one's.
    Planner,
    Statement {
        began: Option<Rc<Context>>,
        /// Whether it updates one table, and writes no row otherwise.
        only_updates: bool,
    },
}

struct State {
    serial: u64,
    /// The statements with a fence, or with a lifted one, that were started and not yet ended.
    started: Vec<Started>,
    /// What is being planned or run now, the innermost last.
    running: Vec<Running>,
    /// Whether a reader has answered while another statement of another organization was open.
    mixed: bool,
}

static STATE: BackendRefCell<State> =
    BackendRefCell::new(State { serial: 0, started: Vec::new(), running: Vec::new(), mixed: false });

impl State {
    fn began(&self, query: *mut pg_sys::QueryDesc) -> Option<&Began> {
        self.started.iter().rev().find(|s| s.query == query).and_then(|s| s.began.as_ref())
    }

    fn push(&mut self, innermost: Running) {
        self.running.push(innermost);
        self.changed();
    }

    /// Another statement is the innermost from now on. Its call sites are told for themselves whether
    /// they may go on, where there is anything to tell.
    fn changed(&self) {
        if self.mixed {
            epoch::answers_changed();
        }
    }
}

/// Whether the statement that asks began under another organization than this context's. Where no
/// running statement can be asking, a cursor may be: rewinding it computes its index keys anew.
pub(crate) fn began_under_another_org(now: &Rc<Context>) -> bool {
    let differs = |began: &Rc<Context>| is_another_org(began, now);
    STATE.with_borrow_mut(|state| {
        state.mixed = state.started.iter().filter_map(|s| s.began.as_ref()).any(|b| differs(&b.context));
        // Where all began under the same one, every call site is told the same until the context changes.
        state.mixed
            && match state.running.last() {
                Some(Running::Planner) => false,
                Some(Running::Statement { began: Some(began), .. }) => differs(began),
                Some(Running::Statement { began: None, .. }) | None => true,
            }
    })
}

fn is_another_org(began: &Rc<Context>, now: &Rc<Context>) -> bool {
    !Rc::ptr_eq(began, now) && began.org != now.org
}

/// A mark for [`open_since`].
pub(crate) fn mark() -> u64 {
    STATE.with_borrow(|state| state.serial)
}

/// Whether a statement that was started since the mark has not ended: a cursor that was left open.
pub(crate) fn open_since(mark: u64) -> bool {
    STATE.with_borrow(|state| state.started.iter().any(|s| s.serial >= mark))
}

/// Whether this statement was started since the mark.
pub(crate) fn is_since(query: *mut pg_sys::QueryDesc, mark: u64) -> bool {
    STATE.with_borrow(|state| state.started.iter().any(|s| s.query == query && s.serial >= mark))
}

/// Notes what a statement with a fence begins under, and gives it back. It counts what other sessions
/// have changed meanwhile: a prepared statement whose locks are held needs no other occasion to notice.
pub(crate) fn start(query: *mut pg_sys::QueryDesc) -> Rc<Context> {
    access::accept_invalidations();
    // Before asking: what changes meanwhile makes the stamp an old one.
    let stamp = session::stamp();
    let context = session::context();
    push_started(query, Some(Began { stamp, context: Rc::clone(&context) }));
    context
}

/// Notes a statement without a fence of its own that runs while the fence is lifted.
pub(crate) fn start_lifted(query: *mut pg_sys::QueryDesc) {
    push_started(query, None);
}

fn push_started(query: *mut pg_sys::QueryDesc, began: Option<Began>) {
    let within = quick::subtransaction();
    STATE.with_borrow_mut(|state| {
        state.started.retain(|s| s.query != query);
        state.started.push(Started { query, began, serial: state.serial, within });
        state.serial += 1;
    });
}

/// Refuses to go on with, or to give back, a statement whose organization is no longer the current
/// one. The fence's readers alone are not enough: a rewound cursor computes its index keys outside of
/// any run, and an index scan computes them once.
pub(crate) fn check(query: *mut pg_sys::QueryDesc) {
    let now = session::stamp();
    let changed = STATE
        .with_borrow(|state| state.began(query).filter(|b| b.stamp != now).map(|b| Rc::clone(&b.context)));
    if let Some(began) = changed
        && is_another_org(&began, &session::context())
    {
        report::raise(&Error::OrgChanged);
    }
}

/// As [`enter`], for a statement that goes on reading.
pub(crate) fn resume(query: *mut pg_sys::QueryDesc) -> bool {
    if STATE.with_borrow(|state| state.began(query).is_some()) {
        access::accept_invalidations();
        check(query);
    }
    enter(query)
}

/// Forgets a statement.
pub(crate) fn end(query: *mut pg_sys::QueryDesc) {
    STATE.with_borrow_mut(|state| state.started.retain(|s| s.query != query));
}

/// Forgets every statement: the transaction has ended.
pub(crate) fn forget() {
    STATE.with_borrow_mut(|state| state.started.clear());
}

/// Forgets what a subtransaction and those inside it have started; their numbers are higher.
pub(crate) fn forget_since(aborted: pg_sys::SubTransactionId) {
    STATE.with_borrow_mut(|state| state.started.retain(|s| s.within < aborted));
}

/// A statement is being run. Says whether there is anything to [`leave`] afterwards: a statement
/// without a fence matters only inside one with it.
pub(crate) fn enter(query: *mut pg_sys::QueryDesc) -> bool {
    STATE.with_borrow_mut(|state| {
        let matters = !(state.started.is_empty() && state.running.is_empty());
        if matters {
            let began = state.began(query).map(|b| Rc::clone(&b.context));
            state.push(Running::Statement { began, only_updates: only_updates(query) });
        }
        matters
    })
}

fn only_updates(query: *mut pg_sys::QueryDesc) -> bool {
    // SAFETY: the server passes a query with its plan.
    let plan = unsafe { (*query).plannedstmt };
    // SAFETY: as above.
    let plan = unsafe { &*plan };
    plan.commandType == pg_sys::CmdType::CMD_UPDATE && !plan.hasModifyingCTE
}

/// Whether a row that the innermost statement writes anew is one that it moves to another partition.
pub(crate) fn moves_rows() -> bool {
    STATE.with_borrow(|state| {
        matches!(state.running.last(), Some(Running::Statement { only_updates: true, .. }))
    })
}

/// A statement is being planned; as [`enter`].
pub(crate) fn enter_planner() -> bool {
    STATE.with_borrow_mut(|state| {
        let matters = !(state.started.is_empty() && state.running.is_empty());
        if matters {
            state.push(Running::Planner);
        }
        matters
    })
}

/// The innermost statement pauses or ends.
pub(crate) fn leave() {
    STATE.with_borrow_mut(|state| {
        state.running.pop();
        state.changed();
    });
}
