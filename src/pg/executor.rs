//! Hooks on planner and executor: they tell `running` which statement runs, and `noforce` what it reaches.

use pgrx::pg_sys::{self, List, ParamListInfo, PlannedStmt, Query, QueryDesc};

use org_scope_core::Error;
use org_scope_core::org::OrgValue;

use super::folding::Folding;
use super::{
    fence_call, folding, hook, label, new_row, noforce, one_shot, plan_item, reliance, report, running,
    size_class, throw, untriggered,
};

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn standard_planner(
        parse: *mut Query,
        query_string: *const std::ffi::c_char,
        cursor_options: i32,
        bound_params: ParamListInfo,
    ) -> *mut PlannedStmt;
    fn standard_ExecutorStart(query: *mut QueryDesc, eflags: i32);
    #[cfg(not(feature = "pg18"))]
    fn standard_ExecutorRun(
        query: *mut QueryDesc,
        direction: pg_sys::ScanDirection::Type,
        count: u64,
        execute_once: bool,
    );
    #[cfg(feature = "pg18")]
    fn standard_ExecutorRun(query: *mut QueryDesc, direction: pg_sys::ScanDirection::Type, count: u64);
    fn standard_ExecutorFinish(query: *mut QueryDesc);
    fn standard_ExecutorEnd(query: *mut QueryDesc);
}

static mut PREVIOUS_PLANNER: pg_sys::planner_hook_type = None;
static mut PREVIOUS_START: pg_sys::ExecutorStart_hook_type = None;
static mut PREVIOUS_RUN: pg_sys::ExecutorRun_hook_type = None;
static mut PREVIOUS_FINISH: pg_sys::ExecutorFinish_hook_type = None;
static mut PREVIOUS_END: pg_sys::ExecutorEnd_hook_type = None;

/// Installs the hooks in front of whatever is there.
pub(crate) fn init() {
    hook::chain!(planner_hook, PREVIOUS_PLANNER, planner);
    hook::chain!(ExecutorStart_hook, PREVIOUS_START, executor_start);
    hook::chain!(ExecutorRun_hook, PREVIOUS_RUN, executor_run);
    hook::chain!(ExecutorFinish_hook, PREVIOUS_FINISH, executor_finish);
    hook::chain!(ExecutorEnd_hook, PREVIOUS_END, executor_end);
}

/// Calls the predecessor between `enter` and `leave`.
///
/// # Safety
/// As for [`throw::finally`], for `call`.
unsafe fn inside<T>(entered: bool, call: impl FnOnce() -> T) -> T {
    if entered {
        // SAFETY: the caller's promise; leave doesn't raise.
        unsafe { throw::finally(call, running::leave) }
    } else {
        call()
    }
}

// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn planner(
    parse: *mut Query,
    query_string: *const std::ffi::c_char,
    cursor_options: i32,
    bound_params: ParamListInfo,
) -> *mut PlannedStmt {
    let options = noforce::limit_cursor_options(cursor_options);
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS_PLANNER }.unwrap_or(standard_planner);
    // SAFETY: nothing in this frame has a destructor.
    let mut before = unsafe { hook::decide(|| before_plan(parse, query_string, bound_params)) };
    let entered = running::enter_planner();
    let call = || {
        if let Some(folding) = &mut before.folding {
            // SAFETY: what the planner was given.
            unsafe { folding::fold(parse, folding) };
        }
        // SAFETY: the arguments are passed on as they came.
        let plan = unsafe { next(parse, query_string, options, bound_params) };
        if let Some(folding) = &before.folding {
            // SAFETY: the plan of that query.
            unsafe { folding::put_label(plan, folding) };
        }
        if !before.items.is_null() {
            // SAFETY: the plan of that query, and a list that was made for it.
            unsafe { plan_item::attach(plan, before.items) };
        }
        plan
    };
    // SAFETY: nothing in this frame has a destructor.
    unsafe { inside(entered, call) }
}

/// What is decided before a query is planned. It owns nothing, as it lives across calls of the server.
struct Before {
    folding: Option<Folding>,
    /// What the plan is to say of itself.
    items: *mut List,
}

fn before_plan(query: *mut Query, text: *const std::ffi::c_char, params: ParamListInfo) -> Before {
    // SAFETY: the server passes a query.
    let has_policies = unsafe { (*query).hasRowSecurity };
    if !has_policies {
        return Before { folding: None, items: std::ptr::null_mut() };
    }
    let reliances = new_row::ask_less(query);
    // With parameters bound, the plan cache has decided for a plan that it throws away.
    let used_once = !params.is_null() || one_shot::take(query, text);
    if used_once {
        Before { folding: folding::prepare(query), items: reliances }
    } else {
        Before { folding: None, items: size_class::note(query, reliances) }
    }
}

// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn executor_start(query: *mut QueryDesc, eflags: i32) {
    // SAFETY: nothing in this frame has a destructor.
    let entered = unsafe { hook::decide(|| before_start(query)) };
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS_START }.unwrap_or(standard_ExecutorStart);
    // SAFETY: the arguments are passed on as they came.
    let call = || unsafe { next(query, eflags) };
    // SAFETY: nothing in this frame has a destructor.
    unsafe { inside(entered, call) };
    // SAFETY: the server has just started the query.
    unsafe { untriggered::strip(query) };
    if entered {
        // Only now, as the triggers that will be fired are those that starting has found.
        // SAFETY: the server passes a query with its plan.
        let plan = unsafe { (*query).plannedstmt };
        // SAFETY: nothing in this frame has a destructor.
        unsafe { hook::decide(|| reliance::check(plan)) };
    }
}

fn before_start(query: *mut QueryDesc) -> bool {
    // SAFETY: the server passes a query with its plan.
    let plan = unsafe { (*query).plannedstmt };
    noforce::check_plan(plan);
    let folded = label::is_in(plan);
    if folded || fence_call::is_in(plan) {
        let context = running::start(query);
        let org = context.org.as_ref().map(OrgValue::text);
        if folded && !label::is_for(plan, org, context.project.as_ref().map(OrgValue::text)) {
            report::raise(&Error::OrgChanged);
        }
    } else if noforce::is_lifted() {
        running::start_lifted(query);
    } else {
        // The address may have been that of a statement which an aborted subtransaction left.
        running::end(query);
    }
    // Starting may already evaluate parts of the plan.
    running::enter(query)
}

fn before_run(query: *mut QueryDesc) -> bool {
    noforce::check_run(query);
    running::resume(query)
}

/// The run hook has one argument less from version 18 on.
#[cfg(not(feature = "pg18"))]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn executor_run(
    query: *mut QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    execute_once: bool,
) {
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS_RUN }.unwrap_or(standard_ExecutorRun);
    // SAFETY: nothing in this frame has a destructor.
    let entered = unsafe { hook::decide(|| before_run(query)) };
    // SAFETY: the arguments are passed on as they came.
    let call = || unsafe { next(query, direction, count, execute_once) };
    // SAFETY: nothing in this frame has a destructor.
    unsafe { inside(entered, call) };
    if entered {
        // SAFETY: as above.
        unsafe { hook::decide(|| running::check(query)) };
    }
}

#[cfg(feature = "pg18")]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn executor_run(
    query: *mut QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
) {
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS_RUN }.unwrap_or(standard_ExecutorRun);
    // SAFETY: nothing in this frame has a destructor.
    let entered = unsafe { hook::decide(|| before_run(query)) };
    // SAFETY: the arguments are passed on as they came.
    let call = || unsafe { next(query, direction, count) };
    // SAFETY: nothing in this frame has a destructor.
    unsafe { inside(entered, call) };
    if entered {
        // SAFETY: as above.
        unsafe { hook::decide(|| running::check(query)) };
    }
}

/// Whether anything is left for a statement's end: triggers, and data-modifying CTEs that were not read to
/// theirs.
///
/// # Safety
/// `query` is one of the server's, with its plan.
unsafe fn has_more_to_do(query: *mut QueryDesc) -> bool {
    // SAFETY: the caller's promise.
    let plan = unsafe { (*query).plannedstmt };
    // SAFETY: as above.
    let plan = unsafe { &*plan };
    plan.commandType != pg_sys::CmdType::CMD_SELECT || plan.hasModifyingCTE
}

// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn executor_finish(query: *mut QueryDesc) {
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS_FINISH }.unwrap_or(standard_ExecutorFinish);
    // SAFETY: the server passes a query.
    let entered = unsafe { has_more_to_do(query) } && running::enter(query);
    // SAFETY: the arguments are passed on as they came.
    let call = || unsafe { next(query) };
    // SAFETY: nothing in this frame has a destructor.
    unsafe { inside(entered, call) }
}

// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn executor_end(query: *mut QueryDesc) {
    running::end(query);
    // SAFETY: written once, while the library loaded.
    let next = unsafe { PREVIOUS_END }.unwrap_or(standard_ExecutorEnd);
    // SAFETY: the argument is passed on.
    unsafe { next(query) }
}
