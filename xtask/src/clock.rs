//! The processor time that a server process has used.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// What tells the time. The better first.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// `/proc/PID/schedstat`: nanoseconds on the processor.
    Schedstat,
    /// `/proc/PID/stat`: user and system time, in ticks of the kernel's clock.
    Stat {
        /// How long a tick is.
        tick: Duration,
    },
    /// No processor time to be had: the time that passes.
    Wall {
        /// Since when.
        began: Instant,
    },
}

impl Clock {
    /// The best that this system has.
    pub(crate) fn find() -> Self {
        let here = std::process::id();
        let began = Instant::now();
        // A kernel without the counter shows 0 for ever.
        while began.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        if schedstat(here).is_ok_and(|nanoseconds| nanoseconds > 0) {
            return Self::Schedstat;
        }
        match (ticks(here), ticks_per_second()) {
            (Ok(_), Ok(rate)) => Self::Stat { tick: Duration::from_secs(1) / rate.max(1) },
            _ => Self::Wall { began },
        }
    }

    /// So many nanoseconds so far.
    pub(crate) fn read(&self, pid: u32) -> Result<u64> {
        match self {
            Self::Schedstat => schedstat(pid),
            Self::Stat { tick } => Ok(ticks(pid)? * tick.as_nanos() as u64),
            Self::Wall { began } => Ok(began.elapsed().as_nanos() as u64),
        }
    }

    /// Reads it once the process sleeps: the kernel adds to its account when it stops running, which is a moment
    /// after the client has the answer.
    pub(crate) fn read_settled(&self, pid: u32) -> Result<u64> {
        let mut before = self.read(pid)?;
        if !matches!(self, Self::Schedstat) {
            return Ok(before);
        }
        for _ in 0..50 {
            sleep(Duration::from_micros(100));
            let now = self.read(pid)?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(before)
    }

    /// How much must be measured at once for the clock's grain not to matter.
    pub(crate) fn least(&self) -> Duration {
        match self {
            Self::Schedstat => Duration::ZERO,
            Self::Stat { tick } => *tick * 50,
            Self::Wall { .. } => Duration::from_millis(5),
        }
    }

    /// What it is, for the report.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Schedstat => "the server process's processor time (/proc/PID/schedstat, nanoseconds)",
            Self::Stat { .. } => "the server process's processor time (/proc/PID/stat, ticks)",
            Self::Wall { .. } => {
                "time on the wall, as this system shows no processor time of other processes"
            }
        }
    }
}

fn schedstat(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let first = text.split_ascii_whitespace().next().context("an empty schedstat")?;
    Ok(first.parse()?)
}

fn ticks(pid: u32) -> Result<u64> {
    fields(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

/// utime and stime. The process's name, in parentheses, may hold blanks and parentheses itself.
fn fields(stat: &str) -> Result<u64> {
    let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
    let mut numbers = rest.split_ascii_whitespace().skip(11);
    let mut next = || -> Result<u64> { Ok(numbers.next().context("a short stat")?.parse()?) };
    Ok(next()? + next()?)
}

fn ticks_per_second() -> Result<u32> {
    let output = Command::new("getconf").arg("CLK_TCK").output().context("running getconf")?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_any_name() {
        let stat = "17 (post) gres: x) S 1 17 17 0 -1 4194560 100 0 3 0 41 7 0 0 20 0 1 0 99";
        assert_eq!(fields(stat).expect("a stat"), 48);
        assert!(fields("17 (postgres) S 1").is_err());
    }
}
