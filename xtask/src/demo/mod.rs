//! `cargo xtask demo`: three applications isolated on a real server, shown and attacked.
//!
//! Nothing that it shows is written here: every number, row, plan and refusal is what the server answered, and
//! where the wall does not hold, the demo fails.

mod answer;
mod attack;
mod attacks;
mod migration;
mod plan;
mod side_by_side;
mod sight;
mod stand;
mod systems;

use anyhow::{Result, bail};
use console::style;
use org_scope_cluster::{Cluster, Options, Stage};

use crate::terminal::{heading, note};
use crate::{prepare, setup};
use stand::Stand;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leaves the server running, and says how to reach and how to stop it
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    setup: setup::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    heading("A throwaway server with org_scope in it");
    let installation = setup::for_demo(arguments.setup.pg)?;
    let stage = prepare::stage(&installation)?;
    let cluster =
        prepare::cluster(&stage.binaries(), &Options { preload: true, ..Options::default() }, "the server")?;
    let shown = show(&cluster);
    // A wall with a hole is worth a look, so --keep counts for that too.
    farewell(arguments.keep, &cluster, &stage);
    shown
}

fn show(cluster: &Cluster) -> Result<()> {
    let mut stand = Stand::new(cluster)?;
    systems::load(&mut stand)?;
    migration::run(&mut stand)?;
    side_by_side::run(&mut stand)?;
    let mut holes = sight::compare(&mut stand)?;
    holes += attack::run(&mut stand)?;
    plan::show(&mut stand)?;
    if holes > 0 {
        bail!("{holes} of the things that must hold did not hold: see ✗ above");
    }
    Ok(())
}

fn farewell(keep: bool, cluster: &Cluster, stage: &Stage) {
    heading("Look around yourself");
    let psql = |user| cluster.address().psql(stand::DATABASE, user);
    let binaries = stage.binaries().directory().display().to_string();
    let line = |text: &str| println!("    {}", style(text).green());
    if !keep {
        note("The way in is such a line:");
        line(&psql(stand::WEB));
        note("but the server stops now. This leaves one running, and says how to stop it:");
        line("cargo xtask demo --keep");
        println!();
        return;
    }
    cluster.keep();
    stage.keep();
    note("The server stays. As the application, which says for whom it acts:");
    line(&format!("{binaries}/{}", psql(stand::WEB)));
    line(&format!("SELECT org_scope.set_current_org('{}');", systems::ACME_VOICE.id));
    line("SELECT count(*) FROM voice.calls;");
    note("As the superuser, whom no wall binds:");
    line(&format!("{binaries}/{}", psql("postgres")));
    note("To stop the server and remove all of it:");
    line(&format!("{} {}\n", cluster.stop_line(), stage.root().display()));
}
