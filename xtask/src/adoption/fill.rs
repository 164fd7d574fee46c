//! How fast rows are filled, by `backfill` and by one plain UPDATE of the same rows under the same indexes, and how long
//! an application is held up meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::place::{self, EXPANDING, OWNER};
use super::writer::{Waited, Writer};
use crate::statistics::typical;
use crate::terminal::Progress;
use crate::watched::{Backend, Watch};

/// Pairs of both.
const ROUNDS: usize = 3;
/// A backfill does so much of what one plain UPDATE does in the same time.
const LEAST: f64 = 0.5;
const DATABASE: &str = "filled";

/// Who fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filler {
    /// `backfill`, as it is called.
    Backfill,
    /// One UPDATE by hand, without triggers of ours.
    Update,
}

/// All rows filled once, beside a writer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled {
    pub(super) filler: Filler,
    /// By the clock on the wall.
    pub(super) passed: Duration,
    /// Of the server process's time.
    pub(super) worked: Duration,
    /// What the writer waited for in the table that is filled.
    pub(super) live: Waited,
    /// The same in one that isn't.
    pub(super) aside: Waited,
    /// How many transactions filled it.
    pub(super) batches: usize,
    /// How long the longest took.
    pub(super) longest_batch: Duration,
}

/// What one rate is by the other, in each round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratios {
    pub(super) middle: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Filler {
    pub(super) const BOTH: [Self; 2] = [Self::Backfill, Self::Update];

    /// Its session, where its copy of the table is ready.
    fn ready(self, watch: &mut Watch<'_>) -> Result<Backend> {
        place::copy(watch, EXPANDING, DATABASE)?;
        if self == Self::Backfill {
            return watch.connect(DATABASE, OWNER);
        }
        // No policy binds a superuser: it reads the users as if they had no fence.
        let mut superuser = watch.connect(DATABASE, "postgres")?;
        superuser
            .run("DROP TRIGGER org_scope_adopt ON messages; DROP TRIGGER org_scope_adopt_rest ON messages")?;
        Ok(superuser)
    }

    fn statement(self) -> &'static str {
        match self {
            Self::Update => {
                "UPDATE messages AS m SET organization_id = u.organization_id FROM users AS u \
                 WHERE u.account_id = m.account_id"
            }
            Self::Backfill => "CALL org_scope.backfill('messages')",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Update => "UPDATE",
            Self::Backfill => "backfill",
        }
    }
}

/// Fills copies of the table, in an order that chance makes anew in each round.
pub(super) fn run(watch: &mut Watch<'_>) -> Result<Vec<Filled>> {
    let mut progress = Progress::new("filling all rows beside a writer, by turns");
    let (mut order, mut chance) = (Filler::BOTH, fastrand::Rng::with_seed(7));
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        chance.shuffle(&mut order);
        for filler in order {
            all.push(one(watch, filler)?);
            progress.at(all.len(), 2 * ROUNDS, filler.words());
        }
    }
    progress.done();
    Ok(all)
}

fn one(watch: &mut Watch<'_>, filler: Filler) -> Result<Filled> {
    let mut session = filler.ready(watch)?;
    let mut superuser = watch.connect(DATABASE, "postgres")?;
    let writer = Writer::start(watch.address(), DATABASE)?;
    superuser.run("CREATE TEMPORARY TABLE began AS SELECT clock_timestamp() AS at")?;
    let from = Instant::now();
    let worked = session.time(filler.statement())?;
    let to = Instant::now();
    let writes = writer.stop()?;
    let row = superuser.client.query_one(BATCHES, &[]).context(BATCHES)?;
    let (batches, longest): (i64, f64) = (row.get(0), row.get(1));
    // By hand, what was inserted after the UPDATE had begun stays without one.
    let empty = "SELECT count(*) FROM messages WHERE organization_id IS NULL AND id < 1000000000";
    let empty: i64 = superuser.client.query_one(empty, &[])?.get(0);
    ensure!(empty == 0, "{} left {empty} rows without an organization", filler.words());
    session.end();
    superuser.end();
    place::drop(watch, DATABASE)?;
    Ok(Filled {
        filler,
        passed: to - from,
        worked: Duration::from_nanos(worked as u64),
        live: writes.live(from, to),
        aside: writes.aside(from, to),
        batches: usize::try_from(batches)?,
        longest_batch: Duration::from_secs_f64(longest),
    })
}

