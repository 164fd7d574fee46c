//! `cargo xtask adoption`: what the way of a live table to an org column costs those who use it meanwhile.

mod fill;
mod holds;
mod phases;
mod place;
mod reading;
mod report;
mod variant;
mod writer;

use anyhow::{Context as _, Result, bail};
use org_scope_cluster::{Options, Profile};

use crate::chapter::Chapter;
use crate::terminal::{heading, note};
use crate::watched::Watch;
use crate::{prepare, setup, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rows of the table that is adopted
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(200_000..))]
    rows: u32,
    /// Only one part of it
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Writes the figures to docs/adoption-figures.md, if no target is missed
    #[arg(long, conflicts_with = "only")]
    record: bool,
    #[command(flatten)]
    setup: setup::Arguments,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// How fast rows are filled, and what a writer waits for meanwhile
    Fill,
    /// What the calls that change the phase lock
    Phases,
    /// What the fallback costs those who read
    Reading,
}

/// Of the rows, one in so many is there to be read, five times over.
const READ: usize = 4;

/// The server's settings, beside those of every throwaway one (no fsync, no autovacuum).
const SETTINGS: [&str; 8] = [
    "shared_buffers = '2GB'",
    "work_mem = '64MB'",
    "maintenance_work_mem = '256MB'",
    "jit = off",
    // A worker's processor time is not its leader's, so statements run in one process.
    "max_parallel_workers_per_gather = 0",
    "max_wal_size = '8GB'",
    "checkpoint_timeout = '1h'",
    // Tells when each batch was committed.
    "track_commit_timestamp = on",
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    heading("A throwaway server with a chat inbox in it");
    let installation = setup::for_demo(arguments.setup.pg)?;
    let stage = prepare::stage(&installation, Profile::Release)?;
    let conf = SETTINGS.map(str::to_owned).to_vec();
    let cluster = prepare::cluster(&stage.binaries(), &Options { preload: true, conf }, "the server")?;
    let mut watch = Watch::new(&cluster)?;
    let rows = arguments.rows as usize;
    place::ground(&mut watch, rows)?;
    place::expand(&mut watch)?;
    heading("Measuring");
    let wanted = |part| arguments.only.is_none_or(|only| only == part);
    let mut chapters = Vec::new();
    // Each is shown as soon as it is known.
    let mut tell = |chapter: Chapter| {
        chapter.show();
        chapters.push(chapter);
    };
    if wanted(Part::Fill) {
        let filled = fill::run(&mut watch)?;
        tell(report::rate(&filled, rows));
        tell(report::waits(&filled));
    }
    if wanted(Part::Phases) {
        tell(report::phases(&phases::run(&mut watch)?, rows));
    }
    if wanted(Part::Reading) {
        let read = rows / READ;
        let answered = reading::run(&mut watch, read)?;
        tell(report::reading(&answered, read));
        tell(report::plans(&answered));
    }
    let failing: Vec<&str> = chapters.iter().flat_map(|c| &c.failing).map(String::as_str).collect();
    if !failing.is_empty() {
        bail!("{}", failing.join("; "));
    }
    note("No target is missed.");
    if arguments.record {
        let path = workspace::root().join("docs/adoption-figures.md");
        let page = report::page(&chapters, &installation.version, watch.clock().name());
        std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
