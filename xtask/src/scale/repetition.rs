//! Whether a session that does the same very often keeps its size: switches of the context, executions of
//! a prepared statement, statements that come once.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use postgres::SimpleQueryMessage;

use super::place::{APP, Extent, Fence, Place, Size, org};
use crate::terminal::Progress;
use crate::watched::{Backend, CONTEXTS, Watch};

/// What is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    /// A context for the session, and a query.
    Session,
    /// A context for the transaction and a query, all in one transaction.
    Local,
    /// A context and a query in a loop of PL/pgSQL.
    Loop,
    /// A prepared statement, under one context.
    Prepared,
    /// Statements that are never the same.
    Distinct,
}

/// The size of a session, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mass {
    contexts: f64,
    private: f64,
}

/// How much a session grew over the repetitions, once it was warm.
#[derive(Debug)]
pub(super) struct Steady {
    pub(super) what: &'static str,
    pub(super) times: usize,
    /// Memory contexts and private memory, with org_scope.
    pub(super) ours: [f64; 2],
    /// The same by hand.
    pub(super) theirs: [f64; 2],
}

/// So many repetitions come in one message: waking up for each would take longer than all the rest.
const MESSAGE: usize = 100;
/// What private memory moves by, however often something is done.
const NOISE: f64 = 262_144.0;
/// A leak is at least this much each time: no block that a server or an allocator hands out is smaller.
const EACH: f64 = 8.0;

impl Steady {
    /// Whether the session grew with every repetition.
    pub(super) fn grows(&self) -> bool {
        let allowed = NOISE.max(EACH * self.times as f64 / 2.0);
        self.ours.iter().zip(self.theirs).any(|(ours, theirs)| ours - theirs.max(0.0) > allowed)
    }
}

impl Repeated {
    pub(super) const ALL: [Self; 5] =
        [Self::Session, Self::Local, Self::Loop, Self::Prepared, Self::Distinct];

    fn what(self) -> &'static str {
        match self {
            Self::Session => "switches for the session, each with a query",
            Self::Local => "switches in one transaction, each with a query",
            Self::Loop => "switches in one PL/pgSQL loop, each with a query",
            Self::Prepared => "executions of a prepared statement",
            Self::Distinct => "statements that come once",
        }
    }

    /// How often of `switches` times: statements that are planned each time come less often.
    fn times(self, switches: usize) -> usize {
        let times = if self == Self::Distinct { switches / 10 } else { switches };
        times.next_multiple_of(MESSAGE)
    }
}

/// Repeats on both sides, and says how both grew.
pub(super) fn run(watch: &mut Watch<'_>, repeated: Repeated, switches: usize, all: Extent) -> Result<Steady> {
    let times = repeated.times(switches);
    let mut grown = Fence::BOTH.map(|_| [0.0; 2]);
    let mut progress = Progress::new(&format!("{times} {}", repeated.what()));
    for (fence, grown) in Fence::BOTH.iter().zip(&mut grown) {
        let place = Place { fence: *fence, size: Size::Crowded };
        let mut session = watch.connect(&place.database(), APP)?;
        let [warm, end] = match repeated {
            Repeated::Loop => in_loop(&mut session, *fence, times, all.orgs)?,
            _ => from_outside(&mut session, *fence, repeated, times, all.orgs, &mut progress)?,
        };
        *grown = [end.contexts - warm.contexts, end.private - warm.private];
    }
    progress.done();
    let [ours, theirs] = grown;
    Ok(Steady { what: repeated.what(), times, ours, theirs })
}

fn mass(session: &mut Backend) -> Result<Mass> {
    Ok(Mass { private: session.process.private()?, contexts: session.contexts()? })
}

/// A tenth of the repetitions warms caches and the allocator.
fn warm(times: usize) -> usize {
    times / 10
}

