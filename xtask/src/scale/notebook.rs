//! What was measured, where.

use std::collections::BTreeMap;

use super::growth::{Measured, Verdict};
use super::place::{Fence, Place, Size};
use crate::unit::Unit;

/// Two databases of which the second has more of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) little: Size,
    pub(super) much: Size,
}

/// More tables, more organizations, and more tables where a figure is told by the table.
pub(super) const STEPS: [Step; 3] = [
    Step { little: Size::Small, much: Size::Wide },
    Step { little: Size::Middle, much: Size::Wide },
    Step { little: Size::Small, much: Size::Crowded },
];

/// All figures, in the order in which their names were first noted.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    what: String,
    unit: Unit,
    values: BTreeMap<Place, Vec<f64>>,
}

/// A line of the report.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) what: &'a str,
    pub(super) unit: Unit,
    pub(super) verdict: Verdict,
}

impl Notebook {
    /// Notes one figure.
    pub(super) fn note(&mut self, place: Place, what: &str, unit: Unit, value: f64) {
        let entry = match self.entries.iter().position(|entry| entry.what == what) {
            Some(at) => &mut self.entries[at],
            None => {
                self.entries.push(Entry { what: what.to_owned(), unit, values: BTreeMap::new() });
                self.entries.last_mut().expect("just pushed")
            }
        };
        entry.values.entry(place).or_default().push(value);
    }

    /// What was measured on both sides of the step.
    pub(super) fn lines(&self, step: Step) -> Vec<Line<'_>> {
        self.entries
            .iter()
            .filter_map(|entry| {
                let of = |fence, size| entry.values.get(&Place { fence, size }).cloned();
                let measured = Measured {
                    ours_little: of(Fence::Scope, step.little)?,
                    ours_much: of(Fence::Scope, step.much)?,
                    theirs_little: of(Fence::Hand, step.little)?,
                    theirs_much: of(Fence::Hand, step.much)?,
                };
                Some(Line { what: &entry.what, unit: entry.unit, verdict: measured.judge() })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_needs_figures_from_all_four_databases() {
        let mut notebook = Notebook::default();
        let small = |fence| Place { fence, size: Size::Small };
        let wide = |fence| Place { fence, size: Size::Wide };
        for place in [small(Fence::Scope), wide(Fence::Scope), small(Fence::Hand)] {
            notebook.note(place, "start", Unit::Time, 1.0);
        }
        assert!(notebook.lines(STEPS[0]).is_empty());
        notebook.note(wide(Fence::Hand), "start", Unit::Time, 1.0);
        assert_eq!(notebook.lines(STEPS[0]).len(), 1);
        assert!(notebook.lines(STEPS[2]).is_empty());
    }
}
