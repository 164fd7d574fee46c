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
use report::Results;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rows of the table that is adopted
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(200_000..))]
    rows: u32,
    /// Writes the figures to docs/adoption-figures.md, if no target is missed
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    setup: setup::Arguments,
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
    let read = rows / READ;
    heading("Measuring");
    let results = Results {
        rows,
        read,
        filled: fill::run(&mut watch)?,
        seen: phases::run(&mut watch)?,
        answered: reading::run(&mut watch, read)?,
    };
    let chapters = results.chapters();
    chapters.iter().for_each(Chapter::show);
    let failing: Vec<&str> = chapters.iter().flat_map(|c| &c.failing).map(String::as_str).collect();
    if !failing.is_empty() {
        bail!("{}", failing.join("; "));
    }
    note("No target is missed.");
    if arguments.record {
        let path = workspace::root().join("docs/adoption-figures.md");
        let page = results.page(&installation.version, watch.clock().name());
        std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
