//! A session whose server process is watched from outside: its processor time and its memory.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use org_scope_cluster::{Address, Cluster};
use postgres::error::DbError;
use postgres::{Client, NoTls, SimpleQueryMessage};

use crate::clock::Clock;
use crate::plan::Plan;

/// Where sessions come from.
pub(crate) struct Watch<'a> {
    cluster: &'a Cluster,
    clock: Clock,
    /// Asks for the others' process numbers, so that they need not say them themselves.
    asking: Client,
    opened: usize,
}

/// Told of every notice.
pub(crate) type Listener = Box<dyn FnMut(&DbError) + Send>;

/// A session.
pub(crate) struct Backend {
    pub(crate) client: Client,
    pub(crate) process: Process,
    listener: Arc<Mutex<Option<Listener>>>,
}

/// The server's process behind a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
    clock: Clock,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Result<Self> {
        let asking = cluster.connect("postgres", "postgres")?;
        Ok(Self { cluster, clock: Clock::find(), asking, opened: 0 })
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> &Address {
        self.cluster.address()
    }

    /// What the processes' time is told by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Opens a session, which runs nothing.
    pub(crate) fn connect(&mut self, database: &str, role: &str) -> Result<Backend> {
        self.opened += 1;
        let name = format!("watched {}", self.opened);
        let listener: Arc<Mutex<Option<Listener>>> = Arc::default();
        let told = Arc::clone(&listener);
        let mut config = self.cluster.config(database, role);
        config.application_name(&name).notice_callback(move |notice| {
            if let Some(listener) = told.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                listener(&notice);
            }
        });
        let client = config.connect(NoTls).with_context(|| format!("connecting to {database} as {role}"))?;
        let pid = "SELECT pid FROM pg_stat_activity WHERE application_name = $1";
        let pid: i32 = self.asking.query_one(pid, &[&name])?.get(0);
        let process = Process { pid: u32::try_from(pid)?, clock: self.clock };
        Ok(Backend { client, process, listener })
    }
}

impl Backend {
    /// Runs statements.
    pub(crate) fn run(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).with_context(|| sql.to_owned())
    }

    /// Runs statements, and tells their notices.
    pub(crate) fn run_told(&mut self, sql: &str, listener: Listener) -> Result<()> {
        let set = |listener| *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = listener;
        set(Some(listener));
        let result = self.client.batch_execute(sql).with_context(|| sql.to_owned());
        set(None);
        result
    }

    /// Runs statements, and says how many nanoseconds the server's process worked for them.
    pub(crate) fn time(&mut self, sql: &str) -> Result<f64> {
        let before = self.process.worked()?;
        self.run(sql)?;
        Ok(self.process.worked()? - before)
    }

    /// The plan of a statement.
    pub(crate) fn plan(&mut self, sql: &str) -> Result<Plan> {
        let lines = self.client.simple_query(&format!("EXPLAIN (FORMAT JSON, COSTS OFF) {sql}"))?;
        let text = lines.iter().filter_map(|line| match line {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(Plan::read(&serde_json::from_str(&text.collect::<Vec<_>>().join("\n"))?))
    }

    /// Ends the session, and waits until its process is gone: what that does in its last moments would slow the
    /// next one that is measured.
    pub(crate) fn end(self) {
        let Self { client, process, .. } = self;
        drop(client);
        for _ in 0..1000 {
            if !process.folder().exists() {
                return;
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// The bytes in the server's own memory contexts.
    pub(crate) fn contexts(&mut self) -> Result<f64> {
        Ok(self.client.query_one(CONTEXTS, &[])?.get(0))
    }
}

/// The bytes in the server's own memory contexts.
pub(crate) const CONTEXTS: &str =
    "SELECT pg_catalog.sum(total_bytes)::pg_catalog.float8 FROM pg_catalog.pg_backend_memory_contexts";

impl Process {
    /// The nanoseconds that it has worked so far.
    pub(crate) fn worked(&self) -> Result<f64> {
        Ok(self.clock.read_settled(self.pid)? as f64)
    }

    /// The bytes of memory that are its own: not the server's shared memory, and of what it still shares with
    /// the process that it was forked from, its part. What Rust allocates is seen only here.
    pub(crate) fn private(&self) -> Result<f64> {
        let path = self.folder().join("smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        anonymous(&text).with_context(|| format!("{} says no Pss_Anon", path.display()))
    }

    fn folder(&self) -> PathBuf {
        format!("/proc/{}", self.pid).into()
    }
}

fn anonymous(rollup: &str) -> Option<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss_Anon:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_memory_is_found() {
        let rollup =
            "Pss:                 242 kB\nPss_Anon:            112 kB\nPss_File:            130 kB\n";
        assert_eq!(anonymous(rollup), Some(114_688.0));
        assert_eq!(anonymous("Pss: 1 kB\n"), None);
    }
}
