//! Lifts FORCE ROW LEVEL SECURITY for the table's owner, as referential integrity itself does, and
//! sees to it that the flag helps nobody else.
//!
//! The server's flag (`SECURITY_NOFORCE_RLS`) lifts the fence for every owner of a table that is
//! reached while it is on, through a view or a definer function too, and plans made under it outlive
//! it. So while it is on, a table with row security that is reached as another user than the caller
//! is refused, nothing runs in parallel workers (they don't know who the caller is), and the plan
//! cache is emptied on every way in and out.

use org_scope_core::Error;
use pgrx::PgList;
use pgrx::pg_sys::{self, Oid};

use super::backend::{BackendCell, BackendRefCell};
use super::{hook, quick, report, role, running};

/// For whom FORCE is lifted.
static LIFTED_FOR: BackendCell<Option<Oid>> = BackendCell::new(None);
/// Which statements were started since: see `running::mark`.
static LIFTED_SINCE: BackendCell<Option<u64>> = BackendCell::new(None);
/// For each function that the server calls by way of the hook, the innermost last.
static SWITCHED: BackendRefCell<Vec<Switched>> = BackendRefCell::new(Vec::new());

/// Whether a statement of ours asks as a table's owner.
static ASKING: BackendCell<bool> = BackendCell::new(false);

struct Switched {
    function: Oid,
    /// Whether FORCE is lifted and another user than the caller runs the function.
    for_another: bool,
    /// The user and flags from which the server's own flag was taken.
    fenced: Option<(Oid, i32)>,
    /// Whether a statement of ours called it.
    asking: bool,
}

/// Runs `work` with FORCE lifted for tables that the current user owns.
///
/// Raises OS002 where `work` leaves a cursor open: it could go on without a fence.
pub(crate) fn lift<T>(work: impl FnOnce() -> T) -> T {
    let mark = running::mark();
    let result = {
        let _lifted = Lifted::enter();
        work()
    };
    if running::open_since(mark) {
        report::raise(&Error::CursorLeftOpen);
    }
    result
}

struct Lifted {
    user: Oid,
    sec_context: i32,
    outer: Option<Oid>,
    outer_since: Option<u64>,
}

impl Lifted {
    fn enter() -> Self {
        let (mut user, mut sec_context) = (Oid::INVALID, 0);
        // SAFETY: writes to two locals.
        unsafe { pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut sec_context) };
        reset_plans();
        let outer = LIFTED_FOR.replace(Some(user));
        let outer_since = LIFTED_SINCE.replace(Some(running::mark()));
        // LOCAL_USERID_CHANGE forbids SET ROLE meanwhile, which would pass the flag to another user.
        let lifted =
            sec_context | (pg_sys::SECURITY_NOFORCE_RLS | pg_sys::SECURITY_LOCAL_USERID_CHANGE) as i32;
        // SAFETY: the same user with more flags; drop puts back what was there, an abort does too.
        unsafe { pg_sys::SetUserIdAndSecContext(user, lifted) };
        Self { user, sec_context, outer, outer_since }
    }
}

impl Drop for Lifted {
    fn drop(&mut self) {
        LIFTED_FOR.set(self.outer);
        LIFTED_SINCE.set(self.outer_since);
        // SAFETY: what enter found.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.sec_context) };
        reset_plans();
    }
}

/// The plan cache doesn't know the flag: plans made with and without it must not meet.
fn reset_plans() {
    // SAFETY: marks plans as invalid; allowed at any time.
    unsafe { pg_sys::ResetPlanCache() };
}

/// While FORCE is lifted nothing is planned for parallel workers.
pub(crate) fn limit_cursor_options(options: i32) -> i32 {
    match LIFTED_FOR.get() {
        Some(_) => options & !(pg_sys::CURSOR_OPT_PARALLEL_OK as i32),
        None => options,
    }
}

/// Whether FORCE is lifted and somebody else than the caller is acting.
pub(crate) fn acts_for_another() -> bool {
    LIFTED_FOR.get().is_some_and(|caller| role::current() != caller)
}

/// Whether FORCE is lifted.
pub(crate) fn is_lifted() -> bool {
    LIFTED_FOR.get().is_some()
}

