//! What an application behind a pool does: says for whom it works, and works.
//!
//! A setter is a statement more than B has, and a statement costs what a statement costs. So the fence is compared
//! with a B that calls `set_config` for nothing, and with C and D, which need theirs; the ratio to B alone stands
//! beside them.

use super::super::backend::Message;
use super::super::cell::{
    B, Bound, C, Cell, Contestant, D, FENCE, Group, Mode, Rule, Turn, acting_for, usual,
};
use super::super::data::Org;
use super::super::stand::Stand;
use super::super::statement::{self, Value};
use super::MODES;

/// B with a setter that sets nothing that matters.
pub(in super::super) const B_SETS: &str = "B, set_config";

const STATEMENTS: [(&str, &str); 2] = [
    ("primary key", "SELECT at, amount, status FROM items WHERE id = {1} AND {mine items}"),
    ("top 50", "SELECT id, at, amount FROM items WHERE {mine items} ORDER BY at DESC LIMIT 50"),
];

/// A setter and a statement, if there are any, in the turn that is told.
type Pair = Box<dyn Fn(usize) -> [Option<Message>; 2]>;

/// When the organization is set, and to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sets {
    /// Once, before everything.
    Once,
    /// To the same one in each transaction.
    SameLocally,
    /// To another one in each transaction.
    OtherLocally,
    /// To another one for the session, before each transaction.
    OtherForSession,
}

impl Sets {
    fn name(self) -> &'static str {
        match self {
            Self::Once => "one, session",
            Self::SameLocally => "one, local",
            Self::OtherLocally => "other, local",
            Self::OtherForSession => "other, session",
        }
    }

    fn locally(self) -> bool {
        matches!(self, Self::SameLocally | Self::OtherLocally)
    }
}

pub(super) fn cells(stand: &Stand<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (name, template) in STATEMENTS {
        for sets in [Sets::Once, Sets::SameLocally, Sets::OtherLocally, Sets::OtherForSession] {
            for mode in MODES {
                let names: &[&'static str] =
                    if sets == Sets::Once { &[B, C, D, FENCE] } else { &[B_SETS, B, C, D, FENCE] };
                let contestant =
                    |name: &&'static str| contestant(name, template, sets, mode, &stand.facts.many);
                let twin = if sets == Sets::Once { B } else { B_SETS };
                // With a setter before it, half of a short statement is one that may take 1.1 × set_config.
                let most = if sets == Sets::Once { 1.05 } else { 1.1 };
                let mut rules = vec![
                    Rule::new(FENCE, &[twin], Bound::Ratio(most)).floor(C),
                    Rule::new(FENCE, &[C], Bound::NoMore),
                    Rule::new(FENCE, &[D], Bound::NoMore),
                ];
                if sets != Sets::Once {
                    rules.push(Rule::new(FENCE, &[B], Bound::Shown));
                }
                cells.push(Cell {
                    group: Group::Transactions,
                    name: name.to_owned(),
                    org: sets.name().to_owned(),
                    mode,
                    contestants: names.iter().map(contestant).collect(),
                    rules,
                    plans: false,
                    alike: None,
                    writes: None,
                });
            }
        }
    }
    cells
}

fn contestant(
    name: &'static str,
    template: &'static str,
    sets: Sets,
    mode: Mode,
    orgs: &[Org],
) -> Contestant {
    let (says, database) = usual(if name == B_SETS { B } else { name }, mode);
    let takes_item = template.contains("{1}");
    let orgs: Vec<Org> =
        if matches!(sets, Sets::Once | Sets::SameLocally) { orgs[..1].to_vec() } else { orgs.to_vec() };
    let session = if sets == Sets::Once { acting_for(name, &orgs[0].id) } else { Vec::new() };
    let setter = if sets == Sets::Once { None } else { setter(name, sets.locally()) };

    let whose = move |k: usize| {
        let org = &orgs[k % orgs.len()];
        let values: Vec<Value> = takes_item.then(|| org.item(k / orgs.len())).into_iter().collect();
        (org.id.clone(), values)
    };
    let prepared = statement::prepared(template, says, "", usize::from(takes_item));
    let (statements, messages): (_, Pair) = match mode {
        Mode::Simple => {
            let messages = move |k| {
                let (org, values) = whose(k);
                let set = setter.as_ref().map(|sql| sql.replace("$1", &format!("'{org}'")));
                let work = statement::simple(template, says, &org, &values);
                [set.map(Message::Simple), Some(Message::Simple(work))]
            };
            (Vec::new(), Box::new(messages))
        }
        Mode::Prepared => {
            let (first, of_values) = whose(0);
            let org_type = prepared.org.then(|| Value::Org(first.clone()));
            let types = of_values.iter().chain(&org_type).map(Value::sql_type).collect();
            let mut statements = vec![(prepared.sql, types)];
            statements.extend(setter.clone().map(|sql| (sql, vec![Value::Text(first).sql_type()])));
            let messages = move |k| {
                let (org, mut values) = whose(k);
                let set = setter.as_ref().map(|_| Message::Execute(1, vec![Value::Text(org.clone())]));
                values.extend(prepared.org.then_some(Value::Org(org)));
                [set, Some(Message::Execute(0, values))]
            };
            (statements, Box::new(messages))
        }
    };
    let turn: Turn = Box::new(move |k| {
        let [set, work] = messages(k);
        let begin = Some(Message::Simple("BEGIN".into()));
        let commit = Some(Message::Simple("COMMIT".into()));
        let order = if sets.locally() { [begin, set, work, commit] } else { [set, begin, work, commit] };
        order.into_iter().flatten().collect()
    });
    Contestant { name, database, session, statements, turn, around: None }
}

/// What sets the organization; B sets none.
fn setter(name: &str, locally: bool) -> Option<String> {
    match name {
        B => None,
        B_SETS => Some(format!("SELECT pg_catalog.set_config('app.unused', $1, {locally})")),
        C | D => Some(format!("SELECT pg_catalog.set_config('app.org', $1, {locally})")),
        _ => Some(format!("SELECT org_scope.set_current_org($1, {locally})")),
    }
}
