//! Asks what tells of a row's organization while its table is adopted. The session keeps the way there for
//! each table, until the table, what it asks, or a lookup changes.

use std::rc::Rc;

use org_scope_core::adopt::Route;
use pgrx::pg_sys::{Datum, Oid};

use super::backend::BackendRefCell;
use super::kept_plan::{KeptPlan, Sees};
use super::new_tuple::NewTuple;
use super::parent_row::Which;
use super::row::Row;
use super::table_cache::TableCache;
use super::{noforce, own_table, settings};

/// The way from a row to its organization, with the statements along it, each prepared when it is first needed.
pub(crate) struct Way {
    pub(crate) route: Route,
    evaluating: Option<KeptPlan>,
    any: BackendRefCell<Option<Rc<KeptPlan>>>,
    own: BackendRefCell<Option<Rc<KeptPlan>>>,
}

static WAYS: TableCache<Way> = TableCache::new();

/// The way of a table.
pub(crate) fn way<E>(table: Oid, look_up: impl FnOnce() -> Result<Route, E>) -> Result<Rc<Way>, E> {
    let mut failed = None;
    let way = WAYS.of(table, || {
        if let Some(lookups) = own_table::oid(c"lookup") {
            WAYS.watch(lookups);
        }
        let route = look_up().map_err(|error| failed = Some(error)).ok()?;
        if let Some(source) = route.source {
            WAYS.watch(Oid::from_u32(source.oid));
        }
        let row_type = Oid::from_u32(route.row_type);
        let evaluating =
            route.evaluate().map(|text| settings::neutral_path(|| KeptPlan::new(&text, &[row_type])));
        Some(Way { route, evaluating, any: BackendRefCell::new(None), own: BackendRefCell::new(None) })
    });
    match (way, failed) {
        (Some(way), _) => Ok(way),
        (None, Some(error)) => Err(error),
        (None, None) => unreachable!("what makes no way says why"),
    }
}

impl Way {
    /// The organization that explains the row, as a value of the org column; none where it is none.
    pub(crate) fn found(&self, row: Row, which: Which) -> Option<Datum> {
        let found = match &self.evaluating {
            Some(plan) => {
                // SAFETY: the statement's only parameter has the type of the table's rows.
                let ask = || unsafe { plan.ask(&mut [row.composite()], Sees::TheSame) };
                // The names in it are those of the server's own functions, so they must mean these.
                settings::neutral_path(ask)
            }
            None => self.ask(row, which),
        };
        let (org, found) = found?;
        NewTuple::in_column(row, self.route.org)?.storing(org, found)
    }

    fn ask(&self, row: Row, which: Which) -> Option<(Datum, Oid)> {
        let source = self.route.source?;
        let legacy = self.route.legacy?;
        let (key, key_type) = (row.value(legacy)?, row.type_of(legacy));
        let (kept, own) = match which {
            Which::Any => (&self.any, false),
            Which::Own => (&self.own, true),
        };
        let asking = || {
            // Prepared as it is run: a statement that the owner prepares under FORCE stays fenced.
            noforce::ask_as(Oid::from_u32(source.owner), || {
                let plan = match kept.with_borrow(Clone::clone).filter(|plan| plan.takes(&[key_type])) {
                    Some(plan) => plan,
                    None => {
                        let plan = Rc::new(KeptPlan::new(&self.route.ask(own)?, &[key_type]));
                        kept.set(Some(Rc::clone(&plan)));
                        plan
                    }
                };
                // SAFETY: the statement's only parameter is the key, of this type.
                unsafe { plan.ask(&mut [key], Sees::Now) }
            })
        };
        if self.route.is_conditional() { settings::neutral_values(asking) } else { asking() }
    }
}

/// Another session, or this one, has changed a table.
pub(crate) fn on_invalidation(relation: Oid) {
    WAYS.on_invalidation(relation);
}
