//! The operators by which a search may go to an index before the fence has been asked about the rows that
//! it finds there: what they can't do is to say by an error what stands in another organization's row.
//!
//! PostgreSQL doesn't call them leakproof, mostly as nobody has promised it for all that they may do one day.
//! What each may still tell, by the time that it takes and by the counts of EXPLAIN ANALYZE, stands in
//! docs/search.md.

/// OIDs of the server's own types, which are the same in every version.
pub mod types {
    #![allow(missing_docs, reason = "each is the type's name")]
    pub const BIGINT: u32 = 20;
    pub const SMALLINT: u32 = 21;
    pub const INTEGER: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const VARCHAR: u32 = 1043;
    pub const DATE: u32 = 1082;
    pub const TIMESTAMP: u32 = 1114;
    pub const TIMESTAMPTZ: u32 = 1184;
    pub const NUMERIC: u32 = 1700;
    pub const ANYARRAY: u32 = 2277;
    pub const UUID: u32 = 2950;
    pub const TSVECTOR: u32 = 3614;
    pub const TSQUERY: u32 = 3615;
    pub const JSONB: u32 = 3802;
    pub const TEXT_ARRAY: u32 = 1009;
}

use types::*;

/// Where an operator comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// It is one of the server's own.
    Server,
    /// It calls pg_trgm's similarity, in the library itself.
    Trigram,
    /// Anywhere else.
    Elsewhere,
}

/// An operator, as the catalog has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator<'a> {
    /// Where it comes from.
    pub home: Home,
    /// Its name.
    pub name: &'a str,
    /// The type to its left.
    pub left: u32,
    /// The type to its right.
    pub right: u32,
}

/// On what it depends whether it can raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vetted {
    /// On nothing.
    Always,
    /// On the constant, which is a pattern, and on the collation.
    Pattern,
    /// On the equality of the elements.
    Elements,
}

/// What is known of the operator; none for all that nobody has looked at.
pub fn vetted(operator: &Operator<'_>) -> Option<Vetted> {
    let Operator { home, name, left, right } = *operator;
    match (home, name, left, right) {
        (Home::Server, "@@", TSVECTOR, TSQUERY)
        | (Home::Server, "@>", JSONB, JSONB)
        | (Home::Server, "?", JSONB, TEXT)
        | (Home::Server, "?|" | "?&", JSONB, TEXT_ARRAY)
        | (Home::Trigram, "%", TEXT, TEXT) => Some(Vetted::Always),
        (Home::Server, "~~" | "~~*", TEXT, TEXT) => Some(Vetted::Pattern),
        (Home::Server, "@>" | "<@" | "&&", ANYARRAY, ANYARRAY) => Some(Vetted::Elements),
        _ => None,
    }
}

/// How many wildcards a pattern may have: each may be a level of recursion, and the depth at which the
/// server gives up would depend on the row.
const MOST_WILDCARDS: usize = 64;

/// Whether matching with this pattern raises for no row: the one error that LIKE has of its own comes when a
/// match reaches a backslash at the pattern's end.
pub fn is_safe_pattern(pattern: &str) -> bool {
    let mut wildcards = 0;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next().is_none() => return false,
            '%' => wildcards += 1,
            _ => {}
        }
    }
    wildcards <= MOST_WILDCARDS
}

/// Whether elements of this type are compared by the server's own equality, which raises for none of them.
pub fn is_safe_element(element: u32) -> bool {
    is_collated_element(element)
        || matches!(element, SMALLINT | INTEGER | BIGINT | NUMERIC | UUID | DATE | TIMESTAMP | TIMESTAMPTZ)
}

