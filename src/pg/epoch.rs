//! What has changed since a reader last looked: two counters, so that looking costs a comparison.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts everything on which the effective context depends, the login role excepted.
static CONTEXT: AtomicU64 = AtomicU64::new(0);

/// Counts that, and everything else on which a reader's answer to one call site depends.
static ANSWERS: AtomicU64 = AtomicU64::new(1);

/// A backend has one thread, so there is nothing to order.
const ORDER: Ordering = Ordering::Relaxed;

/// Changes whenever the effective context may have changed.
pub(crate) fn context() -> u64 {
    CONTEXT.load(ORDER)
}

/// Changes whenever a reader may have to answer something else.
#[inline]
pub(crate) fn answers() -> u64 {
    ANSWERS.load(ORDER)
}

/// A setting, the access table or a role has changed.
pub(crate) fn context_changed() {
    CONTEXT.fetch_add(1, ORDER);
    answers_changed();
}

/// Another statement asks from now on, and may have to be refused what the last one was told.
pub(crate) fn answers_changed() {
    ANSWERS.fetch_add(1, ORDER);
}
