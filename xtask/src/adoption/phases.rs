//! What the calls that change the phase hold up, with a writer running.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::holds::{Held, Observer};
use super::place::{self, ADOPT, BEFORE, OWNER};
use super::writer::{Waited, Writer};
use crate::terminal::Progress;
use crate::watched::{Backend, Watch};

/// Ways through the phases. All but the last end with `abandon`, from where the next begins.
const WAYS: usize = 3;
/// A table of 2 million rows may be locked against everybody for so long at once.
const MOST: Duration = Duration::from_millis(100);

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Adopt,
    Indexes,
    Backfill,
    Fallback,
    Enforced,
    Finished,
    Abandon,
}

/// What it came to, in one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) step: Step,
    pub(super) passed: Duration,
    pub(super) held: Held,
    pub(super) live: Waited,
    pub(super) aside: Waited,
}

impl Step {
    pub(super) const ALL: [Self; 7] = [
        Self::Adopt,
        Self::Indexes,
        Self::Backfill,
        Self::Fallback,
        Self::Enforced,
        Self::Finished,
        Self::Abandon,
    ];

    fn way(last: bool) -> [Self; 6] {
        let end = if last { Self::Finished } else { Self::Abandon };
        [Self::Adopt, Self::Indexes, Self::Backfill, Self::Fallback, Self::Enforced, end]
    }

    /// As it is called.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::Indexes => "its indexes, CONCURRENTLY",
            Self::Backfill => "backfill",
            Self::Fallback => "advance to fallback",
            Self::Enforced => "advance to enforced",
            Self::Finished => "advance to finished",
            Self::Abandon => "abandon",
        }
    }

    fn take(self, owner: &mut Backend) -> Result<()> {
        match self {
            Self::Adopt => owner.run(ADOPT),
            Self::Indexes => {
                for statement in place::left_to_user(owner)? {
                    owner.run(&statement)?;
                }
                Ok(())
            }
            Self::Backfill => owner.run("CALL org_scope.backfill('messages')"),
            Self::Fallback | Self::Enforced | Self::Finished => {
                owner.run("CALL org_scope.advance('messages')")
            }
            Self::Abandon => owner.run("CALL org_scope.abandon('messages')"),
        }
    }
}

/// Goes through the phases.
pub(super) fn run(watch: &mut Watch<'_>) -> Result<Vec<Seen>> {
    let mut progress = Progress::new("through all phases beside a writer");
    let database = "phases";
    place::copy(watch, BEFORE, database)?;
    let mut owner = watch.connect(database, OWNER)?;
    let observer = Observer::start(watch.address(), database)?;
    let writer = Writer::start(watch.address(), database)?;
    let mut taken = Vec::new();
    for way in 1..=WAYS {
        for (turn, step) in Step::way(way == WAYS).into_iter().enumerate() {
            let from = Instant::now();
            step.take(&mut owner).with_context(|| step.words())?;
            taken.push((step, from, Instant::now()));
            progress.at(6 * (way - 1) + turn + 1, 6 * WAYS, step.words());
        }
    }
    // The first look after the last hold.
    std::thread::sleep(MOST);
    let (writes, looks) = (writer.stop()?, observer.stop()?);
    owner.end();
    place::drop(watch, database)?;
    progress.done();
    let seen = |(step, from, to): (Step, Instant, Instant)| Seen {
        step,
        passed: to - from,
        held: looks.held(from, to),
        live: writes.live(from, to),
        aside: writes.aside(from, to),
    };
    Ok(taken.into_iter().map(seen).collect())
}

/// Whether the target is missed: in no way was the table locked for less than it may be. A moment in which the
/// machine had other things to do makes a hold longer, but not in every way.
pub(super) fn is_missed(seen: &[Seen]) -> bool {
    let enforced = seen.iter().filter(|seen| seen.step == Step::Enforced);
    enforced.map(|seen| seen.held.at_most).min().is_none_or(|least| least > MOST)
}
