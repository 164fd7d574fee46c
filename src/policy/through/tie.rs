//! Ties a child to its parent and fences it, and the way back.

use org_scope_core::Error;
use org_scope_core::policy::through::{self, NoThrough, Plan, Room, Rows, Tie};
use org_scope_core::policy::{Action, Column, FENCE, Facts, MissingUser, Source, Spec, State, Step};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts::Question;
use super::{ThroughOptions, facts, fill, key, reading};
use crate::pg::journal::{self, Entry};
use crate::pg::{index_size, owner, relation, settings, spi};
use crate::policy::facts::Columns;
use crate::policy::protect::{execute, fence_called, plan_of};
use crate::policy::{Options, Row, facts as tables, ident, rows, spec};

/// What `protect_through` would do.
pub(crate) fn plan_through(target: Oid, parent: Oid, options: ThroughOptions) -> Result<Vec<Row>, Error> {
    if options.reading {
        return reading::plan(target, parent, &options);
    }
    require_owners(target, parent);
    settings::neutral(|| {
        let Some(work) = look(target, parent, &options)? else { return Ok(Vec::new()) };
        let mut child = work.child.clone();
        let new = child.column.is_none();
        if new {
            child.column = Some(column_to_come(&work.org, &work.parent));
        }
        let fence = match work.fences() {
            true => plan_of(&work.spec, child, !new)?,
            false => Vec::new(),
        };
        Ok(all_rows(target, parent, work.plan.parent, work.plan.child).chain(fence).collect())
    })
}

/// Ties the child to its parent, and fences it as soon as its rows are filled.
pub(crate) fn protect_through(target: Oid, parent: Oid, options: ThroughOptions) -> Result<Vec<Row>, Error> {
    if options.reading {
        return reading::protect(target, parent, &options);
    }
    tie(target, parent, &options, |_| true)
}

/// The same by those steps for which `now` holds.
pub(in crate::policy) fn tie(
    target: Oid,
    parent: Oid,
    options: &ThroughOptions,
    now: fn(&Step) -> bool,
) -> Result<Vec<Row>, Error> {
    require_owners(target, parent);
    settings::neutral(|| {
        let Some(work) = look(target, parent, options)? else { return Ok(Vec::new()) };
        if work.plan.parent.iter().any(is_planned) {
            relation::lock(parent, relation::Lock::Ddl);
        }
        if work.plan.child.iter().any(is_planned) {
            relation::lock(target, relation::Lock::Ddl);
        }
        // Again under the locks: two callers at once don't repair each other's work.
        let Some(mut work) = look(target, parent, options)? else { return Ok(Vec::new()) };
        let (spec, fences) = (work.spec.clone(), work.fences());
        work.plan.child.retain(now);
        let on_parent = execute(parent, work.plan.parent);
        let on_child = work.plan.child.into_iter().flat_map(|step| run(target, step)).collect::<Vec<_>>();
        let fence = match fences {
            true => fence_called(target, &spec)?,
            false => Vec::new(),
        };
        Ok(all_rows(target, parent, on_parent, on_child).chain(fence).collect())
    })
}

/// Takes away what ties the child to its parent, where the fence is gone.
pub(in crate::policy) fn untie(target: Oid) -> Vec<Row> {
    let child = tables::read_standing(target).filter(|child| child.policy(FENCE).is_none());
    let Some(child) = child else { return Vec::new() };
    let standing = facts::standing(target);
    let (mine, parents) = through::undo(&child, &standing);
    let parent = standing.keeper.as_ref().map(|k| Oid::from_u32(k.parent));
    let mine = execute(target, mine);
    let parents = parent.map(|parent| execute(parent, parents)).unwrap_or_default();
    rows(target.to_u32(), mine).chain(rows(parent.unwrap_or(target).to_u32(), parents)).collect()
}

fn require_owners(target: Oid, parent: Oid) {
    relation::require_owner(target);
    relation::require_owner(parent);
}

fn is_planned(step: &Step) -> bool {
    step.state == State::Planned
}

fn all_rows(
    target: Oid,
    parent: Oid,
    on_parent: Vec<Step>,
    on_child: Vec<Step>,
) -> impl Iterator<Item = Row> {
    rows(parent.to_u32(), on_parent).chain(rows(target.to_u32(), on_child))
}

