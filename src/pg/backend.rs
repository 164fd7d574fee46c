//! Variables of this backend. A backend has one thread, so they need no thread-local storage, whose
//! lookup in a loaded library is a function call, at every statement a few dozen times.

use std::cell::{Cell, RefCell};

/// A `Cell` that only the backend's thread touches.
pub(crate) struct BackendCell<T>(Cell<T>);

/// A `RefCell` that only the backend's thread touches.
pub(crate) struct BackendRefCell<T>(RefCell<T>);

// SAFETY: the library starts no thread, and the server calls it from the backend's only one.
unsafe impl<T> Sync for BackendCell<T> {}

// SAFETY: as above.
unsafe impl<T> Sync for BackendRefCell<T> {}

impl<T: Copy> BackendCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    pub(crate) fn get(&self) -> T {
        self.0.get()
    }

    pub(crate) fn set(&self, value: T) {
        self.0.set(value);
    }

    pub(crate) fn replace(&self, value: T) -> T {
        self.0.replace(value)
    }
}

impl<T> BackendRefCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    pub(crate) fn set(&self, value: T) {
        self.0.replace(value);
    }

    pub(crate) fn with_borrow<R>(&self, work: impl FnOnce(&T) -> R) -> R {
        work(&self.0.borrow())
    }

    pub(crate) fn with_borrow_mut<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.borrow_mut())
    }
}
