//! What a call costs that a policy makes for each row.
//!
//! A statement without parameters is prepared, whose plan is the generic one, so nothing is folded and each row
//! makes a call. What a constant in its place costs is taken off.

use super::super::backend::Message;
use super::super::cell::{Bound, Cell, Contestant, Group, Mode, Rule};
use super::super::data::NOTES;
use super::super::stand::{FENCED, Stand};

/// What is taken off.
pub(in super::super) const CONSTANT: &str = "a constant";

/// Each with its expression, and whether it must be fast.
const READERS: [(&str, &str, bool); 8] = [
    ("fence_org_uuid()", "org_scope.fence_org_uuid()", true),
    ("fence_org()", "org_scope.fence_org()", true),
    ("current_org_uuid()", "org_scope.current_org_uuid()", true),
    ("current_org()", "org_scope.current_org()", true),
    ("current_setting()", "current_setting('app.org')", false),
    ("current_setting()::uuid", "current_setting('app.org')::uuid", false),
    ("fence_org_bigint()", "org_scope.fence_org_bigint()", true),
    ("current_org_bigint()", "org_scope.current_org_bigint()", true),
];

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let [big, ..] = &stand.facts.orgs;
    vec![cell("uuid and text", &big.id, &READERS[..6]), cell("bigint", "42", &READERS[6..])]
}

fn cell(name: &str, org: &str, readers: &[(&'static str, &str, bool)]) -> Cell {
    let contestant = |(name, expression): (&'static str, &str)| Contestant {
        name,
        database: FENCED,
        session: vec![
            format!("SELECT org_scope.set_current_org('{org}')"),
            format!("SELECT pg_catalog.set_config('app.org', '{org}', false)"),
        ],
        statements: vec![(format!("SELECT count({expression}) FROM notes"), Vec::new())],
        turn: Box::new(|_| vec![Message::Execute(0, Vec::new())]),
        around: None,
    };
    let all = readers.iter().map(|(name, expression, _)| (*name, *expression));
    let rule = |(name, _, fast): &(&'static str, &str, bool)| {
        let per_call = Bound::PerCall { most: if *fast { 10.0 } else { f64::INFINITY }, calls: NOTES as f64 };
        Rule::new(name, &[CONSTANT], per_call)
    };
    Cell {
        group: Group::Readers,
        name: name.to_owned(),
        org: String::new(),
        mode: Mode::Prepared,
        contestants: std::iter::once((CONSTANT, "1")).chain(all).map(contestant).collect(),
        rules: readers.iter().map(rule).collect(),
        plans: false,
        alike: None,
        writes: None,
    }
}
