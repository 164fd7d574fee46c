//! An installed PostgreSQL, as its `pg_config` describes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::binaries::{Binaries, run};

/// The directories of one installed PostgreSQL, and its version.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The `pg_config` that was asked.
    pub pg_config: PathBuf,
    /// Where the programs lie.
    pub bindir: PathBuf,
    /// Where `extension/`, time zones and templates lie.
    pub sharedir: PathBuf,
    /// Where loadable libraries lie (`$libdir`).
    pub pkglibdir: PathBuf,
    /// Where the server's headers lie.
    pub includedir_server: PathBuf,
    /// Where what extensions are built and tested with lies, `pg_regress` for instance; need not exist.
    pub pgxs: PathBuf,
    /// The major version: 15, 16, …
    pub major: u16,
    /// The version as the server says it: `15.20 (Debian …)`.
    pub version: String,
}

impl Installation {
    /// Asks a `pg_config`.
    pub fn ask(pg_config: &Path) -> Result<Self> {
        let output = run(&mut Command::new(pg_config))?;
        let facts: HashMap<&str, &str> = output
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(k, v)| (k.trim(), v.trim()))
            .collect();
        let fact = |name: &str| {
            facts
                .get(name)
                .map(|value| (*value).to_owned())
                .with_context(|| format!("{} does not say {name}", pg_config.display()))
        };
        // What is asked for is a makefile: DIRECTORY/src/makefiles/pgxs.mk.
        let makefile = PathBuf::from(fact("PGXS")?);
        let version = fact("VERSION")?.trim_start_matches("PostgreSQL").trim().to_owned();
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        Ok(Self {
            pg_config: pg_config.to_owned(),
            bindir: fact("BINDIR")?.into(),
            sharedir: fact("SHAREDIR")?.into(),
            pkglibdir: fact("PKGLIBDIR")?.into(),
            includedir_server: fact("INCLUDEDIR-SERVER")?.into(),
            pgxs: makefile.ancestors().nth(3).unwrap_or(&makefile).to_owned(),
            major: digits.parse().with_context(|| format!("reading the version {version:?}"))?,
            version,
        })
    }

    /// The version without what a packager adds: `15.20`.
    #[must_use]
    pub fn number(&self) -> &str {
        self.version.split(' ').next().unwrap_or_default()
    }

    /// Whether a server can be started from it; a machine with only client libraries has a `pg_config` too.
    #[must_use]
    pub fn has_server(&self) -> bool {
        self.bindir.join("postgres").is_file() && self.bindir.join("initdb").is_file()
    }

    /// Whether an extension can be built against it.
    #[must_use]
    pub fn has_headers(&self) -> bool {
        self.includedir_server.join("postgres.h").is_file()
    }

    /// Its programs.
    #[must_use]
    pub fn binaries(&self) -> Binaries {
        Binaries::new(&self.bindir)
    }
}
