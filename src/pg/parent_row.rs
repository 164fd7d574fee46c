//! Asks for the organization of a row's parent. The session keeps the way there for each child, until
//! the child or the parent changes.

use std::rc::Rc;

use org_scope_core::policy::through::Route;
use org_scope_core::sql::QualifiedName;
use pgrx::pg_sys::{self, Datum, Oid};

use super::backend::BackendRefCell;
use super::kept_plan::{KeptPlan, Sees};
use super::row::Row;
use super::table_cache::TableCache;
use super::{noforce, settings, types};

/// The way from a child to its parent, with the statements along it, each prepared when it is first needed.
pub(crate) struct Way {
    pub(crate) route: Route,
    key: Option<KeptPlan>,
    any: BackendRefCell<Option<Rc<KeptPlan>>>,
    own: BackendRefCell<Option<Rc<KeptPlan>>>,
}

static WAYS: TableCache<Way> = TableCache::new();

/// The way of a child; none where nothing ties it to a parent.
pub(crate) fn way(child: Oid, look_up: impl FnOnce() -> Option<Route>) -> Option<Rc<Way>> {
    WAYS.of(child, || {
        let route = look_up()?;
        WAYS.watch(Oid::from_u32(route.parent));
        let row_type = Oid::from_u32(route.row_type);
        let key = route.key_of_row().map(|text| settings::neutral_path(|| KeptPlan::new(&text, &[row_type])));
        Some(Way { route, key, any: BackendRefCell::new(None), own: BackendRefCell::new(None) })
    })
}

/// Which parent counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Any.
    Any,
    /// One of the current organization: another one is as good as none.
    Own,
}

impl Way {
    /// The key of a row.
    pub(crate) fn key(&self, row: Row) -> Option<(Datum, Oid)> {
        if let Some(column) = self.route.key {
            return row.value(column).map(|key| (key, row.type_of(column)));
        }
        let plan = self.key.as_ref()?;
        // The names in it are those of the server's own functions, so they must mean these; and nothing else
        // than these is called.
        // SAFETY: the statement's only parameter has the type of the table's rows.
        settings::neutral_path(|| unsafe { plan.ask(&mut [row.composite()], Sees::TheSame) })
    }

    /// The organization of the parent with that key, locked until the transaction ends, where it can be stored
    /// as a value of the type `like`.
    pub(crate) fn org(&self, key: (Datum, Oid), which: Which, like: Oid) -> Option<Datum> {
        let (kept, own) = match which {
            Which::Any => (&self.any, false),
            Which::Own => (&self.own, true),
        };
        let (key, key_type) = key;
        // Prepared as it is run: a statement that the owner prepares under FORCE stays fenced.
        let found = noforce::ask_as(Oid::from_u32(self.route.parent_owner), || {
            let plan = match kept.with_borrow(Clone::clone).filter(|plan| plan.takes(&[key_type])) {
                Some(plan) => plan,
                None => {
                    let plan = Rc::new(KeptPlan::new(&self.route.lookup(own)?, &[key_type]));
                    kept.set(Some(Rc::clone(&plan)));
                    plan
                }
            };
            // SAFETY: the statement's only parameter is the key, of this type.
            unsafe { plan.ask(&mut [key], Sees::Now) }
        });
        // The parent is not locked before it is asked, and may be another table by then.
        found.filter(|(_, found)| types::are_stored_alike(*found, like)).map(|(org, _)| org)
    }

    /// Gives the children with that key the organization that the parent has now.
    pub(crate) fn move_children(&self, child: &QualifiedName, key: Datum, key_type: Oid) {
        let Some(places) = self.route.children_of(child) else { return };
        let owner = Oid::from_u32(self.route.child_owner);
        let places = settings::neutral_path(|| {
            noforce::ask_as(owner, || {
                let plan = KeptPlan::new(&places, &[key_type]);
                // SAFETY: the statement's only parameter is the key.
                unsafe { plan.ask(&mut [key], Sees::TheLatest) }
            })
        });
        let Some((places, _)) = places else { return };
        let moving = self.route.move_children(child);
        noforce::cascade_as(owner, || {
            let plan = KeptPlan::new(&moving, &[pg_sys::TIDARRAYOID, key_type]);
            // SAFETY: an array of places, and the key.
            unsafe { plan.ask(&mut [places, key], Sees::TheLatest) }
        });
    }
}

/// Another session, or this one, has changed a table.
pub(crate) fn on_invalidation(relation: Oid) {
    WAYS.on_invalidation(relation);
}
