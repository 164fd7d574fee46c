//! `docs/performance.md`: what was measured, how, and what came out.

use std::fmt::Write as _;

use clap::ValueEnum as _;

use super::cell::{Cell, Group};
use super::look::{Look, Seen};
use super::show::{self, Detail};
use super::stand::{SETTINGS, Stand};
use super::{Outcome, Results};
use crate::table::number;

/// Writes it.
pub(super) fn write(results: &Results, stand: &Stand<'_>, version: &str, quick: bool) -> String {
    let mut text = String::new();
    let mut push = |part: &str| {
        text.push_str(part.trim_end());
        text.push_str("\n\n");
    };
    push("# Performance");
    push(&format!(
        "Written by `cargo xtask bench{}`, which measures all of it again on your machine and \
                   fails where the fence costs more than it may.",
        if quick { " --quick" } else { "" }
    ));
    push(&verdict(results));
    push(&what(stand));
    push(HOW);
    push(&trust(results, stand, version));
    for group in Group::value_variants() {
        push(&section(results, *group));
    }
    push(&plans(results));
    format!("{}\n", text.trim_end())
}

fn verdict(results: &Results) -> String {
    let (cells, broken, plans) = (results.outcomes.len(), results.broken(), results.other_plans());
    if broken == 0 && plans == 0 {
        let open = results.open();
        return format!(
            "None of {cells} cells breaks a rule. Of {} comparisons {open} stay open: their interval holds the bound.",
            results.family.comparisons
        );
    }
    format!("**Of {cells} cells {broken} break a rule (✗), and {plans} have another plan than their twin.**")
}

fn what(stand: &Stand<'_>) -> String {
    let shares: Vec<String> =
        stand.facts.orgs.iter().map(|org| format!("{} ({:.2} % of the rows)", org.name, org.share)).collect();
    format!(
        "## What is compared\n\n\
         One server, one database for each way of keeping {} organizations apart, all copied from one, so that they have \
         the same {} rows in the same places and the same statistics.\n\n\
         | | |\n|---|---|\n\
         | A | no row security, the statement says `org_id = '…'` |\n\
         | B | no row security, the statement says `org_id = $1` (prepared statements only) |\n\
         | E | as A or, prepared, as B, under a policy that lets everything pass (`USING (true) WITH CHECK (org_id >= least uuid)`): what PostgreSQL itself takes for row security |\n\
         | C | a policy `org_id = current_setting('app.org')::uuid` |\n\
         | D | a policy `org_id = (SELECT current_setting('app.org')::uuid)` |\n\
         | org_scope | the fence as `protect` leaves it |\n\
         | A again | A in a second copy: what the instrument takes for a difference where there is none |\n\n\
         Organizations: {}. *simple* statements travel as text and are planned each time; *prepared* ones are prepared on \
         the protocol's level and executed past the five custom plans, after which the server decides for itself.\n\n\
         | rule | broken (✗) where |\n|---|---|\n\
         | a statement under the fence | takes more than 1.05 × the better of A and B (or than E, where that is more), or more than C or D, or has another plan than A and B |\n\
         | a setter and a statement in one transaction | takes more than 1.1 × B with a `set_config` (or than C, where that is more), or more than C or D |\n\
         | the statement that sets the organization | takes more than 1.1 × `set_config` |\n\
         | a prepared statement that was planned for an organization of another size, or is run for others of one size in turn | takes more than 1.2 × as long as where it was planned for this one, or where sizes are not told apart |\n\
         | a reader | takes more than 10 ns a call |\n\
         | a statement on tables without a fence | takes more than without the extension |\n\n\
         each time beyond the interval of the measurement. `?` marks what lies beyond the plain 95 % interval only. Compared \
         are statements with the same plan (of A and B: also made the same way, for one execution or for all); `≠` marks \
         those that have another one, which the planner's estimates chose and not the policy.",
        number(super::data::ORGS),
        number(stand.rows),
        shares.join(", ")
    )
}

const HOW: &str = "## How

- In each round every variant does the same turns once, in shuffled order, so that whatever else the machine does meets
  all of them alike. Only what happened in the same round is compared.
- A turn's figure is the processor time of the server's process, not the time that a client waits: below a
  millisecond the client's own wake-ups are most of what its clock shows. Statements are pipelined.
