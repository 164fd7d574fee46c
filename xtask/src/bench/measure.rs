//! Rounds: in each, every contestant once, in shuffled order, until what is to be told apart is told apart.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::backend::{Backend, Message};
use super::cell::{Cell, Contestant, Mode};
use super::stand::Stand;
use super::verdict::{self, Family};

/// How much is spent on a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Processor time of one contestant in one round.
    pub(super) batch: Duration,
    /// Rounds at least.
    pub(super) rounds: usize,
    /// After this long a cell ends, unless it looks bad.
    pub(super) usually: Duration,
    /// One that looks bad is looked at until here: a verdict needs more rounds than a doubt.
    pub(super) in_doubt: Duration,
}

/// No more rounds than this: an interval that is still too wide stays so.
const MOST_ROUNDS: usize = 60;
/// Statements that take longer run one at a time.
const LONG: Duration = Duration::from_millis(4);
/// Turns of a write before it is rolled back: none may meet a row a second time.
const MOST_WRITES: usize = 48;
const MOST_TURNS: usize = 2000;
/// Who needs so many times as long as the fastest is much slower.
const MUCH: u32 = 4;
/// Past the five custom plans after which the server decides.
const WARM_TURNS: usize = 8;

/// Nanoseconds per turn.
#[derive(Debug, Clone)]
pub(super) struct Samples {
    /// The contestants.
    pub(super) names: Vec<&'static str>,
    /// For each of them, its figure in each round.
    pub(super) figures: Vec<Vec<f64>>,
}

impl Samples {
    /// A contestant's figures.
    pub(super) fn of(&self, name: &str) -> Option<&[f64]> {
        let place = self.names.iter().position(|other| *other == name)?;
        Some(&self.figures[place])
    }
}

/// Measures a cell.
pub(super) fn measure(stand: &Stand<'_>, cell: &Cell, effort: &Effort, family: Family) -> Result<Samples> {
    let began = Instant::now();
    let clock = stand.server.clock();
    let batch = effort.batch.max(clock.least());
    let contestants = &cell.contestants;
    let costs = contestants.iter().map(|one| cost(stand, cell, one)).collect::<Result<Vec<_>>>()?;
    let most = if cell.writes.is_some() { MOST_WRITES } else { MOST_TURNS };
    let fit =
        |time: Duration, cost: Duration| (time.as_nanos() / cost.as_nanos().max(1)).clamp(1, most as u128);
    let fastest = costs.iter().min().copied().unwrap_or_default();
    // The same turns for all, as turns differ; but who is far slower does the first of them only.
    let turns_of = |place: usize| fit(batch, fastest).min(fit(MUCH * batch, costs[place])) as usize;
    let all_turns = fit(batch, fastest) as usize;

    let mut samples = Samples {
        names: contestants.iter().map(|contestant| contestant.name).collect(),
        figures: vec![Vec::new(); contestants.len()],
    };
    let mut random = fastrand::Rng::with_seed(0x0a75);
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    let mut kept: Vec<Option<Backend>> = contestants.iter().map(|_| None).collect();
    for round in 0..MOST_ROUNDS {
        random.shuffle(&mut order);
        for &place in &order {
            let (contestant, turns, long) = (&contestants[place], turns_of(place), costs[place] > LONG);
            // How a process's memory happens to lie makes it some percent faster or slower for all its life. A
            // new one each round makes that part of the noise. A long statement drowns it.
            let backend = match kept[place].take() {
                Some(backend) => backend,
                None => warm(stand, cell, contestant, long)?,
            };
            let messages = contestant.turns(round * all_turns, turns);
            if !long {
                // A new process meets each page of shared memory with a fault, and some statements meet many.
                backend.run(&messages).with_context(|| format!("{}, {}", cell.name, contestant.name))?;
            }
            let nanoseconds =
                backend.time(&messages).with_context(|| format!("{}, {}", cell.name, contestant.name))?;
            samples.figures[place].push(nanoseconds as f64 / turns as f64);
            if long {
                kept[place] = Some(backend);
            }
        }
        if round + 1 >= effort.rounds {
            let outlook = verdict::outlook(cell, &samples, family);
            // A doubt that could not have become a verdict yet says nothing.
            let (limit, least) = if outlook.in_doubt {
                (effort.in_doubt, family.least_rounds() + 2)
            } else {
                (effort.usually, 0)
            };
            if outlook.clear || began.elapsed() > limit && round + 1 >= least {
                break;
            }
        }
    }
    if let Some(table) = cell.writes {
        stand.sweep(table)?;
    }
    Ok(samples)
}

/// A session that has done it before.
fn warm(stand: &Stand<'_>, cell: &Cell, contestant: &Contestant, long: bool) -> Result<Backend> {
    let backend = contestant.open(&stand.server)?;
    let context = || format!("{}, {}", cell.name, contestant.name);
    if !long {
        let turns = if cell.mode == Mode::Prepared { WARM_TURNS } else { 3 };
        backend.run(&contestant.turns(0, turns)).with_context(context)?;
        return Ok(backend);
    }
    // Planning alone counts towards the decision too, and a long statement is not run eight times for it.
    for message in contestant.turns(0, 1) {
        // Only where the turn is one statement: another's plan may need what comes before it.
        if let (Message::Execute(..), true) = (&message, cell.plans) {
            let explain = backend.explain("COSTS OFF", &message)?;
            for _ in 0..WARM_TURNS {
                backend.rows(&explain).with_context(context)?;
            }
        }
    }
    backend.run(&contestant.turns(0, 1)).with_context(context)?;
    Ok(backend)
}

/// What a turn of the contestant takes, about.
fn cost(stand: &Stand<'_>, cell: &Cell, contestant: &Contestant) -> Result<Duration> {
    let backend = warm(stand, cell, contestant, true)?;
    let (mut turns, least) = (1, Duration::from_millis(1).max(stand.server.clock().least()));
    loop {
        let passed = Duration::from_nanos(backend.time(&contestant.turns(0, turns))?);
        if passed >= least || turns >= MOST_WRITES {
            return Ok(passed / turns as u32);
        }
        turns = (turns * 4).min(MOST_WRITES);
    }
}
