//! A plan as `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` gives it.

use std::fmt;

use serde::Deserialize;

/// What is not the plan of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its plan can't be read")
    }
}

/// How many rows a node was expected to give and gave, in all its executions together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rows {
    pub(super) expected: f64,
    /// None where it was never executed.
    pub(super) found: Option<f64>,
    /// Whether a node above may have wanted no more of them.
    pub(super) stopped: bool,
}

/// A node of a plan: how deep it lies, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) depth: usize,
    pub(super) label: String,
}

/// A plan that was executed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) nodes: Vec<(Place, Rows)>,
    pub(super) milliseconds: f64,
    /// Pages that it looked at, whether they were in memory or not.
    pub(super) pages: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Explained {
    plan: Node,
    #[serde(rename = "Execution Time", default)]
    milliseconds: f64,
}

/// One node, and those below it. What a version of the server doesn't say is empty.
#[derive(Deserialize)]
struct Node {
    #[serde(rename = "Node Type")]
    kind: String,
    #[serde(rename = "Strategy", default)]
    strategy: String,
    #[serde(rename = "Partial Mode", default)]
    partial: String,
    #[serde(rename = "Parallel Aware", default)]
    parallel: bool,
    #[serde(rename = "Join Type", default)]
    join: String,
    #[serde(rename = "Subplan Name", default)]
    subplan: String,
    #[serde(rename = "Index Name", default)]
    index: String,
    #[serde(rename = "Relation Name", default)]
    relation: String,
    #[serde(rename = "CTE Name", default)]
    cte: String,
    #[serde(rename = "Function Name", default)]
    function: String,
    #[serde(rename = "Alias", default)]
    alias: String,
    #[serde(rename = "Scan Direction", default)]
    direction: String,
    #[serde(rename = "Plan Rows")]
    expected: f64,
    #[serde(rename = "Actual Rows", default)]
    found: f64,
    #[serde(rename = "Actual Loops", default)]
    loops: f64,
    #[serde(rename = "Shared Hit Blocks", default)]
    hit: f64,
    #[serde(rename = "Shared Read Blocks", default)]
    read: f64,
    #[serde(rename = "Plans", default)]
    below: Vec<Node>,
}

impl Plan {
    /// Reads it.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn parse(json: &str) -> Result<Self, Unreadable> {
        let explained: Vec<Explained> = serde_json::from_str(json).map_err(|_| Unreadable)?;
        let [Explained { plan, milliseconds }] = explained.try_into().map_err(|_| Unreadable)?;
        let (pages, milliseconds) = (plan.hit + plan.read, milliseconds);
        let mut nodes = Vec::new();
        plan.flatten(0, false, &mut nodes);
        Ok(Self { nodes, milliseconds, pages })
    }
}

impl Node {
    fn flatten(self, depth: usize, stopped: bool, nodes: &mut Vec<(Place, Rows)>) {
        let label = self.label();
        let times = if self.loops > 0.0 { self.loops } else { 1.0 };
        let found = (self.loops > 0.0).then_some(self.found * self.loops);
        nodes.push((Place { depth, label }, Rows { expected: self.expected * times, found, stopped }));
        let stops = stopped || self.kind == "Limit" || matches!(self.join.as_str(), "Semi" | "Anti");
        for below in self.below {
            below.flatten(depth + 1, stops, nodes);
        }
    }

    /// As the text form of EXPLAIN calls it.
    fn label(&self) -> String {
        let mut label = String::new();
        if !self.subplan.is_empty() {
            label.push_str(&format!("{}: ", self.subplan));
        }
        if self.parallel {
            label.push_str("Parallel ");
        }
        if matches!(self.partial.as_str(), "Partial" | "Finalize") {
            label.push_str(&format!("{} ", self.partial));
        }
        label.push_str(&self.kind());
        if self.direction == "Backward" {
            label.push_str(" Backward");
        }
        if !self.index.is_empty() {
            let word = if self.relation.is_empty() { "on" } else { "using" };
            label.push_str(&format!(" {word} {}", self.index));
        }
        let scanned = [&self.relation, &self.cte, &self.function].into_iter().find(|name| !name.is_empty());
        match scanned {
            Some(name) if self.alias.is_empty() || *name == self.alias => {
                label.push_str(&format!(" on {name}"))
            }
            Some(name) => label.push_str(&format!(" on {name} {}", self.alias)),
            None if !self.alias.is_empty() => label.push_str(&format!(" on {}", self.alias)),
            None => {}
        }
        label
    }

