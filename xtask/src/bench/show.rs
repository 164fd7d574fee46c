//! The ratio table, on the terminal and in the report.

use std::fmt;

use clap::ValueEnum as _;
use comfy_table::{Cell as Field, CellAlignment, Color};
use console::style;

use super::cell::{A, A_AGAIN, B, Bound, C, Cell, D, E, FENCE, Group, Mode, Rule};
use super::cells::skew::{FIRST, OFF};
use super::cells::{B_SETS, SETTING_OFF};
use super::verdict::{self, Finding, Verdict};
use super::{Outcome, Results};
use crate::clock::Clock;
use crate::statistics::{self, Interval};
use crate::terminal::{heading, note};
use crate::{difference, table};

/// How much of a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What fits on a terminal.
    Terminal,
    /// Every interval.
    Report,
}

/// Lines of text.
pub(super) struct Lines {
    /// The columns' names.
    pub(super) head: Vec<String>,
    /// The rows.
    pub(super) rows: Vec<Vec<String>>,
}

const BAD: &str = "✗";
const DOUBTFUL: &str = "?";
/// Not comparable: it has another plan.
const OTHER: &str = "≠";

/// Prints everything.
pub(super) fn show(results: &Results, clock: &Clock) {
    for group in Group::value_variants() {
        let lines = lines(results, *group, Detail::Terminal);
        if lines.rows.is_empty() {
            continue;
        }
        heading(title(*group));
        let head: Vec<&str> = lines.head.iter().map(String::as_str).collect();
        if lines.head.iter().any(|name| name.starts_with(':')) {
            note(
                "Times per statement, and org_scope's time in relation to the others', with a 95 % interval.",
            );
        }
        let mut shown = table::wide(&head);
        for row in lines.rows {
            shown.add_row(row.into_iter().enumerate().map(|(place, text)| field(place, text)));
        }
        table::print(&shown);
    }
    plans(results);
    heading("How far to trust it");
    for line in trust(results, clock) {
        note(&line);
    }
}

fn field(place: usize, text: String) -> Field {
    let colour = if text.contains(BAD) {
        Some(Color::Red)
    } else if text.contains(DOUBTFUL) {
        Some(Color::Yellow)
    } else {
        None
    };
    let field = Field::new(text);
    let field = if place == 0 { field } else { field.set_alignment(CellAlignment::Right) };
    colour.map_or(field.clone(), |colour| field.fg(colour))
}

/// What the instrument is worth.
pub(super) fn trust(results: &Results, clock: &Clock) -> Vec<String> {
    let rounds: Vec<f64> =
        results.outcomes.iter().filter_map(|o| o.samples.figures.first()).map(|f| f.len() as f64).collect();
    let doubtful =
        results.outcomes.iter().filter(|o| o.worst(results.resolution) == Verdict::Doubtful).count();
    vec![
        format!("Measured: {}.", clock.name()),
        format!(
            "A against an identical copy of its own database: the intervals of 19 of 20 cells reach to within {:.1} % of 1. \
             Where a rule says \"not more\", {:.1} % is not more.{}",
            100.0 * (results.resolution - 1.0),
            100.0 * (verdict::allowed(results.resolution) - 1.0),
            if results.resolution > verdict::allowed(results.resolution) {
                " This machine is too noisy now."
            } else {
                ""
            }
        ),
        format!(
            "{} comparisons, so {BAD} means: beyond an interval that misses once in {:.0} times. \
             {DOUBTFUL} ({doubtful} cells): beyond the 95 % interval only.",
            results.family.comparisons,
            1.0 / results.family.alpha()
        ),
        format!(
            "{} comparisons stay open: their 95 % interval holds the bound, so that they break no rule and prove none.",
            results.open()
        ),
        format!(
            "Rounds per cell: {:.0} to {:.0}, {:.0} in the middle.",
            statistics::quantile(&rounds, 0.0),
            statistics::quantile(&rounds, 1.0),
            statistics::typical(&rounds)
        ),
    ]
}

fn plans(results: &Results) {
    let others: Vec<&Outcome> = results.outcomes.iter().filter(|o| o.other_plan().is_some()).collect();
    if others.is_empty() {
        return;
    }
    heading("Other plans than their twins' (- the twin's, + under the fence)");
    for outcome in others {
        let Some(look) = outcome.other_plan() else { continue };
        let (name, org, mode) = (&outcome.cell.name, &outcome.cell.org, outcome.cell.mode);
        let what = look.differs.unwrap_or_default();
        println!(
            "\n  {} {}",
            style(BAD).red().bold(),
            style(format!("{name}, {org}, {mode}: {what}")).bold()
        );
        for line in difference::shown(&look.twin.plan.text(), &look.ours.plan.text()).lines() {
            println!("    {line}");
        }
    }
}

/// What a group is called.
pub(super) fn title(group: Group) -> &'static str {
    match group {
        Group::Readers => "Readers, nanoseconds per call",
        Group::Setter => "The statement that sets the organization",
        Group::Reads => "Queries",
        Group::Transactions => "A setter in each transaction",
        Group::Skew => "Prepared statements that were planned for another organization",
        Group::Partitions => "Tables partitioned by organization",
        Group::Partial => "A partial index of one organization",
        Group::Search => "Searches by index, with org_scope.index_search_operators",
        Group::Unrelated => "Tables without a fence",
        Group::Writes => "Writes",
    }
}

/// A group's table.
pub(super) fn lines(results: &Results, group: Group, detail: Detail) -> Lines {
    let outcomes: Vec<&Outcome> = results.outcomes.iter().filter(|o| o.cell.group == group).collect();
    if group == Group::Readers { readers(&outcomes, results) } else { ratios(&outcomes, results, detail) }
}

