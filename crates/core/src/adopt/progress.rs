//! How far a backfill has come, and how long it will take.

/// A backfill at some moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Rows that this call has filled.
    pub filled: u64,
    /// Blocks of the table that it has gone through.
    pub blocks: u64,
    /// Blocks that are left.
    pub left: u64,
    /// Since when it runs, in seconds.
    pub seconds: f64,
}

impl Progress {
    /// Rows a second; none before there is anything to tell.
    pub fn rate(self) -> Option<f64> {
        (self.seconds > 0.0 && self.filled > 0).then(|| self.filled as f64 / self.seconds)
    }

    /// Seconds that are left, if it goes on like that.
    pub fn seconds_left(self) -> Option<f64> {
        (self.blocks > 0).then(|| self.seconds / self.blocks as f64 * self.left as f64)
    }

    /// As a person reads it.
    pub fn words(self) -> String {
        let Self { filled, blocks, left, .. } = self;
        let percent = match blocks + left {
            0 => 100,
            all => blocks * 100 / all,
        };
        let rate = self.rate().map_or_else(String::new, |rate| format!(", {rate:.0} a second"));
        let left = self.seconds_left().map_or_else(String::new, |s| format!(", {} left", duration(s)));
        format!("{filled} rows filled{rate}, {percent} % of the table{left}")
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_rate_and_time_left() {
        let progress = Progress { filled: 1000, blocks: 25, left: 75, seconds: 2.0 };
        assert_eq!(progress.words(), "1000 rows filled, 500 a second, 25 % of the table, 6 s left");
        let nothing = Progress { filled: 0, blocks: 0, left: 0, seconds: 0.0 };
        assert_eq!(nothing.words(), "0 rows filled, 100 % of the table");
        assert_eq!((duration(61.0), duration(7260.0)), ("1 min 1 s".into(), "2 h 1 min".into()));
    }
}
