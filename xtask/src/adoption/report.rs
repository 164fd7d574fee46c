//! What is shown, and what is written into the documentation.

use std::time::Duration;

use super::fill::{self, Filled, Filler, Ratios};
use super::phases::{self, Seen, Step};
use super::reading::Answered;
use super::variant::Variant;
use crate::chapter::Chapter;
use crate::statistics::{Interval, typical};
use crate::table::number;
use crate::unit::Unit;

/// How fast both fill so many rows.
pub(super) fn rate(filled: &[Filled], rows: usize) -> Chapter {
    let row = |words: &str, what: fn(&Filled) -> Duration| {
        let each = |filler| {
            let seconds = typical(&fill::times(filled, filler, what));
            number((rows as f64 / seconds) as usize)
        };
        let Ratios { middle, least, most } = fill::ratios(filled, what);
        vec![
            words.to_owned(),
            each(Filler::Backfill),
            each(Filler::Update),
            format!("{middle:.2} ({least:.2} … {most:.2})"),
        ]
    };
    Chapter {
        title: format!("Rows per second: backfill of {} rows, and one plain UPDATE of them", number(rows)),
        head: head(&["", "backfill", "UPDATE", "backfill by UPDATE"]),
        rows: vec![
            row("in a second that passes", |filled| filled.passed),
            row("in a second of the server process's work", |filled| filled.worked),
        ],
        failing: failing(
            fill::is_slow(filled),
            "backfill fills less than half of what one UPDATE fills in the same time",
        ),
    }
}

/// What the writer waited for meanwhile.
pub(super) fn waits(filled: &[Filled]) -> Chapter {
    let row = |filled: &Filled| {
        let missed = filled.filler == Filler::Backfill && filled.holds_up();
        vec![
            filled.filler.words().to_owned(),
            number(filled.batches),
            time(filled.longest_batch),
            number(filled.live.writes),
            number(filled.live.met),
            time(filled.live.longest),
            number(filled.aside.met),
            time(filled.aside.longest),
            mark(missed),
        ]
    };
    Chapter {
        title: "The writer beside it: one row a statement, all the time".into(),
        head: head(&[
            "",
            "batches",
            "longest",
            "writes",
            "> 10 ms",
            "longest",
            "aside: > 10 ms",
            "longest",
            "",
        ]),
        rows: filled.iter().map(row).collect(),
        failing: failing(
            fill::is_holding_up(filled),
            "a writer is held up for longer than the longest batch takes",
        ),
    }
}

/// What each call holds up.
pub(super) fn phases(seen: &[Seen], rows: usize) -> Chapter {
    let row = |step: Step| {
        let of: Vec<&Seen> = seen.iter().filter(|seen| seen.step == step).collect();
        let span = |what: &dyn Fn(&Seen) -> Duration| {
            let all = of.iter().map(|seen| what(seen));
            let (least, most) = (all.clone().min().unwrap_or_default(), all.max().unwrap_or_default());
            if of.len() == 1 { time(least) } else { format!("{} … {}", time(least), time(most)) }
        };
        let missed = step == Step::Enforced && phases::is_missed(seen);
        vec![
            step.words().to_owned(),
            span(&|seen| seen.passed),
            number(of.iter().map(|seen| seen.held.times).max().unwrap_or_default()),
            span(&|seen| seen.held.at_least),
            span(&|seen| seen.held.at_most),
            span(&|seen| seen.live.longest),
            span(&|seen| seen.aside.longest),
            mark(missed),
        ]
    };
    Chapter {
        title: format!("From phase to phase with {} rows and a writer", number(rows)),
        head: head(&[
            "",
            "takes",
            "locked, seen",
            "longest: at least",
            "at most",
            "longest write",
            "aside",
            "",
        ]),
        rows: Step::ALL.into_iter().map(row).collect(),
        failing: failing(
            phases::is_missed(seen),
            "advance to enforced locks the table against everybody for more than 100 ms",
        ),
    }
}

/// What the fallback costs.
pub(super) fn reading(answered: &[Answered], rows: usize) -> Chapter {
    let mut lines = Vec::new();
    for answered in answered {
        for variant in [0, 50, 100].map(Variant::Fallback) {
            let by = |than| answered.ratio(variant, than).map_or_else(String::new, spread);
            let show = |variant| Unit::Time.show(answered.typical(variant));
            lines.push(vec![
                answered.what.to_owned(),
                answered.org.to_owned(),
                variant.words(),
                show(variant),
                show(Variant::Strict),
                show(Variant::Hand),
                by(Variant::Strict),
                by(Variant::Hand),
            ]);
        }
    }
    Chapter {
        title: format!("Reading {} rows in the phase fallback", number(rows)),
        head: head(&["", "organization", "", "takes", "strict", "by hand", "× strict", "× by hand"]),
        rows: lines,
        failing: Vec::new(),
    }
}