fn readers(outcomes: &[&Outcome], results: &Results) -> Lines {
    let rows = outcomes.iter().flat_map(|outcome| &outcome.findings).map(|finding| {
        let Interval { middle, low, high } = finding.usual;
        let most = finding.rule.bound.most(results.resolution);
        let most = if most.is_finite() { format!("{most:.0}") } else { String::new() };
        vec![
            finding.rule.who.to_owned(),
            format!("{middle:.1}"),
            format!("{low:.1} to {high:.1}"),
            most,
            mark(finding, results).trim().to_owned(),
        ]
    });
    let head = ["function", "ns", "95 % interval", "at most", ""].map(str::to_owned).to_vec();
    Lines { head, rows: rows.collect() }
}

fn ratios(outcomes: &[&Outcome], results: &Results, detail: Detail) -> Lines {
    let mut names: Vec<&'static str> = Vec::new();
    let mut rules: Vec<&Rule> = Vec::new();
    for cell in outcomes.iter().map(|outcome| &outcome.cell) {
        names.extend(
            cell.contestants.iter().map(|c| c.name).filter(|n| !names.contains(n)).collect::<Vec<_>>(),
        );
        for rule in &cell.rules {
            if !rules.iter().any(|other| same_column(other, rule)) {
                rules.push(rule);
            }
        }
    }
    names.retain(|name| *name != A_AGAIN);
    let places = [A, B_SETS, B, E, FIRST, OFF, C, D, SETTING_OFF, FENCE];
    names.sort_by_key(|name| places.iter().position(|place| place == name));
    // What is not judged is for the report.
    rules.retain(|rule| detail == Detail::Report || rule.bound != Bound::Shown);
    let has_plans = outcomes.iter().any(|outcome| outcome.look.is_some());

    let mut head = vec!["cell".to_owned(), String::new()];
    head.extend(names.iter().map(|name| (*name).to_owned()));
    head.extend(rules.iter().map(|rule| column(rule)));
    head.extend(has_plans.then(|| "plan".to_owned()));
    let row = |outcome: &&Outcome| {
        let Cell { name, org, mode, .. } = &outcome.cell;
        let name = if org.is_empty() { name.clone() } else { format!("{name}, {org}") };
        let mut row = vec![name, mode.to_string()];
        row.extend(names.iter().map(|name| outcome.samples.of(name).map_or_else(String::new, time)));
        for (place, rule) in rules.iter().enumerate() {
            let finding = outcome.findings.iter().find(|finding| same_column(&finding.rule, rule));
            let text = |finding| ratio(finding, results, detail, place == 0);
            let ruled = outcome.cell.rules.iter().any(|own| same_column(own, rule));
            let nothing = || if ruled { OTHER.to_owned() } else { String::new() };
            row.push(finding.map_or_else(nothing, text));
        }
        row.extend(has_plans.then(|| plan(outcome)));
        row
    };
    Lines { head, rows: outcomes.iter().map(row).collect() }
}

/// Rules that say the same of cells with other contestants share a column.
fn same_column(one: &Rule, other: &Rule) -> bool {
    one.who == other.who && one.than == other.than && one.floor == other.floor
}

fn column(rule: &Rule) -> String {
    let mut than = rule.than.join(", ");
    if let Some(floor) = rule.floor {
        than = format!("{than} or {floor}");
    }
    // Nearly all compare the fence with something.
    let who = if rule.who == FENCE { String::new() } else { format!("{} ", rule.who) };
    match rule.bound {
        Bound::Ratio(most) => format!("{who}: {than} ≤ {most}"),
        _ => format!("{who}: {than}"),
    }
}

fn ratio(finding: &Finding, results: &Results, detail: Detail, first: bool) -> String {
    let Interval { middle, low, high } = finding.usual;
    let interval =
        if first || detail == Detail::Report { format!(" {low:.2}–{high:.2}") } else { String::new() };
    let several = finding.rule.than.len() > 1 && detail == Detail::Report;
    let than = if several { format!(" {}", finding.than) } else { String::new() };
    format!("{middle:.2}{than}{interval}{}", mark(finding, results))
}

fn mark(finding: &Finding, results: &Results) -> String {
    match finding.verdict(results.resolution) {
        Verdict::Holds => String::new(),
        Verdict::Doubtful => format!(" {DOUBTFUL}"),
        Verdict::Broken => format!(" {BAD}"),
    }
}

fn plan(outcome: &Outcome) -> String {
    let Some(look) = &outcome.look else { return String::new() };
    match (look.differs, look.ours.generic) {
        (Some(what), _) => format!("{what} {BAD}"),
        (None, None) => "same".to_owned(),
        (None, Some(true)) => "generic".to_owned(),
        (None, Some(false)) => "custom".to_owned(),
    }
}

/// Nanoseconds, in a unit in which they are read easily.
fn time(figures: &[f64]) -> String {
    let nanoseconds = statistics::typical(figures);
    let (figure, unit) = match nanoseconds {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n => (n / 1e6, "ms"),
    };
    let decimals = if figure < 10.0 { 2 } else { usize::from(figure < 100.0) };
    format!("{figure:.decimals$} {unit}")
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Prepared => "prepared",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        for (nanoseconds, shown) in
            [(12.34, "12.3 ns"), (2_345.0, "2.35 µs"), (56_780.0, "56.8 µs"), (234_000_000.0, "234 ms")]
        {
            assert_eq!(time(&[nanoseconds]), shown);
        }
    }
}
