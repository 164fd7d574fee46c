//! Running a suite with PostgreSQL's own pg_regress, and what came of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::{Cluster, Installation, Operator};

use super::bench::{self, Bench};
use super::suite::Suite;
use crate::terminal::Progress;

/// What a test printed, and whether that is what PostgreSQL's developers expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) passed: bool,
    /// None where it wrote no file.
    pub(super) printed: Option<Vec<u8>>,
}

/// The outcomes of a suite's tests, by their names.
pub(super) type Outcomes = BTreeMap<String, Outcome>;

/// What a suite is run with.
pub(super) struct Driver<'a> {
    pub(super) installation: &'a Installation,
    pub(super) operator: &'a Operator,
    pub(super) bench: &'a Bench,
    pub(super) cluster: &'a Cluster,
    /// Whether the extension is created in each suite's database.
    pub(super) created: bool,
}

impl Driver<'_> {
    /// Runs a suite, and leaves a copy of what it wrote.
    pub(super) fn run(&self, suite: &Suite, copy: &Path) -> Result<Outcomes> {
        let directory = self.bench.directory(suite);
        let output = self.bench.output(self.operator)?;
        let mut command = self.operator.command(self.installation.pgxs.join(suite.runner));
        // Tests and what they are expected to print are looked for in the current directory.
        command.current_dir(&directory).arg("--user=postgres");
        for (option, path) in [
            ("outputdir", output.as_path()),
            ("dlpath", &self.bench.libraries()),
            ("bindir", self.cluster.binaries().directory()),
            ("host", self.cluster.socket_dir()),
        ] {
            command.arg(format!("--{option}={}", path.display()));
        }
        command.arg(format!("--port={}", self.cluster.port()));
        // As PostgreSQL's makefile has it.
        command.arg("--max-concurrent-tests=20");
        if self.created {
            command.arg("--load-extension=org_scope");
        }
        command.args(suite.arguments(&directory)?);

        let mut progress = Progress::new(suite.name);
        let total = suite.count(&directory)?;
        let complaints = output.join("complaints");
        command.stdout(Stdio::piped()).stderr(File::create(&complaints)?);
        let mut child = command.spawn().with_context(|| format!("starting {}", suite.runner))?;
        let stdout = BufReader::new(child.stdout.take().context("the output of pg_regress")?);
        let mut said = String::new();
        let mut outcomes = Outcomes::new();
        for line in stdout.split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if let Some((name, passed)) = outcome(&line) {
                let printed = fs::read(output.join(format!("results/{name}.out"))).ok();
                outcomes.insert(name.to_owned(), Outcome { passed, printed });
                progress.at(outcomes.len(), total, name);
            }
            said.push_str(&line);
            said.push('\n');
        }
        let status = child.wait()?;
        bench::keep(&output, copy)?;
        ensure!(
            outcomes.len() == total && status.code().is_some_and(|code| code < 2),
            "{} has run {} of {total} tests ({status})\n{said}\n{}",
            suite.runner,
            outcomes.len(),
            fs::read_to_string(&complaints).unwrap_or_default()
        );
        progress.done();
        Ok(outcomes)
    }
}

/// Reads a line that tells a test's outcome: `test a ... ok 5 ms` and `a ... FAILED 5 ms` up to version 15, then
/// `ok 1 - a 5 ms` and `not ok 2 + a 5 ms`, where the sign tells whether it ran alone.
fn outcome(line: &str) -> Option<(&str, bool)> {
    if let Some((name, outcome)) = line.split_once(" ... ") {
        let name = name.trim();
        let passed = outcome.starts_with("ok ");
        let told = passed || outcome.starts_with("FAILED") || outcome.starts_with("failed");
        return told.then_some((name.strip_prefix("test ").unwrap_or(name), passed));
    }
    let passed = line.starts_with("ok ");
    let mut words = line.strip_prefix(if passed { "ok " } else { "not ok " })?.split_whitespace();
    words.next()?.parse::<u32>().ok()?;
    words.next().filter(|sign| matches!(*sign, "-" | "+"))?;
    Some((words.next()?, passed))
}

#[cfg(test)]
mod tests {
    use super::outcome;

    #[test]
    fn both_forms_of_an_outcome_are_read() {
        for (line, told) in [
            ("test test_setup                   ... ok          249 ms", Some(("test_setup", true))),
            ("     copy                         ... FAILED      126 ms", Some(("copy", false))),
            ("     a ... FAILED (test process exited with exit code 2)  9 ms", Some(("a", false))),
            ("     b ... failed (ignored)      126 ms", Some(("b", false))),
            ("parallel group (2 tests):  copyselect copydml", None),
            ("ok 1         - test_setup                               249 ms", Some(("test_setup", true))),
            ("not ok 27    + copy                                     126 ms", Some(("copy", false))),
            ("# parallel group (2 tests):  ok copydml", None),
            ("1..222", None),
            ("============== creating database \"regression\"         ==============", None),
        ] {
            assert_eq!(outcome(line), told, "{line}");
        }
    }
}
