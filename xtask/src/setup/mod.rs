//! Politeness: finds what a command needs, says what is missing and why, and installs it where it can.

mod cargo_pgrx;
mod debian;
mod missing;
mod postgres;

use anyhow::{Result, bail};
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

/// Installs everything that `test` needs, which is everything.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let installation = for_tests(arguments.pg)?;
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
