//! The pinned cargo-pgrx, which writes the install script and stages pgrx's tests.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use org_scope_cluster::Installation;

use crate::terminal::{self, Progress};
use crate::workspace;

/// It must be exactly the version of the pgrx that the extension is built with.
const VERSION: &str = "0.18.1";

/// A cargo-pgrx of the right version.
pub(crate) struct CargoPgrx(PathBuf);

impl CargoPgrx {
    /// Finds it, or installs it into the workspace's target directory: the caller may have another version
    /// for other projects, which stays as it is.
    pub(crate) fn ready() -> Result<Self> {
        let tools = workspace::root().join("target/tools");
        let private = tools.join("bin/cargo-pgrx");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .map(|directory| directory.join("cargo-pgrx"))
            .chain([private.clone()])
            .find(|program| is_right(program));
        if let Some(found) = found {
            return Ok(Self(found));
        }
        install(&tools)?;
        if is_right(&private) {
            Ok(Self(private))
        } else {
            bail!("cargo install ended well, but {} is not cargo-pgrx {VERSION}", private.display())
        }
    }

    /// The program.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A command of it in the workspace.
    pub(crate) fn command(&self, installation: &Installation, subcommand: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["pgrx", subcommand]);
        workspace::in_workspace(&mut command, installation);
        command
    }
}

fn is_right(program: &Path) -> bool {
    let output = Command::new(program).args(["pgrx", "--version"]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION))
}

fn install(tools: &Path) -> Result<()> {
    terminal::heading("Setting up: cargo-pgrx");
    terminal::note(&format!(
        "cargo-pgrx {VERSION} writes the install script and stages pgrx's tests; it goes into"
    ));
    terminal::note(&format!("{}, and is built once.", tools.display()));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["install", "--locked", "--version", &format!("={VERSION}"), "cargo-pgrx", "--root"])
        .arg(tools);
    // Optimizing it takes longer than everything that it will ever do here; without its default features it
    // needs no OpenSSL headers (it would fetch PostgreSQL's sources with them, which we never ask for).
    command.args(["--debug", "--no-default-features"]);
    // What cargo says about xtask's own build must not be taken for this one's.
    command.current_dir(std::env::temp_dir()).stderr(Stdio::piped());
    let mut progress = Progress::new("installing cargo-pgrx");
    let mut child = command.spawn().context("starting cargo")?;
    let mut last = Vec::new();
    for line in BufReader::new(child.stderr.take().context("cargo's messages")?).lines() {
        let line = line?;
        progress.busy(line.trim());
        last.push(line);
    }
    if !child.wait()?.success() {
        let tail = last.len().saturating_sub(30);
        bail!("installing cargo-pgrx failed\n{}", last[tail..].join("\n"));
    }
    progress.done();
    Ok(())
}
