//! The plans beside each other: one line for each node that any of them has, and columns for each organization.

use super::node::{Place, Plan, Rows};
use super::pick::Sample;
use super::{number, percent};
use crate::org::OrgValue;

/// What became of the query for one organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The organization.
    pub org: String,
    /// Its plan, or why there is none.
    pub plan: Result<Plan, String>,
}

/// An estimate that is wrong by so many times is marked.
const FAR: f64 = 10.0;
/// Longer ids are cut in their middle: a table must fit on a screen.
const WIDEST_ORG: usize = 24;
const WIDEST_NODE: usize = 60;

/// A node, and what each plan says of it.
struct Line {
    place: Place,
    rows: Vec<Option<Rows>>,
}

/// The lines of the table. `sample` says what each organization has.
pub fn side_by_side(columns: &[Column], sample: Option<&Sample>) -> Vec<String> {
    let lines = merged(columns);
    let fields: Vec<Vec<String>> =
        columns.iter().enumerate().map(|(n, c)| fields(n, c, &lines, sample)).collect();
    let nodes: Vec<String> =
        HEADS.iter().map(|head| (*head).to_owned()).chain(lines.iter().map(Line::node)).collect();
    let nodes: Vec<String> = nodes.into_iter().chain(FEET.iter().map(|foot| (*foot).to_owned())).collect();
    let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = fields.iter().map(|texts| width(texts)).collect();
    let first = width(&nodes);
    let rule = |joint: &str| {
        let parts = widths.iter().map(|width| "─".repeat(width + 2));
        std::iter::once("─".repeat(first + 1)).chain(parts).collect::<Vec<_>>().join(joint)
    };
    let mut shown = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        if place == HEADS.len() || place == nodes.len() - FEET.len() {
            shown.push(rule("┼"));
        }
        let mut line = format!("{node:first$} ");
        for (texts, width) in fields.iter().zip(&widths) {
            line.push_str(&format!("│ {:>width$} ", texts[place]));
        }
        shown.push(line.trim_end().to_owned());
    }
    shown.extend(remarks(columns, &lines));
    shown
}

const HEADS: [&str; 3] = ["", "", "rows"];
const FEET: [&str; 2] = ["time", "pages"];

