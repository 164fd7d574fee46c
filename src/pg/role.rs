//! Roles: who is logged in, who acts, and whom row security passes over.

use std::ffi::CStr;

use org_scope_core::sql::Ident;
use pgrx::pg_sys::{self, Oid};

use super::backend::BackendCell;
use super::quick;

/// The login role (session_user), or `None` where the catalogs can't be asked about it: outside a
/// transaction, or in a process without a database.
pub(crate) fn login() -> Option<Oid> {
    // SAFETY: a variable of the server's that is set once, while the backend starts.
    let database = unsafe { pg_sys::MyDatabaseId };
    if !quick::in_transaction() || database == Oid::INVALID {
        return None;
    }
    Some(quick::session_user())
}

/// The role whose rights count at the moment (current_user).
pub(crate) fn current() -> Oid {
    quick::user()
}

/// Whether the role is a superuser.
pub(crate) fn is_superuser(role: Oid) -> bool {
    // SAFETY: a lookup by OID; an unknown one is no superuser.
    unsafe { pg_sys::superuser_arg(role) }
}

/// The last role that was asked for, and whether it bypasses row security.
static BYPASSES: BackendCell<Option<(Oid, bool)>> = BackendCell::new(None);

/// The same of a role that isn't the one which acts, whose answer is kept.
pub(crate) fn bypasses_now(role: Oid) -> bool {
    // SAFETY: a lookup by OID; an unknown one doesn't bypass.
    unsafe { pg_sys::has_bypassrls_privilege(role) }
}

/// Whether no policy filters the role's statements (superuser or BYPASSRLS).
pub(crate) fn bypasses(role: Oid) -> bool {
    if let Some((known, bypasses)) = BYPASSES.get()
        && known == role
    {
        return bypasses;
    }
    // An invalidation that comes meanwhile is taken in before the answer is read.
    // SAFETY: a lookup by OID; an unknown one doesn't bypass.
    let bypasses = unsafe { pg_sys::has_bypassrls_privilege(role) };
    BYPASSES.set(Some((role, bypasses)));
    bypasses
}

/// A role has changed.
pub(crate) fn forget() {
    BYPASSES.set(None);
}

/// The role's name.
///
/// Raises 42704 where there is no such role.
pub(crate) fn name(role: Oid) -> Ident {
    // SAFETY: with noerr false the answer is a palloc'ed string, or the call raises.
    let name = unsafe { pg_sys::GetUserNameFromId(role, false) };
    // SAFETY: as above, NUL-terminated.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    Ident::new(name).expect("the catalog holds no impossible names")
}

/// Whether a role has all rights of another.
pub(crate) fn has_rights_of(role: Oid, of: Oid) -> bool {
    // SAFETY: reads the system cache; an unknown role has no rights.
    unsafe { pg_sys::has_privs_of_role(role, of) }
}

/// Whether the server runs code for another than who called: an index expression, a materialized view.
pub(crate) fn is_restricted() -> bool {
    // SAFETY: reads a variable of this backend's.
    unsafe { pg_sys::InSecurityRestrictedOperation() }
}
