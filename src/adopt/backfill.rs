//! `backfill`: gives the rows that stand their organization, a batch at a time, so that the procedure around it can
//! commit between.
//!
//! The table is walked in the order in which its rows lie, by ranges of blocks: that is the order of the key in a
//! table that grows by one, needs no key and no index, and reads no page twice. Where a run has come to stands in
//! `org_scope.backfill_progress`, written in the batch's own transaction, so that nothing is lost or done twice when
//! the session, or the server, goes at any moment. That row is locked for the length of a batch: runs of several
//! sessions take turns.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use org_scope_core::Error;
use org_scope_core::adopt::{NotYet, Phase, Places, Progress};
use pgrx::pg_sys::{self, Oid};

use super::progress::{self, Place};
use super::run::{COUNTED, across, first, not_yet, number};
use crate::pg::journal::{self, Entry};
use crate::pg::{relation, report, role, settings, spi, transaction, untriggered};
use crate::policy::fallback::{self, Known};

/// A run of this session.
struct Run {
    table: Oid,
    user: Oid,
    /// Rows of a batch.
    batch: u64,
    /// Blocks of the next one: by what the last ones held, as statistics may tell of a table of long ago.
    window: u64,
    skip_triggers: bool,
    /// The search_path for which the table's triggers were written.
    path: String,
    since: Instant,
    said: Instant,
    filled: u64,
    /// The first block of this call.
    from: u64,
    /// Whether rows that others had locked are waited for by now.
    waits: bool,
    /// What had been filled when the last round began.
    before: u64,
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
    /// The table whose rows are being filled: its triggers of ours have nothing to add.
    static FILLING: Cell<Option<Oid>> = const { Cell::new(None) };
}

/// Whether the rows of the table are being filled.
pub(super) fn is_filling(table: Oid) -> bool {
    FILLING.get() == Some(table)
}

/// Statements of ours fill the table's rows as long as this lives.
pub(super) struct Filling(Option<Oid>);

impl Filling {
    pub(super) fn begin(table: Oid) -> Self {
        Self(FILLING.replace(Some(table)))
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        FILLING.set(self.0);
    }
}

/// Begins; says whether the caller may commit between batches.
///
/// # Errors
/// 22023 for a batch of no rows, OS010 where the table isn't being adopted.
pub(crate) fn begin_backfill(
    table: Oid,
    batch_size: i32,
    skip_triggers: bool,
    path: String,
) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    relation::require_owner(table);
    if role::is_restricted() {
        return Err(Error::NotFromHere);
    }
    let batch = u64::try_from(batch_size).ok().filter(|rows| *rows > 0).ok_or(Error::BatchSize)?;
    settings::neutral(|| {
        let known = fallback::known(table)?;
        let (blocks, _) = relation::blocks_and_density(table);
        let place = progress::begin(table, blocks);
        if place.next > 0 {
            let Place { next, end, .. } = place;
            report::notice(&format!("{}: goes on at block {next} of {end}", known.adopted.table));
        }
        let now = Instant::now();
        RUN.replace(Some(Run {
            table,
            user: role::current(),
            batch,
            window: least_window(batch),
            skip_triggers,
            path,
            since: now,
            said: now,
            filled: 0,
            from: place.next,
            waits: false,
            before: 0,
        }));
        Ok(may_commit)
    })
}

/// Fills one batch; says whether there are more.
///
/// # Errors
/// 09000 where fewer rows were changed than locked; the server's own where a row stays locked by others.
pub(crate) fn backfill_step() -> Result<bool, Error> {
    let Some(mut run) = RUN.take().filter(|run| run.user == role::current()) else { return Ok(false) };
    relation::require_owner(run.table);
    settings::neutral(|| {
        let known = fallback::known(run.table)?;
        let place = progress::lock(run.table);
        let more = match place.next < place.end {
            true => run.walk(&known, place)?,
            false => run.round(&known, place)?,
        };
        if more {
            RUN.replace(Some(run));
        }
        Ok(more)
    })
}

/// So many blocks hold no more than a batch, however short the rows are: each has a header and a pointer.
fn least_window(batch: u64) -> u64 {
    const SHORTEST: u64 = 28;
    (batch / (u64::from(pg_sys::BLCKSZ) / SHORTEST)).max(1)
}

impl Run {
    /// So many blocks that they hold a batch, if they are like the last ones; but at most twice as many as those, and few
    /// enough that the first full ones after many with little to fill are no batch of another order.
    fn next_window(&self, locked: u64) -> u64 {
        const MOST: u64 = 8;
        let least = least_window(self.batch);
        let most = self.window.saturating_mul(2).min(least.saturating_mul(MOST));
        let fitting = self.window.saturating_mul(self.batch).checked_div(locked).unwrap_or(most);
        fitting.clamp(least, most)
    }