/// Executes one step; what reaches the rows of all organizations is recorded.
fn run(target: Oid, step: Step) -> Vec<Step> {
    let (State::Planned, Some(statement), Some(Action::Link(link))) =
        (step.state, &step.statement, &step.action)
    else {
        return execute(target, vec![step]);
    };
    if let through::Link::AddColumn { .. } = link {
        // Where its type is a domain, the domain's conditions are evaluated: not with the caller's rights, who may
        // be a superuser.
        owner::as_role(relation::owner(target), || spi::execute(statement));
        return vec![step.done()];
    }
    if !link.across_orgs() {
        return execute(target, vec![step]);
    }
    let filled = fill::across_orgs(target, statement);
    journal::record(Entry {
        kind: "protect_through",
        target: Some(target),
        statement,
        rows: matches!(link, through::Link::Fill(_)).then(|| i64::try_from(filled).unwrap_or(i64::MAX)),
        reason: None,
    });
    vec![step.done()]
}

/// What is found and what is to do.
struct Work {
    child: Facts,
    parent: Facts,
    org: Ident,
    spec: Spec,
    plan: Plan,
}

impl Work {
    /// Whether the fence's turn has come: rows that are not filled yet would be closed to everybody.
    fn fences(&self) -> bool {
        self.plan.complete || self.child.policy(FENCE).is_some()
    }
}

fn look(target: Oid, parent: Oid, options: &ThroughOptions) -> Result<Option<Work>, Error> {
    let (Some(bare), Some(parent)) = (tables::read_standing(target), tables::read_standing(parent)) else {
        return Ok(None);
    };
    let no = |why| Error::NoThrough { table: bare.table(), why: Box::new(why) };
    if bare.oid == parent.oid {
        return Err(no(NoThrough::Itself));
    }
    if parent.policy(FENCE).is_none() {
        return Err(Error::NotProtected { table: parent.table() });
    }
    let parent_spec = Spec::read_back(&parent);
    let Some(parent_org) = parent_spec.as_ref().and_then(|spec| spec.org.column()) else {
        return Err(no(NoThrough::ParentByExpression(parent.table())));
    };
    let org = options.org_column.clone().map(ident).transpose()?.unwrap_or_else(|| parent_org.clone());
    let spec = spec(
        Source::Column(org.clone()),
        Options {
            force: options.force,
            create_index: options.create_index,
            set_default: false,
            roles: options.roles.clone(),
            // A row without a parent is closed.
            shared_rows: Some(false),
            project_column: None,
            actor_column: None,
            actor_missing: MissingUser::Error.word().to_owned(),
            copy_view: None,
        },
    )?;
    let Some(child) = tables::read_one(target, &Columns::of(&spec)) else { return Ok(None) };
    let parent_key = options.parent_key.clone().map(ident).transpose()?;
    let named = key::as_column(&options.key);
    let question = Question {
        child: target,
        parent: Oid::from_u32(parent.oid),
        key: named.as_ref(),
        parent_key: parent_key.as_ref(),
        org: Some(&org),
        parent_org: Some(parent_org),
    };
    let Some(linked) = facts::linked(&question) else { return Ok(None) };
    let Some(parents) = &linked.parent_key else {
        return Err(no(NoThrough::no_parent_key(parent.table(), parent_key)));
    };
    let key = key::read(&child, &options.key, &linked, parents).map_err(no)?;
    let standing = facts::standing(target);
    let tie =
        Tie { child: &child, parent: &parent, key: &key, org: &org, linked: &linked, standing: &standing };
    let plan = steps(tie, &spec).map_err(no)?;
    Ok(Some(Work { child, parent, org, spec, plan }))
}

fn steps(tie: Tie<'_>, spec: &Spec) -> Result<Plan, NoThrough> {
    let Tie { child, parent, key, linked, .. } = tie;
    let unique = linked.parent_key.as_ref().and_then(|key| facts::free_name(parent, &key.name));
    let by_key = Ident::new("parent_key").ok().and_then(|name| facts::free_name(child, &name));
    let room = Room {
        max_inline: index_size::max_inline_index(),
        unique: unique.as_ref(),
        key: by_key.as_ref(),
        create_index: spec.create_index,
    };
    // What can't be at all is said before any row is counted.
    let unfilled = through::plan(tie, Rows::default(), room)?;
    let Some(parent_key) = linked.parent_key.as_ref().filter(|_| child.column.is_some()) else {
        return Ok(unfilled);
    };
    if !child.through.as_ref().is_some_and(|through| through.right) {
        let (rows, query) = facts::count(child, parent, key, &parent_key.name, true);
        if rows > 0 {
            return Err(NoThrough::Contradicting { rows, query });
        }
    }
    let (fillable, _) = facts::count(child, parent, key, &parent_key.name, false);
    through::plan(tie, Rows { fillable }, room)
}

/// The child's org column as it will be.
fn column_to_come(name: &Ident, parent: &Facts) -> Column {
    let like = parent.column.clone();
    like.map(|like| Column {
        name: name.clone(),
        quoted: name.to_string(),
        not_null: true,
        generated: false,
        identity: false,
        default: None,
        ..like
    })
    .expect("the parent is fenced, so it has an org column")
}
