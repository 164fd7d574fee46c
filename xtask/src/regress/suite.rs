//! The suites of PostgreSQL's sources that are run, and which tests each has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// One directory of tests, and the program that runs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suite {
    /// What it is called here.
    pub(super) name: &'static str,
    /// Where it lies in the sources.
    pub(super) directory: &'static str,
    /// Where its program lies in the installation's pgxs.
    pub(super) runner: &'static str,
    tests: Tests,
}

#[derive(Debug, Clone, Copy)]
enum Tests {
    /// A file that says which tests run at the same time, and further tests.
    Schedule(&'static str, &'static [&'static str]),
    /// What the suite's makefile lists.
    Makefile,
}

const REGRESS: &str = "src/test/regress/pg_regress";

/// PostgreSQL's main tests.
pub(super) const MAIN: Suite = Suite {
    name: "regress",
    directory: "src/test/regress",
    runner: REGRESS,
    tests: Tests::Schedule("parallel_schedule", &[]),
};

/// Cursors, plans and subtransactions of PL/pgSQL.
pub(super) const PLPGSQL: Suite =
    Suite { name: "plpgsql", directory: "src/pl/plpgsql/src", runner: REGRESS, tests: Tests::Makefile };

/// Several sessions at once.
pub(super) const ISOLATION: Suite = Suite {
    name: "isolation",
    directory: "src/test/isolation",
    runner: "src/test/isolation/pg_isolation_regress",
    // Left out of the schedule only because a server can be without prepared transactions.
    tests: Tests::Schedule("isolation_schedule", &["prepared-transactions", "prepared-transactions-cic"]),
};

/// The tests of pg_stat_statements, which tells how often each statement was planned and run.
pub(super) const STATEMENTS: Suite = Suite {
    name: "statements",
    directory: "contrib/pg_stat_statements",
    runner: REGRESS,
    tests: Tests::Makefile,
};

/// All of them.
pub(super) const ALL: [Suite; 4] = [MAIN, PLPGSQL, ISOLATION, STATEMENTS];

impl Suite {
    /// Whether psql runs its tests, from scripts in `sql/`.
    pub(super) fn is_sql(&self) -> bool {
        self.runner == REGRESS
    }

    /// What tells the program which tests to run, in the suite's directory.
    pub(super) fn arguments(&self, directory: &Path) -> Result<Vec<String>> {
        match self.tests {
            Tests::Schedule(schedule, further) => Ok(std::iter::once(format!("--schedule={schedule}"))
                .chain(further.iter().map(|test| (*test).to_owned()))
                .collect()),
            Tests::Makefile => listed(&directory.join("Makefile")),
        }
    }

    /// How many tests there are.
    pub(super) fn count(&self, directory: &Path) -> Result<usize> {
        let count = match self.tests {
            Tests::Schedule(schedule, further) => {
                scheduled(&read(&directory.join(schedule))?) + further.len()
            }
            Tests::Makefile => listed(&directory.join("Makefile"))?.len(),
        };
        ensure!(count > 0, "{} has no test", self.directory);
        Ok(count)
    }
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn listed(makefile: &PathBuf) -> Result<Vec<String>> {
    Ok(regress_of(&read(makefile)?))
}

/// The words of a makefile's `REGRESS = …`, which may go over several lines.
fn regress_of(makefile: &str) -> Vec<String> {
    let joined = makefile.replace("\\\n", " ");
    let value = joined.lines().find_map(|line| line.strip_prefix("REGRESS")?.trim_start().strip_prefix('='));
    value.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// How many tests a schedule names.
fn scheduled(schedule: &str) -> usize {
    let lines = schedule.lines().filter_map(|line| line.strip_prefix("test:"));
    lines.map(|names| names.split_whitespace().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_makefile_lists_its_tests() {
        let makefile = "REGRESS_OPTS = --temp-config x\nREGRESS = select \\\n\tdml cursors\nTAP_TESTS = 1\n";
        assert_eq!(regress_of(makefile), ["select", "dml", "cursors"]);
        assert!(regress_of("MODULES = a\n").is_empty());
    }

    #[test]
    fn a_schedule_is_counted_without_its_comments() {
        assert_eq!(scheduled("# test: no\ntest: test_setup\n\ntest: boolean char\nignore: random\n"), 3);
    }
}