fn from_outside(
    session: &mut Backend,
    fence: Fence,
    repeated: Repeated,
    times: usize,
    orgs: usize,
    progress: &mut Progress,
) -> Result<[Mass; 2]> {
    let is_local = if repeated == Repeated::Local { "true" } else { "false" };
    let set = fence.set(&format!("{}::text", org("$1")), is_local);
    session.run(&format!("PREPARE context(bigint) AS SELECT {set}"))?;
    session.run("PREPARE query AS SELECT count(*) AS found FROM t1")?;
    if repeated == Repeated::Local {
        session.run("BEGIN")?;
    }
    session.run("EXECUTE context(1)")?;
    let mut masses = Vec::new();
    for first in (1..=times).step_by(MESSAGE) {
        let last = first + MESSAGE - 1;
        let statements: Vec<String> = (first..=last)
            .map(|turn| match (repeated, turn % orgs + 1) {
                (Repeated::Prepared, _) => "EXECUTE query".to_owned(),
                (Repeated::Distinct, _) => {
                    format!("SELECT count(*) AS found FROM t1 WHERE v < {turn} + 1000000000")
                }
                (Repeated::Local, org) => format!("EXECUTE context({org}); EXECUTE query"),
                (_, org) => format!("BEGIN; EXECUTE context({org}); COMMIT; BEGIN; EXECUTE query; COMMIT"),
            })
            .collect();
        let found = session.client.simple_query(&statements.join("; "))?;
        let one = |message: &&SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.try_get("found").is_ok_and(|found| found == Some("1")),
            _ => false,
        };
        let ones = found.iter().filter(one).count();
        ensure!(ones == MESSAGE, "{ones} of {MESSAGE} queries found the one row of their organization");
        if (first..=last).contains(&warm(times)) || last == times {
            masses.push(mass(session)?);
        }
        progress.at(last, times, if fence == Fence::Scope { "org_scope" } else { "by hand" });
    }
    Ok([masses[0], masses[1]])
}

/// Inside a loop the session itself says when, and how much its contexts hold.
fn in_loop(session: &mut Backend, fence: Fence, times: usize, orgs: usize) -> Result<[Mass; 2]> {
    let (process, told) = (session.process, Arc::new(Mutex::new(Vec::new())));
    let masses = Arc::clone(&told);
    let set = fence.set(&format!("{}::text", org(&format!("(i % {orgs} + 1)"))), "false");
    session.run_told(
        &format!(
            "DO $$ DECLARE n bigint; BEGIN FOR i IN 1..{times} LOOP \
               PERFORM {set}; SELECT count(*) INTO n FROM t1; \
               IF n <> 1 THEN RAISE '% rows of one organization', n; END IF; \
               IF i IN ({warm}, {times}) THEN RAISE NOTICE '%', ({CONTEXTS}); END IF; \
             END LOOP; END $$",
            warm = warm(times),
        ),
        Box::new(move |notice| {
            let mass = || Ok(Mass { private: process.private()?, contexts: notice.message().parse()? });
            masses.lock().unwrap_or_else(PoisonError::into_inner).push(mass());
        }),
    )?;
    let masses: Result<Vec<Mass>> =
        std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect();
    let masses = masses?;
    ensure!(masses.len() == 2, "the loop told {} of 2 sizes", masses.len());
    Ok([masses[0], masses[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grows(times: usize, ours: [f64; 2], theirs: [f64; 2]) -> bool {
        Steady { what: "", times, ours, theirs }.grows()
    }

    #[test]
    fn eight_bytes_each_time_are_a_leak() {
        assert!(grows(200_000, [1_600_000.0, 0.0], [0.0; 2]));
        assert!(grows(200_000, [0.0, 1_600_000.0], [0.0; 2]));
        assert!(!grows(200_000, [1_600_000.0; 2], [1_600_000.0; 2]));
        assert!(!grows(200_000, [8192.0, 131_072.0], [0.0, -400_000.0]));
    }
}
