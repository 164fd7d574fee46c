//! Writes, rolled back after each batch.

use super::super::cell::{Cell, Group, Rule, contestants};
use super::super::data::{Facts, Org};
use super::super::stand::Stand;
use super::super::statement::Value;
use super::MODES;

type Values = fn(&Facts, &Org, usize) -> Vec<Value>;

const ONE: Values = |_, org, turn| vec![org.item(turn)];

const STATEMENTS: [(&str, &str, Values); 5] = [
    (
        "insert",
        "INSERT INTO items (org_id, order_id, at, amount, status) VALUES ({org}, {1}, '2026-01-01 00:00:00+00', 5, 1)",
        ONE,
    ),
    ("update", "UPDATE items SET amount = amount + 1 WHERE id = {1} AND {mine items}", ONE),
    (
        "update of a day",
        "UPDATE items SET amount = amount + 1 WHERE at >= {1} AND at < {2} AND {mine items}",
        |facts, _, turn| facts.day(turn),
    ),
    (
        "upsert",
        "INSERT INTO items (id, org_id, order_id, at, amount, status) \
         VALUES ({1}, {org}, 1, '2026-01-01 00:00:00+00', 5, 1) \
         ON CONFLICT (id) DO UPDATE SET amount = excluded.amount WHERE {mine items}",
        ONE,
    ),
    ("delete", "DELETE FROM items WHERE id = {1} AND {mine items}", ONE),
];

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (name, template, values) in STATEMENTS {
        for org in &stand.facts.orgs {
            for mode in MODES {
                let (facts, whose) = (stand.facts.clone(), org.clone());
                let mut contestants =
                    contestants(template, org, mode, move |turn| values(&facts, &whose, turn));
                for contestant in &mut contestants {
                    contestant.around = Some(["BEGIN", "ROLLBACK"]);
                }
                cells.push(Cell {
                    group: Group::Writes,
                    name: name.to_owned(),
                    org: org.name.to_owned(),
                    mode,
                    contestants,
                    rules: Rule::usual(),
                    plans: true,
                    alike: None,
                    writes: Some("items"),
                });
            }
        }
    }
    cells
}
