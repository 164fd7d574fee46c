//! `adopt`, `advance` and `abandon`: a transaction's worth at a time, so that the procedure around them can commit
//! between.

use org_scope_core::Error;
use org_scope_core::adopt::{self, NoAdoption, NotYet, Phase, Source};
use org_scope_core::policy::{self, Action, State, Step};
use org_scope_core::sql::QualifiedName;
use pgrx::pg_sys::Oid;

use super::Options;
use super::all::skipped;
use super::plan::{dark, expanding, steps, wish};
use super::progress;
use crate::pg::{noforce, owner, relation, report, settings, spi, transaction};
use crate::policy::ThroughOptions;
use crate::policy::adopted::{self, Wish};
use crate::policy::fallback::{self, Known, Question};
use crate::run::{Job, Row, Run, Turn};

/// Rows are counted so far, to say how many are in the way.
pub(super) const COUNTED: u64 = 1_000_000;

/// Plans a run of `adopt`; says whether the caller may commit between its steps.
pub(crate) fn begin_adopt(target: Oid, options: Options) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    relation::require_owner(target);
    settings::neutral(|| {
        let mut run = Run::new()?;
        let asked = options.look(target)?;
        if let Source::Expression(e) = &asked.adopted.source {
            let org = policy::Expression { printed: e.bare.clone(), family: asked.adopted.family };
            adopted::evaluate(&asked.facts, &policy::Source::Expression(org)).map_err(|why| {
                let why = adopt::NoAdoption::Expression { expression: e.bare.clone(), why };
                Error::NoAdoption { table: asked.facts.table(), why: Box::new(why) }
            })?;
        }
        run.add(Box::new(move || expand(target, options)));
        run.begin();
        Ok(may_commit)
    })
}

/// The same as one job of a run over many tables, which goes on without those that can't be.
pub(super) fn adopt_in_run(target: Oid, options: Options) -> Result<Turn, Error> {
    match expand(target, options) {
        Err(error @ (Error::NoAdoption { .. } | Error::NotYet { .. })) => Ok(skipped(target, &error)),
        other => other,
    }
}

fn expand(target: Oid, options: Options) -> Result<Turn, Error> {
    held(target, || {
        let asked = options.look(target)?;
        let (first, index) = expanding(&asked);
        // As the owner: where the type is a domain its conditions are evaluated, never with a superuser's rights.
        let done = owner::as_role(relation::owner(target), || adopted::execute(target, first));
        let wish = wish(&asked, None);
        let rest: Job = Box::new(move || {
            held(target, || {
                // The index that finds an organization's rows costs least to build while there are none.
                let org = match index.is_empty() {
                    true => adopted::index(target, &wish)?,
                    false => [adopted::execute(target, index), adopted::index(target, &wish)?].concat(),
                };
                Ok(told(target, org))
            })
        });
        Ok(Turn { rows: done, rest: Some(rest), said: None })
    })
}

/// Plans a run of `advance`; says whether the caller may commit between its steps.
pub(crate) fn begin_advance(target: Oid, roles: Option<Vec<String>>) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    relation::require_owner(target);
    settings::neutral(|| {
        let mut run = Run::new()?;
        let known = fallback::known(target)?;
        match known.phase {
            Phase::Expanding => {
                check_source(&known)?;
                run.add(Box::new(move || index_first(target, roles)));
            }
            Phase::Fallback => run.add(Box::new(move || enforce(target, 0))),
            Phase::Enforced | Phase::Finished => run.add(Box::new(move || finish(target, 0))),
        }
        run.begin();
        Ok(may_commit)
    })
}

/// Both indexes, in a transaction of their own: writers wait for them where they are small, and for nothing else.
fn index_first(target: Oid, roles: Option<Vec<String>>) -> Result<Turn, Error> {
    held(target, || {
        let known = fallback::known(target)?;
        check_plain(&known)?;
        let wish =
            Wish { org: known.adopted.org.clone(), roles, set_default: !known.adopted.source.is_parent() };
        let Some(facts) = adopted::read(target) else {
            return Err(Error::NoSuchRelation { oid: target.to_u32() });
        };
        let (_, index) = steps(&facts, &known.standing, &known.adopted, "");
        let done = [adopted::execute(target, index), adopted::index(target, &wish)?].concat();
        let left = left_to_user(&done);
        if !left.is_empty() {
            return Err(not_yet(&known.adopted.table, NotYet::IndexFirst(left)));
        }
        let rest: Job = Box::new(move || fence(target, wish));
        Ok(Turn { rows: done, rest: Some(rest), said: None })
    })
}

