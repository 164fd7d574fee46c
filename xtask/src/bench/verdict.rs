//! What figures mean: whether a rule holds, is broken, or is not yet to be told.
//!
//! A run compares hundreds of pairs. With intervals that are wrong once in twenty times, a dozen of them would
//! look bad in every run of a faultless extension. So what breaks a rule is judged by an interval that is wrong
//! once in twenty *runs* (Bonferroni: 5 % divided by the number of comparisons), and a cell whose plain 95 %
//! interval looks bad is measured on until that one can speak. Where a rule says "not more", what the instrument
//! takes for a difference between two identical copies of a database, its *resolution*, is no difference.

use super::cell::{Bound, Cell, FENCE, Rule};
use super::measure::Samples;
use crate::statistics::{self, Interval};

/// All comparisons of a run, which share one probability of being wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// How many they are.
    pub(super) comparisons: usize,
}

/// What a rule came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It is kept, or nothing says that it isn't.
    Holds,
    /// The 95 % interval lies beyond the bound, the stricter one doesn't.
    Doubtful,
    /// It is broken.
    Broken,
}

/// A comparison, measured.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// The rule.
    pub(super) rule: Rule,
    /// Which of its opponents was the best.
    pub(super) than: &'static str,
    /// Where the figure lies, with 95 % confidence.
    pub(super) usual: Interval,
    /// Where it lies with the confidence that so many comparisons ask for.
    pub(super) strict: Interval,
}

/// What to expect of a cell that is being measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// More rounds would change no verdict.
    pub(super) clear: bool,
    /// It looks bad.
    pub(super) in_doubt: bool,
}

/// 95 %.
const USUAL: f64 = 0.05;
/// An interval as narrow as this says what there is to say.
const NARROW: f64 = 1.02;
/// What the resolution is taken to be before it is known.
const LIKELY_RESOLUTION: f64 = 1.02;

impl Family {
    /// The rules of these cells that can be broken.
    pub(super) fn of(cells: &[Cell]) -> Self {
        let judged = |rule: &&Rule| rule.bound != Bound::Shown;
        let comparisons = cells.iter().map(|cell| cell.rules.iter().filter(judged).count()).sum::<usize>();
        Self { comparisons: comparisons.max(1) }
    }

    /// How often one interval may be wrong.
    pub(super) fn alpha(self) -> f64 {
        USUAL / self.comparisons as f64
    }

    /// With fewer rounds no interval of this confidence has an end.
    pub(super) fn least_rounds(self) -> usize {
        (2.0 / self.alpha()).log2().ceil() as usize
    }
}

impl Finding {
    /// Compares; none where a contestant is missing.
    pub(super) fn find(
        rule: &Rule,
        alike: Option<&[&'static str]>,
        samples: &Samples,
        family: Family,
    ) -> Option<Self> {
        let ours = samples.of(rule.who)?;
        let judged = rule.who == FENCE && rule.bound != Bound::Shown;
        let comparable = |name: &&&str| !judged || alike.is_none_or(|alike| alike.contains(*name));
        let named = |name: &'static str| Some((name, samples.of(name)?));
        let opponents = rule.than.iter().filter(comparable).filter_map(|name| named(name));
        let typical = |figures: &[f64]| statistics::typical(figures);
        let (mut than, mut theirs) = opponents.min_by(|a, b| typical(a.1).total_cmp(&typical(b.1)))?;
        if let Some((name, figures)) = rule.floor.and_then(named)
            && typical(figures) > typical(theirs)
        {
            (than, theirs) = (name, figures);
        }
        let at = |alpha| match rule.bound {
            Bound::PerCall { calls, .. } => {
                statistics::excess(ours, theirs, alpha).map(|nanoseconds| nanoseconds / calls)
            }
            _ => statistics::ratio(ours, theirs, alpha),
        };
        Some(Self { rule: rule.clone(), than, usual: at(USUAL), strict: at(family.alpha()) })
    }

    /// The verdict, when differences up to this ratio are the instrument's own.
    pub(super) fn verdict(&self, resolution: f64) -> Verdict {
        let most = self.rule.bound.most(resolution);
        if self.strict.low > most {
            Verdict::Broken
        } else if self.usual.low > most {
            Verdict::Doubtful
        } else {
            Verdict::Holds
        }
    }

    /// Whether the 95 % interval holds the bound, so that the rule may be kept or not: nothing is proven.
    pub(super) fn is_open(&self, resolution: f64) -> bool {
        let most = self.rule.bound.most(resolution);
        self.usual.low <= most && most < self.usual.high
    }

    fn is_clear(&self) -> bool {
        let most = self.rule.bound.most(LIKELY_RESOLUTION);
        let narrow = self.usual.low * NARROW > self.usual.high;
        self.strict.low > most || self.usual.high <= most || (narrow && self.usual.low <= most)
    }
}

impl Bound {
    /// The largest figure that keeps the rule.
    pub(super) fn most(self, resolution: f64) -> f64 {
        match self {
            Self::Ratio(most) | Self::PerCall { most, .. } => most,
            Self::NoMore => allowed(resolution),
            Self::Shown => f64::INFINITY,
        }
    }
}

/// Everything that the cell's rules came to.
pub(super) fn findings(cell: &Cell, samples: &Samples, family: Family) -> Vec<Finding> {
    let alike = cell.alike.as_deref();
    cell.rules.iter().filter_map(|rule| Finding::find(rule, alike, samples, family)).collect()
}

/// Whether the cell needs more rounds.
pub(super) fn outlook(cell: &Cell, samples: &Samples, family: Family) -> Outlook {
    let findings = findings(cell, samples, family);
    Outlook {
        clear: findings.iter().all(Finding::is_clear),
        in_doubt: findings.iter().any(|finding| finding.verdict(LIKELY_RESOLUTION) == Verdict::Doubtful),
    }
}

/// The instrument's resolution: how far from 1 lie the 95 % intervals of things compared with their own copy,
/// for 19 of 20 of them. What the intervals themselves leave open is noise, which more rounds take away; this is
/// what they don't, as two copies don't lie in memory alike.
pub(super) fn resolution<'a>(nulls: impl Iterator<Item = &'a Finding>) -> f64 {
    let beyond = |null: &Finding| null.usual.low.ln().max(-null.usual.high.ln()).max(0.0);
    let sizes: Vec<f64> = nulls.map(beyond).filter(|size| size.is_finite()).collect();
    if sizes.is_empty() { LIKELY_RESOLUTION } else { statistics::quantile(&sizes, 0.95).exp() }
}

