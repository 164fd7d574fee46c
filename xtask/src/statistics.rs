//! How far a difference can be told from noise.
//!
//! Every figure here comes from *paired* differences: what one variant took in a round less what another took in
//! the same round. The centre is the Hodges–Lehmann estimate, the interval around it the one that belongs to
//! Wilcoxon's signed-rank test, from that test's exact distribution (Hollander, Wolfe, Chicken: Nonparametric
//! Statistical Methods, chapter 3). It assumes only that differences scatter evenly to both sides, which pairs in
//! shuffled order do, and a few rounds in which a neighbour took the processor move it hardly at all, where they
//! would stretch Student's t.

/// A centre, and where it lies with the confidence that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    /// The most likely value.
    pub(crate) middle: f64,
    /// The lower bound.
    pub(crate) low: f64,
    /// The upper bound.
    pub(crate) high: f64,
}

impl Interval {
    /// The same on another scale; `scale` must be increasing.
    pub(crate) fn map(self, scale: impl Fn(f64) -> f64) -> Self {
        Self { middle: scale(self.middle), low: scale(self.low), high: scale(self.high) }
    }
}

/// The centre of the differences, and the interval that misses it with probability `alpha` at most. Where they
/// are too few to say anything with such confidence, the interval is endless.
pub(crate) fn centre(differences: &[f64], alpha: f64) -> Interval {
    let averages = walsh_averages(differences);
    if averages.is_empty() {
        return Interval { middle: f64::NAN, low: f64::NEG_INFINITY, high: f64::INFINITY };
    }
    let middle = median(&averages);
    match outermost(differences.len(), alpha) {
        0 => Interval { middle, low: f64::NEG_INFINITY, high: f64::INFINITY },
        c => Interval { middle, low: averages[c - 1], high: averages[averages.len() - c] },
    }
}

/// The ratio of one variant's figures to another's, round by round.
pub(crate) fn ratio(ours: &[f64], theirs: &[f64], alpha: f64) -> Interval {
    let logs: Vec<f64> = ours.iter().zip(theirs).map(|(o, t)| (o / t).ln()).collect();
    centre(&logs, alpha).map(f64::exp)
}

/// What one variant's figures are above another's, round by round.
pub(crate) fn excess(ours: &[f64], theirs: &[f64], alpha: f64) -> Interval {
    let differences: Vec<f64> = ours.iter().zip(theirs).map(|(o, t)| o - t).collect();
    centre(&differences, alpha)
}

/// The middle one, or the mean of the two middle ones; the values must be sorted.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[half - 1], sorted[half]) } else { sorted[half] }
}

/// The middle of values in any order.
pub(crate) fn typical(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of the values lies.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The averages of all pairs, each with itself too, sorted.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages: Vec<f64> = values
        .iter()
        .enumerate()
        .flat_map(|(i, one)| values[i..].iter().map(move |other| f64::midpoint(*one, *other)))
        .collect();
    averages.sort_by(f64::total_cmp);
    averages
}

/// Which of the sorted averages, counted from either end and from 1, bounds the interval; 0 for none.
///
/// It is the largest c for which the signed-rank statistic T of n differences has P(T ≤ c − 1) ≤ alpha / 2.
fn outermost(n: usize, alpha: f64) -> usize {
    // The distribution of T: the sum of those of the ranks 1 to n that a fair coin picks.
    let mut chance = vec![0.0; n * (n + 1) / 2 + 1];
    chance[0] = 1.0;
    for rank in 1..=n {
        for t in (0..chance.len()).rev() {
            let with = if t >= rank { chance[t - rank] } else { 0.0 };
            chance[t] = f64::midpoint(chance[t], with);
        }
    }
    let mut sum = 0.0;
    chance
        .iter()
        .take_while(|p| {
            sum += **p;
            sum <= alpha / 2.0
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_printed_tables() {
        // Two-sided 5 %: the largest T that is still significant is 0 for n = 6, 8 for 10, 52 for 20.
        for (n, critical) in [(6, 0), (8, 3), (10, 8), (15, 25), (20, 52)] {
            assert_eq!(outermost(n, 0.05), critical + 1, "n = {n}");
        }
        // 1 %: none for n = 7, 0 for 8.
        assert_eq!(outermost(7, 0.01), 0);
        assert_eq!(outermost(8, 0.01), 1);
    }

    #[test]
    fn few_rounds_prove_nothing() {
        let interval = centre(&[1.0, 1.1, 1.2], 0.05);
        assert_eq!((interval.low, interval.high), (f64::NEG_INFINITY, f64::INFINITY));
        assert!((interval.middle - 1.1).abs() < 1e-9);
        assert!(centre(&[], 0.05).middle.is_nan());
    }

    #[test]
    fn an_outlier_hardly_moves_it() {
        let mut values: Vec<f64> = (0..20).map(|i| f64::from(i) / 100.0).collect();
        let before = centre(&values, 0.05);
        values[19] = 1000.0;
        let after = centre(&values, 0.05);
        assert!((after.middle - before.middle).abs() < 0.02);
        assert!(after.high < 0.3, "{after:?}");
    }

    #[test]
    fn a_ratio_is_found_under_noise_that_both_share() {
        let noise: Vec<f64> = (0..24).map(|i| 1.0 + 0.5 * f64::from(i % 7)).collect();
        let ours: Vec<f64> =
            noise.iter().enumerate().map(|(i, n)| n * 1.10 * (1.0 + 0.001 * (i % 5) as f64)).collect();
        let found = ratio(&ours, &noise, 0.001);
        assert!(found.low > 1.09 && found.high < 1.11, "{found:?}");
        let excess = excess(&[13.0; 12], &[10.0; 12], 0.05);
        assert_eq!(excess, Interval { middle: 3.0, low: 3.0, high: 3.0 });
    }

    #[test]
    fn the_interval_covers_the_truth_as_often_as_it_promises() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut covered = 0;
        for _ in 0..2000 {
            let values: Vec<f64> = (0..12).map(|_| random.f64() + random.f64() - 1.0).collect();
            let interval = centre(&values, 0.05);
            covered += i32::from(interval.low <= 0.0 && interval.high >= 0.0);
        }
        assert!((1880..=1960).contains(&covered), "{covered} of 2000");
    }

    #[test]
    fn quantiles_lie_between_the_values() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert!((typical(&values) - 2.5).abs() < 1e-9);
        assert!((quantile(&values, 1.0) - 4.0).abs() < 1e-9);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