impl Line {
    fn node(&self) -> String {
        cut(&format!("{}{}", "  ".repeat(self.place.depth), self.place.label), WIDEST_NODE)
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// One organization's column, from its id to its pages.
fn fields(number_of: usize, column: &Column, lines: &[Line], sample: Option<&Sample>) -> Vec<String> {
    let own = || lines.iter().map(|line| line.rows[number_of]);
    let marks = own().flatten().any(|rows| is_far(&rows));
    let rows: Vec<Option<[String; 2]>> = own().map(|rows| rows.map(|rows| texts(&rows, marks))).collect();
    let widest = |side: usize, head: &str| {
        let texts = rows.iter().flatten().map(|texts| texts[side].chars().count());
        texts.chain([head.chars().count()]).max().unwrap_or_default()
    };
    let [left, right] = [widest(0, "expected"), widest(1, "found")];
    let pair = |[expected, found]: &[String; 2]| format!("{expected:>left$}  {found:>right$}");
    let mut fields = vec![name(&column.org), share(&column.org, sample)];
    fields.push(pair(&["expected".to_owned(), "found".to_owned()]));
    fields.extend(rows.iter().map(|texts| texts.as_ref().map(pair).unwrap_or_default()));
    match &column.plan {
        Ok(plan) => fields.extend([format!("{:.3} ms", plan.milliseconds), number(plan.pages)]),
        Err(_) => fields.extend(["failed".to_owned(), String::new()]),
    }
    fields
}

/// An organization in a heading. A call can name nobody.
fn name(org: &str) -> String {
    let length = org.chars().count();
    match org {
        "" => "(none)".to_owned(),
        _ if length <= WIDEST_ORG => org.to_owned(),
        // Ids that begin alike end otherwise.
        _ => {
            let half = WIDEST_ORG / 2;
            let (begin, end) = (org.chars().take(half - 1), org.chars().skip(length - half));
            begin.chain(['…']).chain(end).collect()
        }
    }
}

fn share(org: &str, sample: Option<&Sample>) -> String {
    let share = sample.and_then(|sample| {
        let org = OrgValue::parse(org)?;
        let share = sample.share(org.stored(sample.family)?.bytes())?;
        Some(format!("{} of {}", percent(share), cut(&sample.table, WIDEST_ORG)))
    });
    share.unwrap_or_default()
}

fn texts(rows: &Rows, marks: bool) -> [String; 2] {
    let found = rows.found.map_or_else(|| "never".to_owned(), number);
    let mark = match (marks, is_far(rows)) {
        (false, _) => "",
        (true, true) => " !",
        (true, false) => "  ",
    };
    [number(rows.expected), format!("{found}{mark}")]
}

fn is_far(rows: &Rows) -> bool {
    // Between none and one row nothing is wrong.
    let (expected, found) = (rows.expected.max(1.0), rows.found.unwrap_or(rows.expected).max(1.0));
    expected > found * FAR && !rows.stopped || found > expected * FAR
}

/// What the table alone doesn't say.
fn remarks(columns: &[Column], lines: &[Line]) -> Vec<String> {
    let mut remarks = Vec::new();
    if lines.iter().flat_map(|line| &line.rows).flatten().any(is_far) {
        remarks.push(format!("!  more than {FAR} times as many rows, or as few, as expected"));
    }
    let planned = columns.iter().filter(|column| column.plan.is_ok()).count();
    if lines.iter().any(|line| line.rows.iter().flatten().count() < planned) {
        remarks.push("The plans differ: a node without numbers is in the others' plans only.".to_owned());
    }
    let cut = columns.iter().map(|column| &column.org).filter(|org| name(org).contains('…'));
    remarks.extend(cut.map(|org| format!("{} is {org}", name(org))));
    let failed = columns.iter().filter_map(|column| Some((&column.org, column.plan.as_ref().err()?)));
    remarks.extend(failed.map(|(org, why)| format!("{} failed: {why}", name(org))));
    remarks
}

/// The nodes of all plans, each plan's in its own order; what two have in common is one line.
fn merged(columns: &[Column]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let Ok(plan) = &column.plan else { continue };
        let mut old = lines.into_iter();
        let mut new = plan.nodes.iter();
        let mut all = Vec::new();
        for (skipped, added) in common(old.as_slice(), &plan.nodes) {
            all.extend(old.by_ref().take(skipped));
            all.extend(new.by_ref().take(added).map(|node| Line::of(node, at, columns.len())));
            if let (Some(mut line), Some((_, rows))) = (old.next(), new.next()) {
                line.rows[at] = Some(*rows);
                all.push(line);
            }
        }
        all.extend(old);
        all.extend(new.map(|node| Line::of(node, at, columns.len())));
        lines = all;
    }
    lines
}

impl Line {
    fn of((place, rows): &(Place, Rows), at: usize, count: usize) -> Self {
        let mut all = vec![None; count];
        all[at] = Some(*rows);
        Self { place: place.clone(), rows: all }
    }
}

/// Plans of so many nodes nobody reads beside each other, and comparing them would take its time.
const MOST_PAIRS: usize = 4_000_000;

/// The longest sequence of nodes that both have: how many lines and how many nodes lie before each.
fn common(lines: &[Line], nodes: &[(Place, Rows)]) -> Vec<(usize, usize)> {
    if lines.len() * nodes.len() > MOST_PAIRS {
        return Vec::new();
    }
    let same = |i: usize, j: usize| lines[i].place == nodes[j].0;
    let wide = nodes.len() + 1;
    // How many nodes the rests from here have in common.
    let mut longest = vec![0_u32; (lines.len() + 1) * wide];
    for i in (0..lines.len()).rev() {
        for j in (0..nodes.len()).rev() {
            longest[i * wide + j] = if same(i, j) {
                longest[(i + 1) * wide + j + 1] + 1
            } else {
                longest[(i + 1) * wide + j].max(longest[i * wide + j + 1])
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j, mut last) = (0, 0, (0, 0));
    while i < lines.len() && j < nodes.len() {
        if same(i, j) {
            pairs.push((i - last.0, j - last.1));
            (i, j) = (i + 1, j + 1);
            last = (i, j);
        } else if longest[(i + 1) * wide + j] >= longest[i * wide + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::org::OrgType;
    use crate::size::Statistics;

    fn plan(nodes: &[(usize, &str, f64, f64)]) -> Plan {
        let nodes = nodes.iter().map(|(depth, label, expected, found)| {
            (
                Place { depth: *depth, label: (*label).to_owned() },
                Rows { expected: *expected, found: Some(*found), stopped: false },
            )
        });
        Plan { nodes: nodes.collect(), milliseconds: 12.3456, pages: 3294.0 }
    }

    fn column(org: &str, plan: Plan) -> Column {
        Column { org: org.to_owned(), plan: Ok(plan) }
    }

    #[test]
    fn equal_plans_share_their_nodes_and_others_lie_between() {
        let big = plan(&[
            (0, "Aggregate", 1.0, 1.0),
            (1, "Hash Join", 8145.0, 45_323.0),
            (2, "Seq Scan on items", 89_960.0, 90_000.0),
        ]);
        let small = plan(&[
            (0, "Aggregate", 1.0, 1.0),
            (1, "Nested Loop", 2.0, 276.0),
            (2, "Index Scan on items", 549.0, 540.0),
        ]);
        let common = [(Box::from(&b"acme"[..]), 0.302)].to_vec();
        let statistics = Statistics { common, none: 0.0, distinct: 301.0, rows: 3e5 };
        let sample = Sample { table: "items".into(), family: OrgType::Text, statistics, rare: None };
        let mut failed = column("x", small.clone());
        failed.plan = Err("22012: division by zero".into());
        let columns = [column("acme", big.clone()), column("twin", big), column("small", small), failed];
        let shown = side_by_side(&columns, Some(&sample));
        assert_eq!(shown[0].split('│').count(), 5, "{}", shown.join("\n"));
        let node = |label: &str| shown.iter().find(|line| line.trim_start().starts_with(label)).expect(label);
        let numbers = |label: &str| -> Vec<String> {
            node(label)
                .split('│')
                .skip(1)
                .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(numbers("Aggregate"), ["1 1", "1 1", "1 1", ""]);
        assert_eq!(numbers("Hash Join"), ["8,145 45,323", "8,145 45,323", "", ""]);
        assert_eq!(numbers("Nested Loop"), ["", "", "2 276 !", ""]);
        assert_eq!(numbers("time"), ["12.346 ms", "12.346 ms", "12.346 ms", "failed"]);
        assert_eq!(numbers("pages"), ["3,294", "3,294", "3,294", ""]);
        assert!(shown[1].contains("30.2 % of items") && shown[1].contains("0.23 % of items"), "{}", shown[1]);
        assert_eq!(shown.last().expect("a line"), "x failed: 22012: division by zero");
        let remarks = shown.join("\n");
        assert!(remarks.contains("The plans differ") && remarks.contains("more than 10 times"), "{remarks}");
    }

    #[test]
    fn what_a_limit_stopped_is_not_off() {
        let stopped = |found| is_far(&Rows { expected: 91_760.0, found: Some(found), stopped: true });
        assert!(!stopped(20.0) && stopped(1e6));
        assert!(is_far(&Rows { expected: 91_760.0, found: Some(20.0), stopped: false }));
        assert!(!is_far(&Rows { expected: 0.0, found: Some(1.0), stopped: false }));
    }

    #[test]
    fn every_column_read_downwards_is_its_own_plan() {
        // Plans over few labels, in every order that these numbers give.
        let labels = ["a", "b", "c"];
        let mut seed = 7_usize;
        let mut below = |limit: usize| {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345) % 2_147_483_648;
            (seed >> 8) % limit
        };
        for _ in 0..300 {
            let columns: Vec<Column> = (0..3)
                .map(|n| {
                    let nodes: Vec<_> = (0..below(8))
                        .map(|k| (below(2), labels[below(3)], (n * 100 + k) as f64, 0.0))
                        .collect();
                    column("o", plan(&nodes))
                })
                .collect();
            let lines = merged(&columns);
            for (at, column) in columns.iter().enumerate() {
                let own: Vec<_> = lines.iter().filter_map(|l| Some((l.place.clone(), l.rows[at]?))).collect();
                assert_eq!(Ok(&own), column.plan.as_ref().map(|plan| &plan.nodes));
            }
            assert!(lines.iter().all(|line| line.rows.iter().flatten().count() > 0));
        }
    }

    #[test]
    fn lines_are_as_wide_as_what_is_in_them() {
        let (long, id) = ("x".repeat(200), "12938a96-648b-4aec-ab59-282e2345cec7");
        let shown = side_by_side(&[column(id, plan(&[(0, &long, 1.0, 1.0)]))], None);
        assert!(shown.iter().all(|line| line.chars().count() < 100), "{shown:#?}");
        assert!(shown[0].contains("│ 12938a96-64…282e2345cec7"), "{shown:#?}");
        assert!(shown.contains(&format!("12938a96-64…282e2345cec7 is {id}")), "{shown:#?}");
        let bars = shown.iter().filter(|line| line.contains('│'));
        let places: Vec<_> = bars.map(|line| line.chars().position(|c| c == '│')).collect();
        assert!(places.windows(2).all(|two| two[0] == two[1]));
        assert!(!shown.join("").contains("differ"));
    }
}
