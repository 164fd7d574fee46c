//! The operating-system user that servers run as.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// PostgreSQL refuses to run as root, so root runs servers as `postgres`, everyone else as themselves.
#[derive(Debug, Clone)]
pub struct Operator {
    other: Option<Other>,
}

#[derive(Debug, Clone)]
struct Other {
    name: String,
    uid: u32,
    gid: u32,
}

impl Operator {
    /// Who runs servers here.
    pub fn find() -> Result<Self> {
        if id(&["-u"])? != 0 {
            return Ok(Self { other: None });
        }
        let name = "postgres".to_owned();
        let (Ok(uid), Ok(gid)) = (id(&["-u", &name]), id(&["-g", &name])) else {
            bail!(
                "PostgreSQL refuses to run as root, and there is no user \"postgres\" to run it as: \
                 start this as an ordinary user"
            );
        };
        Ok(Self { other: Some(Other { name, uid, gid }) })
    }

    /// The user's name where it isn't the one who runs this process.
    #[must_use]
    pub fn other(&self) -> Option<&str> {
        self.other.as_ref().map(|o| o.name.as_str())
    }

    /// A command as this user, with an environment of its own: what the caller's shell says in `PGHOST`,
    /// `PGOPTIONS`, `PGDATA`, `RUST_BACKTRACE` or `LD_LIBRARY_PATH` must not reach a server.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("HOME", "/nonexistent");
        // The caller's directory may be closed to the other user.
        command.current_dir("/");
        if let Some(other) = &self.other {
            command.uid(other.uid).gid(other.gid);
        }
        command
    }

    /// Gives the path to this user.
    pub fn own(&self, path: &Path) -> Result<()> {
        let Some(other) = &self.other else { return Ok(()) };
        chown(path, Some(other.uid), Some(other.gid))
            .with_context(|| format!("giving {} to {}", path.display(), other.name))
    }

    /// What a person types before a command to run it as this user: empty, or `runuser -u … -- `.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.other().map_or_else(String::new, |name| format!("runuser -u {name} -- "))
    }
}

fn id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).output().context("running id")?;
    if !output.status.success() {
        bail!("id {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
