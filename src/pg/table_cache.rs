//! What the session keeps about tables until one of them changes, or another that it depends on.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use pgrx::pg_sys::Oid;

use super::backend::{BackendCell, BackendRefCell};

/// One thing for each table.
pub(crate) struct TableCache<T> {
    kept: BackendRefCell<Option<HashMap<Oid, Rc<T>>>>,
    /// The tables whose changes end what is kept.
    watched: BackendRefCell<Option<HashSet<Oid>>>,
    stale: BackendCell<bool>,
}

impl<T> TableCache<T> {
    pub(crate) const fn new() -> Self {
        Self {
            kept: BackendRefCell::new(None),
            watched: BackendRefCell::new(None),
            stale: BackendCell::new(false),
        }
    }

    /// What is kept of the table, or is made now; none where nothing can be made.
    pub(crate) fn of(&self, table: Oid, make: impl FnOnce() -> Option<T>) -> Option<Rc<T>> {
        if self.stale.replace(false) {
            self.watched.set(None);
            // What frees plans calls the server, which may call back: not while it is borrowed.
            drop(self.kept.with_borrow_mut(Option::take));
        }
        let known = |kept: &Option<HashMap<_, _>>| kept.as_ref().and_then(|kept| kept.get(&table).cloned());
        if let Some(known) = self.kept.with_borrow(known) {
            return Some(known);
        }
        // Watched before it is looked up: a change from now on is noticed.
        self.watch(table);
        let made = Rc::new(make()?);
        self.kept.with_borrow_mut(|kept| kept.get_or_insert_default().insert(table, Rc::clone(&made)));
        Some(made)
    }

    /// From now on a change of this table ends what is kept.
    pub(crate) fn watch(&self, table: Oid) {
        self.watched.with_borrow_mut(|watched| watched.get_or_insert_default().insert(table));
    }

    /// Another session, or this one, has changed a table; INVALID stands for any (the queue has overflowed).
    pub(crate) fn on_invalidation(&self, relation: Oid) {
        let watched =
            || self.watched.with_borrow(|watched| watched.as_ref().is_some_and(|w| w.contains(&relation)));
        if relation == Oid::INVALID || watched() {
            self.stale.set(true);
        }
    }
}
