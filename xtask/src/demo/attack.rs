//! Attempts to cross the wall, and PostgreSQL's answer to each.

use anyhow::{Context as _, Result};
use comfy_table::{Cell, Color};
use console::style;
use postgres::Client;

use super::answer::{self, Answer};
use super::attacks;
use super::stand::{PARTNER, Stand, WEB};
use super::systems::{ACME_VOICE, GLOBEX_CALLS, Org, SYSTEMS};
use crate::table;
use crate::terminal::{heading, note};

/// Whose session most attempts are made in.
const USUAL: Org = ACME_VOICE;

/// How the organizations are written where their ids would only make long lines.
const VARIABLES: [(Org, &str); 2] = [(ACME_VOICE, "acme"), (GLOBEX_CALLS, "globex")];

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
    note(&format!(
        "Each in a session of its own: of \"{WEB}\" acting for {}, where nothing else is said. In the",
        USUAL.name
    ));
    note("statements, the organizations are written as psql variables:");
    for (org, variable) in VARIABLES {
        println!("    {}", style(format!("\\set {variable} {}", org.id)).green());
    }
    println!();
    let before = fingerprint(stand)?;
    let attacks = attacks::all();
    let mut shown = table::new(&["", "attempt", "PostgreSQL's answer"]);
    table::widths(&mut shown, &[1, 46, 40]);
    let mut crossed = 0;
    for attack in &attacks {
        let answer = attempt(stand, attack).with_context(|| attack.title)?;
        let stopped = attack.holds.against(&answer);
        crossed += usize::from(!stopped);
        let mark = if stopped { Cell::new("✓").fg(Color::Green) } else { Cell::new("✗").fg(Color::Red) };
        shown.add_row([mark, Cell::new(attack.text()), Cell::new(answer.text())]);
    }
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

impl Attack {
    /// Title, session and statements.
    fn text(&self) -> String {
        let mut lines = vec![style(self.title).bold().to_string()];
        lines.extend(self.who.text());
        let statements = self.before.iter().map(|sql| format!("{sql};")).chain([self.sql.clone()]);
        let mut statements = statements.collect::<Vec<_>>().join("\n");
        for (org, variable) in VARIABLES {
            statements = statements.replace(&format!("'{}'", org.id), &format!(":'{variable}'"));
            statements = statements.replace(org.id, &format!(":{variable}"));
        }
        lines.extend(statements.lines().map(|line| style(line).cyan().to_string()));
        lines.join("\n")
    }
}

impl Who {
    /// Whose session it is, where it isn't the usual one's.
    fn text(self) -> Option<String> {
        match self {
            Self::Web(org) if org.id == USUAL.id => None,
            Self::Web(org) => Some(format!("({WEB}, acting for {})", org.name)),
            Self::WebForNobody => Some(format!("({WEB}, acting for nobody yet)")),
            Self::WebWithOptions(options) => {
                Some(format!("({WEB}, with PGOPTIONS=\n{})", options.replace(GLOBEX_CALLS.id, ":globex")))
            }
            Self::Partner => Some(format!("({PARTNER}, bound to {})", GLOBEX_CALLS.name)),
            Self::Owner => Some("(the owner of the tables)".to_owned()),
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