/// By which plans.
pub(super) fn plans(answered: &[Answered]) -> Chapter {
    let of = |answered: &Answered| {
        let line = |(who, plan)| vec![answered.what.to_owned(), answered.org.to_owned(), who, plan];
        answered.plans().into_iter().map(line).collect::<Vec<_>>()
    };
    Chapter {
        title: "Their plans, without the look for the organization's accounts".into(),
        head: head(&["", "organization", "", "nodes, from the top"]),
        rows: answered.iter().flat_map(of).collect(),
        failing: Vec::new(),
    }
}

/// The chapters as a page of the documentation.
pub(super) fn page(chapters: &[Chapter], version: &str, clock: &str) -> String {
    let mut page = INTRODUCTION.to_owned();
    for (chapter, said) in chapters.iter().zip(SAID) {
        page.push_str(&chapter.markdown());
        page.push_str(&format!("\n{said}\n"));
    }
    page.push_str(&format!(
        "\n## How it was measured\n\nPostgreSQL {version}, release build, preloaded, without fsync and autovacuum. Where work \
         and reading are measured, times are {clock}; what passes and what is waited for is told by the wall's \
         clock. Everything that is compared takes turns, in an order that chance makes anew; intervals are those that \
         miss the truth once in twenty times.\n"
    ));
    page
}

const INTRODUCTION: &str = "# What an adoption costs while it lasts\n\n\
    `cargo xtask adoption --record` measures this and writes this page. It fails where `backfill` fills less than half of \
    the rows\nthat one plain UPDATE fills in the same time, where a writer waits for longer than the longest batch takes, \
    and where\n`advance` to enforced locks the table against everybody for more than 100 ms at once.\n\n\
    The table is the chat inbox's `messages`: its primary key, an index on its conversation, and the two that an \
    adoption\nneeds. A lookup on 5,000 users tells whose a message is.\n";

/// What stands below each chapter.
const SAID: [&str; 5] = [
    "Both fill copies of the same table with the same indexes; the UPDATE's copy has none of the triggers that an adoption \
     brings. The last column is the middle of three pairs, with the smallest and the largest. The target is missed where \
     it lies below a half by both clocks.",
    "A writer changes and inserts one row after the other, by turns anywhere and just where the backfill is, and does the \
     same in a table that nobody fills (aside): what takes long there is the machine. Who meets a row of the batch that is being \
     filled waits for its commit. The target is missed where the longest write took longer than the longest batch and \
     the longest write in the other table together. One UPDATE holds up whoever meets one of its rows until its end.",
    "ACCESS EXCLUSIVE is seen from another session that asks `pg_locks` all the time: a lock was held at least from the first \
     look that saw it to the last, and at most from the last look before to the first one after; where none saw it, the \
     longest time between two looks is the bound. The smallest and the largest of the ways that were gone through. The \
     target is missed where the bound lies above 100 ms in every way. Counting, VALIDATE and the building of indexes \
     happen under locks that let writers go on.",
    "Rows without an organization are found by their account, so each table's fence has two arms. An ordered page that an \
     index gives under the strict fence is sorted from all of the organization's rows until the fallback ends: that is \
     what costs a big organization. That all rows are filled \
     doesn't help by itself: the fence loses its second arm with `advance` to enforced. So let `backfill` run to its end \
     before `advance` to fallback where the pages of the biggest must be fast: then the next `advance` can follow as \
     soon as every version of the application says who it is.",
    "Each table has an index on (organization_id, created_at), and the statistics of VACUUM ANALYZE.",
];

fn head(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn failing(missed: bool, what: &str) -> Vec<String> {
    if missed { vec![what.to_owned()] } else { Vec::new() }
}

fn mark(missed: bool) -> String {
    if missed { "✗".to_owned() } else { String::new() }
}

fn time(time: Duration) -> String {
    Unit::Time.show(time.as_nanos() as f64)
}

fn spread(Interval { middle, low, high }: Interval) -> String {
    format!("{middle:.2} ({low:.2} … {high:.2})")
}