/// What of it a rule allows. A few cells that agree don't show that the instrument sees less than 1 %, and a machine
/// that can't tell 5 % is too noisy for a verdict, which is no reason to be lenient.
pub(super) fn allowed(resolution: f64) -> f64 {
    resolution.clamp(1.01, 1.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family = Family { comparisons: 300 };

    fn samples(rounds: usize, of_fence: f64) -> Samples {
        let noise = |k: usize| 1.0 + 0.01 * ((k * 7) % 5) as f64;
        let figures = |scale: f64, shift| (0..rounds).map(|k| scale * noise(k + shift)).collect();
        Samples {
            names: vec!["A", "B", FENCE],
            figures: vec![figures(100.0, 0), figures(90.0, 1), figures(90.0 * of_fence, 2)],
        }
    }

    fn verdict(bound: Bound, rounds: usize, of_fence: f64, resolution: f64) -> Verdict {
        let rule = Rule::new(FENCE, &["A", "B"], bound);
        let finding = Finding::find(&rule, None, &samples(rounds, of_fence), FAMILY).expect("both are there");
        assert_eq!(finding.than, "B", "the better of the two");
        finding.verdict(resolution)
    }

    #[test]
    fn what_is_slower_breaks_the_rule_and_what_is_not_keeps_it() {
        assert_eq!(verdict(Bound::Ratio(1.05), 20, 1.20, 1.0), Verdict::Broken);
        assert_eq!(verdict(Bound::Ratio(1.05), 20, 1.04, 1.0), Verdict::Holds);
        assert_eq!(verdict(Bound::Ratio(1.05), 20, 0.50, 1.0), Verdict::Holds);
        assert_eq!(verdict(Bound::Shown, 20, 9.0, 1.0), Verdict::Holds);
    }

    #[test]
    fn so_few_rounds_only_raise_a_doubt() {
        assert_eq!(verdict(Bound::Ratio(1.05), 8, 1.20, 1.0), Verdict::Doubtful);
        assert_eq!(verdict(Bound::Ratio(1.05), 4, 1.20, 1.0), Verdict::Holds);
        let of = |rounds, of_fence| {
            let rule = Rule::new(FENCE, &["A", "B"], Bound::Ratio(1.05));
            let finding = Finding::find(&rule, None, &samples(rounds, of_fence), FAMILY);
            finding.expect("both are there").is_open(1.0)
        };
        assert!(of(4, 1.20), "which is no proof of anything");
        assert!(!of(20, 0.90) && !of(20, 1.20));
    }

    #[test]
    fn the_least_rounds_are_those_with_an_end() {
        let (least, alpha) = (FAMILY.least_rounds(), FAMILY.alpha());
        let low = |rounds| statistics::centre(&vec![1.0; rounds], alpha).low;
        assert!(low(least).is_finite() && low(least - 1).is_infinite(), "{least}");
    }

    #[test]
    fn no_more_means_beyond_the_resolution() {
        assert_eq!(verdict(Bound::NoMore, 20, 1.08, 1.005), Verdict::Broken);
        assert_eq!(verdict(Bound::NoMore, 20, 1.04, 1.06), Verdict::Holds);
        assert_eq!(verdict(Bound::NoMore, 20, 1.20, 1.30), Verdict::Broken, "noise is no excuse");
    }

    #[test]
    fn nanoseconds_are_counted_per_call() {
        let bound = |most| Bound::PerCall { most, calls: 2.0 };
        // 18 above the better one's 90, in two calls.
        assert_eq!(verdict(bound(5.0), 20, 1.20, 1.0), Verdict::Broken);
        assert_eq!(verdict(bound(12.0), 20, 1.20, 1.0), Verdict::Holds);
    }

    #[test]
    fn the_resolution_is_what_copies_differ_by() {
        let rule = Rule::new("fence", &["A"], Bound::Shown);
        let null = |low: f64, high: f64| {
            let usual = Interval { middle: f64::midpoint(low, high), low, high };
            Finding { rule: rule.clone(), than: "A", usual, strict: usual }
        };
        // Twenty that are noisy, and one that is off.
        let mut nulls: Vec<Finding> = (0..20).map(|_| null(0.8, 1.3)).collect();
        nulls.push(null(0.90, 0.95));
        assert!((resolution(nulls.iter()) - 1.0).abs() < 1e-9);
        nulls.push(null(1.02, 1.08));
        assert!((resolution(nulls.iter()) - 1.02).abs() < 2e-3, "{}", resolution(nulls.iter()));
        assert!((resolution([].iter()) - LIKELY_RESOLUTION).abs() < 1e-9);
    }
}
