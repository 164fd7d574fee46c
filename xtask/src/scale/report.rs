//! What is shown, and what is written into the documentation.

use super::newcomers::{self, Compared};
use super::notebook::{Line, Notebook, STEPS, Step};
use super::place::{Extent, SMALL, Size};
use super::repetition::Steady;
use crate::chapter::Chapter;
use crate::table::number;
use crate::unit::Unit;

/// Everything that was measured.
pub(super) fn chapters(
    notebook: &Notebook,
    steady: &[Steady],
    newcomers: &[Compared],
    all: Extent,
) -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> =
        STEPS.iter().map(|&step| growth(notebook, step, all)).filter(|c| !c.rows.is_empty()).collect();
    if !steady.is_empty() {
        chapters.push(repetitions(steady));
    }
    chapters.push(ddl(newcomers));
    chapters
}

fn growth(notebook: &Notebook, step: Step, all: Extent) -> Chapter {
    let (little, much, title) = match (step.little, step.much) {
        (_, Size::Crowded) => (SMALL.orgs, all.orgs, "organizations"),
        (Size::Middle, _) => (all.tables / 10, all.tables, "tables, what is told by the table"),
        _ => (SMALL.tables, all.tables, "tables"),
    };
    let (little, much) = (number(little), number(much));
    let lines = notebook.lines(step);
    Chapter {
        title: format!("From {little} to {much} {title}"),
        head: ["", &little, &much, &format!("by hand: {little}"), &much, "grows more than by hand by", ""]
            .map(str::to_owned)
            .to_vec(),
        failing: lines
            .iter()
            .filter(|l| l.verdict.grows)
            .map(|l| format!("{} grows more than by hand ({much} {title})", l.what))
            .collect(),
        rows: lines.iter().map(row).collect(),
    }
}

fn row(line: &Line<'_>) -> Vec<String> {
    let show = |value| line.unit.show(value);
    let excess = line.verdict.excess;
    let typical = line.verdict.typical.map(show);
    let between = format!("{} ({} … {})", show(excess.middle), show(excess.low), show(excess.high));
    let mark = if line.verdict.grows { "✗ grows" } else { "" };
    [vec![line.what.to_owned()], typical.to_vec(), vec![between, mark.to_owned()]].concat()
}

fn repetitions(steady: &[Steady]) -> Chapter {
    let show = |[contexts, private]: [f64; 2]| {
        format!("{} + {}", Unit::Memory.show(contexts), Unit::Memory.show(private))
    };
    let mark = |s: &Steady| if s.grows() { "✗ grows" } else { "" };
    Chapter {
        title: "A session that does the same again and again grows by (memory contexts + private memory)"
            .into(),
        head: ["", "org_scope", "by hand", ""].map(str::to_owned).to_vec(),
        failing: steady
            .iter()
            .filter(|s| s.grows())
            .map(|s| format!("a session grows with {}", s.what))
            .collect(),
        rows: steady
            .iter()
            .map(|s| {
                vec![
                    format!("{} {}", number(s.times), s.what),
                    show(s.ours),
                    show(s.theirs),
                    mark(s).to_owned(),
                ]
            })
            .collect(),
    }
}

fn ddl(newcomers: &[Compared]) -> Chapter {
    let head = ["", "org_scope", "without, or by hand", "takes more by", ""];
    Chapter {
        title:
            "A statement of 1,000: with another schema watched and without the extension, or fenced by the \
                schema's watch and by hand"
                .into(),
        head: head.map(str::to_owned).to_vec(),
        failing: newcomers
            .iter()
            .filter(|c| c.slows())
            .map(|c| format!("{} is slower beside the extension", c.what))
            .collect(),
        rows: newcomers.iter().map(newcomers::cells).collect(),
    }
}

/// The chapters as a page of the documentation.
pub(super) fn page(chapters: &[Chapter], all: Extent, version: &str, clock: &str) -> String {
    let mut page = format!(
        "# Many tables, many organizations\n\n\
         {tables} protected tables and {orgs} organizations in one database: what a session costs and what the\n\
         next migration costs doesn't grow with either, beyond what PostgreSQL's own catalogs cost.\n\n\
         `cargo xtask scale --record` measures this and writes this page; it fails where something grows, or where\n\
         DDL that is none of the extension's concern is slower beside it. Each row of the first chapters compares a\n\
         small database with a big one, and both with the same tables fenced by hand: row security enabled and forced,\n\
         a restrictive and a permissive policy, a TRUNCATE trigger, an index, a default, and a table that is asked who\n\
         may set an organization. What grows there too is the catalogs' part. The last column is the rest, with the\n\
         interval that misses it once in twenty times; a row fails where all of that interval is above a tenth of what\n\
         the thing costs.\n\n\
         Times are {clock}. PostgreSQL {version}, release build, preloaded; the measured sessions have enable_seqscan = off on both sides, so that all tables are read by their index.\n",
        tables = number(all.tables),
        orgs = number(all.orgs),
    );
    for chapter in chapters {
        page.push_str(&chapter.markdown());
    }
    page
}
