//! Which organization each running statement began under.
//!
//! A cursor is started once and run in pieces, and a function in a statement may set another
//! organization, so the answer belongs to the statement (its `QueryDesc`), not to the session.

use std::cell::RefCell;
use std::rc::Rc;

use org_scope_core::context::Context;
use pgrx::pg_sys;

use super::session;

/// What a statement began under; `None` for one without a fence, which nothing holds back.
type Began = Option<Rc<Context>>;

struct Started {
    query: *mut pg_sys::QueryDesc,
    began: Rc<Context>,
    /// The subtransaction that started it; an abort ends its statements without telling.
    within: pg_sys::SubTransactionId,
}

thread_local! {
    /// The statements with a fence that were started and not yet ended.
    static STARTED: RefCell<Vec<Started>> = const { RefCell::new(Vec::new()) };
    /// The statements that are being planned or run now, the innermost last.
    static RUNNING: RefCell<Vec<Began>> = const { RefCell::new(Vec::new()) };
}

/// Whether the innermost running statement began under another organization than this context's.
pub(crate) fn began_under_another_org(now: &Context) -> bool {
    RUNNING.with_borrow(|running| match running.last() {
        Some(Some(began)) => began.org != now.org,
        _ => false,
    })
}

/// How many statements with a fence are started and not ended: before and after a piece of work,
/// a larger number means that it left a cursor open.
pub(crate) fn open_statements() -> usize {
    STARTED.with_borrow(Vec::len)
}

/// Notes what a statement with a fence begins under.
pub(crate) fn start(query: *mut pg_sys::QueryDesc) {
    let began = session::context();
    end(query);
    // SAFETY: reads the transaction state of this backend.
    let within = unsafe { pg_sys::GetCurrentSubTransactionId() };
    STARTED.with_borrow_mut(|started| started.push(Started { query, began, within }));
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
    let began = STARTED
        .with_borrow(|started| started.iter().rev().find(|s| s.query == query).map(|s| Rc::clone(&s.began)));
    push(began)
}

/// A statement is being planned: what the planner evaluates for its estimates is the new statement's,
/// not the outer one's.
pub(crate) fn enter_planner() -> bool {
    push(None)
}

fn push(began: Began) -> bool {
    RUNNING.with_borrow_mut(|running| {
        let matters = began.is_some() || !running.is_empty();
        if matters {
            running.push(began);
        }
        matters
    })
}

/// The innermost statement pauses or ends.
pub(crate) fn leave() {
    RUNNING.with_borrow_mut(|running| running.pop());
}
