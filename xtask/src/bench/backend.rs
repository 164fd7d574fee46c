//! A session that is sent batches of statements, and whose server process is watched.

use std::rc::Rc;

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use org_scope_cluster::Address;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, Statement};

use super::statement::Value;
use crate::clock::Clock;

/// Where sessions come from.
#[derive(Debug, Clone)]
pub(super) struct Server {
    address: Address,
    runtime: Rc<Runtime>,
    clock: Clock,
}

/// One message to the server.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// A statement as text: the simple protocol.
    Simple(String),
    /// A prepared statement, by its place among the session's.
    Execute(usize, Vec<Value>),
}

/// A session.
pub(super) struct Backend {
    client: Client,
    runtime: Rc<Runtime>,
    clock: Clock,
    pid: u32,
    statements: Vec<(Statement, String)>,
}

impl Server {
    /// Sessions of this server.
    pub(super) fn new(address: &Address) -> Result<Self> {
        let runtime = Rc::new(Builder::new_current_thread().enable_all().build()?);
        Ok(Self { address: address.clone(), runtime, clock: Clock::find() })
    }

    /// What its processes' time is told by.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Opens a session.
    pub(super) fn connect(&self, database: &str, role: &str) -> Result<Backend> {
        let mut config = Config::new();
        config.host_path(&self.address.socket_dir).port(self.address.port).dbname(database).user(role);
        let (client, connection) = self
            .runtime
            .block_on(config.connect(NoTls))
            .with_context(|| format!("connecting to {database}"))?;
        // Its end is the client's, whose calls say what went wrong.
        drop(self.runtime.spawn(connection));
        let mut backend = Backend {
            client,
            runtime: self.runtime.clone(),
            clock: self.clock,
            pid: 0,
            statements: Vec::new(),
        };
        backend.pid = backend.value("SELECT pg_catalog.pg_backend_pid()")?.parse()?;
        Ok(backend)
    }
}

impl Backend {
    /// Prepares a statement on the protocol's level; it is called by its place.
    pub(super) fn prepare(&mut self, sql: &str, types: &[Type]) -> Result<()> {
        let statement = self.runtime.block_on(self.client.prepare_typed(sql, types));
        self.statements.push((statement.with_context(|| sql.to_owned())?, sql.to_owned()));
        Ok(())
    }

    /// Sends the messages without waiting for answers in between, and then waits for all of them: what the
    /// client does in between, and when it wakes up, costs the server nothing.
    pub(super) fn run(&self, messages: &[Message]) -> Result<()> {
        // They are polled for the first time, which is when they are sent, in the order of the list.
        let sent = messages.iter().map(async |message| match message {
            Message::Simple(sql) => self.client.batch_execute(sql).await.with_context(|| sql.clone()),
            Message::Execute(place, values) => {
                let (statement, sql) = &self.statements[*place];
                self.client.execute_raw(statement, values).await.map(drop).with_context(|| sql.clone())
            }
        });
        self.runtime.block_on(try_join_all(sent)).map(drop)
    }

    /// Runs the messages, and says how many nanoseconds the server's process worked for them.
    pub(super) fn time(&self, messages: &[Message]) -> Result<u64> {
        let before = self.clock.read_settled(self.pid)?;
        self.run(messages)?;
        Ok(self.clock.read_settled(self.pid)?.saturating_sub(before))
    }

    /// The values of one column.
    pub(super) fn column(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.rows(sql)?.into_iter().filter_map(|row| row.into_iter().next()).collect())
    }

    /// The rows as text; NULL is empty.
    pub(super) fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let answer = self.runtime.block_on(self.client.simple_query(sql));
        let answer = answer.with_context(|| sql.to_owned())?;
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The one value.
    pub(super) fn value(&self, sql: &str) -> Result<String> {
        self.column(sql)?.into_iter().next().with_context(|| format!("no row: {sql}"))
    }

    /// What explains the message: a prepared statement as the session has it.
    pub(super) fn explain(&self, options: &str, message: &Message) -> Result<String> {
        match message {
            Message::Simple(sql) => Ok(format!("EXPLAIN ({options}) {sql}")),
            Message::Execute(place, values) => {
                let (name, _) = self.prepared(*place)?;
                let values: Vec<String> = values.iter().map(Value::literal).collect();
                let values =
                    if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
                Ok(format!("EXPLAIN ({options}) EXECUTE {name}{values}"))
            }
        }
    }

    /// The name that a prepared statement has on the server, and how many of its plans were generic.
    pub(super) fn prepared(&self, place: usize) -> Result<(String, u64)> {
        // The client library counts s0, s1, … and tells nobody.
        let sql = format!(
            "SELECT pg_catalog.quote_ident(name), generic_plans FROM pg_catalog.pg_prepared_statements \
             WHERE statement = $text${}$text$",
            self.statements[place].1
        );
        let rows = self.rows(&sql)?;
        let row = rows.first().with_context(|| format!("not prepared: {}", self.statements[place].1))?;
        Ok((row[0].clone(), row[1].parse()?))
    }
}
