//! Many executions, on all processors.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use crate::outcome::{Judged, Outcome};
use crate::seeds::Seeds;
use crate::{claims, keys, paths, sets, text};

/// How many executions share a generator: a piece of work for a thread.
const PIECE: u64 = 10_000;

type Target = fn(&Seeds, &mut Rng) -> Judged;

/// The targets, and how many of a thousand mutants each gets. What costs a signature of a public key gets few.
const TARGETS: [(&str, u32, Target); 6] = [
    ("token's text", 460, text::symmetric),
    ("signed claims", 420, claims::signed),
    ("claim paths", 80, paths::paths),
    ("public-key token", 10, text::asymmetric),
    ("key", 20, keys::key),
    ("key set", 10, sets::set),
];

type Counts = BTreeMap<(&'static str, Outcome), u64>;

/// Whether everything was as it should be.
pub(crate) fn run(executions: u64, seed: u64) -> bool {
    // A panic is reported with what led to it.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let (counts, wrong) = (Mutex::new(Counts::new()), Mutex::new(Vec::new()));
    let work = || {
        let seeds = Seeds::new();
        let mut own = Counts::new();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            let from = piece * PIECE;
            if from >= executions {
                break;
            }
            let length = PIECE.min(executions - from);
            let mut random = Rng::with_seed(seed ^ (piece + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for i in 0..length {
                let (name, target) = choose(&mut random);
                let judged = catch_unwind(AssertUnwindSafe(|| target(&seeds, &mut random)));
                match judged.unwrap_or_else(|_| Err("it panicked".into())) {
                    Ok(outcome) => *own.entry((name, outcome)).or_default() += 1,
                    Err(what) => {
                        lock(&wrong).push(format!("{name}, seed {seed}, execution {}: {what}", from + i))
                    }
                }
            }
            println!("at {}", done.fetch_add(length, Ordering::Relaxed) + length);
        }
        let mut counts = lock(&counts);
        for (outcome, count) in own {
            *counts.entry(outcome).or_default() += count;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    for ((target, outcome), count) in lock(&counts).iter() {
        println!("count {}\t{}\t{count}", target, outcome.word());
    }
    let wrong = lock(&wrong);
    for what in wrong.iter().take(20) {
        println!("wrong {}", what.escape_debug());
    }
    wrong.is_empty()
}

fn choose(random: &mut Rng) -> (&'static str, Target) {
    let mut left = random.u32(0..1000);
    for (name, share, target) in TARGETS {
        if left < share {
            return (name, target);
        }
        left -= share;
    }
    (TARGETS[0].0, TARGETS[0].2)
}

/// What a thread that panicked left is whole: it holds the lock for one push.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
