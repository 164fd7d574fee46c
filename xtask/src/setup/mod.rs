//! Politeness: finds what a command needs, says what is missing and why, and installs it where it can.

mod cargo_pgrx;
mod debian;
mod missing;
mod postgres;

use anyhow::{Context as _, Result, bail, ensure};
use org_scope_cluster::Installation;

pub(crate) use cargo_pgrx::CargoPgrx;
use missing::Missing;

use crate::terminal;

#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The PostgreSQL to use: 15, 16, 17 or 18; by default the first of these that is installed,
    /// else the one that the distribution packages
    #[arg(long, value_parser = clap::value_parser!(u16).range(15..=18))]
    pub(crate) pg: Option<u16>,
}

/// The arguments of `cargo xtask setup` itself.
#[derive(clap::Args)]
pub(crate) struct Command {
    /// Installs nothing, and prints only the path of the pg_config that the other commands would use
    #[arg(long)]
    print_pg_config: bool,
    #[command(flatten)]
    setup: Arguments,
}

/// Installs everything that `test` needs, which is everything.
pub(crate) fn run(command: &Command) -> Result<()> {
    if command.print_pg_config {
        let found =
            postgres::find(command.setup.pg).context("there is no PostgreSQL with server and headers")?;
        println!("{}", found.pg_config.display());
        return Ok(());
    }
    let installation = for_all_tests(command.setup.pg)?;
    terminal::note(&format!("PostgreSQL {} at {}", installation.version, installation.bindir.display()));
    terminal::note(&format!("cargo-pgrx at {}", CargoPgrx::ready()?.path().display()));
    Ok(())
}

/// What building and starting a server needs.
pub(crate) fn for_demo(pg: Option<u16>) -> Result<Installation> {
    ready(pg, |missing| missing.for_building())
}

/// The same, and what pgrx's own test framework needs. (cargo-pgrx is asked for where it is used.)
pub(crate) fn for_tests(pg: Option<u16>) -> Result<Installation> {
    ready(pg, |missing| {
        missing.for_building();
        missing.for_pgrx_tests();
    })
}

/// The same, and what the recipes need apart from what pip and npm bring.
pub(crate) fn for_all_tests(pg: Option<u16>) -> Result<Installation> {
    ready(pg, |missing| {
        missing.for_building();
        missing.for_pgrx_tests();
        missing.for_recipes();
    })
}

/// What building needs, and PostgreSQL's own tests, whose source only Debian's archive is asked for.
pub(crate) fn for_regress(pg: Option<u16>) -> Result<Installation> {
    ensure!(
        debian::is_this(),
        "PostgreSQL's own tests are taken from the source packages of Debian or Ubuntu"
    );
    ready(pg, |missing| {
        missing.for_building();
        missing.for_sources();
    })
}

fn ready(pg: Option<u16>, needs: impl Fn(&mut Missing)) -> Result<Installation> {
    let mut missing = Missing::default();
    needs(&mut missing);
    if let (Some(installation), true) = (postgres::find(pg), missing.is_empty()) {
        return Ok(installation);
    }
    if !debian::is_this() {
        bail!("{}", missing.instructions(pg, postgres::find(pg).is_none()));
    }
    debian::install(pg, missing)?;
    match postgres::find(pg) {
        Some(installation) => Ok(installation),
        None => bail!("PostgreSQL was installed, but no pg_config with server and headers is to be found"),
    }
}
