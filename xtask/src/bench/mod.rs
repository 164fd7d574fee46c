//! `cargo xtask bench`: whether a statement under the fence is slower than its hand-written twin.
//!
//! On one throwaway server, with the same rows in the same places, it runs each statement without row security
//! (A, the organization as a literal; B, as a parameter), under the policies that people write by hand (C, D), and
//! under the fence, in turn; compares what the server's processes worked and what plans they made; and fails where
//! the fence costs more than it may.

mod backend;
mod cell;
mod cells;
mod data;
mod look;
mod measure;
mod report;
mod show;
mod stand;
mod statement;
mod verdict;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum as _;
use org_scope_cluster::Profile;

use crate::terminal::{Progress, heading, note};
use crate::{prepare, setup, table, workspace};
use cell::{A_AGAIN, Cell, Group};
use look::Look;
use measure::{Effort, Samples};
use stand::Stand;
use verdict::{Family, Finding, Verdict};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fewer rounds and fewer partitions: under five minutes on two cores
    #[arg(long)]
    quick: bool,
    /// Only one group of cells; can be given several times
    #[arg(long, value_enum)]
    only: Vec<Group>,
    /// Only cells whose name contains this
    filter: Option<String>,
    /// Rows of the largest table
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(250_000..))]
    rows: u64,
    /// Where to write the report; by default docs/performance.md, if everything is measured
    #[arg(long)]
    report: Option<PathBuf>,
    #[command(flatten)]
    setup: setup::Arguments,
}

/// A cell, measured.
struct Outcome {
    cell: Cell,
    samples: Samples,
    findings: Vec<Finding>,
    look: Option<Look>,
}

/// All of them, and what is needed to judge them.
struct Results {
    outcomes: Vec<Outcome>,
    family: Family,
    resolution: f64,
}

impl Arguments {
    fn groups(&self) -> Vec<Group> {
        let asked = |group: &Group| self.only.is_empty() || self.only.contains(group);
        Group::value_variants().iter().copied().filter(asked).collect()
    }

    fn effort(&self) -> Effort {
        let of = |batch, rounds, usually, in_doubt| Effort {
            batch: Duration::from_millis(batch),
            rounds,
            usually: Duration::from_millis(usually),
            in_doubt: Duration::from_millis(in_doubt),
        };
        if self.quick { of(6, 6, 900, 4_000) } else { of(15, 16, 8_000, 20_000) }
    }

    fn report(&self) -> Option<PathBuf> {
        let everything = self.only.is_empty() && self.filter.is_none();
        self.report.clone().or_else(|| everything.then(|| workspace::root().join("docs/performance.md")))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    heading("A throwaway server with one database for each way of keeping organizations apart");
    let installation = setup::for_demo(arguments.setup.pg)?;
    let stage = prepare::stage(&installation, Profile::Release)?;
    let cluster = prepare::cluster(&stage.binaries(), &stand::options(), "the server")?;
    let groups = arguments.groups();
    let partitioned =
        if groups.contains(&Group::Partitions) { cells::partitions::tables(arguments.quick) } else { &[] };
    let documents = groups.contains(&Group::Search);
    let stand = Stand::new(&cluster, usize::try_from(arguments.rows)?, partitioned, documents)?;
    stand.warm()?;

    heading("Rounds");
    let wanted = |cell: &Cell| arguments.filter.as_ref().is_none_or(|part| cell.name.contains(part.as_str()));
    let cells: Vec<Cell> = groups.iter().flat_map(|group| cells::of(*group, &stand)).filter(wanted).collect();
    let results = measure_all(&stand, cells, &arguments.effort())?;
    show::show(&results, stand.server.clock());
    if let Some(path) = arguments.report() {
        let text = report::write(&results, &stand, &installation.version, arguments.quick);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        note(&format!("wrote {}", path.display()));
    }
    judge(&results)
}

fn measure_all(stand: &Stand<'_>, cells: Vec<Cell>, effort: &Effort) -> Result<Results> {
    let family = Family::of(&cells);
    let (total, began) = (cells.len(), Instant::now());
    let mut progress = Progress::new(&format!("{} cells", table::number(total)));
    let mut outcomes = Vec::new();
    for (done, mut cell) in cells.into_iter().enumerate() {
        let left = began.elapsed().as_secs_f64() / done.max(1) as f64 * (total - done) as f64;
        let left = if done < 5 { String::new() } else { format!(", about {left:.0} s left") };
        progress.at(done, total, &format!("{} {} {}{left}", cell.mode, cell.name, cell.org));
        // Plans first: writes leave pages in another state than they found them.
        let context = || format!("{} {} ({})", cell.name, cell.org, cell.mode);
        let look = look::look(stand, &cell).with_context(context)?;
        cell.alike = look.as_ref().map(|look| look.alike.clone());
        let samples = measure::measure(stand, &cell, effort, family).with_context(context)?;
        let findings = verdict::findings(&cell, &samples, family);
        outcomes.push(Outcome { cell, samples, findings, look });
    }
    progress.done();
    let nulls = outcomes.iter().flat_map(|outcome| &outcome.findings).filter(|f| f.rule.who == A_AGAIN);
    let resolution = verdict::resolution(nulls);
    Ok(Results { outcomes, family, resolution })
}

impl Outcome {
    fn worst(&self, resolution: f64) -> Verdict {
        self.findings.iter().map(|f| f.verdict(resolution)).max().unwrap_or(Verdict::Holds)
    }

    fn other_plan(&self) -> Option<&Look> {
        self.look.as_ref().filter(|look| look.differs.is_some())
    }
}

impl Results {
    fn broken(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.worst(self.resolution) == Verdict::Broken).count()
    }

    /// Comparisons whose interval is too wide to say whether their rule is kept.
    fn open(&self) -> usize {
        let findings = self.outcomes.iter().flat_map(|outcome| &outcome.findings);
        findings.filter(|finding| finding.is_open(self.resolution)).count()
    }

    fn other_plans(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.other_plan().is_some()).count()
    }
}

fn judge(results: &Results) -> Result<()> {
    match (results.broken(), results.other_plans()) {
        (0, 0) => Ok(()),
        (broken, plans) => bail!(
            "{broken} of {} cells are slower than they may be, {plans} have another plan than their twin: see ✗ above",
            results.outcomes.len()
        ),
    }
}
