//! A query as the server understands it, before it is planned: which fences it meets, for whoever asks.

use std::ffi::{CString, c_char, c_int};

use org_scope_core::org::OrgType;
use pgrx::pg_sys::{self, CmdType, List, Oid, Query, RawStmt};

use super::fenced_column::{self, FencedColumn};
use super::{list, parse, throw};

// The server's function itself: pgrx's binding would strip the position from an error.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn pg_analyze_and_rewrite_fixedparams(
        parsetree: *mut RawStmt,
        text: *const c_char,
        types: *const Oid,
        count: c_int,
        environment: *mut pg_sys::QueryEnvironment,
    ) -> *mut List;
}

/// The org columns that the fences of a query compare, for the current user; none where the text is something else
/// than one query that changes nothing by itself. What is wrong with it is raised as the server's own error.
pub(crate) fn fenced_columns_of_query(text: &str) -> Option<Vec<(FencedColumn, OrgType)>> {
    let text = CString::new(text).ok()?;
    let raw = parse::select(&text)?;
    let source = text.as_ptr();
    let call = || {
        // SAFETY: a statement that was just parsed from this text, which takes no parameters.
        unsafe { pg_analyze_and_rewrite_fixedparams(raw, source, std::ptr::null(), 0, std::ptr::null_mut()) }
    };
    // SAFETY: calls the server alone and owns nothing.
    let queries = unsafe { throw::whole_in(&text, call) };
    // SAFETY: a list of queries.
    let mut queries = unsafe { list::nodes::<Query>(queries) };
    let (Some(query), None) = (queries.next(), queries.next()) else { return None };
    if query.commandType != CmdType::CMD_SELECT || query.hasModifyingCTE {
        return None;
    }
    Some(fenced_column::of((&raw const *query).cast_mut()).collect())
}