fn fence(target: Oid, wish: Wish) -> Result<Turn, Error> {
    held(target, || {
        let known = fallback::known(target)?;
        check_plain(&known)?;
        check_source(&known)?;
        let rows = count(&known, known.adopted.count_contradicting(COUNTED));
        if rows > 0 {
            return Err(not_yet(&known.adopted.table, NotYet::Contradicting(rows)));
        }
        let mut done = adopted::fence_column(target, &wish)?;
        let dark = dark(target, &known.adopted, known.source);
        for Row { step, .. } in &dark {
            report::notice(&format!("{}: {};", step.reason, step.statement.as_deref().unwrap_or_default()));
        }
        done.extend(dark);
        Ok(told(target, done))
    })
}

/// Three transactions: no long lock is held with a strong one.
fn enforce(target: Oid, part: usize) -> Result<Turn, Error> {
    held(target, || {
        let known = fallback::known(target)?;
        if part == 0 {
            check_filled(&known)?;
        }
        let mut parts = adopt::enforce(&known.standing);
        let steps = parts.get_mut(part).map(std::mem::take).unwrap_or_default();
        // As the owner: to prove it the server evaluates what is called like our constraint, and others of the table's.
        let mut done = owner::as_role(relation::owner(target), || adopted::execute(target, steps));
        if part < 2 {
            return Ok(Turn {
                rows: done,
                rest: Some(Box::new(move || enforce(target, part + 1))),
                said: None,
            });
        }
        done.extend(adopted::fence_again(target)?);
        Ok(told(target, done))
    })
}

/// A parent goes on telling of its children's organization: two transactions more, as its foreign key is checked in
/// one of its own.
fn finish(target: Oid, part: usize) -> Result<Turn, Error> {
    let known = settings::neutral(|| fallback::known(target))?;
    let parent = known.source.filter(|_| known.adopted.source.is_parent());
    if let (Some(parent), Source::Row(explaining), true) = (parent, &known.adopted.source, part < 2) {
        let options = ThroughOptions {
            key: explaining.legacy.raw().to_owned(),
            parent_key: Some(explaining.key.raw().to_owned()),
            reading: false,
            org_column: Some(known.adopted.org.raw().to_owned()),
            force: true,
            create_index: true,
            roles: None,
        };
        let now: fn(&Step) -> bool = if part == 0 { is_unchecked } else { |_| true };
        let tying = || adopted::tie(target, Oid::from_u32(parent.oid), options, now);
        let done = settings::bounded_waits(tying)?;
        let left = left_to_user(&done);
        if !left.is_empty() {
            return Err(not_yet(&known.adopted.table, NotYet::IndexFirst(left)));
        }
        let done = done.into_iter().filter(|row| row.step.state == State::Done).collect();
        return Ok(Turn { rows: done, rest: Some(Box::new(move || finish(target, part + 1))), said: None });
    }
    held(target, || {
        let known = fallback::known(target)?;
        let done = adopted::execute(target, adopt::finish(&known.standing, &known.adopted));
        progress::forget(target);
        Ok(told(target, done))
    })
}

/// Whether a step doesn't read the rows that stand.
fn is_unchecked(step: &Step) -> bool {
    !matches!(&step.action, Some(Action::Link(link)) if link.across_orgs())
}

/// What is left to the user.
fn left_to_user(done: &[Row]) -> Vec<String> {
    let yours = done.iter().filter(|row| row.step.state == State::RunYourself);
    yours.filter_map(|row| row.step.statement.clone()).collect()
}

/// Plans a run of `abandon`; says whether the caller may commit between its steps.
pub(crate) fn begin_abandon(target: Oid, drop_column: bool) -> Result<bool, Error> {
    let may_commit = transaction::may_commit();
    relation::require_owner(target);
    settings::neutral(|| {
        let mut run = Run::new()?;
        let Some(standing) = fallback::standing(target, Question::default()) else {
            return Err(Error::NoSuchRelation { oid: target.to_u32() });
        };
        match Phase::of(&standing) {
            // It says why.
            None => return fallback::known(target).map(|_| may_commit),
            Some(_) => run.add(Box::new(move || take_back(target, drop_column))),
        }
        run.begin();
        Ok(may_commit)
    })
}

