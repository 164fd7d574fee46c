//! Which lookups are defined: our own table's rows, in a cache that every change empties.

use std::collections::HashMap;
use std::rc::Rc;

use pgrx::pg_sys::Oid;

use super::backend::{BackendCell, BackendRefCell};
use super::epoch;
use super::own_table::{self, Scan};

/// A lookup as it was defined.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    pub(crate) table: Oid,
    pub(crate) key_column: String,
    pub(crate) org_column: String,
    pub(crate) user_column: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) key_hash: Option<String>,
}

type Lookups = Rc<HashMap<String, Lookup>>;

static CACHE: BackendRefCell<Option<Lookups>> = BackendRefCell::new(None);
static TABLE: BackendCell<Oid> = BackendCell::new(Oid::INVALID);

/// The lookup of that name. Must be called inside a transaction.
pub(crate) fn of(name: &str) -> Option<Lookup> {
    read().get(name).cloned()
}

fn read() -> Lookups {
    if let Some(lookups) = CACHE.with_borrow(Clone::clone) {
        return lookups;
    }
    let before = epoch::answers();
    let lookups = Rc::new(look_up().unwrap_or_default());
    // A change that came while the table was being read may concern what was read before it.
    if epoch::answers() == before && TABLE.get() != Oid::INVALID {
        CACHE.set(Some(Rc::clone(&lookups)));
    }
    lookups
}

/// Another session, or this one, has changed a relation.
pub(crate) fn on_invalidation(relation: Oid) {
    if relation == Oid::INVALID || relation == TABLE.get() {
        epoch::answers_changed();
        CACHE.set(None);
        TABLE.set(Oid::INVALID);
    }
}

fn look_up() -> Option<HashMap<String, Lookup>> {
    let table = own_table::oid(c"lookup")?;
    let index = own_table::oid(c"lookup_pkey")?;
    // Before reading: an invalidation from now on must find the name.
    TABLE.set(table);
    let scan = Scan::begin(table, index, None);
    let mut lookups = HashMap::new();
    while let Some(row) = scan.next() {
        let text = |column: &str| row.get_by_name::<String>(column).expect("a text column of our own table");
        let table = row.get_by_name::<Oid>("source").expect("a column of our own table");
        let lookup = Lookup {
            table: table.unwrap_or(Oid::INVALID),
            key_column: text("key_column").unwrap_or_default(),
            org_column: text("org_column").unwrap_or_default(),
            user_column: text("user_column"),
            condition: text("condition"),
            key_hash: text("key_hash"),
        };
        lookups.insert(text("name").unwrap_or_default(), lookup);
    }
    Some(lookups)
}
