//! What an adoption asks of the generator: fences on a column that is filled little by little.

use org_scope_core::Error;
use org_scope_core::policy::{Clause, Column, Facts, Kind, Source, Spec, State, Step};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts::Columns;
use super::protect::{Noting, execute as run, fence, fence_called, plan_of};
use super::survey::survey;
use super::{Options, Row, facts, family, findings, spec, unprotect};

/// How the table is to be fenced.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) org: Ident,
    pub(crate) roles: Option<Vec<String>>,
    /// Whether a new row is the current organization's.
    pub(crate) set_default: bool,
}

impl Wish {
    fn spec(&self) -> Result<Spec, Error> {
        let Self { org, roles, set_default } = self.clone();
        spec(Source::Column(org), Options { roles, set_default, ..Options::default() })
    }
}

/// What the catalog says of the table.
pub(crate) fn read(target: Oid) -> Option<Facts> {
    facts::read_standing(target)
}

/// Whether others hang together with it by partitions or inheritance.
pub(crate) fn has_family(target: Oid) -> bool {
    family::below(&[target]).len() > 1
}

/// Refuses schemas that don't exist.
///
/// # Errors
/// 3F000
pub(crate) fn require_schemas(schemas: &[String]) -> Result<(), Error> {
    facts::require_schemas(&super::idents(schemas.to_vec())?)
}

/// Refuses an expression that raises for a row that is there.
///
/// # Errors
/// OS009 for the expression.
pub(crate) fn evaluate(facts: &Facts, org: &Source) -> Result<(), org_scope_core::policy::Unfit> {
    findings::evaluate(org, facts)
}

/// What the fence would be, of a column that may not be there yet.
pub(crate) fn plan_fence(
    mut facts: Facts,
    column: Column,
    fallback: Option<Clause>,
    wish: &Wish,
) -> Result<Vec<Row>, Error> {
    facts.column = Some(column);
    facts.adopts = true;
    facts.fallback = fallback;
    plan_of(&wish.spec()?, facts, false)
}

/// Builds the index of the org column, or says that it is the user's to build.
pub(crate) fn index(target: Oid, wish: &Wish) -> Result<Vec<Row>, Error> {
    let spec = wish.spec()?;
    let look = || Ok(survey(&spec, facts::read(&[target], &Columns::of(&spec))));
    let only = |s: &Step| s.kind == Kind::Index && matches!(s.state, State::Planned | State::RunYourself);
    fence(&spec, look, Noting::Silent, only)
}

/// Sets the fence.
pub(crate) fn fence_column(target: Oid, wish: &Wish) -> Result<Vec<Row>, Error> {
    fence_called(target, &wish.spec()?)
}

/// Sets the fence that stands to what the table has become. Nothing else is looked for: the table is locked by now.
pub(crate) fn fence_again(target: Oid) -> Result<Vec<Row>, Error> {
    let Some(spec) = facts::read_standing(target).as_ref().and_then(Spec::read_back) else {
        return Ok(Vec::new());
    };
    let look = || Ok(survey(&spec, facts::read(&[target], &Columns::of(&spec))));
    fence(&spec, look, Noting::Silent, |_| true)
}

/// Ties a child to its parent, as `protect_through` does, by those steps of its for which `now` holds.
pub(crate) fn tie(
    target: Oid,
    parent: Oid,
    options: super::ThroughOptions,
    now: fn(&Step) -> bool,
) -> Result<Vec<Row>, Error> {
    super::through::tie(target, parent, &options, now)
}

/// Who has rights on the table and may not read what its fence asks meanwhile, with what mends it.
pub(crate) fn unreadable(target: Oid, source: Oid, key: &Ident) -> Vec<Row> {
    let roles = super::through::unreadable(target, source, key, true);
    super::rows(target.to_u32(), roles.iter().map(|role| role.note()).collect()).collect()
}

/// Takes the fence away.
pub(crate) fn unfence(target: Oid) -> Vec<Row> {
    unprotect::lift(&[target])
}

/// Executes the planned steps, each exactly as it is shown.
pub(crate) fn execute(target: Oid, steps: Vec<Step>) -> Vec<Row> {
    super::rows(target.to_u32(), run(target, steps)).collect()
}