/// A batch begins where the one before was committed. The writer's transactions wrote one row each; and what had been
/// locked by it is filled at the end, a few rows at a time with whole ranges of blocks between that have nothing left,
/// so those say nothing of how long one batch takes.
const BATCHES: &str = "WITH c AS (SELECT pg_xact_commit_timestamp(xmin) AS at, count(*) AS n FROM messages GROUP BY xmin), \
    f AS (SELECT c.at, c.n FROM c, began AS b WHERE c.at > b.at AND c.n > 1), \
    w AS (SELECT f.at, lag(f.at) OVER (ORDER BY f.at) AS before FROM f WHERE f.n > (SELECT max(n) / 2 FROM f)) \
    SELECT (SELECT count(*) FROM f), extract(epoch FROM max(w.at - coalesce(w.before, b.at)))::float8 FROM w, began AS b";

impl Filled {
    /// Whether a writer was held up for longer than the longest batch, by more than the machine holds up one whom
    /// nothing stands in the way.
    pub(super) fn holds_up(&self) -> bool {
        self.live.longest > self.longest_batch + self.aside.longest
    }
}

/// The times of one of them.
pub(super) fn times(all: &[Filled], filler: Filler, what: fn(&Filled) -> Duration) -> Vec<f64> {
    all.iter().filter(|filled| filled.filler == filler).map(|filled| what(filled).as_secs_f64()).collect()
}

/// The backfill's rate by the UPDATE's.
pub(super) fn ratios(all: &[Filled], what: fn(&Filled) -> Duration) -> Ratios {
    let [backfill, update] = Filler::BOTH.map(|filler| times(all, filler, what));
    let ratios: Vec<f64> = update.iter().zip(backfill).map(|(update, backfill)| update / backfill).collect();
    Ratios {
        middle: typical(&ratios),
        least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        most: ratios.iter().copied().fold(0.0, f64::max),
    }
}

/// Whether backfills are too slow: by both clocks, as the one on the wall counts what neighbours do too.
pub(super) fn is_slow(all: &[Filled]) -> bool {
    let slow = |what| ratios(all, what).middle.partial_cmp(&LEAST).is_none_or(std::cmp::Ordering::is_lt);
    slow(|filled| filled.passed) && slow(|filled| filled.worked)
}

/// Whether writers are held up for longer than a batch, in every round.
pub(super) fn is_holding_up(all: &[Filled]) -> bool {
    all.iter().filter(|filled| filled.filler == Filler::Backfill).all(Filled::holds_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(filler: Filler, passed: u64, worked: u64, longest: u64) -> Filled {
        let waited = |longest| Waited { writes: 1, met: 0, longest: Duration::from_millis(longest) };
        Filled {
            filler,
            passed: Duration::from_secs(passed),
            worked: Duration::from_secs(worked),
            live: waited(longest),
            aside: waited(20),
            batches: 200,
            longest_batch: Duration::from_millis(100),
        }
    }

    fn rounds(passed: [u64; 3], worked: [u64; 3], longest: [u64; 3]) -> Vec<Filled> {
        (0..3)
            .flat_map(|k| {
                [
                    filled(Filler::Update, 10, 10, 9000),
                    filled(Filler::Backfill, passed[k], worked[k], longest[k]),
                ]
            })
            .collect()
    }

    #[test]
    fn half_of_the_rate_is_enough_by_either_clock() {
        let all = rounds([16, 20, 90], [15; 3], [1; 3]);
        assert_eq!(ratios(&all, |f| f.passed), Ratios { middle: 0.5, least: 10.0 / 90.0, most: 0.625 });
        assert!(!is_slow(&all));
        assert!(!is_slow(&rounds([30; 3], [15; 3], [1; 3])), "the neighbours were slow");
        assert!(is_slow(&rounds([21, 21, 15], [21, 21, 15], [1; 3])));
        assert!(is_slow(&[]), "nothing proves nothing");
    }

    #[test]
    fn a_writer_waits_for_a_batch_and_for_the_machine() {
        assert!(!is_holding_up(&rounds([1; 3], [1; 3], [300, 120, 300])));
        assert!(is_holding_up(&rounds([1; 3], [1; 3], [300, 121, 300])));
    }
}
