//! How many tests did what, at the end.

use super::driver::{Outcome, Outcomes};
use super::setting::Round;
use super::suite::Suite;
use crate::table;
use crate::terminal::note;

/// What became of a suite's differences in one round with the library.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Tests, and why they differ.
    pub(super) explained: Vec<(String, &'static str)>,
    /// Tests that differ between two rounds without the library too.
    pub(super) varying: usize,
    /// Tests that the library disturbs.
    pub(super) unexplained: usize,
}

/// A line for each suite of each round.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rows: Vec<Vec<String>>,
    /// Why explained tests differ, each reason once.
    reasons: Vec<(String, &'static str)>,
    pub(super) unexplained: usize,
}

impl Summary {
    /// The suite on the server without the library, where it can't but print what it prints.
    pub(super) fn add_baseline(&mut self, suite: &Suite, round: &Round, outcomes: &Outcomes) {
        self.add(suite, round, outcomes, ["", "", "", ""].map(str::to_owned));
    }

    /// The suite on a server with it.
    pub(super) fn add_compared(
        &mut self,
        suite: &Suite,
        round: &Round,
        outcomes: &Outcomes,
        verdict: &Verdict,
    ) {
        let differ = verdict.explained.len() + verdict.varying + verdict.unexplained;
        let same = outcomes.len().saturating_sub(differ);
        let counts = [same, verdict.varying, verdict.explained.len(), verdict.unexplained];
        self.add(suite, round, outcomes, counts.map(table::number));
        self.unexplained += verdict.unexplained;
        for reason in &verdict.explained {
            if !self.reasons.contains(reason) {
                self.reasons.push(reason.clone());
            }
        }
    }

    fn add(&mut self, suite: &Suite, round: &Round, outcomes: &Outcomes, compared: [String; 4]) {
        let expected = outcomes.values().filter(|outcome| outcome.passed).count();
        let of_round = [round.name, suite.name].map(str::to_owned);
        let counts = [outcomes.len(), expected].map(table::number);
        self.rows.push(of_round.into_iter().chain(counts).chain(compared).collect());
    }

    pub(super) fn show(self) {
        let head = ["server", "suite", "tests", "upstream", "same", "varying", "explained", "disturbed"];
        table::show(&head, self.rows);
        note("upstream: tests that print what PostgreSQL's developers expect of the suite's version");
        note("same: byte for byte what the test prints on the server without org_scope");
        for (test, why) in self.reasons {
            note(&format!("{test}: {why}"));
        }
    }
}

/// Tells of the tests that fail without the library, since nothing of ours can be the reason.
pub(super) fn tell_failures(suite: &Suite, outcomes: &Outcomes, results: &std::path::Path) {
    let failed = |(name, outcome): (&String, &Outcome)| (!outcome.passed).then(|| name.clone());
    let failed: Vec<String> = outcomes.iter().filter_map(failed).collect();
    if !failed.is_empty() {
        note(&format!(
            "{} of {} tests of {} print something else than upstream expects, without org_scope: {}",
            failed.len(),
            outcomes.len(),
            suite.name,
            failed.join(", ")
        ));
        note(&format!("see {}", results.join("regression.diffs").display()));
    }
}
