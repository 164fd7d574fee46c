//! A table has come under another, as a partition or by inheritance: under a fenced one it is fenced, and a
//! fenced one under an open one is refused.
//!
//! Not the statement's names but the catalogs say what has come where: a name can mean another table by now.

use std::collections::BTreeMap;
use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::{FENCE, Spec, State, Under};
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use crate::pg::catalog::{self, About};
use crate::pg::{report, settings};
use crate::policy::facts::{self, Columns, query};
use crate::policy::family;
use crate::policy::protect::{Noting, fence};
use crate::policy::survey::{Hindrance, survey};

const JOINS: &CStr = query(concat!(include_str!("joins.sql"), "\0"));

/// A table and one right above it, of which not both are fenced alike.
#[derive(Debug, Deserialize)]
struct Pair {
    parent: u32,
    child: u32,
    /// Whether the one above has no fence.
    open: bool,
}

/// Fences what has come under a fence.
///
/// # Errors
/// OS009 where that can't be, and where a fence has come under an open table.
pub(super) fn react() -> Result<(), Error> {
    settings::neutral(|| {
        let mut holes: BTreeMap<u32, Vec<Oid>> = BTreeMap::new();
        for pair in catalog::read::<Pair>(JOINS, About::One, &[]) {
            if pair.open {
                return Err(open_above(&pair));
            }
            holes.entry(pair.parent).or_default().push(Oid::from_u32(pair.child));
        }
        holes.into_iter().try_for_each(|(parent, children)| close(Oid::from_u32(parent), &children))
    })
}

/// Fences the tables, and all below them, as the one above them is.
fn close(parent: Oid, children: &[Oid]) -> Result<(), Error> {
    let Some(above) = facts::read_standing(parent) else { return Ok(()) };
    let Some(spec) = Spec::read_back(&above) else { return Ok(()) };
    let spec = spec.below(&Under::new(&above, &[]));
    let look = || {
        let planned = survey(&spec, facts::read(&family::below(children), &Columns::of(&spec)));
        planned.iter().try_for_each(|p| p.steps.as_ref().map(drop).map_err(Hindrance::error))?;
        Ok(planned)
    };
    for row in fence(&spec, look, Noting::Silent, |_| true)? {
        if let (State::RunYourself, Some(statement)) = (row.step.state, row.step.statement) {
            report::notice(&format!("{}: {statement}", row.step.reason));
        }
    }
    Ok(())
}

fn open_above(pair: &Pair) -> Error {
    let Some(child) = facts::read_standing(Oid::from_u32(pair.child)) else {
        return Error::NoSuchRelation { oid: pair.child };
    };
    let column = child.column.as_ref().filter(|_| child.policy(FENCE).is_some()).map(|c| c.name.clone());
    let Some(parent) = facts::read_one(Oid::from_u32(pair.parent), &Columns::of_org(column.as_ref())) else {
        return Error::NoSuchRelation { oid: pair.parent };
    };
    // Without the column it can have no fence.
    let column = column.filter(|_| parent.column.is_some());
    Error::OpenAbove { child: child.table(), parent: parent.whole(), column }
}
