//! psql, `pg_dump` and their kin, of the installation that the servers run from.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::server::binaries;
use super::{Db, Role};

/// Where the servers look for extensions.
pub(crate) fn extension_directory() -> PathBuf {
    let output = binaries().client("pg_config").arg("--sharedir").output().expect("pg_config");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join("extension")
}

/// What a program has said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Whether it ended with status 0.
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Asserts success and returns the output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.success, "{self:#?}");
        self.stdout
    }
}

impl Db {
    /// Runs a script in psql as a role, unaligned and without headers, stopping at the first error.
    pub(crate) fn psql(&self, role: &Role, script: &str) -> Said {
        self.psql_with_env(role.name(), script, &[])
    }

    /// The same as the superuser, for instance to restore a dump.
    pub(crate) fn psql_superuser(&self, script: &str) -> Said {
        self.psql_with_env("postgres", script, &[])
    }

    /// The same with environment variables, such as PGOPTIONS.
    pub(crate) fn psql_with_env(&self, user: &str, script: &str, env: &[(&str, &str)]) -> Said {
        let mut psql = self.client("psql", user);
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--set=VERBOSITY=verbose", "--file=-"]).envs(env.iter().copied());
        said(psql, script)
    }

    /// Runs a script as the superuser, to its end whatever is refused on the way, with the server's answers
    /// as a person sees them.
    pub(crate) fn psql_script(&self, script: &str) -> Said {
        let mut psql = self.client("psql", "postgres");
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--file=-"]);
        said(psql, script)
    }

    /// `pg_dump` of the database as the superuser; with the default format it is a script for psql.
    pub(crate) fn dump(&self, arguments: &[&str]) -> String {
        let mut dump = self.client("pg_dump", "postgres");
        dump.args(arguments);
        said(dump, "").ok()
    }

    /// Any program of the installation, with host, port, user and database of this one.
    pub(crate) fn client(&self, program: &str, user: &str) -> Command {
        let mut command = binaries().client(program);
        command.arg("--host").arg(&self.address().socket_dir).arg(format!("--port={}", self.address().port));
        command.arg(format!("--username={user}")).arg(format!("--dbname={}", self.name()));
        command
    }
}

fn said(mut command: Command, input: &str) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program of the staged installation");
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    let output = std::thread::scope(|scope| {
        // A program that stops early closes its input, which is no failure of the test.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().expect("its end")
    });
    Said {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
