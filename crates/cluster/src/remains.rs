//! What must not outlive the process: servers that run, directories that were made.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

type CleanUp = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Registry {
    next: u64,
    clean_ups: BTreeMap<u64, CleanUp>,
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

/// Runs its clean-up when dropped, or when [`clear`] is called, whichever comes first.
#[derive(Debug)]
#[must_use = "dropping it cleans up at once"]
pub struct Remains(u64);

impl Remains {
    /// Registers a clean-up.
    pub fn new(clean_up: impl FnOnce() + Send + 'static) -> Self {
        let mut registry = lock();
        let id = registry.next;
        registry.next += 1;
        registry.clean_ups.insert(id, Box::new(clean_up));
        Self(id)
    }

    /// Forgets the clean-up: what was made stays.
    pub fn keep(&self) {
        drop(lock().clean_ups.remove(&self.0));
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        // Taken out first: the clean-up takes its time, and others may need the registry meanwhile.
        let clean_up = lock().clean_ups.remove(&self.0);
        if let Some(clean_up) = clean_up {
            clean_up();
        }
    }
}

/// Runs every clean-up that is left, the youngest first; for a handler of Ctrl-C.
pub fn clear() {
    loop {
        let last = lock().clean_ups.pop_last();
        let Some((_, clean_up)) = last else { return };
        clean_up();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}
