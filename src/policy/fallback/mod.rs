//! Where the rows of a table that is being adopted get their organization from, and to whom those without
//! one belong meanwhile.

mod condition;
mod source;

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::adopt::{Adopted, NotYet, Phase, Route, SourceTable, Standing, Told};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

pub(super) use condition::add;
pub(crate) use source::{Form, family, resolve};

use super::facts::query;
use crate::pg::catalog::{self, About};

const STANDING: &CStr = query(concat!(include_str!("standing.sql"), "\0"));

/// Which columns are asked about; what isn't named is what stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Question<'a> {
    pub(crate) org: Option<&'a Ident>,
    pub(crate) legacy: Option<&'a Ident>,
    pub(crate) parent: Option<Oid>,
}

/// What stands of an adoption; none where there is no such table.
pub(crate) fn standing(table: Oid, question: Question<'_>) -> Option<Standing> {
    let raw = |name: Option<&Ident>| name.map(|name| name.raw().to_owned());
    let args = [table.into(), raw(question.org).into(), raw(question.legacy).into(), question.parent.into()];
    catalog::read(STANDING, About::One, &args).into_iter().next()
}

/// The same of a table that has come to the end, whose org column is known by its comment.
pub(crate) fn finished(table: Oid) -> Option<Standing> {
    let org = super::facts::read_standing(table)?.column?.name;
    let standing = standing(table, Question { org: Some(&org), ..Question::default() })?;
    (Phase::of(&standing) == Some(Phase::Finished)).then_some(standing)
}

/// An adoption that is under way.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The table.
    pub(crate) oid: Oid,
    pub(crate) standing: Standing,
    pub(crate) phase: Phase,
    pub(crate) told: Told,
    pub(crate) adopted: Adopted,
    /// The table that is asked, where one is.
    pub(crate) source: Option<SourceTable>,
}

/// The adoption that the table's triggers tell of.
///
/// # Errors
/// OS010 where there is none, or what it needs is gone.
pub(crate) fn known(table: Oid) -> Result<Known, Error> {
    let Some(standing) = standing(table, Question::default()) else {
        return Err(Error::NoSuchRelation { oid: table.to_u32() });
    };
    let not_yet = |why| Error::NotYet { table: standing.table(), why: Box::new(why) };
    let Some(phase) = Phase::of(&standing) else {
        let why = if finished(table).is_some() { NotYet::Finished } else { NotYet::NotAdopted };
        return Err(not_yet(why));
    };
    let gone = |why| not_yet(NotYet::SourceGone(why));
    let told = Told::by_trigger(&standing).ok_or_else(|| gone("its trigger has been altered"))?;
    let org = standing.org.as_ref().ok_or_else(|| gone("its org column has been dropped"))?;
    let family = org.family().ok_or_else(|| gone("its org column has another type"))?;
    let name = org.name.clone();
    let (source, asked) =
        resolve(table, &standing, &told, &org.own_type.1, Form::OfNew).map_err(|error| match error {
            Error::NoAdoption { .. } | Error::NoSuchLookup { .. } => gone("call adopt again to see why"),
            other => other,
        })?;
    let adopted = Adopted { table: standing.table(), org: name, family, source };
    Ok(Known { oid: table, standing, phase, told, adopted, source: asked })
}

impl Known {
    /// The way from a row that is written to its organization.
    pub(crate) fn route(self) -> Option<Route> {
        let legacy = self.standing.legacy.as_ref().filter(|_| self.told.legacy().is_some());
        Some(Route {
            row_type: self.standing.row_type,
            owner: self.standing.owner,
            fenced: self.standing.fenced,
            org: self.standing.org.as_ref()?.number,
            legacy: legacy.map(|legacy| legacy.number),
            source: self.source,
            adopted: self.adopted,
        })
    }
}
