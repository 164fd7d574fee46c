//! A part of a report: shown on the terminal, and written into the documentation.

use std::fmt::Write as _;

use crate::table;
use crate::terminal::heading;

/// A table of text.
#[derive(Debug)]
pub(crate) struct Chapter {
    pub(crate) title: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// What of it must not be so, in words.
    pub(crate) failing: Vec<String>,
}

impl Chapter {
    /// Shows it.
    pub(crate) fn show(&self) {
        heading(&self.title);
        let head: Vec<&str> = self.head.iter().map(String::as_str).collect();
        table::show(&head, self.rows.clone());
    }

    /// The same for a page of the documentation.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("\n## {}\n\n| {} |\n", self.title, self.head.join(" | "));
        let _ = writeln!(text, "|{}", "---|".repeat(self.head.len()));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}
