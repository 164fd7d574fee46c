//! A directory with PostgreSQL's tests in it, ready to be run.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::remains::Remains;
use org_scope_cluster::{Installation, Operator};

use super::archive::Source;
use super::suite::{ALL, Suite};
use super::terminator;
use crate::terminal::{Progress, note};

/// The suites' directories and the libraries that their functions are in. It belongs to the user whom servers run
/// as, since tests have the server read and write files; so it lies where that user may go, not in `target/`.
pub(super) struct Bench {
    root: PathBuf,
    _remains: Remains,
}

impl Bench {
    pub(super) fn new(source: &Source, installation: &Installation, operator: &Operator) -> Result<Self> {
        let root = tempfile::Builder::new().prefix("org_scope-").tempdir_in("/tmp")?.keep();
        let remains = Remains::new({
            let root = root.clone();
            move || drop(fs::remove_dir_all(root))
        });
        operator.own(&root)?;
        fs::set_permissions(&root, Permissions::from_mode(0o755))?;
        let bench = Self { root, _remains: remains };
        let progress = Progress::new(&format!("unpacking the tests of PostgreSQL {}", source.version));
        bench.unpack(source, operator)?;
        bench.compile(installation)?;
        progress.done();
        if terminator::is_lacking(&source.version, installation.number()) {
            for suite in ALL.iter().filter(|suite| suite.is_sql()) {
                terminator::add(&bench.directory(suite))?;
            }
            note(
                "psql wants the data of a refused COPY to end with \\., which these tests didn't know: added",
            );
        }
        Ok(bench)
    }

    /// Where a suite lies.
    pub(super) fn directory(&self, suite: &Suite) -> PathBuf {
        self.root.join(suite.directory)
    }

    /// The libraries.
    pub(super) fn libraries(&self) -> PathBuf {
        self.root.join("lib")
    }

    /// An empty directory for what a run writes.
    pub(super) fn output(&self, operator: &Operator) -> Result<PathBuf> {
        let path = tempfile::Builder::new().prefix("output-").tempdir_in(&self.root)?.keep();
        operator.own(&path)?;
        Ok(path)
    }

    fn unpack(&self, source: &Source, operator: &Operator) -> Result<()> {
        // Through a pipe: `target/` may be closed to the other user.
        let tarball =
            File::open(&source.tarball).with_context(|| format!("opening {}", source.tarball.display()))?;
        let mut tar = operator.command("tar");
        tar.args(["--extract", "--bzip2", "--file=-", "--strip-components=1", "--wildcards", "--directory"]);
        tar.arg(&self.root).args(ALL.iter().map(|s| format!("*/{}/*", s.directory)));
        must(tar.stdin(tarball))
    }

    /// The tests' own functions in C, and the two modules that their triggers are from.
    fn compile(&self, installation: &Installation) -> Result<()> {
        let libraries = self.libraries();
        fs::create_dir_all(&libraries)?;
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O2", "-I"]).arg(&installation.includedir_server).arg("-o");
        cc.arg(libraries.join("regress.so")).arg(self.root.join("src/test/regress/regress.c"));
        must(&mut cc)?;
        for module in ["refint.so", "autoinc.so"] {
            let from = installation.pkglibdir.join(module);
            fs::copy(&from, libraries.join(module)).with_context(|| format!("copying {}", from.display()))?;
        }
        Ok(())
    }
}

/// Copies what a run has written to where it stays.
pub(super) fn keep(output: &Path, to: &Path) -> Result<()> {
    drop(fs::remove_dir_all(to));
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    must(Command::new("cp").arg("--recursive").arg(output).arg(to))
}

fn must(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program} failed\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
