//! Looks for what a table's fence can't stop, and what it would stop unasked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{CStr, CString};

use org_scope_core::policy::{
    Action, Expression, Facts, Finding, Grantee, Names, Part, READING_ROW, Reading, Source, Spec, State,
    Step, Unfit,
};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use super::facts::query;
use crate::pg::catalog::About;
use crate::pg::{attempt, catalog, noforce, owner, relation};

const FINDINGS: &CStr = query(concat!(include_str!("findings.sql"), "\0"));
const DEFINERS: &CStr = query(concat!(include_str!("definers.sql"), "\0"));

#[derive(Deserialize)]
struct Found {
    oid: u32,
    finding: Finding,
}

/// A function, as far as it takes to see whom it concerns.
#[derive(Deserialize)]
struct Definer {
    oid: u32,
    source: String,
    passes_all: bool,
    /// Owners of tables, unless these are forced.
    passes: HashSet<Ident>,
    names: HashSet<u32>,
}

/// What is told about a function that concerns a table.
#[derive(Deserialize)]
struct Signature {
    oid: u32,
    schema: Ident,
    name: Ident,
    arguments: String,
    owner: Ident,
    procedure: bool,
}

/// Asked only about those that concern a table: printing the arguments costs more than all the rest. An
/// extension's own functions are its author's concern.
const SIGNATURES: &CStr = c"
SELECT pg_catalog.json_build_object(
  'oid', p.oid::pg_catalog.int8,
  'schema', n.nspname,
  'name', p.proname,
  'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid),
  'owner', pg_catalog.pg_get_userbyid(p.proowner),
  'procedure', p.prokind = 'p')::pg_catalog.text
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid = ANY ($1)
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')";

/// Views that read the table as whoever asks, a definer function for instance, and the views above them.
const INVOKER_VIEWS: &CStr = c"
WITH RECURSIVE over AS (
  SELECT t.oid AS root, v.oid, v.relname
  FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t(oid),
  LATERAL (
    SELECT d.objid FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
      AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    OFFSET 0
  ) d,
  LATERAL (
    SELECT v.oid, v.relname
    FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_class v ON v.oid = w.ev_class
    WHERE w.oid = d.objid AND w.ev_type = '1' AND v.relkind = 'v' AND EXISTS (
      SELECT FROM pg_catalog.pg_options_to_table(v.reloptions) o
      WHERE o.option_name = 'security_invoker' AND o.option_value::pg_catalog.bool)
    OFFSET 0
  ) v
  UNION
  SELECT over.root, v.oid, v.relname
  FROM over,
  LATERAL (
    SELECT d.objid FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = over.oid
      AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    OFFSET 0
  ) d,
  LATERAL (
    SELECT v.oid, v.relname
    FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_class v ON v.oid = w.ev_class
    WHERE w.oid = d.objid AND w.ev_type = '1' AND v.relkind = 'v' AND v.oid <> over.oid
    OFFSET 0
  ) v
)
SELECT pg_catalog.json_build_object(
  'table', over.root::pg_catalog.int8, 'oid', over.oid::pg_catalog.int8, 'name', over.relname)::pg_catalog.text
FROM over";

const OWNS: &CStr = c"
SELECT pg_catalog.to_json(pg_catalog.pg_has_role(c.relowner, p.relowner, 'USAGE'))::pg_catalog.text
FROM pg_catalog.pg_class c, pg_catalog.unnest($2::pg_catalog.text[]) AS n(name)
JOIN pg_catalog.pg_class p ON p.oid = pg_catalog.to_regclass(n.name)::pg_catalog.oid
WHERE c.oid = $1";

#[derive(Deserialize)]
struct InvokerView {
    table: u32,
    oid: u32,
    name: Ident,
}

/// Findings of each table, for what it will be after its steps; rows are counted only when asked.
pub(super) fn read(spec: &Spec, tables: &[&Facts], steps: &[&Vec<Step>], count: bool) -> Vec<Vec<Finding>> {
    if tables.is_empty() {
        return Vec::new();
    }
    let oids: Vec<Oid> = tables.iter().map(|table| Oid::from_u32(table.oid)).collect();
    let views: Vec<InvokerView> = catalog::read(INVOKER_VIEWS, About::all(tables), &[oids.into()]);
    let after = serde_json::Value::from_iter(tables.iter().zip(steps).map(|(table, steps)| {
        let views = views.iter().filter(|view| view.table == table.oid);
        serde_json::json!({
            "oid": table.oid.to_string(),
            "views": views.map(|view| view.oid.to_string()).collect::<Vec<_>>(),
            "force": forced(table, steps),
            "gate": new_gate(steps).map(|roles| roles.iter().map(Grantee::raw).collect::<Vec<_>>()),
        })
    }))
    .to_string();
    let mut found: HashMap<u32, Vec<Finding>> = HashMap::new();
    for Found { oid, finding } in catalog::read(FINDINGS, About::all(tables), &[after.clone().into()]) {
        found.entry(oid).or_default().push(finding);
    }
    definers(tables, steps, &views, after, &mut found);
    tables
        .iter()
        .map(|table| {
            let counted = if count { null_rows(spec, table) } else { None };
            counted.into_iter().chain(found.remove(&table.oid).unwrap_or_default()).collect()
        })
        .collect()
}

/// Whether the owner will be fenced too.
fn forced(table: &Facts, steps: &[Step]) -> bool {
    let change = steps.iter().find_map(|step| match (&step.action, step.state) {
        (Some(Action::Force(on)), State::Planned) => Some(*on),
        _ => None,
    });
    change.unwrap_or(table.force)
}

