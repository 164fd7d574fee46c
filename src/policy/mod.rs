//! The generator: joins core's plans with the catalog's facts, and executes them.

pub(crate) mod adopted;
mod alter;
mod copy_view;
mod ddl;
mod facts;
pub(crate) mod fallback;
mod family;
mod findings;
mod guard;
mod org_index;
mod protect;
mod protected;
mod run;
mod stamp;
mod survey;
mod through;
mod unprotect;
mod usage;
mod watch;

use org_scope_core::Error;
use org_scope_core::policy::{Actor, Extra, Grantee, MissingUser, Source, Spec};
use org_scope_core::sql::Ident;

pub(crate) use alter::alter_protected;
pub(crate) use copy_view::copy_row;
pub(crate) use ddl::{command_end, sql_drop};
pub(crate) use guard::guard_truncate;
pub(crate) use org_index::org_index;
pub(crate) use protect::{Asked, plan, plan_all, protect};
pub(crate) use protected::protected_tables;
pub(crate) use run::{begin_protect, begin_unprotect};
pub(crate) use stamp::stamp_actor;
pub(crate) use through::{
    ThroughOptions, begin_fill, check_parent, fill_from_parent, fill_step, move_children, plan_through,
    protect_through,
};
pub(crate) use unprotect::unprotect;
pub(crate) use usage::usage;
pub(crate) use watch::{
    declare as declare_global, declare_name as declare_global_name, undeclare as undeclare_global,
    undeclare_name as undeclare_global_name, unwatch, watch,
};

use crate::run::{Row, rows};

/// Registers with the server, when the library loads.
pub(crate) fn init() {
    crate::pg::xact::on_end(through::end_transaction);
}

/// The options as they come from SQL.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) force: bool,
    pub(crate) create_index: bool,
    pub(crate) set_default: bool,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) shared_rows: Option<bool>,
    /// None leaves it as it is, the empty name takes it away.
    pub(crate) project_column: Option<String>,
    /// As above.
    pub(crate) actor_column: Option<String>,
    pub(crate) actor_missing: String,
    /// None leaves it as it is.
    pub(crate) copy_view: Option<bool>,
}

impl Default for Options {
    /// As the SQL functions have them.
    fn default() -> Self {
        Self {
            force: true,
            create_index: true,
            set_default: true,
            roles: None,
            shared_rows: None,
            project_column: None,
            actor_column: None,
            actor_missing: "error".to_owned(),
            copy_view: None,
        }
    }
}

/// Reads the options; roles are looked up here, so that a plan fails as its execution would.
fn spec(org: Source, options: Options) -> Result<Spec, Error> {
    let roles = match options.roles {
        None => None,
        Some(names) if names.is_empty() => return Err(Error::NoRoles),
        Some(names) => {
            let names = idents(names)?;
            facts::require_roles(&names)?;
            Some(names.into_iter().map(Grantee::from_name).collect())
        }
    };
    let missing = MissingUser::from_word(&options.actor_missing).ok_or(Error::UnknownActorMissing)?;
    let actor = match extra(options.actor_column)? {
        Extra::With(column) => Extra::With(Actor { column, missing }),
        Extra::Without => Extra::Without,
        Extra::Keep => Extra::Keep,
    };
    Ok(Spec {
        org,
        force: options.force,
        create_index: options.create_index,
        set_default: options.set_default,
        roles,
        shared_rows: options.shared_rows,
        project: extra(options.project_column)?,
        actor,
        copy_view: options.copy_view,
    })
}

fn extra(name: Option<String>) -> Result<Extra<Ident>, Error> {
    Ok(match name {
        None => Extra::Keep,
        Some(name) if name.is_empty() => Extra::Without,
        Some(name) => Extra::With(ident(name)?),
    })
}

fn column(name: String) -> Result<Source, Error> {
    ident(name).map(Source::Column)
}

fn ident(name: String) -> Result<Ident, Error> {
    Ident::new(name).map_err(|_| Error::BadName)
}

fn idents(names: Vec<String>) -> Result<Vec<Ident>, Error> {
    names.into_iter().map(ident).collect()
}
