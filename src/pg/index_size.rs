//! The setting up to which size a table's index is built inside a function.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

/// 128 MB of rows are read and sorted in about a second, which writers can wait for.
static MAX_INLINE_INDEX: GucSetting<i32> = GucSetting::<i32>::new(128 * 1024);

/// Defines the setting. SUSET: it decides how long a migration may block writers, which is the
/// DBA's to say.
pub(crate) fn init() {
    GucRegistry::define_int_guc(
        c"org_scope.max_inline_index_size",
        c"Size of a table above which protect leaves the index to CREATE INDEX CONCURRENTLY.",
        c"Building an index inside protect blocks writers while the table is read. 0 leaves every index to the user.",
        &MAX_INLINE_INDEX,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
}

/// The setting in bytes.
pub(crate) fn max_inline_index() -> u64 {
    u64::try_from(MAX_INLINE_INDEX.get()).unwrap_or_default() * 1024
}
