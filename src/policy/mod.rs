//! The generator: joins core's plans with the catalog's facts, and executes them.

mod alter;
mod facts;
mod findings;
mod guard;
mod protect;
mod protected;
mod run;
mod unprotect;

use org_scope_core::Error;
use org_scope_core::policy::{Grantee, Spec};
use org_scope_core::sql::Ident;

pub(crate) use alter::alter_protected;
pub(crate) use guard::guard_truncate;
pub(crate) use protect::{plan, plan_all, protect};
pub(crate) use protected::protected_tables;
pub(crate) use run::{begin_protect, begin_unprotect};
pub(crate) use unprotect::unprotect;

use crate::run::{Row, rows};

/// The options as they come from SQL.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) org_column: String,
    pub(crate) force: bool,
    pub(crate) create_index: bool,
    pub(crate) set_default: bool,
    pub(crate) roles: Option<Vec<String>>,
}

/// Reads the options; roles are looked up here, so that a plan fails as its execution would.
fn spec(options: Options) -> Result<Spec, Error> {
    let roles = match options.roles {
        None => None,
        Some(names) if names.is_empty() => return Err(Error::NoRoles),
        Some(names) => {
            let names = idents(names)?;
            facts::require_roles(&names)?;
            Some(names.into_iter().map(Grantee::from_name).collect())
        }
    };
    Ok(Spec {
        column: ident(options.org_column)?,
        force: options.force,
        create_index: options.create_index,
        set_default: options.set_default,
        roles,
    })
}

fn ident(name: String) -> Result<Ident, Error> {
    Ident::new(name).map_err(|_| Error::BadName)
}

fn idents(names: Vec<String>) -> Result<Vec<Ident>, Error> {
    names.into_iter().map(ident).collect()
}
