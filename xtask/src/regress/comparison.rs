//! What the tests printed without the library, and what with it.

use super::driver::{Outcome, Outcomes};
use crate::difference;

/// A test that prints something else with the library.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) test: String,
    without: Option<Outcome>,
    with: Option<Outcome>,
}

/// Every test whose outcome differs, or that only one of the two has.
pub(super) fn differences(without: &Outcomes, with: &Outcomes) -> Vec<Difference> {
    let only_without = without.keys().filter(|test| !with.contains_key(*test));
    let tests = with.keys().chain(only_without);
    let differing = tests.filter(|test| without.get(*test) != with.get(*test));
    differing
        .map(|test| Difference {
            test: test.clone(),
            without: without.get(test).cloned(),
            with: with.get(test).cloned(),
        })
        .collect()
}

impl Difference {
    /// Whether the test has done the same in another round without the library: then it varies by itself.
    pub(super) fn is_in(&self, without: &Outcomes) -> bool {
        without.get(&self.test) == self.with.as_ref()
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        difference::shown(&text(self.without.as_ref()), &text(self.with.as_ref()))
    }

    /// Only the lines that differ, as explanations quote them.
    pub(super) fn bare(&self) -> String {
        difference::bare(&text(self.without.as_ref()), &text(self.with.as_ref()))
    }
}

/// What a test printed and how pg_regress judged it, which can differ by itself: a client may crash after its
/// last line.
fn text(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else { return "(the test was not run)\n".to_owned() };
    let printed = outcome.printed.as_deref().map_or("(it wrote no file)\n".into(), String::from_utf8_lossy);
    let judgement = if outcome.passed { "passed" } else { "failed" };
    format!("{printed}({judgement})\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(tests: &[(&str, bool, &str)]) -> Outcomes {
        let outcome = |passed, printed: &str| Outcome { passed, printed: Some(printed.into()) };
        tests.iter().map(|(name, passed, printed)| ((*name).to_owned(), outcome(*passed, printed))).collect()
    }

    #[test]
    fn a_changed_line_a_judgement_and_a_missing_test_each_differ() {
        let without =
            outcomes(&[("a", true, "1\n"), ("b", true, "1\n"), ("c", true, "1\n"), ("d", true, "1\n")]);
        let with = outcomes(&[("a", true, "1\n"), ("b", true, "2\n"), ("c", false, "1\n")]);
        let found = differences(&without, &with);
        let told: Vec<_> = found.iter().map(|d| (d.test.as_str(), d.bare())).collect();
        assert_eq!(told[0], ("b", "-1\n+2\n…\n".to_owned()));
        assert_eq!(told[1], ("c", "-(passed)\n+(failed)\n…\n".to_owned()));
        assert_eq!(told[2].0, "d");
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn what_varies_without_the_library_too_is_recognized_by_its_whole_output() {
        let without = outcomes(&[("a", true, "1\n")]);
        let found = differences(&without, &outcomes(&[("a", true, "2\n")]));
        assert!(found[0].is_in(&outcomes(&[("a", true, "2\n")])));
        assert!(!found[0].is_in(&outcomes(&[("a", true, "3\n")])));
        assert!(!found[0].is_in(&outcomes(&[])));
    }
}
