//! Prepared statements that outlive the organization for which they were planned: one of another size comes, or one of
//! the same.

use super::super::backend::Message;
use super::super::cell::{Bound, C, Cell, Contestant, FENCE, Group, Mode, Rule, acting_for, usual};
use super::super::data::Org;
use super::super::stand::Stand;
use super::super::statement;

/// The fence, in a session that planned the statement for this very organization.
pub(in super::super) const FIRST: &str = "planned for it";
/// The fence, where no size is told from another, so that nothing is ever planned anew.
pub(in super::super) const OFF: &str = "plan_classes = off";

const STATEMENTS: [(&str, &str); 3] = [
    (
        "join",
        "SELECT count(*), sum(i.amount) FROM items AS i JOIN orders AS o ON o.id = i.order_id \
         WHERE o.total > 512 AND {mine i} AND {mine o}",
    ),
    ("filtered sum", "SELECT sum(amount) FROM items WHERE status = 3 AND {mine items}"),
    ("last 20", "SELECT id, at, amount FROM items WHERE {mine items} ORDER BY id DESC LIMIT 20"),
];

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let [big, middle, small] = &stand.facts.orgs;
    let mut cells = Vec::new();
    for (name, template) in STATEMENTS {
        for (then, first) in [(small, big), (big, small), (middle, big), (small, middle)] {
            let names = [FIRST, C, FENCE];
            cells.push(Cell {
                group: Group::Skew,
                name: name.to_owned(),
                org: format!("{} after {}", then.name, first.name),
                mode: Mode::Prepared,
                contestants: names.map(|name| after(name, template, first, then)).into(),
                rules: vec![
                    Rule::new(FENCE, &[FIRST], Bound::Ratio(1.2)),
                    Rule::new(FENCE, &[C], Bound::Shown),
                    Rule::new(C, &[FIRST], Bound::Shown),
                ],
                plans: false,
                alike: None,
                writes: None,
            });
        }
        cells.push(Cell {
            group: Group::Skew,
            name: name.to_owned(),
            org: "one small after the other".to_owned(),
            mode: Mode::Prepared,
            contestants: [OFF, FENCE].map(|name| among(name, template, &stand.facts.many)).into(),
            rules: vec![Rule::new(FENCE, &[OFF], Bound::Ratio(1.2))],
            plans: false,
            alike: None,
            writes: None,
        });
    }
    cells
}

const EXECUTE: &str = "EXECUTE q";

fn prepare(name: &'static str, template: &str) -> (String, &'static str) {
    let (says, database) = usual(if name == C { C } else { FENCE }, Mode::Prepared);
    (format!("PREPARE q AS {}", statement::prepared(template, says, "", 0).sql), database)
}

/// The statement for an organization, after it was planned and run for another.
fn after(name: &'static str, template: &str, first: &Org, then: &Org) -> Contestant {
    let setter = if name == C { C } else { FENCE };
    let (prepare, database) = prepare(name, template);
    let mut session = acting_for(setter, if name == FIRST { &then.id } else { &first.id });
    session.extend([prepare, EXECUTE.to_owned()]);
    session.extend(acting_for(setter, &then.id));
    let turn = Box::new(|_| vec![Message::Simple(EXECUTE.to_owned())]);
    Contestant { name, database, session, statements: Vec::new(), turn, around: None }
}

/// The statement and a setter before it, for another organization of one size each time.
fn among(name: &'static str, template: &str, orgs: &[Org]) -> Contestant {
    let (prepare, database) = prepare(FENCE, template);
    let orgs: Vec<String> = orgs.iter().map(|org| org.id.clone()).collect();
    let mut session = acting_for(FENCE, &orgs[0]);
    if name == OFF {
        session.push("SET org_scope.plan_classes = off".to_owned());
    }
    session.push(prepare);
    let turn = move |k: usize| {
        let setter = acting_for(FENCE, &orgs[k % orgs.len()]).into_iter().map(Message::Simple);
        setter.chain([Message::Simple(EXECUTE.to_owned())]).collect()
    };
    Contestant { name, database, session, statements: Vec::new(), turn: Box::new(turn), around: None }
}
