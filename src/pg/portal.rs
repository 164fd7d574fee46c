//! Portals, as far as they say what the server is doing.

use std::borrow::Cow;
use std::ffi::CStr;

use pgrx::pg_sys::{self, MemoryContext, PlannedStmt, PortalStatus};

use super::backend::BackendCell;
use super::list;

/// The parent of all portals' memory, once it was found; it lives as long as the backend.
static PARENT: BackendCell<MemoryContext> = BackendCell::new(std::ptr::null_mut());

/// Whether a portal has been created that has no statement yet: the server is about to get it one from
/// the plan cache. Only the newest portal can be such a one.
pub(crate) fn is_being_defined() -> bool {
    let Some(parent) = parent() else { return false };
    // SAFETY: a memory context that lives as long as the backend.
    let newest = unsafe { (*parent).firstchild };
    // SAFETY: NULL, or a memory context that is alive.
    let Some(memory) = (unsafe { newest.as_ref() }) else { return false };
    [c"".as_ptr(), memory.ident].into_iter().any(|name| {
        if name.is_null() {
            return false;
        }
        // SAFETY: a NUL-terminated name: the empty one, or what a portal's memory is called by.
        let portal = unsafe { pg_sys::GetPortalByName(name) };
        // SAFETY: NULL, or a portal that is alive.
        unsafe { portal.as_ref() }
            .is_some_and(|portal| portal.portalContext == newest && portal.status == PortalStatus::PORTAL_NEW)
    })
}

fn parent() -> Option<MemoryContext> {
    if PARENT.get().is_null() {
        // SAFETY: a variable of the server's, set before anything runs.
        let top = unsafe { pg_sys::TopMemoryContext };
        // SAFETY: a memory context that lives as long as the backend.
        let mut child = unsafe { (*top).firstchild };
        // SAFETY: NULL, or a memory context that is alive.
        while let Some(context) = unsafe { child.as_ref() } {
            // SAFETY: every memory context has a NUL-terminated name.
            if unsafe { CStr::from_ptr(context.name) } == c"TopPortalContext" {
                PARENT.set(child);
                break;
            }
            child = context.nextchild;
        }
    }
    Some(PARENT.get()).filter(|parent| !parent.is_null())
}

/// A utility statement's own part of what the client sent; none where a function or another statement runs it.
pub(super) fn text_of<'a>(tree: *mut pg_sys::Node) -> Option<Cow<'a, str>> {
    // SAFETY: a variable of the server's.
    let active = unsafe { pg_sys::ActivePortal };
    // SAFETY: NULL, or the portal that runs.
    let portal = unsafe { active.as_ref() }?;
    if portal.sourceText.is_null() {
        return None;
    }
    // SAFETY: NULL, or the statements of a portal that runs.
    let mut statements = unsafe { list::nodes::<PlannedStmt>(portal.stmts) };
    // The server runs a copy of what it may need again.
    // SAFETY: compares two trees, of which each may be NULL.
    let own = statements.find(|s| unsafe { pg_sys::equal(s.utilityStmt.cast(), tree.cast()) })?;
    // SAFETY: NUL-terminated, and it lives as long as the portal.
    let whole = unsafe { CStr::from_ptr(portal.sourceText) }.to_bytes();
    // -1 stands for the beginning, 0 for all that follows.
    let begin = usize::try_from(own.stmt_location).unwrap_or_default();
    let length = usize::try_from(own.stmt_len).ok().filter(|length| *length > 0);
    let rest = whole.get(begin..)?;
    let text = length.and_then(|length| rest.get(..length)).unwrap_or(rest);
    Some(String::from_utf8_lossy(text.trim_ascii()))
}