/// Whom the gate will be for, where a step changes that.
fn new_gate(steps: &[Step]) -> Option<&[Grantee]> {
    steps.iter().rev().find_map(|step| match &step.action {
        Some(Action::CreatePolicy { policy, roles } | Action::AlterPolicy { policy, roles })
            if policy.part == Part::Gate =>
        {
            Some(roles.as_slice())
        }
        _ => None,
    })
}

fn definers(
    tables: &[&Facts],
    steps: &[&Vec<Step>],
    views: &[InvokerView],
    after: String,
    found: &mut HashMap<u32, Vec<Finding>>,
) {
    let places: HashMap<u32, usize> = tables.iter().map(|table| table.oid).zip(0..).collect();
    // A view stands for its table.
    let names = tables.iter().map(|table| &table.name).chain(views.iter().map(|view| &view.name));
    let names = Names::new(names.map(Ident::raw));
    let table_of = |place: usize| match place.checked_sub(tables.len()) {
        None => Some(place),
        Some(view) => places.get(&views[view].table).copied(),
    };
    let concerned: Vec<_> = catalog::read::<Definer>(DEFINERS, About::all(tables), &[after.into()])
        .into_iter()
        .filter_map(|definer| {
            let mentioned = names.mentioned_in(&definer.source).into_iter().filter_map(table_of);
            let mut mentioned: BTreeSet<usize> = mentioned.collect();
            mentioned.extend(definer.names.iter().filter_map(|oid| places.get(oid)));
            mentioned.retain(|&place| {
                let table = tables[place];
                definer.passes_all || (!forced(table, steps[place]) && definer.passes.contains(&table.owner))
            });
            (!mentioned.is_empty()).then_some((definer.oid, mentioned))
        })
        .collect();
    if concerned.is_empty() {
        return;
    }
    let oids: Vec<Oid> = concerned.iter().map(|(oid, _)| Oid::from_u32(*oid)).collect();
    let signatures: Vec<Signature> = catalog::read(SIGNATURES, About::all(tables), &[oids.into()]);
    let signatures: HashMap<u32, &Signature> = signatures.iter().map(|s| (s.oid, s)).collect();
    for (oid, mentioned) in concerned {
        // An extension's, or dropped meanwhile.
        let Some(signature) = signatures.get(&oid) else { continue };
        for place in mentioned {
            found.entry(tables[place].oid).or_default().push(Finding::Function {
                schema: signature.schema.clone(),
                name: signature.name.clone(),
                arguments: signature.arguments.clone(),
                owner: signature.owner.clone(),
                procedure: signature.procedure,
            });
        }
    }
}

/// Counts the rows that no session will see.
pub(super) fn null_rows(spec: &Spec, table: &Facts) -> Option<Finding> {
    if let Source::Column(name) = &spec.org {
        let column = table.column.as_ref().filter(|c| !c.not_null && c.name == *name)?;
        if !column.readable {
            return Some(Finding::Uncounted);
        }
    }
    if let Source::Parent(reading) = &spec.org
        && !owns_parents(table, reading)
    {
        return Some(Finding::Uncounted);
    }
    let rows = attempt::undone(|| count_null(&spec.org, table));
    rows.filter(|rows| *rows > 0).map(|rows| Finding::NullRows { rows })
}

/// Whether the table's owner, as whom is counted, passes the policies of all that its fence asks.
fn owns_parents(table: &Facts, reading: &Reading) -> bool {
    let parents: Vec<String> = reading.parents.iter().map(|above| above.name().to_owned()).collect();
    catalog::read(OWNS, About::One, &[Oid::from_u32(table.oid).into(), parents.into()])
        .into_iter()
        .all(|owns| owns)
}

/// Evaluates an expression for every row, so that none closes the table later.
///
/// # Errors
/// Why it can't be a fence's.
pub(super) fn evaluate(org: &Source, table: &Facts) -> Result<(), Unfit> {
    let Source::Expression(_) = org else { return Ok(()) };
    attempt::read(|| count_null(org, table)).map(drop).map_err(Unfit::Raises)
}

/// The count names the table, and whoever owns it or its schema can make the name mean a view of
/// theirs meanwhile: so it runs as the table's owner, and whatever it did beside is undone by the caller.
/// That gives back its locks as well: a run over thousands of tables would fill the server's lock table.
fn count_null(org: &Source, table: &Facts) -> Option<i64> {
    let unseen = match org {
        Source::Column(name) => format!("{name} IS NULL"),
        Source::Expression(Expression { printed, .. }) => format!("({printed}) IS NULL"),
        Source::Parent(reading) => reading.orphans()?,
    };
    let statement = format!(
        "SELECT pg_catalog.count(*)::pg_catalog.text FROM ONLY {} AS {READING_ROW} WHERE {unseen}",
        table.table(),
    );
    let statement = CString::new(statement).ok()?;
    let count = || catalog::read_once::<i64>(&statement, &[]).into_iter().sum();
    let name = (table.schema.raw().to_owned(), table.name.raw().to_owned());
    relation::hold(Oid::from_u32(table.oid), &name).map(|owner| {
        owner::as_role(owner, || {
            // The owner sees no row of a table that is FORCEd, least of all one that belongs to nobody.
            let forced = table.row_security && table.force;
            if forced || org.asks_parent() { noforce::lift(count) } else { count() }
        })
    })
}
