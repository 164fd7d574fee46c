//! All phases of an adoption, before the first.

use org_scope_core::Error;
use org_scope_core::adopt::{self, Adopted, Change, OrgColumn, Room, SourceTable, Standing};
use org_scope_core::policy::through::Trigger;
use org_scope_core::policy::{Action, Clause, Facts, Kind, Source, State, Step};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::Options;
use super::options::Asked;
use crate::pg::{index_room, index_size, relation, settings};
use crate::policy::adopted::{self, Wish};
use crate::run::{Row, rows};

/// What `adopt`, and after it each `advance`, would do.
pub(crate) fn plan_adopt(target: Oid, options: &Options) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let asked = options.look(target)?;
        let (first, index) = expanding(&asked);
        let mut all: Vec<Row> = phase(target, "expanding", [first, index].concat());
        let backfill = Step {
            kind: Kind::Fill,
            state: State::RunYourself,
            action: None,
            statement: Some(format!("CALL org_scope.backfill('{}')", asked.facts.table())),
            reason: "expanding or fallback: gives the rows that stand their organization, batch by batch"
                .to_owned(),
        };
        all.extend(rows(target.to_u32(), vec![backfill]));
        let fallback = asked.adopted.fallback().map(|text| Clause { printed: text.clone(), text });
        let fence = adopted::plan_fence(asked.facts.clone(), asked.column(), fallback, &wish(&asked, None))?;
        let unreadable = dark(target, &asked.adopted, asked.source);
        all.extend(
            fence.into_iter().chain(unreadable).map(|row| Row { step: said("fallback", row.step), ..row }),
        );
        let then = later(&asked);
        let [check, validate, set] = adopt::enforce(&then);
        all.extend(phase(target, "enforced", [check, validate, set].concat()));
        all.extend(phase(
            target,
            "finished",
            adopt::finish(&Standing { rest: None, ..then }, &asked.adopted),
        ));
        Ok(all)
    })
}

/// Who may not read what the fence asks while rows are without an organization.
pub(super) fn dark(target: Oid, adopted: &Adopted, source: Option<SourceTable>) -> Vec<Row> {
    match (&adopted.source, source) {
        (adopt::Source::Row(explaining), Some(source)) => {
            adopted::unreadable(target, Oid::from_u32(source.oid), &explaining.key)
        }
        _ => Vec::new(),
    }
}

/// How the table will be fenced.
pub(super) fn wish(asked: &Asked, roles: Option<Vec<String>>) -> Wish {
    Wish { org: asked.adopted.org.clone(), roles, set_default: !asked.adopted.source.is_parent() }
}

/// The steps to the first phase: those that go together, and the index.
pub(super) fn expanding(asked: &Asked) -> (Vec<Step>, Vec<Step>) {
    let Asked { facts, standing, adopted, type_name, .. } = asked;
    steps(facts, standing, adopted, type_name)
}

/// The same for an adoption that is under way.
pub(super) fn steps(
    facts: &Facts,
    standing: &Standing,
    adopted: &Adopted,
    type_name: &str,
) -> (Vec<Step>, Vec<Step>) {
    let name = match adopt::wants_index(standing, adopted) {
        true => free_name(facts.oid, &facts.name),
        false => None,
    };
    let room = Room {
        max_inline: index_size::max_inline_index(),
        name: name.as_ref(),
        may_create: facts.may_create_index,
    };
    adopt::expand(standing, adopted, type_name, room)
}

fn free_name(oid: u32, table: &Ident) -> Option<Ident> {
    let name = Ident::new("adopt").ok()?;
    let candidates = org_scope_core::policy::index_name_candidates(table, &Source::Column(name));
    let taken = index_room::read(&[(oid, candidates.clone())]).remove(&oid).map(|room| room.taken);
    candidates.into_iter().find(|name| !taken.as_ref().is_some_and(|taken| taken.contains(name)))
}

fn phase(target: Oid, phase: &str, steps: Vec<Step>) -> Vec<Row> {
    rows(target.to_u32(), steps.into_iter().map(|step| said(phase, step)).collect()).collect()
}

fn said(phase: &str, step: Step) -> Step {
    Step { reason: format!("{phase}: {}", step.reason), ..step }
}

/// The table as it will stand when all of its rows are filled.
fn later(asked: &Asked) -> Standing {
    let trigger = || Some(Trigger { enabled: 'O', definition: String::new() });
    let column = asked.column();
    let index = expanding(asked).1.into_iter().find_map(|step| match step.action {
        Some(Action::Adopt(Change::CreateIndex { index, .. })) => Some(index),
        _ => None,
    });
    let mut indexes = asked.standing.indexes.clone();
    indexes.extend(index.map(|name| adopt::Index { name, valid: true }));
    let org = OrgColumn {
        name: column.name,
        quoted: column.quoted,
        number: 0,
        type_name: column.type_name,
        own_type: column.base_type,
        not_null: asked.standing.org.as_ref().is_some_and(|org| org.not_null),
        brought: true,
        computed: false,
        has_default: false,
    };
    Standing { org: Some(org), adopt: trigger(), rest: trigger(), indexes, ..asked.standing.clone() }
}
