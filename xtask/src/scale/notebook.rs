//! What was measured, where.

use std::collections::BTreeMap;

use super::growth::{Measured, Verdict};
use super::place::{Fence, Place, Size};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nanoseconds of a processor.
    Time,
    /// Bytes.
    Memory,
}

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

impl Unit {
    /// The figure for people.
    pub(super) fn show(self, value: f64) -> String {
        let steps: &[(f64, &str)] = match self {
            Self::Time => &[(1e9, "s"), (1e6, "ms"), (1e3, "µs")],
            Self::Memory => &[(1e6, "MB"), (1e3, "kB")],
        };
        let (scale, unit) =
            steps.iter().copied().find(|(scale, _)| value.abs() >= *scale).unwrap_or(match self {
                Self::Time => (1e3, "µs"),
                Self::Memory => (1e3, "kB"),
            });
        let scaled = value / scale;
        let digits = if scaled.abs() >= 99.5 {
            0
        } else if scaled.abs() >= 9.95 {
            1
        } else {
            2
        };
        format!("{scaled:.digits$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (unit, value, shown) in [
            (Unit::Time, 1_234_567.0, "1.23 ms"),
            (Unit::Time, 12_345_678_901.0, "12.3 s"),
            (Unit::Time, 999.0, "1.00 µs"),
            (Unit::Time, -45_000.0, "-45.0 µs"),
            (Unit::Memory, 123_456.0, "123 kB"),
            (Unit::Memory, 0.0, "0.00 kB"),
        ] {
            assert_eq!(unit.show(value), shown);
        }
    }

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
