//! Names of new indexes: `idx_<table>_<column>` for protect's, legible also when they must be cut.

use super::Source;
use crate::sql::{Ident, MAX_IDENT_BYTES};

/// Stands for the column where an expression is indexed.
const OF_EXPRESSION: &str = "org";
/// Hexadecimal digits of the hash in a cut name: enough that two tables of one schema don't meet.
const HASH_DIGITS: usize = 8;
/// How many further names are tried when one is taken.
const TRIES: usize = 16;

/// The names to try for an index led by the organization, best first.
pub fn candidates(table: &Ident, org: &Source) -> Vec<Ident> {
    prefixed("idx_", table.raw(), org.leading().map_or(OF_EXPRESSION, Ident::raw))
}

/// The names to try, best first: prefix, table and columns.
pub(crate) fn prefixed(prefix: &str, table: &str, columns: &str) -> Vec<Ident> {
    let hash = fnv1a(table, columns);
    (0..TRIES)
        .filter_map(|i| {
            let suffix = if i == 0 { String::new() } else { format!("_{i}") };
            Ident::new(name(prefix, table, columns, &suffix, hash)).ok()
        })
        .collect()
}

fn name(prefix: &str, table: &str, column: &str, suffix: &str, hash: u32) -> String {
    let whole = format!("{prefix}{table}_{column}{suffix}");
    if whole.len() <= MAX_IDENT_BYTES {
        return whole;
    }
    let room = MAX_IDENT_BYTES - prefix.len() - 2 - HASH_DIGITS - suffix.len();
    // The longer part gives first, so that a short column name stays whole.
    let half = room / 2;
    let (t, c) = match (table.len() > half, column.len() > half) {
        (true, false) => (room - column.len(), column.len()),
        (false, true) => (table.len(), room - table.len()),
        _ => (room - half, half),
    };
    format!("{prefix}{}_{}_{hash:0HASH_DIGITS$x}{suffix}", cut(table, t), cut(column, c))
}

/// The longest beginning of at most `bytes` bytes that cuts no character in two.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// FNV-1a: the name must be the same in every release, which the standard hasher does not promise.
fn fnv1a(table: &str, column: &str) -> u32 {
    let bytes = table.bytes().chain([0]).chain(column.bytes());
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first(table: &str, column: &str) -> String {
        let ident = |n: &str| Ident::new(n).expect("a legal name");
        candidates(&ident(table), &Source::Column(ident(column)))[0].raw().to_owned()
    }

    #[test]
    fn short_names_are_whole_and_long_ones_stay_recognisable() {
        assert_eq!(first("agents", "clerk_org_id"), "idx_agents_clerk_org_id");
        let long = first(&"customer_".repeat(7), "org_id");
        assert!(long.starts_with("idx_customer_customer_") && long.contains("_org_id_"), "{long}");
        let both = first(&"t".repeat(63), &"c".repeat(63));
        assert!(both.contains("tttttttttttttttttttt_cccccccccccccccccccc"), "{both}");
    }

    proptest! {
        #[test]
        fn every_candidate_is_a_legal_name_and_none_comes_twice(
            table in "[a-z\u{e9}\u{1F600}\"]{1,15}", column in "[a-z_ \u{1F600}]{1,15}", long in any::<bool>(),
        ) {
            let table = if long { table.repeat(8) } else { table };
            let table = Ident::new(cut(&table, MAX_IDENT_BYTES)).expect("legal");
            let column = Ident::new(cut(&column, MAX_IDENT_BYTES)).expect("legal");
            let mut names = candidates(&table, &Source::Column(column));
            prop_assert_eq!(names.len(), TRIES);
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), TRIES);
        }
    }
}
