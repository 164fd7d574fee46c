//! Building the extension's library.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::Installation;

/// A build of the extension for one installation.
#[derive(Debug)]
pub struct Build<'a> {
    /// The workspace's root.
    pub workspace: &'a Path,
    /// What to build against.
    pub installation: &'a Installation,
    /// How.
    pub profile: Profile,
}

/// How the library is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Fast to build: for showing and testing what it does.
    Dev,
    /// As it is installed: for measuring. Takes minutes the first time.
    Release,
}

/// How far a build is.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Packages that are ready.
    pub done: usize,
    /// Packages that there are.
    pub total: usize,
    /// The package that got ready last.
    pub package: &'a str,
}

impl Build<'_> {
    /// Builds, telling each step, and returns the library's path.
    pub fn run(&self, mut tell: impl FnMut(Step<'_>)) -> Result<PathBuf> {
        let total = self.packages()?;
        let mut command = self.cargo("build");
        command.args(["--quiet", "--message-format=json-render-diagnostics"]);
        if self.profile == Profile::Release {
            command.arg("--release");
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("starting cargo")?;
        let mut stderr = child.stderr.take().context("cargo's messages")?;
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text).unwrap_or_default()
        });

        let mut library = None;
        let mut ready = HashSet::new();
        for line in BufReader::new(child.stdout.take().context("cargo's artifacts")?).lines() {
            let line = line?;
            let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
            let target = &message["target"];
            let is =
                |kind: &str| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind));
            if message["reason"] != "compiler-artifact" || is("custom-build") {
                continue;
            }
            let package = target["name"].as_str().unwrap_or_default();
            ready.insert(message["package_id"].to_string());
            tell(Step { done: ready.len().min(total), total, package });
            if package == "org_scope" && is("cdylib") {
                library = message["filenames"].as_array().and_then(|files| {
                    files
                        .iter()
                        .filter_map(Value::as_str)
                        .find(|file| file.ends_with(".so"))
                        .map(PathBuf::from)
                });
            }
        }
        let status = child.wait()?;
        let complaints = complaints.join().unwrap_or_default();
        if !status.success() {
            bail!("cargo build failed ({status})\n{complaints}");
        }
        library.context("cargo built no org_scope library")
    }

    /// How many packages the build has.
    fn packages(&self) -> Result<usize> {
        let mut tree = self.cargo("tree");
        tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
        let output = crate::binaries::run(&mut tree)?;
        let names: HashSet<&str> = output.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        Ok(names.len())
    }

    fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg(subcommand).args(["--package", "org_scope", "--no-default-features", "--features"]);
        command.arg(format!("pg{}", self.installation.major));
        command.current_dir(self.workspace).env("PGRX_PG_CONFIG_PATH", &self.installation.pg_config);
        command
    }
}
