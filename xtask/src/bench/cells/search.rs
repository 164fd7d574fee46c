//! Searches that have an index of their own, which row security keeps them from unless the DBA says otherwise.

use super::super::backend::Message;
use super::super::cell::{
    A, A_AGAIN, Bound, C, Cell, Contestant, FENCE, Group, Mode, Rule, acting_for, usual,
};
use super::super::data::WORDS;
use super::super::stand::Stand;
use super::super::statement::{self, Value};

/// The fence with the setting as it is by default.
pub(in super::super) const SETTING_OFF: &str = "setting off";

/// Each with what it looks for, where the word stands as `#`.
const SEARCHES: [(&str, &str, &str); 8] = [
    ("ILIKE", "SELECT count(*) FROM docs WHERE body ILIKE {1} AND {mine docs}", "%W#X%"),
    (
        "% (similar)",
        "SELECT count(*) FROM docs WHERE title % (substr(md5({1}), 1, 8)) AND {mine docs}",
        "w#x",
    ),
    (
        "@@, frequent",
        "SELECT count(*) FROM docs WHERE words @@ to_tsquery('simple', {1}) AND {mine docs}",
        "v3 & on",
    ),
    ("ILIKE, frequent", "SELECT count(*) FROM docs WHERE body ILIKE {1} AND {mine docs}", "%FROM%"),
    ("@@", "SELECT count(*) FROM docs WHERE words @@ to_tsquery('simple', {1}) AND {mine docs}", "w#x"),
    ("jsonb @>", "SELECT count(*) FROM docs WHERE doc @> {1} AND {mine docs}", "{\"word\": \"w#x\"}"),
    ("array @>", "SELECT count(*) FROM docs WHERE tags @> {1} AND {mine docs}", "{w#x}"),
    (
        "newest 20 by @@",
        "SELECT id, title FROM docs WHERE words @@ to_tsquery('simple', {1}) AND {mine docs} ORDER BY id DESC LIMIT 20",
        "w#x",
    ),
];

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (name, template, looked_for) in SEARCHES {
        for org in &stand.facts.orgs {
            let contestant = |name: &'static str| {
                let is_fence = [FENCE, SETTING_OFF].contains(&name);
                let who = if is_fence { FENCE } else { name };
                let (says, database) = usual(who, Mode::Simple);
                let mut session = acting_for(who, &org.id);
                session
                    .extend((name == FENCE).then(|| "SET org_scope.index_search_operators = on".to_owned()));
                let id = org.id.clone();
                let turn = move |k: usize| {
                    let word = (k * 37 % WORDS).to_string();
                    let value = Value::Text(looked_for.replace('#', &word));
                    vec![Message::Simple(statement::simple(template, says, &id, &[value]))]
                };
                let statements = Vec::new();
                Contestant { name, database, session, statements, turn: Box::new(turn), around: None }
            };
            cells.push(Cell {
                group: Group::Search,
                name: name.to_owned(),
                org: org.name.to_owned(),
                mode: Mode::Simple,
                contestants: [A, A_AGAIN, C, SETTING_OFF, FENCE].map(contestant).into(),
                rules: vec![
                    Rule::new(FENCE, &[A], Bound::Ratio(1.2)),
                    Rule::new(SETTING_OFF, &[A], Bound::Shown),
                    Rule::new(A_AGAIN, &[A], Bound::Shown),
                ],
                // Row security keeps the column's statistics from being asked, so estimates differ, and plans may.
                plans: false,
                alike: None,
                writes: None,
            });
        }
    }
    cells
}
