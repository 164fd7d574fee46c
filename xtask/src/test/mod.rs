//! `cargo xtask test`: everything that CI runs.

mod pgrx;
mod recipes;
mod wall;

use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;
use org_scope_cluster::Installation;

use crate::terminal::heading;
use crate::{schema, setup, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Only one kind of test; can be given several times
    #[arg(long, value_enum)]
    only: Vec<Kind>,
    #[command(flatten)]
    setup: setup::Arguments,
}

/// The kinds of test, in the order in which they run: the fastest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Unit tests of crates/core, crates/cluster and xtask: no server
    Core,
    /// Whether the documentation of the Rust items builds without a warning
    Doc,
    /// Whether the committed install script is what the source says
    Schema,
    /// The `#[pg_test]`s of the extension, inside a server's backend
    Pgrx,
    /// The integration tests in tests/, over connections
    Wall,
    /// The recipes in examples/, with their drivers behind PgBouncer
    Recipes,
}

impl Arguments {
    /// With a filter only what has tests with names.
    fn kinds(&self) -> Vec<Kind> {
        let asked = |kind: &Kind| self.only.is_empty() || self.only.contains(kind);
        let named = |kind: &Kind| self.filter.is_none() || !matches!(kind, Kind::Doc | Kind::Schema);
        Kind::value_variants().iter().copied().filter(asked).filter(named).collect()
    }

    fn filter(&self, command: &mut Command) {
        command.args(&self.filter);
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let kinds = arguments.kinds();
    let installation = if kinds.contains(&Kind::Recipes) {
        setup::for_all_tests(arguments.setup.pg)?
    } else {
        setup::for_tests(arguments.setup.pg)?
    };
    let mut failed = Vec::new();
    for kind in kinds {
        let result = match kind {
            Kind::Core => core(&installation, arguments),
            Kind::Doc => doc(&installation),
            Kind::Schema => {
                heading("The install script");
                schema::check(&installation)
            }
            Kind::Pgrx => pgrx::run(&installation, arguments),
            Kind::Wall => wall::run(&installation, arguments),
            Kind::Recipes => recipes::run(&installation, arguments),
        };
        // The others still have something to say.
        if let Err(error) = result {
            eprintln!("{error:#}");
            failed.push(format!("{kind:?}").to_lowercase());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}

fn core(installation: &Installation, arguments: &Arguments) -> Result<()> {
    heading("Unit tests, without a server");
    let mut command = workspace::cargo(installation);
    command.args(["test", "--quiet", "-p", "org_scope_core", "-p", "org_scope_cluster", "-p", "xtask"]);
    arguments.filter(&mut command);
    workspace::must(&mut command)
}

fn doc(installation: &Installation) -> Result<()> {
    heading("Documentation of the Rust items");
    let mut command = workspace::cargo(installation);
    command.args(["doc", "--quiet", "--no-deps", "--document-private-items", "--no-default-features"]);
    command.args(["-p", "org_scope", "-p", "org_scope_core", "--features"]);
    command.arg(format!("org_scope/pg{}", installation.major)).env("RUSTDOCFLAGS", "-D warnings");
    workspace::must(&mut command)
}
