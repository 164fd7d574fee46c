//! Tables partitioned by organization: one partition must be planned and touched, however many there are.

use super::super::backend::Message;
use super::super::cell::{Cell, Group, Mode, Rule, contestants};
use super::super::data::Partitioned;
use super::super::stand::Stand;
use super::MODES;

/// The tables of a run.
pub(in super::super) fn tables(quick: bool) -> &'static [Partitioned] {
    const TABLES: [Partitioned; 4] = [
        Partitioned { name: "hash64", partitions: 64, hash: true },
        Partitioned { name: "list64", partitions: 64, hash: false },
        Partitioned { name: "hash256", partitions: 256, hash: true },
        Partitioned { name: "hash1024", partitions: 1024, hash: true },
    ];
    if quick { &TABLES[..2] } else { &TABLES }
}

/// The statements, written for each of the tables.
const STATEMENTS: [(&str, [&str; 4]); 2] = [
    (
        "row",
        [
            "SELECT amount FROM hash64 WHERE id = {1} AND {mine hash64}",
            "SELECT amount FROM list64 WHERE id = {1} AND {mine list64}",
            "SELECT amount FROM hash256 WHERE id = {1} AND {mine hash256}",
            "SELECT amount FROM hash1024 WHERE id = {1} AND {mine hash1024}",
        ],
    ),
    (
        "count",
        [
            "SELECT count(*) FROM hash64 WHERE id > {1} AND {mine hash64}",
            "SELECT count(*) FROM list64 WHERE id > {1} AND {mine list64}",
            "SELECT count(*) FROM hash256 WHERE id > {1} AND {mine hash256}",
            "SELECT count(*) FROM hash1024 WHERE id > {1} AND {mine hash1024}",
        ],
    ),
];

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let [.., small] = &stand.facts.orgs;
    let mut cells = Vec::new();
    for (place, table) in stand.partitioned.iter().enumerate() {
        let kind = if table.hash { "hash" } else { "list" };
        for (name, templates) in STATEMENTS {
            for mode in MODES {
                let org = small.clone();
                let cell = Cell {
                    group: Group::Partitions,
                    name: format!("{name} of {} {kind} partitions", table.partitions),
                    org: small.name.to_owned(),
                    mode,
                    contestants: contestants(templates[place], small, mode, move |turn| vec![org.item(turn)]),
                    rules: Rule::usual(),
                    plans: true,
                    alike: None,
                    writes: None,
                };
                if mode == Mode::Simple && name == "row" {
                    cells.push(planning(&cell, table.partitions, kind, stand, templates[place]));
                }
                cells.push(cell);
            }
        }
    }
    cells
}

/// The same statement, only planned.
fn planning(cell: &Cell, partitions: usize, kind: &str, stand: &Stand<'_>, template: &'static str) -> Cell {
    let [.., small] = &stand.facts.orgs;
    let org = small.clone();
    let mut contestants = contestants(template, small, Mode::Simple, move |turn| vec![org.item(turn)]);
    for contestant in &mut contestants {
        let turn = std::mem::replace(&mut contestant.turn, Box::new(|_| Vec::new()));
        contestant.turn = Box::new(move |k| {
            let explain = |message| match message {
                Message::Simple(sql) => Message::Simple(format!("EXPLAIN {sql}")),
                execute @ Message::Execute(..) => execute,
            };
            turn(k).into_iter().map(explain).collect()
        });
    }
    Cell {
        group: cell.group,
        name: format!("planning for {partitions} {kind} partitions"),
        org: cell.org.clone(),
        mode: Mode::Simple,
        contestants,
        rules: Rule::usual(),
        plans: false,
        alike: None,
        writes: None,
    }
}
