//! Plans in a form in which two of them can be compared, and shown side by side.

use std::fmt::Write as _;

use serde_json::Value;

/// A plan: its nodes, from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The nodes' lines, indented: kind, table, index, conditions.
    pub(crate) lines: Vec<String>,
    /// The nodes alone, without those that only compute a value beforehand.
    pub(crate) bones: Vec<String>,
    /// What it really did: the nodes' rows and loops.
    pub(crate) rows: Vec<String>,
    /// Blocks that it looked at, wherever they were.
    pub(crate) buffers: u64,
}

/// What a policy writes where a query has the organization's id, as EXPLAIN shows it. The type's readers, the
/// setting, and the setting as a sub-select's result in PostgreSQL 17 and later.
const ORGS: [&str; 5] = [
    "org_scope.fence_org_uuid()",
    "(current_setting('app.org'::text))::uuid",
    "(InitPlan 1).col1",
    "(InitPlan 2).col1",
    "(InitPlan 3).col1",
];

/// What makes a node the node that it is.
const FACTS: [(&str, &str); 5] = [
    ("Join Type", ""),
    ("Strategy", ""),
    ("Operation", ""),
    ("Index Name", "using "),
    ("Relation Name", "on "),
];
const LISTS: [&str; 3] = ["Sort Key", "Group Key", "Presorted Key"];
// Not "Conflict Filter": the hand-written upsert passes over a row of another organization, row security refuses
// it, and EXPLAIN shows only the former.
const CONDITIONS: [&str; 7] =
    ["Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter", "One-Time Filter"];
const COUNTS: [&str; 2] = ["Subplans Removed", "Heap Fetches"];

impl Plan {
    /// Reads what EXPLAIN (FORMAT JSON) says.
    pub(crate) fn read(explained: &Value) -> Self {
        let mut plan = Self { lines: Vec::new(), bones: Vec::new(), rows: Vec::new(), buffers: 0 };
        let top = &explained[0]["Plan"];
        plan.buffers =
            ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|key| top[key].as_u64()).sum();
        plan.add(top, 0);
        plan
    }

    fn add(&mut self, node: &Value, depth: usize) {
        let indent = "  ".repeat(depth);
        let mut line = format!("{indent}{}", node["Node Type"].as_str().unwrap_or("?"));
        for (key, word) in FACTS {
            if let Some(fact) = node[key].as_str() {
                write!(line, " {word}{fact}").unwrap_or_default();
            }
        }
        if node["Scan Direction"] == "Backward" {
            line.push_str(" backward");
        }
        if let Some(name) = node["Subplan Name"].as_str() {
            write!(line, " as {name}").unwrap_or_default();
        }
        if !(node["Parent Relationship"] == "InitPlan" && node["Node Type"] == "Result") {
            self.bones.push(line.clone());
        }
        self.lines.push(line);
        for key in LISTS {
            if let Some(list) = node[key].as_array() {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                self.lines.push(format!("{indent}    {key}: {}", normal(&list.join(", "))));
            }
        }
        for key in CONDITIONS {
            if let Some(condition) = node[key].as_str() {
                self.lines.push(format!("{indent}    {key}: {}", arms(condition)));
            }
        }
        for key in COUNTS {
            if let Some(count) = node[key].as_u64().filter(|count| *count > 0) {
                self.lines.push(format!("{indent}    {key}: {count}"));
            }
        }
        let figure = |key: &str| if node[key].is_null() { String::new() } else { node[key].to_string() };
        self.rows.push(["Actual Rows", "Actual Loops", "Rows Removed by Filter"].map(figure).join(" × "));
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.add(child, depth + 1);
        }
    }

    /// What distinguishes it from another; nothing where it is the same plan that did the same work. Writes find
    /// their pages as earlier ones left them, so there the blocks may differ by so many in a hundred.
    pub(crate) fn differs(&self, other: &Self, slack: u64) -> Option<&'static str> {
        if self.lines != other.lines {
            return Some("shape");
        }
        if self.rows != other.rows {
            return Some("rows");
        }
        let most = self.buffers.max(other.buffers);
        (self.buffers.abs_diff(other.buffers) * 100 > most * slack).then_some("buffers")
    }

    /// All of it, for people.
    pub(crate) fn text(&self) -> String {
        let mut rows = self.rows.iter();
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line);
            // Conditions stand deeper than their node by four blanks, nodes by two, and have a colon.
            if !line.contains(": ") {
                let did = rows.next().map(String::as_str).unwrap_or_default();
                let did: Vec<&str> = did.split(" × ").collect();
                if let [rows, loops, removed] = did[..]
                    && !rows.is_empty()
                {
                    write!(text, "  rows={rows}").unwrap_or_default();
                    if loops != "1" {
                        write!(text, " loops={loops}").unwrap_or_default();
                    }
                    if !removed.is_empty() {
                        write!(text, " removed={removed}").unwrap_or_default();
                    }
                }
            }
            text.push('\n');
        }
        if self.buffers > 0 {
            writeln!(text, "blocks={}", self.buffers).unwrap_or_default();
        }
        text
    }
}