    fn kind(&self) -> String {
        match (self.kind.as_str(), self.strategy.as_str(), self.join.as_str()) {
            ("Aggregate", "Sorted", _) => "GroupAggregate".to_owned(),
            ("Aggregate", "Hashed", _) => "HashAggregate".to_owned(),
            ("Aggregate", "Mixed", _) => "MixedAggregate".to_owned(),
            (kind, _, "" | "Inner") => kind.to_owned(),
            ("Nested Loop", _, join) => format!("Nested Loop {join} Join"),
            (kind, _, join) => match kind.strip_suffix(" Join") {
                Some(method) => format!("{method} {join} Join"),
                None => kind.to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(json: &str) -> Vec<String> {
        let plan = Plan::parse(json).expect("a plan");
        plan.nodes
            .into_iter()
            .map(|(place, _)| format!("{}{}", "  ".repeat(place.depth), place.label))
            .collect()
    }

    #[test]
    fn nodes_are_called_as_in_text() {
        let json = r#"[{"Plan": {"Node Type": "Aggregate", "Strategy": "Plain", "Partial Mode": "Finalize", "Plan Rows": 1,
            "Actual Rows": 1, "Actual Loops": 1, "Shared Hit Blocks": 5, "Shared Read Blocks": 2, "Plans": [
              {"Node Type": "Hash Join", "Join Type": "Left", "Plan Rows": 7, "Plans": [
                {"Node Type": "Seq Scan", "Parallel Aware": true, "Relation Name": "items", "Alias": "i", "Plan Rows": 9},
                {"Node Type": "Aggregate", "Strategy": "Hashed", "Plan Rows": 2, "Plans": [
                  {"Node Type": "Index Scan", "Scan Direction": "Backward", "Index Name": "x", "Relation Name": "o",
                   "Alias": "o", "Plan Rows": 3},
                  {"Node Type": "Bitmap Index Scan", "Index Name": "y", "Plan Rows": 3},
                  {"Node Type": "Nested Loop", "Join Type": "Semi", "Plan Rows": 3},
                  {"Node Type": "CTE Scan", "CTE Name": "s", "Alias": "s", "Subplan Name": "InitPlan 1", "Plan Rows": 3}
                ]}]}]}, "Execution Time": 1.5}]"#;
        assert_eq!(
            labels(json),
            [
                "Finalize Aggregate",
                "  Hash Left Join",
                "    Parallel Seq Scan on items i",
                "    HashAggregate",
                "      Index Scan Backward using x on o",
                "      Bitmap Index Scan on y",
                "      Nested Loop Semi Join",
                "      InitPlan 1: CTE Scan on s",
            ]
        );
        let plan = Plan::parse(json).expect("a plan");
        assert!((plan.pages - 7.0).abs() < 1e-9 && (plan.milliseconds - 1.5).abs() < 1e-9);
    }

    #[test]
    fn rows_are_those_of_all_executions() {
        let json = |loops: u32| {
            format!(
                r#"[{{"Plan": {{"Node Type": "Result", "Plan Rows": 2, "Actual Rows": 3, "Actual Loops": {loops}}}}}]"#
            )
        };
        let rows = |loops| Plan::parse(&json(loops)).expect("a plan").nodes[0].1;
        assert_eq!(rows(10), Rows { expected: 20.0, found: Some(30.0), stopped: false });
        assert_eq!(rows(0), Rows { expected: 2.0, found: None, stopped: false });
    }

    #[test]
    fn what_is_no_plan_is_said_to_be_none() {
        for json in
            ["", "[]", "{}", "null", r#"[{"Plan": {"Node Type": 1}}]"#, r#"[{"Plan": {}}, {"Plan": {}}]"#]
        {
            assert_eq!(Plan::parse(json), Err(Unreadable), "{json}");
        }
    }
}
