//! `cargo xtask regress`: PostgreSQL's own tests, on servers without the library and with it.
//!
//! The tests say nothing about organizations; what they print shows whether the hooks are in the way of
//! anybody else's statement. So a test must print with the library, byte for byte, what it prints without it,
//! whether that is what PostgreSQL's developers expect or not: their expectations are those of one version,
//! and the server may be of another.

mod archive;
mod bench;
mod comparison;
mod driver;
mod explained;
mod setting;
mod suite;
mod summary;
mod terminator;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum as _;
use console::style;
use org_scope_cluster::{Binaries, Installation, Operator, Options, Profile};

use crate::terminal::{heading, note};
use crate::{prepare, setup, workspace};
use bench::Bench;
use driver::{Driver, Outcomes};
use setting::{Round, Setting};
use suite::Suite;
use summary::{Summary, Verdict};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these circumstances; can be given several times
    #[arg(long, value_enum)]
    only: Vec<Setting>,
    #[command(flatten)]
    setup: setup::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let installation = setup::for_regress(arguments.setup.pg)?;
    heading(&format!("The tests of PostgreSQL {}", installation.major));
    let source = archive::source(&installation)?;
    let operator = Operator::find()?;
    let bench = Bench::new(&source, &installation, &operator)?;
    let stage = prepare::stage(&installation, Profile::Dev)?;
    let stand = Stand { installation, operator, bench, binaries: stage.binaries() };

    let mut summary = Summary::default();
    for setting in Setting::value_variants() {
        if arguments.only.is_empty() || arguments.only.contains(setting) {
            stand.judge(*setting, &mut summary)?;
        }
    }
    heading("Summary");
    let unexplained = summary.unexplained;
    summary.show();
    ensure!(unexplained == 0, "{unexplained} tests do something else with org_scope");
    Ok(())
}

/// What every round needs.
struct Stand {
    installation: Installation,
    operator: Operator,
    bench: Bench,
    binaries: Binaries,
}

impl Stand {
    /// Runs a setting's rounds, and compares those with the library to the one without.
    fn judge(&self, setting: Setting, summary: &mut Summary) -> Result<()> {
        heading(setting.title());
        let suites = setting.suites();
        let baseline = setting.baseline();
        let without = self.play(setting, &baseline, &suites)?;
        for (suite, outcomes) in suites.iter().zip(&without) {
            summary::tell_failures(suite, outcomes, &results(&baseline, suite));
            summary.add_baseline(suite, &baseline, outcomes);
        }
        for round in setting.rounds() {
            let with = self.play(setting, &round, &suites)?;
            for ((suite, without), with) in suites.iter().zip(&without).zip(&with) {
                let verdict = self.compare(setting, &round, suite, without, with)?;
                summary.add_compared(suite, &round, with, &verdict);
            }
        }
        Ok(())
    }

    /// Says what of a suite's differences the library is to blame for.
    fn compare(
        &self,
        setting: Setting,
        round: &Round,
        suite: &Suite,
        without: &Outcomes,
        with: &Outcomes,
    ) -> Result<Verdict> {
        let mut verdict = Verdict::default();
        let mut open = Vec::new();
        for difference in comparison::differences(without, with) {
            match explained::of(round, suite, &difference) {
                Some(why) => verdict.explained.push((difference.test, why)),
                None => open.push(difference),
            }
        }
        if open.is_empty() {
            return Ok(verdict);
        }
        note(&format!("{} tests of {} differ: do they without org_scope, too?", open.len(), suite.name));
        let again = self.play(setting, &setting.baseline(), &[*suite])?;
        for difference in open {
            if again.iter().any(|outcomes| difference.is_in(outcomes)) {
                note(&format!("{} varies by itself", difference.test));
                verdict.varying += 1;
            } else {
                println!("\n  {} {} {}", style("✗").red(), round.what, style(&difference.test).bold());
                println!("{}", difference.shown());
                note(&format!("see {}", results(round, suite).display()));
                verdict.unexplained += 1;
            }
        }
        Ok(verdict)
    }

    /// Runs suites on a server of their own.
    fn play(&self, setting: Setting, round: &Round, suites: &[Suite]) -> Result<Vec<Outcomes>> {
        let mut conf = setting.conf(self.installation.major);
        conf.push(format!("shared_preload_libraries = '{}'", round.libraries));
        let options = Options { conf, ..Options::default() };
        let cluster = prepare::cluster(&self.binaries, &options, &format!("a server, {}", round.what))?;
        let loaded = "SELECT EXISTS (SELECT FROM pg_settings WHERE starts_with(name, 'org_scope.'))";
        let loaded: bool = cluster.connect("postgres", "postgres")?.query_one(loaded, &[])?.get(0);
        ensure!(loaded == round.is_with(), "the server {} has loaded the wrong libraries", round.what);
        let driver = Driver {
            installation: &self.installation,
            operator: &self.operator,
            bench: &self.bench,
            cluster: &cluster,
            created: round.created,
        };
        let outcomes = suites.iter().map(|suite| driver.run(suite, &results(round, suite)));
        let outcomes = outcomes.collect::<Result<Vec<_>>>();
        let crashes = cluster.crashes();
        ensure!(crashes.is_empty(), "the server {} crashed:\n{}", round.what, crashes.join("\n"));
        outcomes
    }
}

/// Where a suite's results stay.
fn results(round: &Round, suite: &Suite) -> PathBuf {
    workspace::root().join("target/regress/results").join(round.name).join(suite.name)
}