/// Refuses to read on in a cursor that was opened before FORCE was lifted: an SQL function in it
/// would keep the plan that it makes now.
pub(crate) fn check_run(query: *mut pg_sys::QueryDesc) {
    if LIFTED_SINCE.get().is_some_and(|mark| !running::is_since(query, mark)) {
        report::raise(&Error::CursorFromOutside);
    }
}

/// Refuses a plan that reaches a table with row security as another user than the caller: through
/// a view of another owner, or inside a definer function. Foreign-key checks, which the server runs
/// as the table's owner without such a function in between, pass.
///
/// Under the server's own flag too, for referential integrity or a statement of ours: users can have it run
/// the server's functions that take a query, in a trigger's WHEN, a CHECK or a DEFAULT, and these call no
/// function whose flag could be taken away.
pub(crate) fn check_plan(plan: *mut pg_sys::PlannedStmt) {
    let lifted_for = LIFTED_FOR.get();
    if lifted_for.is_none() && !quick::is_without_force() {
        return;
    }
    let caller = lifted_for.filter(|_| !ASKING.get()).unwrap_or_else(role::current);
    let in_definer = SWITCHED.with_borrow(|s| s.iter().any(|f| f.for_another));
    // SAFETY: the server passes a plan.
    let table = unsafe { (*plan).rtable };
    // SAFETY: a plan's range table is a list of range table entries.
    let table: PgList<pg_sys::RangeTblEntry> = unsafe { PgList::from_pg(table) };
    for entry in table.iter_ptr() {
        // SAFETY: an element of the list.
        let rte = unsafe { &*entry };
        if rte.rtekind != pg_sys::RTEKind::RTE_RELATION {
            continue;
        }
        let through_view = check_as_user(plan, rte);
        let another = match through_view {
            Some(user) => user != caller,
            None => in_definer && role::current() != caller,
        };
        if another && has_row_security(rte.relid) {
            report::raise(&Error::ReachedAsAnother);
        }
    }
}

/// The user as whom a view reads its tables, where it is not the current one.
#[cfg(feature = "pg15")]
fn check_as_user(_plan: *mut pg_sys::PlannedStmt, rte: &pg_sys::RangeTblEntry) -> Option<Oid> {
    (rte.checkAsUser != Oid::INVALID).then_some(rte.checkAsUser)
}

/// The user as whom a view reads its tables, where it is not the current one.
#[cfg(not(feature = "pg15"))]
fn check_as_user(plan: *mut pg_sys::PlannedStmt, rte: &pg_sys::RangeTblEntry) -> Option<Oid> {
    let index = (rte.perminfoindex as usize).checked_sub(1)?;
    // SAFETY: the server passes a plan.
    let infos = unsafe { (*plan).permInfos };
    // SAFETY: the entry's index counts from one into the plan's own list.
    let infos: PgList<pg_sys::RTEPermissionInfo> = unsafe { PgList::from_pg(infos) };
    let info = infos.get_ptr(index)?;
    // SAFETY: an element of the list.
    let user = unsafe { (*info).checkAsUser };
    (user != Oid::INVALID).then_some(user)
}

fn has_row_security(relid: Oid) -> bool {
    // SAFETY: the plan holds a lock on its relations; an unknown OID gives NULL.
    let relation = unsafe { pg_sys::RelationIdGetRelation(relid) };
    if relation.is_null() {
        return true;
    }
    // SAFETY: open until RelationClose.
    let form = unsafe { (*relation).rd_rel };
    // SAFETY: as above.
    let enabled = unsafe { (*form).relrowsecurity };
    // SAFETY: opened above.
    unsafe { pg_sys::RelationClose(relation) };
    enabled
}

static mut PREVIOUS_FMGR: pg_sys::fmgr_hook_type = None;

static mut PREVIOUS_NEEDS_FMGR: pg_sys::needs_fmgr_hook_type = None;

/// Watches functions that run as another user, and those that run inside referential integrity.
pub(crate) fn init() {
    hook::chain!(fmgr_hook, PREVIOUS_FMGR, fmgr);
    hook::chain!(needs_fmgr_hook, PREVIOUS_NEEDS_FMGR, needs_fmgr);
}

/// Whether the server acts under its flag for referential integrity, or we as it does: as a table's owner,
/// not for `across_orgs`.
fn in_referential_integrity() -> bool {
    quick::is_without_force() && (ASKING.get() || !is_lifted() || acts_for_another())
}

