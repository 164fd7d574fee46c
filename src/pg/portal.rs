//! Portals, as far as they say what the server is doing.

use pgrx::pg_sys::{self, MemoryContext, PortalStatus};

use super::backend::BackendCell;

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
            if unsafe { std::ffi::CStr::from_ptr(context.name) } == c"TopPortalContext" {
                PARENT.set(child);
                break;
            }
            child = context.nextchild;
        }
    }
    Some(PARENT.get()).filter(|parent| !parent.is_null())
}
