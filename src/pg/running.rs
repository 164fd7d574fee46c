//! Which organization each running statement began under.
//!
//! A cursor is started once and run in pieces, and a function in a statement may set another
//! organization, so the answer belongs to the statement (its `QueryDesc`), not to the session.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::context::Context;
use pgrx::pg_sys;

use super::{access, epoch, report, session};

/// What a statement began under; `None` for one without a fence, which nothing holds back.
type Began = Option<Rc<Context>>;

struct Started {
    query: *mut pg_sys::QueryDesc,
    began: Began,
    /// Counts up over all statements: what a piece of work left open has a higher one than it found.
    serial: u64,
    /// The subtransaction that started it; an abort ends its statements without telling.
    within: pg_sys::SubTransactionId,
}

thread_local! {
    static SERIAL: Cell<u64> = const { Cell::new(0) };
    /// The statements with a fence, or with a lifted one, that were started and not yet ended.
    static STARTED: RefCell<Vec<Started>> = const { RefCell::new(Vec::new()) };
    /// What is being planned or run now, the innermost last.
    static RUNNING: RefCell<Vec<Running>> = const { RefCell::new(Vec::new()) };
    /// Whether a reader has answered while another statement of another organization was open.
    static MIXED: Cell<bool> = const { Cell::new(false) };
}

enum Running {
    /// What the planner evaluates for its estimates is the new statement's, not the outer one's.
    Planner,
    Statement(Began),
}

/// Whether the statement that asks began under another organization than this context's. Where no
/// running statement can be asking, a cursor may be: rewinding it computes its index keys anew.
pub(crate) fn began_under_another_org(now: &Rc<Context>) -> bool {
    let differs = |began: &Rc<Context>| is_another_org(began, now);
    let mixed = STARTED.with_borrow(|started| started.iter().filter_map(|s| s.began.as_ref()).any(differs));
    MIXED.set(mixed);
    // Where all began under the same one, every call site is told the same until the context changes.
    mixed
        && RUNNING.with_borrow(|running| match running.last() {
            Some(Running::Planner) => false,
            Some(Running::Statement(Some(began))) => differs(began),
            Some(Running::Statement(None)) | None => true,
        })
}

fn is_another_org(began: &Rc<Context>, now: &Rc<Context>) -> bool {
    !Rc::ptr_eq(began, now) && began.org != now.org
}

/// A mark for [`open_since`].
pub(crate) fn mark() -> u64 {
    SERIAL.get()
}

/// Whether a statement that was started since the mark has not ended: a cursor that was left open.
pub(crate) fn open_since(mark: u64) -> bool {
    STARTED.with_borrow(|started| started.iter().any(|s| s.serial >= mark))
}

/// Whether this statement was started since the mark.
pub(crate) fn is_since(query: *mut pg_sys::QueryDesc, mark: u64) -> bool {
    STARTED.with_borrow(|started| started.iter().any(|s| s.query == query && s.serial >= mark))
}

/// Notes what a statement with a fence begins under. It counts what other sessions have changed
/// meanwhile: a prepared statement whose locks are held needs no other occasion to notice.
pub(crate) fn start(query: *mut pg_sys::QueryDesc) {
    access::accept_invalidations();
    push_started(query, Some(session::context()));
}

/// Notes a statement without a fence of its own that runs while the fence is lifted.
pub(crate) fn start_lifted(query: *mut pg_sys::QueryDesc) {
    push_started(query, None);
}

fn push_started(query: *mut pg_sys::QueryDesc, began: Began) {
    end(query);
    let serial = SERIAL.replace(SERIAL.get() + 1);
    // SAFETY: reads the transaction state of this backend.
    let within = unsafe { pg_sys::GetCurrentSubTransactionId() };
    STARTED.with_borrow_mut(|started| started.push(Started { query, began, serial, within }));
}

/// Refuses to go on with, or to give back, a statement whose organization is no longer the current
/// one. The fence's readers alone are not enough: a rewound cursor computes its index keys outside of
/// any run, and an index scan computes them once.
pub(crate) fn check(query: *mut pg_sys::QueryDesc) {
    if let Some(began) = began(query)
        && is_another_org(&began, &session::context())
    {
        report::raise(&Error::OrgChanged);
    }
}

fn began(query: *mut pg_sys::QueryDesc) -> Began {
    STARTED
        .with_borrow(|started| started.iter().rev().find(|s| s.query == query).and_then(|s| s.began.clone()))
}

/// As [`enter`], for a statement that goes on reading.
pub(crate) fn resume(query: *mut pg_sys::QueryDesc) -> bool {
    if began(query).is_some() {
        access::accept_invalidations();
        check(query);
    }
    enter(query)
}

/// Forgets a statement.
pub(crate) fn end(query: *mut pg_sys::QueryDesc) {
    STARTED.with_borrow_mut(|started| started.retain(|s| s.query != query));
}

/// Forgets every statement: the transaction has ended.
pub(crate) fn forget() {
    STARTED.with_borrow_mut(Vec::clear);
}

/// Forgets what a subtransaction and those inside it have started; their numbers are higher.
pub(crate) fn forget_since(aborted: pg_sys::SubTransactionId) {
    STARTED.with_borrow_mut(|started| started.retain(|s| s.within < aborted));
}

/// A statement is being run. Says whether there is anything to [`leave`] afterwards: a statement
/// without a fence matters only inside one with it.
pub(crate) fn enter(query: *mut pg_sys::QueryDesc) -> bool {
    push(Running::Statement(began(query)))
}

/// A statement is being planned.
pub(crate) fn enter_planner() -> bool {
    push(Running::Planner)
}

fn push(innermost: Running) -> bool {
    if STARTED.with_borrow(Vec::is_empty) && RUNNING.with_borrow(Vec::is_empty) {
        return false;
    }
    RUNNING.with_borrow_mut(|running| running.push(innermost));
    changed();
    true
}

/// The innermost statement pauses or ends.
pub(crate) fn leave() {
    RUNNING.with_borrow_mut(|running| running.pop());
    changed();
}

/// Another statement is the innermost from now on. Its call sites are told for themselves whether they
/// may go on, where there is anything to tell.
fn changed() {
    if MIXED.get() {
        epoch::answers_changed();
    }
}