/// Whether the function that runs was called by referential integrity itself, by a cascade's UPDATE say,
/// not by what such a function does.
pub(crate) fn in_cascade(function: Oid) -> bool {
    SWITCHED.with_borrow(|s| s.last().is_some_and(|f| f.function == function && f.fenced.is_some()))
}

/// Runs one statement of ours as a table's owner and without FORCE, as referential integrity does its
/// cascades. What users have put on the tables runs fenced, as in those.
pub(crate) fn cascade_as<T>(owner: Oid, work: impl FnOnce() -> T) -> T {
    let _as_owner = AsOwner::enter(owner, ASKING.get());
    work()
}

/// The same for a statement that calls nothing but built-in functions and our own; what else the tables' owners
/// have brought in, by a cast or a condition of theirs, is on its own.
pub(crate) fn ask_as<T>(owner: Oid, work: impl FnOnce() -> T) -> T {
    let _as_owner = AsOwner::enter(owner, true);
    work()
}

struct AsOwner {
    user: Oid,
    sec_context: i32,
    asking: bool,
}

impl AsOwner {
    fn enter(owner: Oid, asking: bool) -> Self {
        let mut found = Self { user: Oid::INVALID, sec_context: 0, asking: ASKING.replace(asking) };
        // SAFETY: writes to the guard's own fields.
        unsafe { pg_sys::GetUserIdAndSecContext(&raw mut found.user, &raw mut found.sec_context) };
        let flags = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_NOFORCE_RLS;
        // SAFETY: the guard puts back what was there on every way out.
        unsafe { pg_sys::SetUserIdAndSecContext(owner, found.sec_context | flags as i32) };
        found
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        ASKING.set(self.asking);
        // SAFETY: what was found before the switch; an abort puts back the same.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.sec_context) };
    }
}

/// A trigger that a cascade fires would run under the flag too, see every organization's rows, and
/// leave its plans without a fence in the cache. Asked once for each function that isn't built in.
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn needs_fmgr(function: Oid) -> bool {
    if in_referential_integrity() {
        return true;
    }
    // SAFETY: written once, while the library loaded.
    match unsafe { PREVIOUS_NEEDS_FMGR } {
        // SAFETY: the argument is passed on as it came.
        Some(previous) => unsafe { previous(function) },
        None => false,
    }
}

/// Takes the server's flag from a user's function inside referential integrity.
fn fence_in() -> Option<(Oid, i32)> {
    if is_lifted() || !in_referential_integrity() {
        return None;
    }
    let (mut user, mut sec_context) = (Oid::INVALID, 0);
    // SAFETY: writes to two locals.
    unsafe { pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut sec_context) };
    // SAFETY: the same user with one flag less; the end of the function or an abort puts it back.
    unsafe { pg_sys::SetUserIdAndSecContext(user, sec_context & !(pg_sys::SECURITY_NOFORCE_RLS as i32)) };
    Some((user, sec_context))
}

/// Called for functions with SECURITY DEFINER or settings of their own, after the user was switched,
/// and for those of `needs_fmgr`.
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn fmgr(
    event: pg_sys::FmgrHookEventType::Type,
    flinfo: *mut pg_sys::FmgrInfo,
    arg: *mut pg_sys::Datum,
) {
    if event == pg_sys::FmgrHookEventType::FHET_START {
        // SAFETY: the server passes the function that it is going to call.
        let function = unsafe { (*flinfo).fn_oid };
        let called = Switched {
            function,
            for_another: acts_for_another(),
            fenced: fence_in(),
            asking: ASKING.replace(false),
        };
        SWITCHED.with_borrow_mut(|s| s.push(called));
    } else if let Some(left) = SWITCHED.with_borrow_mut(Vec::pop) {
        ASKING.set(left.asking);
        if let Some((user, sec_context)) = left.fenced {
            // SAFETY: what fence_in found.
            unsafe { pg_sys::SetUserIdAndSecContext(user, sec_context) };
        }
    }
    // SAFETY: written once, while the library loaded.
    if let Some(previous) = unsafe { PREVIOUS_FMGR } {
        // SAFETY: the arguments are passed on as they came.
        unsafe { previous(event, flinfo, arg) };
    }
}
