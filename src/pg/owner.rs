//! Acts as another role, the owner of a table, for as long as one statement takes.

use pgrx::pg_sys::{self, Oid};

struct Switched {
    user: Oid,
    sec_context: i32,
}

impl Drop for Switched {
    fn drop(&mut self) {
        // SAFETY: what was found before the switch; an abort puts back the same.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.sec_context) };
    }
}

/// Runs `work` as the extension's owner. `work` must run our own statements only.
pub(crate) fn as_extension_owner<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: a lookup by name, which raises where there is no such extension.
    let extension = unsafe { pg_sys::get_extension_oid(c"org_scope".as_ptr(), false) };
    as_role(extension_owner(extension), work)
}

/// Runs `work` as the role, forbidding SET ROLE and anything that would outlive it.
pub(crate) fn as_role<T>(owner: Oid, work: impl FnOnce() -> T) -> T {
    as_role_with(owner, 0, work)
}

/// The same with FORCE lifted for the tables of that role. `work` is one statement of ours over plain tables, which
/// calls no function that a user can make, and of which no plan is kept: otherwise see `noforce`.
pub(crate) fn as_owner_across<T>(owner: Oid, work: impl FnOnce() -> T) -> T {
    as_role_with(owner, pg_sys::SECURITY_NOFORCE_RLS, work)
}

fn as_role_with<T>(owner: Oid, more: u32, work: impl FnOnce() -> T) -> T {
    let mut found = Switched { user: Oid::INVALID, sec_context: 0 };
    // SAFETY: writes to the guard's own fields.
    unsafe { pg_sys::GetUserIdAndSecContext(&raw mut found.user, &raw mut found.sec_context) };
    let flags = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION | more;
    // SAFETY: the guard puts back what was there on every way out.
    unsafe { pg_sys::SetUserIdAndSecContext(owner, found.sec_context | flags as i32) };
    let _switched = found;
    work()
}

fn extension_owner(extension: Oid) -> Oid {
    pgrx::Spi::connect(|client| {
        client
            .select(
                "SELECT extowner FROM pg_catalog.pg_extension WHERE oid OPERATOR(pg_catalog.=) $1",
                Some(1),
                &[extension.into()],
            )
            .and_then(|rows| rows.first().get_one::<Oid>())
    })
    .ok()
    .flatten()
    .expect("an extension has an owner")
}
