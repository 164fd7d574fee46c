//! Attempts to cross the wall, and PostgreSQL's answer to each.

use anyhow::{Context as _, Result};
use comfy_table::{Cell, Color};
use console::style;
use postgres::Client;

use super::answer::{self, Answer};
use super::attacks;
use super::stand::{PARTNER, Stand, WEB};
use super::systems::{Org, SYSTEMS};
use super::table;
use crate::terminal::{Progress, heading, note};

/// One attempt.
pub(super) struct Attack {
    /// What somebody forgot, or tried.
    pub(super) title: &'static str,
    pub(super) who: Who,
    /// What the attempt needs, and what must succeed: not the attempt itself.
    pub(super) before: Vec<String>,
    /// The attempt.
    pub(super) sql: String,
    pub(super) holds: Holds,
}

/// In whose session it is made.
#[derive(Clone, Copy)]
pub(super) enum Who {
    /// The application's login, acting for an organization.
    Web(Org),
    /// The application's login, which has not said for whom it acts.
    WebForNobody,
    /// The application's login, with connection options that name an organization.
    WebWithOptions(&'static str),
    /// The login that is bound to one organization.
    Partner,
    /// The owner of the tables.
    Owner,
}

/// What the wall's holding looks like.
pub(super) enum Holds {
    /// The server refuses, with one of these SQLSTATEs: an error for another reason proves nothing.
    Refused(&'static [&'static str]),
    /// The statement runs, and reaches no row.
    Nothing,
    /// The statement runs, and every row that it returns begins with this organization.
    Only(Org),
}

/// Makes all attempts and returns how many were not stopped.
pub(super) fn run(stand: &mut Stand) -> Result<usize> {
    heading("Attempts to cross the wall");
    let before = fingerprint(stand)?;
    let attacks = attacks::all();
    let mut progress = Progress::new("attacking");
    let mut shown = table::new(&["", "attempt", "PostgreSQL's answer"]);
    table::widths(&mut shown, &[1, 46, 40]);
    let mut crossed = 0;
    for (i, attack) in attacks.iter().enumerate() {
        progress.at(i + 1, attacks.len(), attack.title);
        let answer = attempt(stand, attack).with_context(|| attack.title)?;
        let stopped = attack.holds.against(&answer);
        crossed += usize::from(!stopped);
        let mark = if stopped { Cell::new("✓").fg(Color::Green) } else { Cell::new("✗").fg(Color::Red) };
        let text = format!("{}\n{}\n{}", attack.title, attack.who.text(), attack.sql);
        shown.add_row([mark, Cell::new(text), Cell::new(answer.text())]);
    }
    progress.done();
    table::print(&with_lines(shown));
    let changed = fingerprint(stand)? != before;
    if changed {
        println!("  {} after all that, rows are not what they were", style("✗").red().bold());
    } else {
        println!(
            "  {} {} attempts; after them, every row of every table is what it was",
            style("✓").green(),
            attacks.len()
        );
    }
    if crossed > 0 {
        note(&format!("{crossed} attempts were not stopped."));
    }
    Ok(crossed + usize::from(changed))
}

fn attempt(stand: &Stand, attack: &Attack) -> Result<Answer> {
    let mut client = match attack.who {
        Who::Web(org) => stand.acting_for(org)?,
        Who::WebForNobody => stand.connect(WEB)?,
        Who::Partner => stand.connect(PARTNER)?,
        Who::Owner => stand.connect("owner")?,
        Who::WebWithOptions(options) => match stand.connect_with_options(WEB, options)? {
            Ok(client) => client,
            Err(refused) => return Ok(refused),
        },
    };
    for sql in &attack.before {
        client.batch_execute(sql).with_context(|| sql.clone())?;
    }
    last_answer(&mut client, &attack.sql)
}

/// Statements are sent one by one, as an application would, until one is refused.
fn last_answer(client: &mut Client, script: &str) -> Result<Answer> {
    let mut answer = Answer::Rows { rows: Vec::new(), touched: 0 };
    for statement in script.split_inclusive(";\n") {
        answer = answer::ask(client, statement)?;
        if matches!(answer, Answer::Refused { .. }) {
            break;
        }
    }
    Ok(answer)
}

impl Holds {
    fn against(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Self::Refused(states), Answer::Refused { sqlstate, .. }) => states.contains(&sqlstate.as_str()),
            (Self::Nothing, Answer::Rows { rows, touched }) => rows.is_empty() && *touched == 0,
            (Self::Only(org), Answer::Rows { rows, .. }) => {
                !rows.is_empty() && rows.iter().all(|row| row[0] == org.id)
            }
            _ => false,
        }
    }
}

impl Who {
    fn text(self) -> String {
        match self {
            Self::Web(org) => format!("({WEB}, acting for {})", org.name),
            Self::WebForNobody => format!("({WEB}, having set no organization)"),
            Self::WebWithOptions(options) => format!("({WEB}, PGOPTIONS='{options}')"),
            Self::Partner => format!("({PARTNER}, bound to Globex Calls)"),
            Self::Owner => "(the owner of the table)".to_owned(),
        }
    }
}

/// What is in every table, as the superuser sees it.
fn fingerprint(stand: &mut Stand) -> Result<Vec<String>> {
    let mut prints = Vec::new();
    for system in &SYSTEMS {
        for table in stand.tables(system.schema)? {
            let sql = format!(
                "SELECT coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {table} AS t"
            );
            prints.push(stand.superuser.query_one(&sql, &[])?.get(0));
        }
    }
    Ok(prints)
}

/// Rows of several lines are read more easily with lines between them.
fn with_lines(mut table: comfy_table::Table) -> comfy_table::Table {
    table.load_preset(comfy_table::presets::UTF8_FULL);
    table.apply_modifier(comfy_table::modifiers::UTF8_ROUND_CORNERS);
    table
}