- Short statements get a new session in each round: how a process's memory happens to lie makes it some percent faster or
  slower for its whole life. Statements of more than 4 ms keep theirs.
- The ratio is the Hodges–Lehmann centre of the rounds' ratios, the interval that of Wilcoxon's signed-rank test: no
  assumption about the noise but that it strikes both alike. A cell ends when its verdicts can't change any more, or when
  its time is up; one that looks bad gets more time.
- So many comparisons would show something bad by chance. A ✗ therefore needs an interval that is wrong once in twenty
  *runs*, not once in twenty cells (Bonferroni).
- Plans are those of `EXPLAIN (ANALYZE, BUFFERS)` in a session like the measured ones. Same plan means: the same nodes,
  indexes and conditions, the same rows in each node, the same number of blocks (of writes: within 15 %, as they find
  their pages as earlier ones left them). A value counts as a value, whether it is written as a literal, a parameter or a
  policy's call. A prepared statement under the fence has no parameter for the organization where B has one. So its generic
  plan may be that of B (its generic one, whether or not B's own session came to choose it), or that of A, which is generic
  as well where the organization was the only value. For partitioned tables and partial indexes only A's and B's plans as
  they are count. What
  `EXPLAIN` shows with two parallel workers allowed is compared too.
- Everything runs in one process (`max_parallel_workers_per_gather = 0`), as a worker's processor time is not its leader's;
  `jit = off`, as compiling would hide what is compared.
- Writes are rolled back after at most 48 turns, and swept by VACUUM in every database after each cell.";

fn trust(results: &Results, stand: &Stand<'_>, version: &str) -> String {
    let mut text = format!("## Where, and how far to trust it\n\nPostgreSQL {version}, {}.\n\n", machine());
    for line in show::trust(results, stand.server.clock()) {
        writeln!(text, "- {line}").unwrap_or_default();
    }
    writeln!(text, "\n```\nfsync = off\nautovacuum = off\n{}\n```", SETTINGS.join("\n")).unwrap_or_default();
    text
}

/// The processor and how many there are; nothing that names the machine.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("a processor that doesn't say its name", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

fn section(results: &Results, group: Group) -> String {
    let lines = show::lines(results, group, Detail::Report);
    if lines.rows.is_empty() {
        return String::new();
    }
    let mut text = format!("## {}\n\n", show::title(group));
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    writeln!(text, "{}", line(&lines.head)).unwrap_or_default();
    writeln!(text, "|{}", "---|".repeat(lines.head.len())).unwrap_or_default();
    for row in &lines.rows {
        writeln!(text, "{}", line(row)).unwrap_or_default();
    }
    text
}

fn plans(results: &Results) -> String {
    let mut text = "## Plans side by side\n\nOf the big organization's queries, of partitioned tables, and \
                    wherever they differ. `?` stands for a value.\n\n"
        .to_owned();
    let worth = |outcome: &&Outcome| {
        let Cell { group, org, .. } = &outcome.cell;
        let other = outcome.other_plan().is_some();
        other || org == "big" && *group == Group::Reads || matches!(group, Group::Partitions | Group::Partial)
    };
    for outcome in results.outcomes.iter().filter(worth) {
        let Some(look) = &outcome.look else { continue };
        let Cell { name, org, mode, .. } = &outcome.cell;
        let other = look.differs.map_or_else(String::new, |what| format!(": another {what} ✗"));
        writeln!(text, "{name}, {org}, {mode}{other}\n\n```text\n{}\n\n{}```\n", look.sql, beside(look))
            .unwrap_or_default();
    }
    text
}

/// The two plans in two columns.
fn beside(look: &Look) -> String {
    let side = |seen: &Seen| {
        let kind = match seen.generic {
            None => "",
            Some(true) => " (generic plan)",
            Some(false) => " (custom plan)",
        };
        let head = format!("{}{kind}", seen.name);
        std::iter::once(head).chain(seen.plan.text().lines().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (left, right) = (side(&look.twin), side(&look.ours));
    let width = left.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let empty = String::new();
    let mut text = String::new();
    for place in 0..left.len().max(right.len()) {
        let (one, other) = (left.get(place).unwrap_or(&empty), right.get(place).unwrap_or(&empty));
        let mark = if place == 0 || one == other { " " } else { "≠" };
        let line = format!("{one:width$} {mark} {other}");
        writeln!(text, "{}", line.trim_end()).unwrap_or_default();
    }
    text
}
