//! The session's context as it counts now, computed once for every change of anything it depends on.

use std::rc::Rc;

use org_scope_core::context::{self, Context, Login, Origin, Settings};
use pgrx::pg_sys::Oid;

use super::backend::{BackendCell, BackendRefCell};
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

/// The last origin that was read: session after session has the same.
static ORIGIN: BackendRefCell<Decoded> = BackendRefCell::new((String::new(), None));
static CACHE: BackendRefCell<Option<(Stamp, Rc<Context>)>> = BackendRefCell::new(None);
/// When the cached context ends, in seconds since 1970; never, mostly.
static ENDS: BackendCell<i64> = BackendCell::new(i64::MAX);

/// The stamp of this moment.
pub(crate) fn stamp() -> Stamp {
    Stamp { epoch: epoch::context(), login: quick::session_user() }
}

/// The effective context of the login role. Nothing is set where there is no login to ask about.
pub(crate) fn context() -> Rc<Context> {
    let Some(login) = role::login() else { return Rc::default() };
    // Every statement with a fence asks when it starts. One that has started is not asked again.
    if ENDS.get() != i64::MAX && ENDS.get() <= quick::now() {
        ENDS.set(i64::MAX);
        epoch::context_changed();
    }
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
    number >= 0 && !org_as_set().is_empty()
}

/// Where the organization came from, as it was set.
pub(crate) fn origin() -> Option<Rc<Origin>> {
    ContextSetting::Org.read(|setting| decoded(context::split(setting).0))
}

fn decoded(text: &str) -> Option<Rc<Origin>> {
    ORIGIN.with_borrow_mut(|last| {
        if last.0 != text {
            *last = (text.to_owned(), Origin::decode(text).map(Rc::new));
        }
        last.1.clone()
    })
}

/// The organization as it was set, whether or not it counts; empty for none.
pub(crate) fn org_as_set() -> String {
    ContextSetting::Org.read(|setting| context::split(setting).1.to_owned())
}

fn read(login: Oid) -> Context {
    // Before the settings are read: the catalogs are looked into, and the settings must stay meanwhile.
    let (access, superuser) = (access::of(login), role::is_superuser(login));
    let login = Login { access: access.as_deref(), superuser };
    ContextSetting::Org.read(|setting| {
        let (origin, org) = context::split(setting);
        let origin = decoded(origin);
        let ends = origin.as_ref().and_then(|origin| origin.expires);
        // The clock is asked only where something ends.
        let now = ends.map_or(0, |_| quick::now());
        ENDS.set(ends.filter(|&end| end > now).unwrap_or(i64::MAX));
        ContextSetting::User.read(|user| {
            ContextSetting::Project.read(|project| {
                Context::effective(Settings { org, user, project, origin: origin.as_deref(), now }, login)
            })
        })
    })
}
