//! The session's context as it counts now, computed once for every change of anything it depends on.

use std::cell::RefCell;
use std::rc::Rc;

use org_scope_core::context::{Context, Login, Origin, Settings};
use pgrx::pg_sys::Oid;

use super::guc::ContextSetting;
use super::{access, epoch, quick, role};

/// What the context depends on: as long as the stamp is the same, it is.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(crate) struct Stamp {
    epoch: u64,
    login: Oid,
}

/// The text of a setting, and what it means.
type Decoded = (String, Option<Rc<Origin>>);

thread_local! {
    /// The last origin that was read: session after session has the same.
    static ORIGIN: RefCell<Decoded> = const { RefCell::new((String::new(), None)) };
    static CACHE: RefCell<Option<(Stamp, Rc<Context>)>> = const { RefCell::new(None) };
}

/// The stamp of this moment.
pub(crate) fn stamp() -> Stamp {
    Stamp { epoch: epoch::context(), login: quick::session_user() }
}

/// The effective context of the login role. Nothing is set where there is no login to ask about.
pub(crate) fn context() -> Rc<Context> {
    let Some(login) = role::login() else { return Rc::default() };
    let now = stamp();
    if let Some(context) = CACHE.with_borrow(|c| match c {
        Some((at, context)) if *at == now => Some(Rc::clone(context)),
        _ => None,
    }) {
        return context;
    }
    let context = Rc::new(read(login));
    // Reading the access table may itself have taken in an invalidation.
    if stamp() == now {
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

/// Where the organization came from, as it was set.
pub(crate) fn origin() -> Option<Rc<Origin>> {
    ORIGIN.with_borrow_mut(|last| {
        if !ContextSetting::Origin.is(&last.0) {
            let text = ContextSetting::Origin.get();
            *last = (text, None);
            last.1 = Origin::decode(&last.0).map(Rc::new);
        }
        last.1.clone()
    })
}

fn read(login: Oid) -> Context {
    let [org, user, project] =
        [ContextSetting::Org, ContextSetting::User, ContextSetting::Project].map(ContextSetting::get);
    let access = access::of(login);
    Context::effective(
        Settings { org: &org, user: &user, project: &project, origin: origin().as_deref() },
        Login { access: access.as_deref(), superuser: role::is_superuser(login) },
    )
}
