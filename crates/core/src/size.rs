//! Size classes: which organizations are of about one size, so that one plan serves them all.
//!
//! The planner knows of an organization how often it is among a column's most common values, and takes all
//! others for equally rare. So it makes one plan for all of those, and may make another for each of the common
//! ones. Which of them to tell apart is decided here.

/// How much larger than the smallest of its class an organization may be.
///
/// A plan made for one of them is at most so much dearer for another, and that only where exactly between the two
/// another plan becomes the better one; planning anew for every small difference costs more.
const SPREAD: f64 = 4.0;

/// Organizations of fewer rows are of one size: no plan for so few takes long.
const FEW_ROWS: f64 = 10.0;

/// The largest number that a class can have.
pub const MOST: u8 = 30;

/// What the statistics say of an org column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statistics {
    /// The most common organizations as they are stored (see [`crate::org::OrgValue::stored`]), each with its share of the rows.
    pub common: Vec<(Box<[u8]>, f64)>,
    /// The share of the rows that belong to none.
    pub none: f64,
    /// How many organizations there are; 0 where nobody knows.
    pub distinct: f64,
    /// How many rows there are; 0 where nobody knows.
    pub rows: f64,
}

impl Statistics {
    /// The share of each organization that is not among the common ones, as the planner estimates it.
    pub fn other(&self) -> Option<f64> {
        let others = self.distinct - self.common.len() as f64;
        let left = 1.0 - self.none - self.common.iter().map(|(_, share)| share).sum::<f64>();
        let least = self.common.iter().map(|(_, share)| *share).fold(f64::INFINITY, f64::min);
        (others >= 1.0 && left > 0.0).then(|| (left / others).min(least))
    }
}

/// The classes of a column: 0 for the organizations that are not common, or hardly more so than these, and one
/// number more for each step up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SizeClasses {
    /// Those that are in a higher class than 0, sorted.
    larger: Vec<(Box<[u8]>, u8)>,
}

impl SizeClasses {
    /// Puts the organizations into classes. Each begins with the smallest that the class before has no room for, so
    /// that a border lies where sizes differ, and organizations of one size share a class.
    pub fn of(statistics: &Statistics) -> Self {
        let mut common: Vec<_> = statistics.common.iter().collect();
        common.sort_by(|a, b| a.1.total_cmp(&b.1));
        let few = if statistics.rows > 0.0 { FEW_ROWS / statistics.rows } else { 0.0 };
        let least = common.first().map_or(0.0, |(_, share)| *share);
        let mut begins = statistics.other().unwrap_or(least).max(few);
        let (mut class, mut larger) = (0, Vec::new());
        for (org, share) in common {
            if *share > begins * SPREAD && class < MOST {
                begins = *share;
                class += 1;
            }
            if class > 0 {
                larger.push((org.clone(), class));
            }
        }
        larger.sort();
        Self { larger }
    }

    /// Whether all organizations are of one size.
    pub fn is_one(&self) -> bool {
        self.larger.is_empty()
    }

    /// The class of an organization, as it is stored.
    pub fn class(&self, org: &[u8]) -> u8 {
        let place = self.larger.binary_search_by(|(larger, _)| larger.as_ref().cmp(org));
        place.map_or(0, |place| self.larger[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Organizations `0`, `1`, … with these shares, and so many others that share the rest.
    fn classes(shares: &[f64], others: f64, rows: f64) -> Vec<u8> {
        let common: Vec<_> = shares.iter().zip(0_u8..).map(|(s, n)| (Box::from([n]), *s)).collect();
        let distinct = shares.len() as f64 + others;
        let classes = SizeClasses::of(&Statistics { common, none: 0.0, distinct, rows });
        assert_eq!(classes.class(b"another"), 0);
        (0..shares.len()).map(|n| classes.class(&[n as u8])).collect()
    }

    #[test]
    fn organizations_of_one_size_are_in_one_class() {
        assert!(classes(&[], 1000.0, 1e6).is_empty());
        assert_eq!(classes(&[0.1; 10], 0.0, 1e6), [0; 10], "all are common");
        assert_eq!(classes(&[0.11, 0.09, 0.1, 0.105], 6.0, 1e6), [0; 4], "the others are as large");
        assert_eq!(classes(&[0.31, 0.3, 0.29], 1000.0, 1e6), [1; 3]);
    }

    #[test]
    fn a_step_of_the_spread_is_another_class() {
        // The others have 0.056 % each.
        assert_eq!(classes(&[0.3, 0.1, 0.04, 0.002, 0.0019], 996.0, 2e6), [2, 1, 1, 0, 0]);
        assert_eq!(classes(&[0.5, 0.12, 0.03, 0.005], 1000.0, 1e7), [3, 2, 2, 1]);
    }

    #[test]
    fn a_border_is_where_sizes_differ() {
        // Fixed borders would part what chance has made a little larger or smaller.
        for step in 10..300 {
            let middle = f64::from(step) * 0.001;
            let near = [middle * 0.95, middle, middle * 1.05];
            let numbers = classes(&near, 1000.0, 1e6);
            assert!(numbers.iter().all(|n| *n == numbers[0]), "{near:?}: {numbers:?}");
        }
    }

    #[test]
    fn few_rows_are_few_whatever_their_share() {
        assert_eq!(classes(&[0.8, 0.1], 5.0, 40.0), [0, 0]);
        assert_eq!(classes(&[0.8, 0.1], 5.0, 20_000.0), [2, 1]);
        assert_eq!(classes(&[0.8, 0.1], 5.0, 0.0), [2, 1], "rows that nobody has counted");
    }

    #[test]
    fn what_no_statistics_can_mean_is_no_trouble() {
        let odd = [f64::NAN, 0.0, -1.0, f64::INFINITY, 1e-300];
        for share in odd {
            for distinct in odd {
                let common = vec![(Box::from([1]), share), (Box::from([2]), 0.5)];
                let classes = SizeClasses::of(&Statistics { common, none: share, distinct, rows: distinct });
                assert!(classes.class(&[1]) <= MOST && classes.class(&[2]) <= MOST);
            }
        }
    }

    #[test]
    fn there_are_never_more_classes_than_numbers() {
        let shares: Vec<f64> = (0..60).map(|n| 0.5 * 4.1_f64.powi(-n)).collect();
        let numbers = classes(&shares, 0.0, 0.0);
        assert_eq!((numbers[0], numbers[59]), (MOST, 0));
    }
}
