//! Statements on tables without a fence: in a session that has loaded the library, in one of the same database
//! that hasn't, and in a database without the extension.

use super::super::backend::Message;
use super::super::cell::{Bound, Cell, Contestant, Group, Mode, Rule};
use super::super::data::NOTES;
use super::super::stand::{FENCED, PLAIN};
use super::super::statement::{self, Says, Value};

/// A session of a database without the extension.
pub(in super::super) const WITHOUT: &str = "without the extension";
/// A session that has not called the extension.
pub(in super::super) const NOT_LOADED: &str = "not loaded";
/// A session that has.
pub(in super::super) const LOADED: &str = "loaded";

const STATEMENTS: [(&str, &[Mode], &str); 4] = [
    ("primary key", &[Mode::Simple, Mode::Prepared], "SELECT body FROM notes WHERE id = {1}"),
    ("update", &[Mode::Simple, Mode::Prepared], "UPDATE notes SET body = body WHERE id = {1}"),
    ("count", &[Mode::Prepared], "SELECT count(*) FROM notes WHERE id < 100 * (1 + {1} % 2)"),
    ("SET", &[Mode::Simple], "SET application_name = 'n{1}'"),
];

pub(super) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (name, modes, template) in STATEMENTS {
        for mode in modes {
            let writes = (name == "update").then_some("notes");
            let contestant = |(who, database, session): (&'static str, &'static str, &[&str])| Contestant {
                name: who,
                database,
                session: session.iter().map(|sql| (*sql).to_owned()).collect(),
                statements: match mode {
                    Mode::Simple => Vec::new(),
                    Mode::Prepared => {
                        let prepared = statement::prepared(template, Says::Nothing, "", 1);
                        vec![(prepared.sql, vec![value(0).sql_type()])]
                    }
                },
                turn: match mode {
                    Mode::Simple => Box::new(|k| {
                        vec![Message::Simple(statement::simple(template, Says::Nothing, "", &[value(k)]))]
                    }),
                    Mode::Prepared => Box::new(|k| vec![Message::Execute(0, vec![value(k)])]),
                },
                around: writes.map(|_| ["BEGIN", "ROLLBACK"]),
            };
            cells.push(Cell {
                group: Group::Unrelated,
                name: name.to_owned(),
                org: String::new(),
                mode: *mode,
                contestants: [
                    (WITHOUT, PLAIN, &[][..]),
                    (NOT_LOADED, FENCED, &[]),
                    (LOADED, FENCED, &["SELECT org_scope.current_org()"]),
                ]
                .map(contestant)
                .into(),
                rules: vec![
                    Rule::new(LOADED, &[NOT_LOADED], Bound::NoMore),
                    Rule::new(LOADED, &[WITHOUT], Bound::NoMore),
                    Rule::new(NOT_LOADED, &[WITHOUT], Bound::NoMore),
                ],
                plans: false,
                alike: None,
                writes,
            });
        }
    }
    cells
}

fn value(turn: usize) -> Value {
    Value::Number(1 + (turn * 7919 % NOTES) as i64)
}
