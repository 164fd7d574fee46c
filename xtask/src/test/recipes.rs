//! The recipes: what stands in `examples/`, with its drivers from their registries and a PgBouncer.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::{Installation, Profile};

use super::Arguments;
use crate::terminal::{Progress, heading};
use crate::{prepare, workspace};

/// The examples in Python, each with an environment of its own.
const PYTHON: [&str; 3] = ["psycopg", "sqlalchemy", "django"];

pub(super) fn run(installation: &Installation, arguments: &Arguments) -> Result<()> {
    heading("Recipes: drivers behind PgBouncer");
    let place = workspace::root().join("target/recipes");
    for name in PYTHON {
        python(&place, name)?;
    }
    node(&place, "node-postgres")?;
    rust(&place, installation, "sqlx")?;
    let stage = prepare::stage(installation, Profile::Dev)?;

    let mut test = workspace::cargo(installation);
    test.args(["test", "-p", "org_scope_tests", "--test", "recipes"]);
    arguments.filter(&mut test);
    // Each has a server of its own.
    test.args(["--", "--test-threads=2"]);
    test.env("ORG_SCOPE_TEST_BINARIES", stage.binaries().directory());
    test.env("ORG_SCOPE_TEST_RECIPES", &place);
    workspace::must(&mut test)
}

/// A virtual environment with exactly what requirements.txt names.
fn python(place: &Path, name: &str) -> Result<()> {
    let (asked, environment) = (example(name).join("requirements.txt"), place.join(name));
    once(&environment, &asked, &format!("{name} from the Python package index"), || {
        silently(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/python"));
        // The file names everything; what it forgot is missing, not found in some version or other.
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--requirement"]);
        silently(pip.arg(&asked))
    })
}

/// The example beside the packages that its lock file names: it looks for them there.
fn node(place: &Path, name: &str) -> Result<()> {
    let (from, to) = (example(name), place.join(name));
    fs::create_dir_all(&to)?;
    for file in ["app.js", "package.json", "package-lock.json"] {
        fs::copy(from.join(file), to.join(file)).with_context(|| format!("copying {name}/{file}"))?;
    }
    once(&to, &from.join("package-lock.json"), &format!("{name} from the npm registry"), || {
        silently(
            Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&to),
        )
    })
}

/// The example's program, which cargo builds in the workspace.
fn rust(place: &Path, installation: &Installation, name: &str) -> Result<()> {
    let progress = Progress::new(&format!("building examples/{name}"));
    let mut cargo = workspace::cargo(installation);
    let package = format!("org_scope_example_{name}");
    silently(cargo.args(["build", "-p", &package, "--message-format=json-render-diagnostics"]))
        .and_then(|built| fs::copy(program(&built, &package)?, place.join(name)).map_err(Into::into))?;
    progress.done();
    Ok(())
}

/// Where cargo says that the program is.
fn program(messages: &str, package: &str) -> Result<PathBuf> {
    let of = |line: &str| -> Option<PathBuf> {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let mine = message["target"]["name"] == package;
        mine.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    };
    messages.lines().find_map(of).with_context(|| format!("cargo built no program {package}"))
}

fn example(name: &str) -> PathBuf {
    workspace::root().join("examples").join(name)
}

/// Does it unless it was done to its end for the same list of what is asked for.
fn once(place: &Path, list: &Path, what: &str, work: impl FnOnce() -> Result<String>) -> Result<()> {
    let asked = fs::read(list).with_context(|| format!("reading {}", list.display()))?;
    let done = place.join("installed");
    if fs::read(&done).is_ok_and(|before| before == asked) {
        return Ok(());
    }
    let progress = Progress::new(&format!("installing {what}"));
    work()?;
    fs::write(done, asked)?;
    progress.done();
    Ok(())
}

/// Runs a command whose words matter only where it fails, and returns its output.
fn silently(command: &mut Command) -> Result<String> {
    let name = Path::new(command.get_program()).file_name().map(OsStr::to_owned).unwrap_or_default();
    let output = command.output().with_context(|| format!("starting {}", name.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed\n{said}\n{complained}", name.display());
    Ok(said)
}
