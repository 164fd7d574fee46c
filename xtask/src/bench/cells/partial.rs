//! An index of one organization's rows alone, which only a plan that knows the organization may use.

use super::super::cell::{Cell, Group, Mode, Rule, contestants};
use super::super::stand::Stand;
use super::super::statement::Value;
use super::MODES;

const QUERY: &str =
    "SELECT id, rank FROM tickets WHERE rank >= {1} AND {mine tickets} ORDER BY rank DESC LIMIT 20";

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let [big, ..] = &stand.facts.orgs;
    let cell = |mode| {
        let values = |turn| vec![Value::Number(90_000 + (turn % 100) as i64)];
        let mut contestants = contestants(QUERY, big, mode, values);
        if mode == Mode::Prepared {
            // A plan for each call, which is what knows its parameters.
            for contestant in &mut contestants {
                contestant.session.push("SET plan_cache_mode = force_custom_plan".into());
            }
        }
        let how = if mode == Mode::Simple { "one-shot plan" } else { "custom plan" };
        Cell {
            group: Group::Partial,
            name: format!("top 20 by a partial index, {how}"),
            org: big.name.to_owned(),
            mode,
            contestants,
            rules: Rule::usual(),
            plans: true,
            alike: None,
            writes: None,
        }
    };
    MODES.into_iter().map(cell).collect()
}
