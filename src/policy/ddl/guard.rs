//! A fence is taken away, or opened, by something else than our own calls.
//!
//! The owner may take it away: with `unprotect`, which takes all of it and puts back what it found. What
//! happens behind its back is an accident, or meant to look like one.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::policy::through::{CHILDREN, ORPHANS};
use org_scope_core::policy::{Facts, Loosening};
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use crate::pg::catalog::{self, About};
use crate::pg::touch::Touch;
use crate::pg::{report, role, settings};
use crate::policy::facts::{self, query};
use crate::policy::through;

const TOUCHED: &CStr = query(concat!(include_str!("touched.sql"), "\0"));
const DROPPED: &CStr = query(concat!(include_str!("dropped.sql"), "\0"));

#[derive(Debug, Deserialize)]
struct Touched {
    table: u32,
}

/// A policy, trigger or constraint with one of our names, of a table that still stands.
#[derive(Debug, Deserialize)]
struct Dropped {
    table: u32,
    policy: Option<String>,
    /// Of a trigger, or of a constraint.
    trigger: Option<String>,
}

impl Dropped {
    /// Whether it was for children that are gone themselves.
    fn is_left_over(&self) -> bool {
        self.trigger.as_ref().is_some_and(|name| [CHILDREN, ORPHANS].contains(&name.as_str()))
            && !through::has_children(Oid::from_u32(self.table))
    }
}

/// After a statement that can have changed a fence.
///
/// # Errors
/// OS002 where it did.
pub(super) fn altered(touch: &Touch) -> Result<(), Error> {
    settings::neutral(|| {
        catalog::read::<Touched>(TOUCHED, About::One, &[]).iter().try_for_each(|touched| {
            judge(touched.table, touch.in_passing, |facts| {
                let rewritten = touch.rewrites.then(|| Loosening::of_rewriting(facts)).flatten();
                rewritten.or_else(|| Loosening::of_change(facts, &touch.kinds))
            })
        })
    })
}

/// After a statement that can have dropped a part of one.
///
/// # Errors
/// OS002 where it did.
pub(super) fn dropped() -> Result<(), Error> {
    settings::neutral(|| {
        let all = catalog::read::<Dropped>(DROPPED, About::One, &[]);
        all.iter().filter(|dropped| !dropped.is_left_over()).try_for_each(|dropped| {
            judge(dropped.table, false, |facts| {
                let policy = dropped.policy.as_ref();
                let trigger = dropped.trigger.as_ref();
                policy
                    .and_then(|name| Loosening::of_dropped_policy(facts, name))
                    .or_else(|| trigger.and_then(|name| Loosening::of_dropped_trigger(facts, name)))
            })
        })
    })
}

/// Refuses it, or warns: superusers repair and restore, and pass every fence anyhow.
fn judge(table: u32, warn: bool, loosening: impl FnOnce(&Facts) -> Option<Loosening>) -> Result<(), Error> {
    let Some(facts) = facts::read_standing(Oid::from_u32(table)) else { return Ok(()) };
    let Some(by) = loosening(&facts) else { return Ok(()) };
    let error = Error::FenceOpened { table: facts.table(), by };
    if warn || role::is_superuser(role::current()) {
        report::warn(&error);
        return Ok(());
    }
    Err(error)
}
