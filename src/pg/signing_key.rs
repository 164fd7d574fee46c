//! Which keys verify tokens: our own table's rows, in a cache that every change empties.

use std::rc::Rc;

use pgrx::pg_sys::Oid;

use super::backend::{BackendCell, BackendRefCell};
use super::epoch;
use super::own_table::{self, Scan};

/// A key as it is registered. Its text may be a secret, so there is no way to print it.
pub(crate) struct Registered {
    pub(crate) issuer: String,
    pub(crate) kid: String,
    pub(crate) algorithm: String,
    pub(crate) key: String,
    pub(crate) audience: Option<String>,
    pub(crate) claims: String,
    pub(crate) leeway: i32,
    pub(crate) membership: Option<String>,
}

type Keys = Rc<Vec<Registered>>;

static CACHE: BackendRefCell<Option<Keys>> = BackendRefCell::new(None);
static TABLE: BackendCell<Oid> = BackendCell::new(Oid::INVALID);

/// All of them. Must be called inside a transaction.
pub(crate) fn all() -> Keys {
    if let Some(keys) = CACHE.with_borrow(Clone::clone) {
        return keys;
    }
    let before = epoch::answers();
    let keys = Rc::new(look_up().unwrap_or_default());
    // A change that came while the table was being read may concern what was read before it.
    if epoch::answers() == before && TABLE.get() != Oid::INVALID {
        CACHE.set(Some(Rc::clone(&keys)));
    }
    keys
}

/// Another session, or this one, has changed a relation.
pub(crate) fn on_invalidation(relation: Oid) {
    if relation == Oid::INVALID || relation == TABLE.get() {
        epoch::answers_changed();
        CACHE.set(None);
        TABLE.set(Oid::INVALID);
    }
}

fn look_up() -> Option<Vec<Registered>> {
    let table = own_table::oid(c"signing_key")?;
    let index = own_table::oid(c"signing_key_pkey")?;
    // Before reading: an invalidation from now on must find the name.
    TABLE.set(table);
    let scan = Scan::begin(table, index, None);
    let mut keys = Vec::new();
    while let Some(row) = scan.next() {
        let text = |column: &str| row.get_by_name::<String>(column).expect("a text column of our own table");
        let whole = |column: &str| text(column).unwrap_or_default();
        keys.push(Registered {
            issuer: whole("issuer"),
            kid: whole("kid"),
            algorithm: whole("algorithm"),
            key: whole("key"),
            audience: text("audience"),
            claims: whole("claims"),
            leeway: row.get_by_name("leeway").expect("a column of our own table").unwrap_or_default(),
            membership: text("membership"),
        });
    }
    Some(keys)
}
