//! The statement that sets the organization, beside `set_config`, which every hand-written policy needs too.

use super::super::backend::Message;
use super::super::cell::{Bound, Cell, Contestant, FENCE, Group, Mode, Rule, Turn};
use super::super::data::Org;
use super::super::stand::{FENCED, PLAIN, Stand};
use super::super::statement::Value;
use super::MODES;

/// The twin.
pub(in super::super) const SET_CONFIG: &str = "set_config";

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (name, locally, orgs) in [
        ("another organization, for the session", false, 48),
        ("another organization, for the transaction", true, 48),
        ("the same organization, for the transaction", true, 1),
    ] {
        for mode in MODES {
            let contestant = |(name, database, function): (&'static str, &'static str, &str)| {
                let sql = format!("SELECT {function}$1, {locally})");
                let orgs: Vec<String> =
                    stand.facts.many[..orgs].iter().map(|org: &Org| org.id.clone()).collect();
                let org = move |k: usize| orgs[k % orgs.len()].clone();
                let (statements, turn): (_, Turn) = match mode {
                    Mode::Simple => (
                        Vec::new(),
                        Box::new(move |k| vec![Message::Simple(sql.replace("$1", &format!("'{}'", org(k))))]),
                    ),
                    Mode::Prepared => (
                        vec![(sql, vec![Value::Text(String::new()).sql_type()])],
                        Box::new(move |k| vec![Message::Execute(0, vec![Value::Text(org(k))])]),
                    ),
                };
                let around = locally.then_some(["BEGIN", "COMMIT"]);
                Contestant { name, database, session: Vec::new(), statements, turn, around }
            };
            cells.push(Cell {
                group: Group::Setter,
                name: name.to_owned(),
                org: String::new(),
                mode,
                contestants: [
                    (SET_CONFIG, PLAIN, "pg_catalog.set_config('app.org', "),
                    (FENCE, FENCED, "org_scope.set_current_org("),
                ]
                .map(contestant)
                .into(),
                rules: vec![Rule::new(FENCE, &[SET_CONFIG], Bound::Ratio(1.1))],
                plans: false,
                alike: None,
                writes: None,
            });
        }
    }
    cells
}
