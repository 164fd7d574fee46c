//! What has changed since a reader last looked: two counters, so that looking costs a comparison.

use super::backend::BackendCell;

/// Counts everything on which the effective context depends, the login role excepted.
static CONTEXT: BackendCell<u64> = BackendCell::new(0);

/// Counts that, and everything else on which a reader's answer to one call site depends.
static ANSWERS: BackendCell<u64> = BackendCell::new(1);

/// Changes whenever the effective context may have changed.
pub(crate) fn context() -> u64 {
    CONTEXT.get()
}

/// Changes whenever a reader may have to answer something else.
#[inline]
pub(crate) fn answers() -> u64 {
    ANSWERS.get()
}

/// A setting, the access table or a role has changed.
pub(crate) fn context_changed() {
    CONTEXT.set(CONTEXT.get().wrapping_add(1));
    answers_changed();
}

/// Another statement asks from now on, and may have to be refused what the last one was told.
pub(crate) fn answers_changed() {
    ANSWERS.set(ANSWERS.get().wrapping_add(1));
}
