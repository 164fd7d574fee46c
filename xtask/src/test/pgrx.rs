//! The `#[pg_test]`s, which run inside a backend of a server that pgrx's framework starts.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::{Installation, Operator, Stage};

use super::Arguments;
use crate::setup::CargoPgrx;
use crate::terminal::{Progress, heading};
use crate::workspace;

/// The framework would install the extension into the system's directories, and build everything a second
/// time if told of another `pg_config` while it builds. So the extension goes into a stage beforehand, and only
/// the test binary, not cargo, is told of the stage and of an installer that does nothing.
pub(super) fn run(installation: &Installation, arguments: &Arguments) -> Result<()> {
    heading("Tests inside a backend");
    let stage = Stage::new(installation)?;
    let features = format!("pg{} pg_test", installation.major);

    let progress = Progress::new("building org_scope with its pg_tests");
    let mut install = CargoPgrx::ready()?.command(installation, "install");
    install.args(["--test", "--no-default-features", "--features", &features, "--pg-config"]);
    let said = install.arg(&stage.installation().pg_config).stdin(Stdio::null()).output()?;
    ensure!(said.status.success(), "cargo pgrx install failed\n{}", String::from_utf8_lossy(&said.stderr));
    progress.done();

    let operator = Operator::find()?;
    let data = tempfile::Builder::new().prefix("org_scope-").tempdir_in("/tmp")?;
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755))?;
    operator.own(data.path())?;

    let mut test = workspace::cargo(installation);
    test.arg("--config").arg(format!(
        "target.'cfg(all())'.runner = ['env', '--unset=RUST_BACKTRACE', 'PGRX_PG_CONFIG_PATH={}', 'CARGO_PGRX=/bin/true']",
        stage.installation().pg_config.display()
    ));
    test.args([
        "test",
        "--quiet",
        "-p",
        "org_scope",
        "--lib",
        "--no-default-features",
        "--features",
        &features,
    ]);
    arguments.filter(&mut test);
    test.env("CARGO_PGRX_TEST_PGDATA", data.path());
    match operator.other() {
        Some(name) => drop(test.env("CARGO_PGRX_TEST_RUNAS", name)),
        // The framework takes the superuser's name from there, and containers often don't set it.
        None => drop(test.env("USER", user()?)),
    }
    workspace::must(&mut test)
}

fn user() -> Result<String> {
    let output = std::process::Command::new("id").arg("-un").output().context("running id")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
