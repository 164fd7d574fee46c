//! An application that writes one row after the other while the table is on its way, and how long it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::Address;
use postgres::Client;

use super::place::{ACCOUNT, APP};

/// Between two writes the application has something else to do.
const PAUSE: Duration = Duration::from_millis(1);
/// How far from where a backfill is every second write goes, as a share of the table.
const NEAR: f64 = 0.01;
/// Who waits longer has met something.
const MET: Duration = Duration::from_millis(10);

/// One statement that wrote one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write {
    began: Instant,
    took: Duration,
}

/// What the application did.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// In the table that is on its way.
    live: Vec<Write>,
    /// The same, by turns, in one that nobody fills: what is waited for there is the machine's doing.
    aside: Vec<Write>,
}

/// What it waited for in a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Waited {
    /// Writes in the table.
    pub(super) writes: usize,
    /// Those that took more than 10 ms.
    pub(super) met: usize,
    /// The longest.
    pub(super) longest: Duration,
}

/// A running application.
pub(super) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Writes>>,
}

/// Its session, and what it knows.
struct Application {
    session: Client,
    /// Asks where a backfill has come to, which is none of the application's business.
    looking: Client,
    ids: Vec<i64>,
    chance: fastrand::Rng,
    turn: usize,
}

impl Writer {
    /// Begins to write.
    pub(super) fn start(address: &Address, database: &str) -> Result<Self> {
        let mut application = Application::open(address, database)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut writes = Writes::default();
            while !told.load(Ordering::Relaxed) {
                application.turn(&mut writes)?;
                sleep(PAUSE);
            }
            Ok(writes)
        });
        Ok(Self { stop, thread })
    }

    /// Ends it.
    pub(super) fn stop(self) -> Result<Writes> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the writer has panicked"))?.context("the writer")
    }
}

impl Application {
    fn open(address: &Address, database: &str) -> Result<Self> {
        let mut looking = address.connect(database, "postgres")?;
        let ids = "SELECT id FROM messages WHERE account_id = $1 ORDER BY id";
        let ids = looking.query(ids, &[&ACCOUNT])?.iter().map(|row| row.get(0)).collect();
        let mut session = address.connect(database, APP)?;
        session.execute("SELECT org_scope.set_current_org_from('account', $1)", &[&ACCOUNT])?;
        Ok(Self { session, looking, ids, chance: fastrand::Rng::with_seed(7), turn: 0 })
    }

    fn turn(&mut self, writes: &mut Writes) -> Result<()> {
        self.turn += 1;
        let id = self.pick()?;
        for (table, noted) in [("messages", &mut writes.live), ("aside", &mut writes.aside)] {
            // In the table aside there is only a part of them.
            let id = if table == "aside" { self.ids[self.turn % (self.ids.len() / 40)] } else { id };
            let began = Instant::now();
            let rows = match self.turn.is_multiple_of(4) {
                true => self.session.execute(
                    &format!(
                        "INSERT INTO {table} (account_id, conversation_id, text, created_at) VALUES ($1, 1, 'new', now())"
                    ),
                    &[&ACCOUNT],
                )?,
                false => self.session.execute(
                    &format!("UPDATE {table} SET text = 'changed ' || $2 WHERE id = $1"),
                    &[&id, &self.turn.to_string()],
                )?,
            };
            noted.push(Write { began, took: began.elapsed() });
            ensure!(rows == 1, "a write in {table} found {rows} rows instead of one");
        }
        Ok(())
    }

    /// A row: by turns any, and one of those that a backfill is about to come to.
    fn pick(&mut self) -> Result<i64> {
        let mut share = self.chance.f64();
        if self.turn.is_multiple_of(2) {
            let at = "SELECT next_block::float8 / greatest(end_block, 1) FROM org_scope.backfill_progress \
                      WHERE target = 'messages'::regclass AND ended IS NULL";
            if let Some(row) = self.looking.query_opt(at, &[])? {
                share = row.get::<_, f64>(0) + NEAR * (share - 0.25);
            }
        }
        Ok(self.ids[place(share, self.ids.len())])
    }
}

/// Which of so many lies there.
fn place(share: f64, count: usize) -> usize {
    ((share.max(0.0) * count as f64) as usize).min(count - 1)
}

impl Writes {
    /// In the table that is on its way.
    pub(super) fn live(&self, from: Instant, to: Instant) -> Waited {
        waited(&self.live, from, to)
    }

    /// In the other one.
    pub(super) fn aside(&self, from: Instant, to: Instant) -> Waited {
        waited(&self.aside, from, to)
    }
}

/// What was waited for by writes of which a part lies in the span.
fn waited(writes: &[Write], from: Instant, to: Instant) -> Waited {
    let within = writes.iter().filter(|write| write.began < to && write.began + write.took > from);
    within.fold(Waited { writes: 0, met: 0, longest: Duration::ZERO }, |all, write| Waited {
        writes: all.writes + 1,
        met: all.met + usize::from(write.took > MET),
        longest: all.longest.max(write.took),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_belongs_to_every_span_that_it_lies_in() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let write = |began, took| Write { began: at(began), took: Duration::from_millis(took) };
        let writes = [write(0, 5), write(90, 30), write(130, 1), write(300, 500)];
        let found = waited(&writes, at(100), at(200));
        assert_eq!(found, Waited { writes: 2, met: 1, longest: Duration::from_millis(30) });
        assert_eq!(waited(&writes, at(400), at(401)).longest, Duration::from_millis(500));
        assert_eq!(waited(&writes, at(200), at(300)).writes, 0);
    }

    #[test]
    fn a_place_is_one_of_those_that_there_are() {
        assert_eq!([place(-0.1, 10), place(0.55, 10), place(1.2, 10)], [0, 5, 9]);
    }
}
