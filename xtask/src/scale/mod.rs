//! `cargo xtask scale`: whether anything grows with the number of tables or organizations, beyond what the
//! server's own catalogs cost.

mod growth;
mod making;
mod migrations;
mod newcomers;
mod notebook;
mod place;
mod repetition;
mod report;
mod sessions;

use anyhow::{Context as _, Result, bail};
use org_scope_cluster::{Options, Profile};

use crate::chapter::Chapter;
use crate::terminal::{Progress, heading, note};
use crate::watched::Watch;
use crate::{prepare, setup, workspace};
use notebook::Notebook;
use place::{Extent, Fence, Place, Size};
use repetition::Repeated;

/// Sessions whose time is measured, in each database.
const SESSIONS: usize = 15;
/// Sessions whose memory is measured: they query every table.
const MEMORIES: usize = 6;
/// Tables that come and go.
const MIGRATIONS: usize = 15;
/// Looks at all tables.
const LOOKS: usize = 6;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Protected tables in the wide database
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1000..))]
    tables: u32,
    /// Organizations in the crowded database
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..))]
    orgs: u32,
    /// Switches of the context in one session
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(10_000..))]
    switches: u32,
    /// Writes the figures to docs/scale.md, if nothing grows
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    setup: setup::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    heading("A throwaway server with org_scope in it");
    let installation = setup::for_demo(arguments.setup.pg)?;
    let stage = prepare::stage(&installation, Profile::Release)?;
    // As many locks as PostgreSQL has by default: a run over all tables has to do with them.
    let conf = ["max_connections = 100", "max_prepared_transactions = 0"].map(str::to_owned).to_vec();
    let cluster = prepare::cluster(&stage.binaries(), &Options { preload: true, conf }, "the server")?;
    let all = Extent { tables: arguments.tables as usize, orgs: arguments.orgs as usize };

    let mut watch = Watch::new(&cluster)?;
    let mut notebook = Notebook::default();
    heading("Databases, fenced by org_scope and by hand");
    making::roles(&mut watch)?;
    for place in Place::all() {
        making::database(&mut watch, &mut notebook, place, all)?;
    }
    heading("Measuring");
    note(&format!("Times are {}.", watch.clock().name()));
    measure(&mut watch, &mut notebook, all)?;
    let steady: Vec<_> = Repeated::ALL
        .iter()
        .map(|&repeated| repetition::run(&mut watch, repeated, arguments.switches as usize, all))
        .collect::<Result<_>>()?;
    let newcomers = newcomers::run(&mut watch)?;

    let chapters = report::chapters(&notebook, &steady, &newcomers, all);
    chapters.iter().for_each(Chapter::show);
    let failing: Vec<&str> = chapters.iter().flat_map(|c| &c.failing).map(String::as_str).collect();
    if !failing.is_empty() {
        bail!("{}", failing.join("; "));
    }
    note("Nothing grows more than by hand, and DDL beside the extension is not slower.");
    if arguments.record {
        let path = workspace::root().join("docs/scale.md");
        let page = report::page(&chapters, all, &installation.version, watch.clock().name());
        std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn measure(watch: &mut Watch<'_>, notebook: &mut Notebook, all: Extent) -> Result<()> {
    let sizes = |sizes: &[Size]| -> Vec<Place> {
        sizes.iter().flat_map(|&size| Fence::BOTH.map(|fence| Place { fence, size })).collect()
    };
    // The first session in a database writes the server's cache file of its catalogs, and belongs to nobody.
    for place in Place::all() {
        sessions::time(watch, &mut Notebook::default(), place)?;
    }
    let sessions = sizes(&[Size::Small, Size::Wide, Size::Crowded]);
    rounds("time of sessions", SESSIONS, &sessions, |place| sessions::time(watch, notebook, place))?;
    rounds("memory of sessions", MEMORIES, &sessions, |place| sessions::memory(watch, notebook, place, all))?;
    let migrations = sizes(&[Size::Small, Size::Wide]);
    rounds("one more table", MIGRATIONS, &migrations, |place| migrations::one(watch, notebook, place))?;
    let looks = sizes(&[Size::Middle, Size::Wide]);
    rounds("all tables", LOOKS, &looks, |place| migrations::all(watch, notebook, place, all))
}

/// Measures in every place in each round, in an order that chance makes anew: what a neighbour on the machine
/// does meets all of them, and none always follows the same other one.
fn rounds(
    what: &str,
    rounds: usize,
    places: &[Place],
    mut measure: impl FnMut(Place) -> Result<()>,
) -> Result<()> {
    let mut progress = Progress::new(what);
    let (mut places, mut chance) = (places.to_vec(), fastrand::Rng::with_seed(7));
    for round in 0..rounds {
        chance.shuffle(&mut places);
        for (turn, &place) in places.iter().enumerate() {
            measure(place).with_context(|| place.database())?;
            progress.at(round * places.len() + turn + 1, rounds * places.len(), &place.database());
        }
    }
    progress.done();
    Ok(())
}
