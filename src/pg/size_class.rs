//! Shared plans and the size of organizations.
//!
//! A plan that is kept for many executions asks for the organization when it is run, but what it looks like is
//! decided by the one that came first: the planner asks the reader for its estimates. So such a plan says for which
//! size class of its org columns it was made, in the form in which plans say on which functions and types they
//! depend; and where an organization of another class is set, the plans of this one are reported as out of date. The
//! server then plans the query anew before it runs it. Nothing else depends on it: a plan that is kept too long, or
//! not long enough, gives the same rows.

use std::rc::Rc;

use org_scope_core::org::OrgValue;
use pgrx::pg_sys::{List, Query, SysCacheIdentifier};

use super::backend::{BackendCell, BackendRefCell};
use super::org_column::OrgColumn;
use super::{fenced_column, folding, guc, org_column, plan_item, session};

// The server's functions themselves: pgrx's bindings save a jump buffer.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn CallSyscacheCallbacks(cache: i32, hash: u32);
    fn ResetPlanCache();
}

/// The cache on which the plans pretend to depend: the plan cache listens to it, in every version, and hardly
/// anybody else does.
const CACHE: i32 = SysCacheIdentifier::TYPEOID as i32;

/// A column with classes for which plans may be kept.
struct Live {
    column: Rc<OrgColumn>,
    /// A bit for each class.
    classes: u32,
    /// Whether its statistics are not these any more.
    is_stale: bool,
}

static LIVE: BackendRefCell<Vec<Live>> = BackendRefCell::new(Vec::new());
/// Whether there is any, or may be.
static WATCHING: BackendCell<bool> = BackendCell::new(true);
/// Whether plans may be kept that say nothing, as they were made before this library came: by a session that has
/// looked at a fenced table first, for nobody.
static BEFORE_US: BackendCell<bool> = BackendCell::new(true);
/// The organization for which all that is live was made; empty where that isn't known.
static LAST: BackendRefCell<String> = BackendRefCell::new(String::new());

/// Notes that a plan is made for many executions, and adds to the items that it will carry what it depends on.
pub(crate) fn note(query: *mut Query, mut items: *mut List) -> *mut List {
    if !guc::plan_classes() || !folding::has_conditions(query) {
        return items;
    }
    let context = session::context();
    for (column, family) in fenced_column::of(query) {
        let column = org_column::look_up(column, family);
        let class = if column.is_one_class() { None } else { column.class(context.org.as_ref()) };
        if let Some(class) = class {
            items = plan_item::add(items, CACHE, column.mark(class));
            keep(column, class);
        }
    }
    items
}

fn keep(column: Rc<OrgColumn>, class: u32) {
    let bit = 1 << class;
    let is_new =
        LIVE.with_borrow_mut(|live| match live.iter_mut().find(|l| Rc::ptr_eq(&l.column, &column)) {
            Some(live) => {
                let is_new = live.classes & bit == 0;
                live.classes |= bit;
                is_new
            }
            None => {
                live.push(Live { column, classes: bit, is_stale: false });
                true
            }
        });
    if is_new {
        WATCHING.set(true);
        LAST.with_borrow_mut(String::clear);
    }
}

/// Whether it matters which organization is set.
#[inline]
pub(crate) fn is_watching() -> bool {
    WATCHING.get()
}

/// An organization has been set, by a setter or by what undoes one: has the plans for other classes made anew before
/// they are run again.
///
/// Called wherever settings are, in an abort too. It reads no catalog, and what it calls, the server itself calls in
/// an abort: the plan cache only marks plans.
pub(crate) fn org_set(org: &str) {
    // Without one nothing is planned and nothing is run; the next one will do.
    if org.is_empty() || !guc::plan_classes() || LAST.with_borrow(|last| last == org) {
        return;
    }
    let Some(value) = OrgValue::parse(org) else { return };
    if BEFORE_US.replace(false) {
        // SAFETY: marks plans; allowed at any time.
        unsafe { ResetPlanCache() };
    }
    let marks = LIVE.with_borrow_mut(|live| leave(live, &value));
    // Only now, as whoever listens may make plans again.
    for mark in marks {
        // SAFETY: a cache that there is; who listens doesn't raise.
        unsafe { CallSyscacheCallbacks(CACHE, mark) };
    }
    WATCHING.set(LIVE.with_borrow(|live| !live.is_empty()));
    LAST.with_borrow_mut(|last| {
        last.clear();
        last.push_str(org);
    });
}

/// Leaves what is live for this organization, and says by which marks the rest is known.
fn leave(live: &mut Vec<Live>, org: &OrgValue) -> Vec<u32> {
    let mut marks = Vec::new();
    live.retain_mut(|live| {
        let stays = match live.column.class(Some(org)) {
            _ if live.is_stale => 0,
            Some(class) => 1 << class,
            // Its statements will be refused.
            None => u32::MAX,
        };
        let goes = live.classes & !stays;
        marks.extend(
            (0..u32::BITS).filter(|class| goes & 1 << class != 0).map(|class| live.column.mark(class)),
        );
        live.classes &= stays;
        live.classes != 0
    });
    marks
}

/// Statistics have changed: the plans for their classes are made anew when an organization is set next.
pub(crate) fn statistics_changed(hash: u32) {
    let any = LIVE.with_borrow_mut(|live| {
        let meant = live.iter_mut().filter(|live| live.column.is_meant(hash));
        meant.map(|live| live.is_stale = true).count() > 0
    });
    if any {
        LAST.with_borrow_mut(String::clear);
    }
}
