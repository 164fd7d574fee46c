//! Roles: who is logged in, who acts, and whom row security passes over.

use std::ffi::CStr;

use org_scope_core::sql::Ident;
use pgrx::pg_sys::{self, Oid};

/// The login role (session_user), or `None` where the catalogs can't be asked about it: outside a
/// transaction, or in a process without a database.
pub(crate) fn login() -> Option<Oid> {
    // SAFETY: reads the transaction state of this backend.
    let in_transaction = unsafe { pg_sys::IsTransactionState() };
    // SAFETY: a variable of the server's that is set once, while the backend starts.
    let database = unsafe { pg_sys::MyDatabaseId };
    if !in_transaction || database == Oid::INVALID {
        return None;
    }
    // SAFETY: a backend in a transaction with a database has a session user.
    Some(unsafe { pg_sys::GetSessionUserId() })
}

/// The role whose rights count at the moment (current_user).
pub(crate) fn current() -> Oid {
    // SAFETY: reads a variable of this backend's.
    unsafe { pg_sys::GetUserId() }
}

/// Whether the role is a superuser.
pub(crate) fn is_superuser(role: Oid) -> bool {
    // SAFETY: a lookup by OID; an unknown one is no superuser.
    unsafe { pg_sys::superuser_arg(role) }
}

/// Whether no policy filters the role's statements (superuser or BYPASSRLS).
pub(crate) fn bypasses(role: Oid) -> bool {
    // SAFETY: a lookup by OID; an unknown one doesn't bypass.
    unsafe { pg_sys::has_bypassrls_privilege(role) }
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

/// Whether the server runs code for another than who called: an index expression, a materialized view.
pub(crate) fn is_restricted() -> bool {
    // SAFETY: reads a variable of this backend's.
    unsafe { pg_sys::InSecurityRestrictedOperation() }
}
