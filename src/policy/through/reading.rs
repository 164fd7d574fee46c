//! The form that brings no column: the fence asks the parent with every statement.

use std::ffi::CString;

use org_scope_core::Error;
use org_scope_core::org::OrgType;
use org_scope_core::policy::through::{Key, NoThrough, of_built_in_type};
use org_scope_core::policy::{
    Above, FENCE, Facts, MissingUser, READING_ROW, Reading, Source, Spec, family_of_type, reading_alias,
};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts::Question;
use super::{ThroughOptions, facts, key};
use crate::pg::{expression, relation, settings};
use crate::policy::protect::{fence_called, plan_called};
use crate::policy::{Options, Row, facts as tables, ident, rows, spec};

/// What `protect_through` would do.
pub(super) fn plan(target: Oid, parent: Oid, options: &ThroughOptions) -> Result<Vec<Row>, Error> {
    with_spec(target, parent, options, plan_called)
}

/// Sets the fence.
pub(super) fn protect(target: Oid, parent: Oid, options: &ThroughOptions) -> Result<Vec<Row>, Error> {
    with_spec(target, parent, options, fence_called)
}

fn with_spec(
    target: Oid,
    parent: Oid,
    options: &ThroughOptions,
    work: fn(Oid, &Spec) -> Result<Vec<Row>, Error>,
) -> Result<Vec<Row>, Error> {
    relation::require_owner(target);
    settings::neutral(|| {
        let Some((parent_key, org)) = look(target, parent, options)? else { return Ok(Vec::new()) };
        let spec = spec(
            Source::Parent(Box::new(org)),
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
        let unreadable = facts::unreadable(target, parent, &parent_key, spec.force);
        let notes = unreadable.iter().map(|role| role.note()).collect();
        Ok(work(target, &spec)?.into_iter().chain(rows(target.to_u32(), notes)).collect())
    })
}

/// The parent's key, and the way to the organization.
fn look(target: Oid, parent: Oid, options: &ThroughOptions) -> Result<Option<(Ident, Reading)>, Error> {
    let (Some(child), Some(parent)) = (tables::read_standing(target), tables::read_standing(parent)) else {
        return Ok(None);
    };
    let no = |why| Error::NoThrough { table: child.table(), why: Box::new(why) };
    if child.oid == parent.oid {
        return Err(no(NoThrough::Itself));
    }
    if parent.policy(FENCE).is_none() {
        return Err(Error::NotProtected { table: parent.table() });
    }
    if parent.is_partition {
        return Err(no(NoThrough::Partitioned(parent.table())));
    }
    if let Some(column) = options.org_column.clone().map(ident).transpose()? {
        return Err(no(NoThrough::ColumnToRead(column)));
    }
    if let Some(keeper) = facts::standing(target).keeper {
        return Err(no(NoThrough::OtherParent(keeper.parent())));
    }
    let asked = options.parent_key.clone().map(ident).transpose()?;
    let named = key::as_column(&options.key);
    let question = Question {
        child: target,
        parent: Oid::from_u32(parent.oid),
        key: named.as_ref(),
        parent_key: asked.as_ref(),
        org: None,
        parent_org: None,
    };
    let Some(linked) = facts::linked(&question) else { return Ok(None) };
    let Some(parent_key) = &linked.parent_key else {
        return Err(no(NoThrough::no_parent_key(parent.table(), asked)));
    };
    NoThrough::check_keys(&parent.table(), &linked, parent_key).map_err(no)?;
    let key = key::read(&child, &options.key, &linked, parent_key).map_err(no)?;
    let (text, column) = match (&key, &linked.key) {
        (Key::Column(name), Some(c)) => {
            (of_built_in_type(name, &c.type_name, &c.base_type), Some(name.clone()))
        }
        (Key::Column(name), None) => (name.to_string(), Some(name.clone())),
        (Key::Expression(expression), _) => (expression.bare.clone(), None),
    };
    let of_row = under(&child, &text, READING_ROW).map_err(no)?;
    let reading = above(&parent, |alias| {
        let column = of_built_in_type(&parent_key.name, &parent_key.type_name, &parent_key.base_type);
        under(&parent, &column, alias).map(|key| key.of_alias)
    });
    let reading = Reading { key: of_row.bare, key_of_row: of_row.of_alias, column, ..reading.map_err(no)? };
    if reading.asks(&child.table()) {
        return Err(no(NoThrough::Cycle(parent.table())));
    }
    Ok(Some((parent_key.name.clone(), reading)))
}

/// The way from the parent on.
fn above(parent: &Facts, key: impl FnOnce(&str) -> Result<String, NoThrough>) -> Result<Reading, NoThrough> {
    // Partitions are all of a partitioned table; what inherits may repeat keys.
    let table = match parent.is_partitioned() {
        true => parent.table().to_string(),
        false => format!("ONLY {}", parent.table()),
    };
    let unknown = || NoThrough::ParentByExpression(parent.table());
    let reading = |parents, org, family: OrgType| Reading {
        key: String::new(),
        key_of_row: String::new(),
        column: None,
        parents,
        org,
        family,
    };
    let first = reading_alias(1);
    match Spec::read_back(parent).map(|spec| spec.org) {
        Some(Source::Column(name)) => {
            let column = parent.column.as_ref().filter(|c| c.name == name).ok_or_else(unknown)?;
            let family = family_of_type(&column.base_type).ok_or_else(unknown)?;
            let org = of_built_in_type(&name, &column.type_name, &column.base_type);
            let parents = vec![Above { table, key: key(&first)?, next: None }];
            Ok(reading(parents, under(parent, &org, &first)?.of_alias, family))
        }
        Some(Source::Expression(expression)) => {
            let org = under(parent, &expression.printed, &first)?.of_alias;
            let parents = vec![Above { table, key: key(&first)?, next: None }];
            Ok(reading(parents, org, expression.family))
        }
        Some(Source::Parent(further)) => {
            let alias = reading_alias(further.parents.len() + 1);
            let next = Some(under(parent, &further.key, &alias)?.of_alias);
            let parents = [vec![Above { table, key: key(&alias)?, next }], further.parents].concat();
            Ok(reading(parents, further.org, further.family))
        }
        None => Err(unknown()),
    }
}

/// An expression over a table's row, with an alias before each column.
fn under(table: &Facts, text: &str, alias: &str) -> Result<expression::Key, NoThrough> {
    // Our own aliases have no NUL.
    let alias = CString::new(alias).unwrap_or_default();
    expression::key(Oid::from_u32(table.oid), text, &alias)
        .map_err(|why| NoThrough::Key { key: text.to_owned(), why })
}