/// Whether that equality asks the collation.
pub fn is_collated_element(element: u32) -> bool {
    matches!(element, TEXT | VARCHAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, left: u32, right: u32) -> Option<Vetted> {
        vetted(&Operator { home: Home::Server, name, left, right })
    }

    #[test]
    fn what_is_vetted() {
        let always = [
            ("@@", TSVECTOR, TSQUERY),
            ("@>", JSONB, JSONB),
            ("?", JSONB, TEXT),
            ("?|", JSONB, TEXT_ARRAY),
            ("?&", JSONB, TEXT_ARRAY),
        ];
        for (name, left, right) in always {
            assert_eq!(server(name, left, right), Some(Vetted::Always), "{name}");
        }
        for name in ["~~", "~~*"] {
            assert_eq!(server(name, TEXT, TEXT), Some(Vetted::Pattern), "{name}");
        }
        for name in ["@>", "<@", "&&"] {
            assert_eq!(server(name, ANYARRAY, ANYARRAY), Some(Vetted::Elements), "{name}");
        }
    }

    #[test]
    fn what_nobody_has_looked_at_is_not() {
        let others = [
            // to_tsquery's errors, and regular expressions', come with the row or cost any time.
            ("@@", TEXT, TSQUERY),
            ("@@", TEXT, TEXT),
            ("@@", TSQUERY, TSVECTOR),
            ("@@", JSONB, 4072),
            ("@?", JSONB, 4072),
            ("~", TEXT, TEXT),
            ("~*", TEXT, TEXT),
            ("!~~", TEXT, TEXT),
            ("~~", 17, 17),
            ("~~", 19, TEXT),
            ("~~", 1042, TEXT),
            ("<@", JSONB, JSONB),
            ("=", TEXT, TEXT),
            ("&&", 3831, 3831),
            ("%", INTEGER, INTEGER),
            ("%", TEXT, TEXT),
            ("", 0, 0),
        ];
        for (name, left, right) in others {
            assert_eq!(server(name, left, right), None, "{name} {left} {right}");
        }
    }

    #[test]
    fn only_the_librarys_own_similarity_counts() {
        let similar = |home, left, right| vetted(&Operator { home, name: "%", left, right });
        assert_eq!(similar(Home::Trigram, TEXT, TEXT), Some(Vetted::Always));
        assert_eq!(similar(Home::Elsewhere, TEXT, TEXT), None);
        assert_eq!(similar(Home::Trigram, TEXT, JSONB), None);
        let named = |name| vetted(&Operator { home: Home::Trigram, name, left: TEXT, right: TEXT });
        assert_eq!(named("%>"), None);
        assert_eq!(named("~~"), None);
    }

    #[test]
    fn the_same_names_from_elsewhere_are_other_operators() {
        let all =
            [("@@", TSVECTOR, TSQUERY), ("@>", JSONB, JSONB), ("~~", TEXT, TEXT), ("&&", ANYARRAY, ANYARRAY)];
        for (name, left, right) in all {
            assert_eq!(vetted(&Operator { home: Home::Elsewhere, name, left, right }), None, "{name}");
        }
    }

    #[test]
    fn a_pattern_ends_with_no_escape() {
        for safe in ["", "%", "a%b_c", r"50\%", r"\\", r"a\\", r"\a", "ü%", &"%".repeat(64)] {
            assert!(is_safe_pattern(safe), "{safe}");
        }
        for unsafe_one in [r"\", r"a\", r"\\\", r"%\", r"ü\", &"%".repeat(65), &"a%".repeat(500)] {
            assert!(!is_safe_pattern(unsafe_one), "{unsafe_one}");
        }
    }

    #[test]
    fn elements_are_of_the_servers_own_types() {
        for element in [TEXT, VARCHAR, INTEGER, UUID, TIMESTAMPTZ] {
            assert!(is_safe_element(element));
        }
        // json has no equality at all, bpchar and name are not thought of, 16384 and above are users'.
        for element in [0, 114, 1042, 19, JSONB, 2249, 16_384, 50_000] {
            assert!(!is_safe_element(element), "{element}");
        }
        assert!(is_collated_element(TEXT) && !is_collated_element(UUID));
    }
}