/// The arms of a condition in an order of their own: a policy's come first, a WHERE's where its author wrote
/// them. An arm that comes twice is evaluated twice, and stays twice.
fn arms(condition: &str) -> String {
    let normal = normal(condition);
    let inner = normal.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(&normal);
    let (mut arms, mut depth, mut begin) = (Vec::new(), 0i32, 0);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b' ' if depth == 0 && inner[at..].starts_with(" AND ") => {
                arms.push(&inner[begin..at]);
                begin = at + " AND ".len();
            }
            _ => {}
        }
    }
    if arms.is_empty() || depth != 0 {
        return normal;
    }
    arms.push(&inner[begin..]);
    arms.sort_unstable();
    arms.join(" AND ")
}

/// The text with `?` for every value, whoever writes it and however: a literal, a parameter, a policy's call.
fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for org in ORGS {
        text = text.replace(org, "?");
    }
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let in_word = out.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'"');
        match bytes[at] {
            b'\'' => {
                at += 1 + text[at + 1..].find('\'').unwrap_or(bytes.len() - at - 1) + 1;
                at += cast(&text[at.min(bytes.len())..]);
                out.push('?');
            }
            b'$' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                at += 1 + digits(&bytes[at + 1..]);
                out.push('?');
            }
            digit if digit.is_ascii_digit() && !in_word => {
                at += digits(&bytes[at..]);
                out.push('?');
            }
            _ => {
                let length = text[at..].chars().next().map_or(1, char::len_utf8);
                out.push_str(&text[at..at + length]);
                at += length;
            }
        }
    }
    // A policy's value stands in parentheses where it was a sub-select or a cast.
    out.replace("(?)", "?")
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// How long the cast at the text's begin is: `::bigint`, `::timestamp with time zone`.
fn cast(text: &str) -> usize {
    let Some(name) = text.strip_prefix("::") else { return 0 };
    let word = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let zone = [" with time zone", " without time zone"].iter().find(|zone| name[word..].starts_with(**zone));
    2 + word + zone.map_or(0, |zone| zone.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_a_value_however_it_is_written() {
        for text in [
            "(org_id = 'd448b959-0000-0000-0000-000000000001'::uuid)",
            "(org_id = $2)",
            "(org_id = $0)",
            "(org_id = org_scope.fence_org_uuid())",
            "(org_id = (current_setting('app.org'::text))::uuid)",
            "(org_id = (InitPlan 1).col1)",
        ] {
            assert_eq!(normal(text), "(org_id = ?)", "{text}");
        }
        assert_eq!(normal("(at >= '2024-02-01 00:00:00+00'::timestamp with time zone)"), "(at >= ?)");
        assert_eq!(normal("(hash64_12.id = '5'::bigint)"), "(hash64_12.id = ?)");
    }

    #[test]
    fn arms_have_no_order_but_a_number() {
        let written = arms("((id = 5) AND (org_id = 'x'::uuid))");
        assert_eq!(written, arms("((org_id = org_scope.fence_org_uuid()) AND (id = $1))"));
        assert_ne!(written, arms("((id = 5) AND (org_id = 'x'::uuid) AND (org_id = 'x'::uuid))"));
        assert_eq!(arms("((a = 1) OR (b = 2))"), "((a = ?) OR (b = ?))");
    }

    fn scan(index: &str, condition: &str, rows: u64, blocks: u64) -> Plan {
        Plan::read(&json!([{"Plan": {
            "Node Type": "Index Scan", "Index Name": index, "Relation Name": "items", "Index Cond": condition,
            "Actual Rows": rows, "Actual Loops": 1, "Shared Hit Blocks": blocks, "Shared Read Blocks": 1,
        }}]))
    }

    #[test]
    fn plans_differ_by_index_condition_rows_and_blocks() {
        let literal = scan("items_pkey", "(org_id = 'x'::uuid)", 5, 99);
        let ours = |index, rows, blocks| scan(index, "(org_id = org_scope.fence_org_uuid())", rows, blocks);
        assert_eq!(ours("items_pkey", 5, 99).differs(&literal, 0), None);
        assert_eq!(ours("another", 5, 99).differs(&literal, 0), Some("shape"));
        assert_eq!(ours("items_pkey", 6, 99).differs(&literal, 0), Some("rows"));
        assert_eq!(ours("items_pkey", 5, 100).differs(&literal, 0), Some("buffers"));
        assert_eq!(ours("items_pkey", 5, 100).differs(&literal, 5), None);
        assert!(
            literal
                .text()
                .contains("Index Scan using items_pkey on items  rows=5\n    Index Cond: (org_id = ?)")
        );
        assert!(literal.text().ends_with("blocks=100\n"));
    }

    #[test]
    fn a_sub_select_is_another_shape() {
        let with = json!([{"Plan": {"Node Type": "Result", "Plans": [
            {"Node Type": "Result", "Subplan Name": "InitPlan 1 (returns $0)"}]}}]);
        let without = json!([{"Plan": {"Node Type": "Result"}}]);
        assert_eq!(Plan::read(&with).differs(&Plan::read(&without), 0), Some("shape"));
    }
}
