//! A big, a middle and a small organization, by what the statistics know.

use crate::org::{OrgType, text_of};
use crate::size::Statistics;

/// What is known of the organizations of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The table's name.
    pub table: String,
    /// The type of its org column.
    pub family: OrgType,
    /// The statistics of that column.
    pub statistics: Statistics,
    /// One that is not among the most common, where one is known.
    pub rare: Option<Box<[u8]>>,
}

impl Sample {
    /// What an organization has of the table, for a heading.
    pub(super) fn share(&self, org: &[u8]) -> Option<f64> {
        let common = self.statistics.common.iter().find(|(common, _)| common.as_ref() == org);
        common.map(|(_, share)| *share).or_else(|| self.statistics.other())
    }

    /// The organizations that are known, the largest first.
    fn known(&self) -> Vec<(&[u8], f64)> {
        let common = self.statistics.common.iter().map(|(org, share)| (org.as_ref(), *share));
        let rare = self.rare.as_deref().map(|org| (org, self.statistics.other().unwrap_or_default()));
        let mut known: Vec<_> = common.chain(rare).collect();
        known.sort_by(|a, b| b.1.total_cmp(&a.1));
        known
    }
}

/// The largest organization that is known, the smallest, and between them the one that is nearest to as many times
/// larger than the one as it is smaller than the other; the largest first. Fewer where no three are known.
pub fn pick(sample: &Sample) -> Vec<String> {
    let known = sample.known();
    let mut picked: Vec<usize> = Vec::new();
    if let [(_, most), between @ .., (_, least)] = known.as_slice() {
        let middle = (most * least).max(f64::MIN_POSITIVE).sqrt().ln();
        let distance = |share: f64| (share.max(f64::MIN_POSITIVE).ln() - middle).abs();
        let nearest =
            (0..between.len()).min_by(|a, b| distance(between[*a].1).total_cmp(&distance(between[*b].1)));
        picked.push(0);
        picked.extend(nearest.map(|place| place + 1));
        picked.push(known.len() - 1);
    } else if !known.is_empty() {
        picked.push(0);
    }
    picked.into_iter().map(|place| text_of(sample.family, known[place].0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(common: &[(&str, f64)], rare: Option<&str>) -> Sample {
        let common = common.iter().map(|(org, share)| (Box::from(org.as_bytes()), *share)).collect();
        let statistics = Statistics { common, none: 0.0, distinct: 1000.0, rows: 1e6 };
        let rare = rare.map(|org| Box::from(org.as_bytes()));
        Sample { table: "items".into(), family: OrgType::Text, statistics, rare }
    }

    #[test]
    fn the_middle_one_is_between_by_factors() {
        let common = [("b", 0.1), ("a", 0.3), ("c", 0.04), ("d", 0.01), ("e", 0.002)];
        assert_eq!(pick(&sample(&common, Some("z"))), ["a", "d", "z"], "0.05 % is the rare one's share");
        assert_eq!(pick(&sample(&common, None)), ["a", "c", "e"]);
    }

    #[test]
    fn fewer_are_picked_where_fewer_are_known() {
        assert!(pick(&sample(&[], None)).is_empty());
        assert_eq!(pick(&sample(&[], Some("z"))), ["z"]);
        assert_eq!(pick(&sample(&[("a", 0.5)], None)), ["a"]);
        assert_eq!(pick(&sample(&[("a", 0.5)], Some("z"))), ["a", "z"]);
    }

    #[test]
    fn a_share_is_that_of_the_statistics() {
        let sample = sample(&[("a", 0.5)], None);
        assert_eq!(sample.share(b"a"), Some(0.5));
        let rest = sample.share(b"x").expect("the others' share");
        assert!((rest - 0.5 / 999.0).abs() < 1e-12);
    }
}