    /// The next range of blocks.
    fn walk(&mut self, known: &Known, place: Place) -> Result<bool, Error> {
        let to = place.next.saturating_add(self.window).min(place.end);
        let locking = known.adopted.lock_batch(place.next, to, !self.waits);
        let lock = || first(known, &locking);
        // Bounded, where rows are waited for.
        let places = if self.waits { settings::bounded_waits(lock) } else { lock() };
        let (locked, filled) = match places {
            Some(text) => {
                let places = Places { text: &text, blocks: Some((place.next, to)) };
                (places.count(), self.fill(known, places)?)
            }
            None => (0, 0),
        };
        self.window = self.next_window(locked);
        self.filled += filled;
        progress::record(self.table, Place { next: to, ..place }, filled);
        self.tell(known, to, place.end);
        Ok(true)
    }

    /// The end of the table: what others had locked meanwhile is left, and what contradicts by now.
    fn round(&mut self, known: &Known, place: Place) -> Result<bool, Error> {
        let left = known.adopted.count_explained(1);
        let left = left.map_or(0, |query| number(known, &query));
        let (blocks, _) = relation::blocks_and_density(self.table);
        if left > 0 {
            // A round that waited for everybody and filled nothing would be the same again.
            if self.waits && self.filled == self.before {
                return Err(not_yet(&known.adopted.table, NotYet::Unfilled(left)));
            }
            (self.waits, self.before) = (true, self.filled);
            self.from = 0;
            progress::record(self.table, Place { next: 0, end: blocks }, 0);
            return Ok(true);
        }
        // A key was handed over after its rows were filled: before the fence stands, rows are whose their key is.
        let contradicting = match known.phase {
            Phase::Expanding => known.adopted.lock_contradicting(self.batch),
            _ => None,
        };
        let places = contradicting.and_then(|locking| first(known, &locking));
        if let Some(text) = places {
            let filled = self.fill(known, Places { text: &text, blocks: None })?;
            self.filled += filled;
            progress::record(self.table, place, filled);
            return Ok(true);
        }
        self.finish(known);
        Ok(false)
    }

    /// Fills the rows at these places, which are locked.
    fn fill(&self, known: &Known, places: Places<'_>) -> Result<u64, Error> {
        let adopted = &known.adopted;
        let Some(settling) = adopted.settle(places) else { return Ok(0) };
        let filling = Filling::begin(self.table);
        // The statement of a source without texts of users names every schema, so their triggers find theirs as ever.
        let run = || match adopted.source.has_text() {
            true => spi::execute(&settling),
            false => settings::with_path(&self.path, || spi::execute(&settling)),
        };
        let change = || across(known, run);
        let changed = if self.skip_triggers { untriggered::on(self.table, change) } else { change() };
        drop(filling);
        if changed == places.count() {
            return Ok(changed);
        }
        let left = adopted.count_left(places);
        let left = left.map_or(0, |query| number(known, &query));
        if left > 0 {
            let locked = changed + u64::try_from(left).unwrap_or_default();
            return Err(not_yet(&adopted.table, NotYet::Short { locked, changed }));
        }
        Ok(changed)
    }

    fn progress(&self, at: u64, end: u64) -> Progress {
        Progress {
            filled: self.filled,
            blocks: at.saturating_sub(self.from),
            left: end.saturating_sub(at),
            seconds: self.since.elapsed().as_secs_f64(),
        }
    }

    /// At most once a second.
    fn tell(&mut self, known: &Known, at: u64, end: u64) {
        if self.said.elapsed().as_secs() >= 1 {
            self.said = Instant::now();
            report::notice(&format!("{}: {}", known.adopted.table, self.progress(at, end).words()));
        }
    }

    fn finish(&self, known: &Known) {
        let table = &known.adopted.table;
        let unresolved = number(known, &known.adopted.count_null(COUNTED));
        progress::end(self.table);
        journal::record(Entry {
            kind: "backfill",
            target: Some(self.table),
            statement: &known.adopted.source.words(),
            rows: Some(i64::try_from(self.filled).unwrap_or(i64::MAX)),
            reason: None,
        });
        let rate = self.progress(0, 0).rate().map_or_else(String::new, |r| format!(", {r:.0} a second"));
        report::notice(&format!(
            "{table}: {} rows filled{rate}; {unresolved} without an organization",
            self.filled
        ));
        if unresolved > 0 {
            report::notice(&format!("{table}: see org_scope.unresolved('{table}')"));
        }
    }
}

/// The transaction has ended: a run that failed doesn't go on.
pub(super) fn end_transaction(committed: bool) {
    if !committed {
        RUN.take();
    }
}
