//! Which schemas are watched, and which tables are declared to be global: our own tables' rows, the first in a
//! cache that every change empties.

use std::rc::Rc;

use org_scope_core::sql::Ident;
use org_scope_core::watch::{Action, Watch};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys::Oid;
use pgrx::{WhoAllocated, pg_sys};

use super::backend::{BackendCell, BackendRefCell};
use super::own_table::{self, Scan};

/// A table that belongs to no organization on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Global {
    /// The table; 0 where there was none of the name yet.
    pub(crate) target: Oid,
    /// The names that it was declared by.
    pub(crate) schema: String,
    /// As above.
    pub(crate) name: String,
}

static CACHE: BackendRefCell<Option<Rc<Vec<Watch>>>> = BackendRefCell::new(None);
static TABLE: BackendCell<Oid> = BackendCell::new(Oid::INVALID);
/// Counts invalidations.
static CHANGES: BackendCell<u64> = BackendCell::new(0);

/// What is watched. Must be called inside a transaction.
pub(crate) fn schemas() -> Rc<Vec<Watch>> {
    if let Some(watched) = CACHE.with_borrow(Clone::clone) {
        return watched;
    }
    let before = CHANGES.get();
    let watched = Rc::new(look_up().unwrap_or_default());
    // A change that came while the table was being read may concern what was read before it.
    if CHANGES.get() == before && TABLE.get() != Oid::INVALID {
        CACHE.set(Some(Rc::clone(&watched)));
    }
    watched
}

/// Another session, or this one, has changed a relation.
pub(crate) fn on_invalidation(relation: Oid) {
    if relation == Oid::INVALID || relation == TABLE.get() {
        CHANGES.set(CHANGES.get().wrapping_add(1));
        CACHE.set(None);
        TABLE.set(Oid::INVALID);
    }
}

fn look_up() -> Option<Vec<Watch>> {
    let table = own_table::oid(c"watched")?;
    let index = own_table::oid(c"watched_pkey")?;
    // Before reading: an invalidation from now on must find the name.
    TABLE.set(table);
    let scan = Scan::begin(table, index, None);
    let mut watched = Vec::new();
    while let Some(row) = scan.next() {
        let ident = |column| Ident::new(text(&row, column)).ok();
        let watch = ident("schema").zip(ident("org_column")).zip(Action::parse(&text(&row, "action")).ok());
        watched.extend(watch.map(|((schema, column), action)| Watch { schema, column, action }));
    }
    Some(watched)
}

/// What is declared to be global: asked only about tables that come into a watched schema.
pub(crate) fn globals() -> Vec<Global> {
    let (Some(table), Some(index)) = (own_table::oid(c"global_table"), own_table::oid(c"global_table_pkey"))
    else {
        return Vec::new();
    };
    let scan = Scan::begin(table, index, None);
    let mut globals = Vec::new();
    while let Some(row) = scan.next() {
        let target = row.get_by_name::<Oid>("target").expect("a column of our own table");
        globals.push(Global {
            target: target.unwrap_or(Oid::INVALID),
            schema: text(&row, "schema"),
            name: text(&row, "name"),
        });
    }
    globals
}

impl Global {
    /// Whether it is this table: by its OID or, where no table has that OID, by its name.
    pub(crate) fn is(&self, table: Oid, schema: &str, name: &str) -> bool {
        self.target == table || (self.schema == schema && self.name == name && !exists(self.target))
    }
}

fn exists(table: Oid) -> bool {
    // SAFETY: reads the system cache; 0 stands for a relation that doesn't exist.
    table != Oid::INVALID && unsafe { pg_sys::get_rel_relkind(table) } != 0
}

fn text(row: &PgHeapTuple<'_, impl WhoAllocated>, column: &str) -> String {
    row.get_by_name::<String>(column).expect("a text column of our own table").unwrap_or_default()
}
