//! Queries, each for a big, a middle and a small organization.

use super::super::cell::{Cell, Group, Rule, contestants};
use super::super::data::{Facts, Org};
use super::super::stand::Stand;
use super::super::statement::Value;
use super::MODES;

type Values = fn(&Facts, &Org, usize) -> Vec<Value>;

const QUERIES: [(&str, &str, Values); 7] = [
    (
        "primary key",
        "SELECT at, amount, status FROM items WHERE id = {1} AND {mine items}",
        |_, org, turn| vec![org.item(turn)],
    ),
    ("top 50", "SELECT id, at, amount FROM items WHERE {mine items} ORDER BY at DESC LIMIT 50", |_, _, _| {
        Vec::new()
    }),
    ("count", "SELECT count(*) FROM items WHERE {mine items}", |_, _, _| Vec::new()),
    (
        "range",
        "SELECT id, at, amount FROM items WHERE at >= {1} AND at < {2} AND {mine items} ORDER BY at",
        |facts, _, turn| facts.day(turn),
    ),
    ("filtered sum", "SELECT sum(amount) FROM items WHERE status = 3 AND {mine items}", |_, _, _| Vec::new()),
    (
        "join",
        "SELECT count(*), sum(i.amount) FROM items AS i JOIN orders AS o ON o.id = i.order_id \
         WHERE o.total > 512 AND i.at >= {1} AND i.at < {2} AND {mine i} AND {mine o}",
        |facts, _, turn| facts.quarter(turn),
    ),
    (
        "by day",
        "SELECT date_trunc('day', at) AS day, count(*), sum(amount) FROM items \
         WHERE at >= {1} AND at < {2} AND {mine items} GROUP BY day ORDER BY day",
        |facts, _, turn| facts.quarter(turn),
    ),
];

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (name, template, values) in QUERIES {
        for org in &stand.facts.orgs {
            for mode in MODES {
                let (facts, whose) = (stand.facts.clone(), org.clone());
                cells.push(Cell {
                    group: Group::Reads,
                    name: name.to_owned(),
                    org: org.name.to_owned(),
                    mode,
                    contestants: contestants(template, org, mode, move |turn| values(&facts, &whose, turn)),
                    rules: Rule::usual(),
                    plans: true,
                    alike: None,
                    writes: None,
                });
            }
        }
    }
    cells
}
