//! A connection, with short calls for what tests do.

use std::sync::{Arc, Mutex, PoisonError};

use postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::Refusal;

/// A connection of some role. Values come as the text that psql would show; NULL as `None` or, where one
/// text is asked for, as the empty text.
pub(crate) struct Session {
    client: Client,
    notices: Arc<Mutex<Vec<Refusal>>>,
}

impl Session {
    #[track_caller]
    pub(super) fn open(config: Config) -> Self {
        Self::try_open(config)
            .unwrap_or_else(|refusal| panic!("the server refused the connection: {refusal:#?}"))
    }

    #[track_caller]
    pub(super) fn try_open(mut config: Config) -> Result<Self, Refusal> {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let collector = Arc::clone(&notices);
        config.notice_callback(move |notice| {
            collector.lock().unwrap_or_else(PoisonError::into_inner).push(Refusal::from(&notice));
        });
        Ok(Self { client: config.connect(NoTls)?, notices })
    }

    /// The client itself: for prepared statements, transactions, COPY and cancel requests.
    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs statements that must succeed.
    #[track_caller]
    pub(crate) fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|refusal| panic!("{sql}\n{refusal:#?}"));
    }

    /// Runs statements (one message, so one implicit transaction).
    #[track_caller]
    pub(crate) fn try_run(&mut self, sql: &str) -> Result<(), Refusal> {
        self.client.batch_execute(sql).map_err(Refusal::from)
    }

    /// Asserts that the server refuses the statement with this SQLSTATE.
    #[track_caller]
    pub(crate) fn refused(&mut self, sql: &str, sqlstate: &str) -> Refusal {
        match self.client.simple_query(sql).map_err(Refusal::from) {
            Err(refusal) if refusal.sqlstate == sqlstate => refusal,
            Err(refusal) => panic!("{sql}\nwas to be refused with {sqlstate}, not with {refusal:#?}"),
            Ok(messages) => {
                panic!("{sql}\nwas to be refused with {sqlstate}, but succeeded: {:?}", texts(&messages))
            }
        }
    }

    /// All rows of a query.
    #[track_caller]
    pub(crate) fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self.client.simple_query(sql).map_err(Refusal::from) {
            Ok(messages) => texts(&messages),
            Err(refusal) => panic!("{sql}\n{refusal:#?}"),
        }
    }

    /// The first column of all rows.
    #[track_caller]
    pub(crate) fn column(&mut self, sql: &str) -> Vec<String> {
        let rows = self.rows(sql);
        rows.into_iter().map(|row| row.into_iter().next().flatten().unwrap_or_default()).collect()
    }

    /// The value of a query that returns exactly one row of one column.
    #[track_caller]
    pub(crate) fn value(&mut self, sql: &str) -> Option<String> {
        let mut rows = self.rows(sql);
        match (rows.pop(), rows.is_empty()) {
            (Some(mut row), true) if row.len() == 1 => row.remove(0),
            (last, _) => panic!("{sql}\nwas to return one value, not {rows:?} {last:?}"),
        }
    }

    /// The same, with NULL as the empty text.
    #[track_caller]
    pub(crate) fn text(&mut self, sql: &str) -> String {
        self.value(sql).unwrap_or_default()
    }

    /// The same, as a number.
    #[track_caller]
    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        let text = self.text(sql);
        text.parse().unwrap_or_else(|_| panic!("{sql}\nwas to return a number, not {text:?}"))
    }

    /// How many rows a command has touched.
    #[track_caller]
    pub(crate) fn touched(&mut self, sql: &str) -> u64 {
        match self.client.simple_query(sql).map_err(Refusal::from) {
            Ok(messages) => messages
                .iter()
                .filter_map(|m| if let SimpleQueryMessage::CommandComplete(n) = m { Some(*n) } else { None })
                .sum(),
            Err(refusal) => panic!("{sql}\n{refusal:#?}"),
        }
    }

    /// The plan of a statement, as EXPLAIN (COSTS OFF) shows it.
    #[track_caller]
    pub(crate) fn plan(&mut self, sql: &str) -> String {
        self.column(&format!("EXPLAIN (COSTS OFF) {sql}")).join("\n")
    }

    /// The notices and warnings since the last call.
    pub(crate) fn notices(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn texts(messages: &[SimpleQueryMessage]) -> Vec<Vec<Option<String>>> {
    let rows =
        messages.iter().filter_map(|m| if let SimpleQueryMessage::Row(row) = m { Some(row) } else { None });
    rows.map(|row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()).collect()
}