fn take_back(target: Oid, drop_column: bool) -> Result<Turn, Error> {
    held(target, || {
        let mut done = adopted::unfence(target);
        let Some(standing) = fallback::standing(target, Question::default()) else {
            return Err(Error::NoSuchRelation { oid: target.to_u32() });
        };
        done.extend(adopted::execute(target, adopt::abandon(&standing, drop_column)));
        progress::forget(target);
        Ok(Turn { said: Some(format!("{}: abandoned", standing.table())), rows: done, rest: None })
    })
}

/// Under a lock against other DDL, and against another call; without waiting for long.
fn held<T>(target: Oid, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    settings::bounded_waits(|| {
        relation::require_owner(target);
        relation::lock(target, relation::Lock::Ddl);
        relation::require_owner(target);
        work()
    })
}

/// A turn that ends a phase, with what is left to the user.
fn told(target: Oid, done: Vec<Row>) -> Turn {
    for statement in left_to_user(&done) {
        report::notice(&format!("run this yourself: {statement};"));
    }
    let standing = fallback::standing(target, Question::default());
    let said = standing.map(|standing| {
        let phase = Phase::of(&standing).unwrap_or(Phase::Finished);
        format!("{}: {}", standing.table(), phase.word())
    });
    Turn { rows: done, rest: None, said }
}

pub(super) fn not_yet(table: &QualifiedName, why: NotYet) -> Error {
    Error::NotYet { table: table.clone(), why: Box::new(why) }
}

/// Nothing fills the rows of others that have come to hang together with it since.
fn check_plain(known: &Known) -> Result<(), Error> {
    let facts = adopted::read(known.oid);
    if facts.is_some_and(|facts| facts.is_partition || !facts.parents.is_empty())
        || adopted::has_family(known.oid)
    {
        let why = Box::new(NoAdoption::NotPlain);
        return Err(Error::NoAdoption { table: known.adopted.table.clone(), why });
    }
    Ok(())
}

/// Every row of the table that is asked must have an organization.
fn check_source(known: &Known) -> Result<(), Error> {
    let Some(source) = known.source else { return Ok(()) };
    let standing = fallback::standing(Oid::from_u32(source.oid), Question::default());
    let Some((phase, standing)) = standing.and_then(|s| Phase::of(&s).map(|phase| (phase, s))) else {
        return Ok(());
    };
    if phase < Phase::Enforced {
        return Err(not_yet(&known.adopted.table, NotYet::SourceFirst { source: standing.table(), phase }));
    }
    Ok(())
}

fn check_filled(known: &Known) -> Result<(), Error> {
    let table = &known.adopted.table;
    let unfilled = count(known, known.adopted.count_explained(COUNTED));
    if unfilled > 0 {
        return Err(not_yet(table, NotYet::Unfilled(unfilled)));
    }
    let unresolved = count(known, Some(known.adopted.count_null(COUNTED)));
    if unresolved > 0 {
        return Err(not_yet(table, NotYet::Unresolved(unresolved)));
    }
    Ok(())
}

/// Counts over the rows of all organizations, as the table's owner.
fn count(known: &Known, query: Option<String>) -> i64 {
    query.map_or(0, |query| number(known, &query))
}

/// The same where there is something to count.
pub(super) fn number(known: &Known, query: &str) -> i64 {
    first(known, query).and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// The first value of a query over the rows of all organizations, as a text.
pub(super) fn first(known: &Known, query: &str) -> Option<String> {
    across(known, || spi::first_column(query)).into_iter().next()
}

/// Runs a statement of ours over the rows of all organizations, as whoever owns the table by now: the statement names
/// it, and that must not mean another one.
pub(super) fn across<T>(known: &Known, work: impl FnOnce() -> T) -> T {
    let table = &known.adopted.table;
    let Some(owner) = relation::hold(known.oid, &(table.schema.raw().into(), table.name.raw().into())) else {
        report::raise(&not_yet(table, NotYet::SourceGone("it has another name by now")));
    };
    settings::neutral_values(|| owner::as_role(owner, || noforce::lift(work)))
}
