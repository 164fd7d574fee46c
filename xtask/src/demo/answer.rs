//! What a server answers to a statement.

use anyhow::{Result, bail};
use postgres::{Client, SimpleQueryMessage};

/// Rows, or a refusal.
#[derive(Debug)]
pub(super) enum Answer {
    /// The rows of the last query, and how many rows the last command touched or returned.
    Rows { rows: Vec<Vec<String>>, touched: u64 },
    /// An ERROR.
    Refused { sqlstate: String, message: String, hint: Option<String> },
}

/// Asks. Only a refusal by the server is an answer; a broken connection is a failure of the demo.
pub(super) fn ask(client: &mut Client, sql: &str) -> Result<Answer> {
    match client.simple_query(sql) {
        Ok(messages) => {
            let mut answer = (Vec::new(), 0);
            for message in messages {
                match message {
                    SimpleQueryMessage::RowDescription(_) => answer.0.clear(),
                    SimpleQueryMessage::Row(row) => {
                        let value = |i| row.get(i).unwrap_or("NULL").to_owned();
                        answer.0.push((0..row.len()).map(value).collect());
                    }
                    SimpleQueryMessage::CommandComplete(touched) => answer.1 = touched,
                    _ => {}
                }
            }
            Ok(Answer::Rows { rows: answer.0, touched: answer.1 })
        }
        Err(error) => refusal(error),
    }
}

/// The server's error as an answer.
pub(super) fn refusal(error: postgres::Error) -> Result<Answer> {
    let Some(said) = error.as_db_error() else { bail!(error) };
    Ok(Answer::Refused {
        sqlstate: said.code().code().to_owned(),
        message: said.message().to_owned(),
        hint: said.hint().map(str::to_owned),
    })
}

/// The one value of a query that must succeed.
pub(super) fn value(client: &mut Client, sql: &str) -> Result<String> {
    match ask(client, sql)? {
        Answer::Rows { mut rows, .. } if rows.len() == 1 && rows[0].len() == 1 => {
            Ok(rows.remove(0).remove(0))
        }
        other => bail!("{sql}\nwas to return one value, not {other:?}"),
    }
}

impl Answer {
    /// The answer in a few lines.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Refused { sqlstate, message, hint } => {
                let hint = hint.as_ref().map_or_else(String::new, |hint| format!("\nHINT: {hint}"));
                format!("ERROR {sqlstate}: {message}{hint}")
            }
            Self::Rows { rows, touched } if rows.is_empty() => match touched {
                1 => "1 row".to_owned(),
                n => format!("{n} rows"),
            },
            Self::Rows { rows, .. } => {
                let mut lines: Vec<String> = rows.iter().take(3).map(|row| row.join(" │ ")).collect();
                if rows.len() > 3 {
                    lines.push(format!("… {} rows", rows.len()));
                }
                lines.join("\n")
            }
        }
    }
}
