//! The session's context as it counts now, computed once for every change of anything it depends on.

use std::cell::RefCell;
use std::rc::Rc;

use org_scope_core::context::{Context, Login, Settings};
use pgrx::pg_sys::Oid;

use super::guc::ContextSetting;
use super::{access, epoch, role};

#[derive(PartialEq, Eq, Clone, Copy)]
struct Stamp {
    epoch: u64,
    login: Oid,
}

thread_local! {
    static CACHE: RefCell<Option<(Stamp, Rc<Context>)>> = const { RefCell::new(None) };
}

fn stamp(login: Oid) -> Stamp {
    Stamp { epoch: epoch::context(), login }
}

/// The effective context of the login role. Nothing is set where there is no login to ask about.
pub(crate) fn context() -> Rc<Context> {
    let Some(login) = role::login() else { return Rc::default() };
    let now = stamp(login);
    if let Some(context) = CACHE.with_borrow(|c| match c {
        Some((at, context)) if *at == now => Some(Rc::clone(context)),
        _ => None,
    }) {
        return context;
    }
    let context = Rc::new(read(login));
    // Reading the access table may itself have taken in an invalidation.
    if stamp(login) == now {
        CACHE.set(Some((now, Rc::clone(&context))));
    }
    context
}

/// Whether this is a parallel worker that was handed an organization which its login has lost since
/// the leader began: each process asks the access table for itself.
pub(crate) fn is_worker_with_stale_org() -> bool {
    // SAFETY: a variable of the server's, set before a worker runs anything.
    let number = unsafe { pgrx::pg_sys::ParallelWorkerNumber };
    number >= 0 && !ContextSetting::Org.get().is_empty()
}

fn read(login: Oid) -> Context {
    let [org, user, project, origin] =
        [ContextSetting::Org, ContextSetting::User, ContextSetting::Project, ContextSetting::Origin]
            .map(ContextSetting::get);
    let access = access::of(login);
    Context::effective(
        Settings { org: &org, user: &user, project: &project, origin: &origin },
        Login { access: access.as_deref(), superuser: role::is_superuser(login) },
    )
}
