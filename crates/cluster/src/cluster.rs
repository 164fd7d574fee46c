//! A server with a data directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use postgres::{Client, Config};

use crate::binaries::run;
use crate::remains::Remains;
use crate::{Address, Binaries, Operator};

/// How a cluster is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether the server loads the extension at its start (`shared_preload_libraries`).
    pub preload: bool,
    /// Further lines of `postgresql.conf`.
    pub conf: Vec<String>,
}

/// A throwaway server: everyone is trusted, nothing is synced to disk, and it is gone with the value.
///
/// Its superuser is `postgres`, reached only through the socket, whose folder is closed to other users of the
/// machine; other roles also on 127.0.0.1.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    operator: Operator,
    directory: PathBuf,
    address: Address,
    remains: Remains,
}

/// The settings of every cluster. Commits survive a crash of the server, which tests need, but not one of the
/// machine, which is what makes it fast.
const SETTINGS: &str = "
fsync = off
full_page_writes = off
autovacuum = off
max_connections = 200
max_prepared_transactions = 20
max_wal_senders = 10
wal_level = replica
listen_addresses = '127.0.0.1'
log_min_messages = warning
lc_messages = 'C'
";

const HBA: &str = "
local all,replication all trust
host all postgres 127.0.0.1/32 reject
host all all 127.0.0.1/32 trust
";

impl Cluster {
    /// Creates a cluster and starts it.
    pub fn start_new(binaries: &Binaries, options: &Options) -> Result<Self> {
        let cluster = Self::place(binaries)?;
        let mut initdb = cluster.operator.command(binaries.path("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        initdb.args(["--no-sync", "--no-instructions", "--pgdata"]).arg(cluster.data());
        run(&mut initdb)?;
        let mut settings = SETTINGS.to_owned();
        if options.preload {
            settings.push_str("shared_preload_libraries = 'org_scope'\n");
        }
        for line in &options.conf {
            writeln!(settings, "{line}")?;
        }
        cluster.append("postgresql.conf", &settings)?;
        fs::write(cluster.data().join("pg_hba.conf"), HBA)?;
        cluster.listen_and_start()
    }

    /// Takes a base backup of a running server and starts it as its hot standby.
    pub fn start_standby(binaries: &Binaries, primary: &Address) -> Result<Self> {
        let cluster = Self::place(binaries)?;
        let mut backup = cluster.operator.command(binaries.path("pg_basebackup"));
        backup.arg("--host").arg(&primary.socket_dir).arg(format!("--port={}", primary.port));
        backup.args(["--username=postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        // Without a slot the primary recycles WAL that a slow standby has not yet fetched.
        backup.args(["--create-slot", "--slot", &cluster.slot()]);
        backup.args(["--wal-method=stream", "--pgdata"]).arg(cluster.data());
        run(&mut backup)?;
        cluster.listen_and_start()
    }

    /// A name for the standby's replication slot: lower case letters, digits and underscores.
    fn slot(&self) -> String {
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    }

    /// An empty place for a data directory, and the promise to stop and remove what comes to be there.
    fn place(binaries: &Binaries) -> Result<Self> {
        let operator = Operator::find()?;
        // The socket lies in it, and a socket's path may have at most 107 bytes.
        let directory = tempfile::Builder::new().prefix("org_scope-").tempdir_in("/tmp")?.keep();
        operator.own(&directory)?;
        let remains = Remains::new({
            let (operator, binaries, directory) = (operator.clone(), binaries.clone(), directory.clone());
            move || {
                // Immediate: there is nothing to save, and no client to wait for.
                drop(pg_ctl(&operator, &binaries, &directory, &["stop", "--mode=immediate"]));
                drop(fs::remove_dir_all(directory));
            }
        });
        let address = Address { socket_dir: directory.clone(), port: 0 };
        Ok(Self { binaries: binaries.clone(), operator, directory, address, remains })
    }

    fn listen_and_start(mut self) -> Result<Self> {
        // Between finding a free port and listening on it, somebody else may take it.
        let mut attempts = 3;
        loop {
            self.address.port = free_port()?;
            self.append(
                "postgresql.auto.conf",
                &format!(
                    "port = {}\nunix_socket_directories = '{}'\n",
                    self.address.port,
                    self.directory.display()
                ),
            )?;
            attempts -= 1;
            match self.start() {
                Ok(()) => return Ok(self),
                Err(error) if attempts == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Starts a stopped server.
    pub fn start(&self) -> Result<()> {
        let result = self.pg_ctl(&["start", "--wait", "--timeout=60"]);
        result.with_context(|| format!("the server's log:\n{}", self.log()))
    }

    /// Stops the server, waiting for its clean end; sessions are cut.
    pub fn stop(&self) -> Result<()> {
        self.pg_ctl(&["stop", "--wait", "--mode=fast"])
    }

    /// Stops it as a crash would: at once, so that the next start recovers.
    pub fn crash(&self) -> Result<()> {
        self.pg_ctl(&["stop", "--wait", "--mode=immediate"])
    }

    /// Stops and starts the server.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Makes a standby a primary.
    pub fn promote(&self) -> Result<()> {
        self.pg_ctl(&["promote", "--wait"])
    }

    /// Appends a line to `postgresql.conf`; it holds from the next start or reload.
    pub fn configure(&self, line: &str) -> Result<()> {
        self.append("postgresql.conf", &format!("{line}\n"))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The folder of its socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.address.socket_dir
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// A configuration to connect with.
    #[must_use]
    pub fn config(&self, dbname: &str, user: &str) -> Config {
        self.address.config(dbname, user)
    }

    /// Connects.
    pub fn connect(&self, dbname: &str, user: &str) -> Result<Client> {
        self.address.connect(dbname, user)
    }

    /// Its programs.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        // What a statement's error quotes is in its database's encoding.
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The lines of the log that tell of a crash. It takes every other session with it, so these say which
    /// one began.
    #[must_use]
    pub fn crashes(&self) -> Vec<String> {
        let log = self.log();
        let told = |line: &&str| line.contains("PANIC:") || line.contains("terminated by signal");
        log.lines().filter(told).map(str::to_owned).collect()
    }

    /// Leaves the server running and its directory in place when the value is dropped.
    pub fn keep(&self) {
        self.remains.keep();
    }

    /// The line that a person types to stop a kept server and remove its directory.
    #[must_use]
    pub fn stop_line(&self) -> String {
        format!(
            "{}{} stop -m fast -D {} && rm -r {}",
            self.operator.prefix(),
            self.binaries.path("pg_ctl").display(),
            self.data().display(),
            self.directory.display()
        )
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<()> {
        pg_ctl(&self.operator, &self.binaries, &self.directory, arguments)
    }

    fn append(&self, file: &str, text: &str) -> Result<()> {
        let path = self.data().join(file);
        let mut all = fs::read_to_string(&path).unwrap_or_default();
        all.push_str(text);
        fs::write(&path, all).with_context(|| format!("writing {}", path.display()))?;
        self.operator.own(&path)
    }
}

fn pg_ctl(operator: &Operator, binaries: &Binaries, directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command: Command = operator.command(binaries.path("pg_ctl"));
    command.args(arguments).arg("--pgdata").arg(directory.join("data"));
    command.arg("--log").arg(directory.join("log"));
    // The server inherits what it is given; a pipe would keep the caller waiting for its end.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().context("running pg_ctl")?;
    anyhow::ensure!(status.success(), "pg_ctl {} failed ({status})", arguments.join(" "));
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
