//! Whether something grows: more than by hand, by more than chance and more than is worth a word.

use crate::statistics::{Interval, excess, typical};

/// The probability with which an interval misses the truth.
pub(super) const ALPHA: f64 = 0.05;
/// What counts as growth: a tenth of what the thing costs anyway.
pub(super) const SHARE: f64 = 0.1;

/// One thing, measured again and again in four databases: values of one place belong to one round.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    pub(super) ours_little: Vec<f64>,
    pub(super) ours_much: Vec<f64>,
    pub(super) theirs_little: Vec<f64>,
    pub(super) theirs_much: Vec<f64>,
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// The middle values, in the order of [`Measured`].
    pub(super) typical: [f64; 4],
    /// By how much more ours grew than theirs.
    pub(super) excess: Interval,
    /// Whether that is growth.
    pub(super) grows: bool,
}

impl Measured {
    /// Judges. Where there are too few rounds to say anything, that counts as growth: a check that proves
    /// nothing must not look like one that does.
    pub(super) fn judge(&self) -> Verdict {
        let typical = [&self.ours_little, &self.ours_much, &self.theirs_little, &self.theirs_much]
            .map(|values| typical(values));
        let excess = excess(
            &differences(&self.ours_little, &self.ours_much),
            &differences(&self.theirs_little, &self.theirs_much),
            ALPHA,
        );
        let [ours, _, _, theirs] = typical;
        let grows = !excess.high.is_finite() || excess.low > SHARE * ours.max(theirs);
        Verdict { typical, excess, grows }
    }
}

fn differences(little: &[f64], much: &[f64]) -> Vec<f64> {
    little.iter().zip(much).map(|(little, much)| much - little).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(middle: f64) -> Vec<f64> {
        (0..12).map(|i| middle + f64::from(i % 5) / 10.0).collect()
    }

    fn judged(ours: [f64; 2], theirs: [f64; 2]) -> Verdict {
        let [ours_little, ours_much] = ours.map(around);
        let [theirs_little, theirs_much] = theirs.map(around);
        Measured { ours_little, ours_much, theirs_little, theirs_much }.judge()
    }

    #[test]
    fn what_the_control_grows_too_is_no_growth() {
        assert!(!judged([100.0, 200.0], [50.0, 150.0]).grows);
        assert!(!judged([100.0, 100.0], [50.0, 50.0]).grows);
        assert!(!judged([100.0, 90.0], [50.0, 50.0]).grows);
    }

    #[test]
    fn what_grows_by_more_than_a_tenth_of_its_cost_is_found() {
        let verdict = judged([100.0, 220.0], [50.0, 150.0]);
        assert!(verdict.grows);
        assert!((verdict.excess.middle - 20.0).abs() < 0.1, "{verdict:?}");
        assert!(!judged([100.0, 205.0], [50.0, 150.0]).grows);
    }

    #[test]
    fn too_few_rounds_prove_nothing() {
        let few = Measured {
            ours_little: vec![1.0; 3],
            ours_much: vec![1.0; 3],
            theirs_little: vec![1.0; 3],
            theirs_much: vec![1.0; 3],
        };
        assert!(few.judge().grows);
    }
}
