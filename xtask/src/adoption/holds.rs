//! How long a table was locked against everybody: ACCESS EXCLUSIVE, seen from another session that looks at pg_locks
//! all the time.
//!
//! A look shows what was so at some moment between its question and its answer. So a lock was held at least from the
//! answer to the first question that saw it to the question of the last, and at most from the question of the last
//! look before to the answer of the first one after, which saw it no more. Of a hold that no look saw, the longest
//! time between two looks is the bound. Each transaction's hold is one of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use org_scope_cluster::Address;

/// Between two looks.
const PAUSE: Duration = Duration::from_micros(300);

/// One look at the locks of the table.
#[derive(Debug, Clone)]
struct Look {
    asked: Instant,
    answered: Instant,
    /// The transaction that held it.
    holder: Option<String>,
}

/// What looks saw of one table in a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Held {
    /// How often it was held.
    pub(super) times: usize,
    /// How long the longest hold was at least.
    pub(super) at_least: Duration,
    /// How long it was at most, and every one that no look saw.
    pub(super) at_most: Duration,
}

/// All looks, in their order.
#[derive(Debug, Default)]
pub(super) struct Looks(Vec<Look>);

/// Somebody who looks.
pub(super) struct Observer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Looks>>,
}

const QUESTION: &str = "SELECT max(virtualtransaction) FROM pg_catalog.pg_locks \
    WHERE relation = $1 AND locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted";

impl Observer {
    /// Begins to look at the table `messages`.
    pub(super) fn start(address: &Address, database: &str) -> Result<Self> {
        let mut session = address.connect(database, "postgres")?;
        let table: u32 = session.query_one("SELECT 'messages'::regclass::oid", &[])?.get(0);
        let question = session.prepare(QUESTION)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut looks = Looks::default();
            while !told.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let holder = session.query_one(&question, &[&table]).context(QUESTION)?.get(0);
                looks.0.push(Look { asked, answered: Instant::now(), holder });
                sleep(PAUSE);
            }
            Ok(looks)
        });
        Ok(Self { stop, thread })
    }

    /// Ends it.
    pub(super) fn stop(self) -> Result<Looks> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the observer has panicked"))?
    }
}

impl Looks {
    /// What was seen between two moments.
    pub(super) fn held(&self, from: Instant, to: Instant) -> Held {
        // With the last look before and the first one after: holds end between looks.
        let first = self.0.partition_point(|look| look.answered <= from).saturating_sub(1);
        let last = (self.0.partition_point(|look| look.asked <= to) + 1).min(self.0.len());
        let looks = &self.0[first..last];
        let mut held = Held { times: 0, at_least: Duration::ZERO, at_most: Duration::ZERO };
        for pair in looks.windows(2) {
            held.at_most = held.at_most.max(pair[1].answered - pair[0].asked);
        }
        let mut begin = 0;
        for run in looks.chunk_by(|one, other| one.holder == other.holder) {
            let end = begin + run.len();
            let within = run.iter().any(|look| look.answered > from && look.asked <= to);
            if within && run[0].holder.is_some() {
                let at_most = looks[end.min(looks.len() - 1)].answered - looks[begin.saturating_sub(1)].asked;
                let at_least = run[run.len() - 1].asked.saturating_duration_since(run[0].answered);
                held = Held {
                    times: held.times + 1,
                    at_least: held.at_least.max(at_least),
                    at_most: held.at_most.max(at_most),
                };
            }
            begin = end;
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks that take 1 ms each, asked at these times.
    fn looks(seen: &[(u64, &str)]) -> (Looks, Instant) {
        let zero = Instant::now();
        let look = |(at, holder): &(u64, &str)| Look {
            asked: zero + Duration::from_millis(*at),
            answered: zero + Duration::from_millis(at + 1),
            holder: Some((*holder).to_owned()).filter(|holder| !holder.is_empty()),
        };
        (Looks(seen.iter().map(look).collect()), zero)
    }

    fn held(seen: &[(u64, &str)], from: u64, to: u64) -> (usize, u128, u128) {
        let (looks, zero) = looks(seen);
        let at = |ms| zero + Duration::from_millis(ms);
        let Held { times, at_least, at_most } = looks.held(at(from), at(to));
        (times, at_least.as_millis(), at_most.as_millis())
    }

    #[test]
    fn a_hold_lies_between_the_looks_that_saw_it_and_those_around() {
        let seen = [(0, ""), (2, ""), (10, "a"), (20, "a"), (30, "a"), (40, ""), (42, "")];
        // From the answer at 11 to the question at 30; from the question at 2 to the answer at 41.
        assert_eq!(held(&seen, 0, 42), (1, 19, 39));
    }

    #[test]
    fn transactions_hold_one_after_the_other() {
        let seen = [(0, ""), (2, "a"), (4, "a"), (6, "b"), (8, "b"), (10, "")];
        assert_eq!(held(&seen, 0, 10), (2, 1, 7));
    }

    #[test]
    fn what_no_look_saw_is_bounded_by_their_distance() {
        assert_eq!(held(&[(0, ""), (2, ""), (90, ""), (92, "")], 0, 92), (0, 0, 89));
        assert_eq!(held(&[(0, ""), (2, ""), (90, ""), (92, "")], 91, 92), (0, 0, 3));
    }

    #[test]
    fn other_spans_are_others() {
        let seen = [(0, "a"), (50, ""), (52, ""), (54, ""), (56, "b"), (58, "")];
        assert_eq!(held(&seen, 53, 55).0, 0);
        assert_eq!(held(&seen, 55, 58).0, 1);
    }
}
