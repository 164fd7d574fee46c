//! `org_scope.define_projects`, `define_project_members`, `undefine_projects`.

use org_scope_core::Error;
use pgrx::pg_sys::Oid;

use crate::identity::projects::{self, Kind};
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::types::Name;

fn define(
    call: &Call,
    kind: Kind,
    key: (usize, &'static str),
    by: (usize, &'static str),
) -> Result<Answer, Error> {
    let name = |(number, argument)| call.required::<Name>(number, argument).map(|name| name.0);
    projects::define(kind, call.required::<Oid>(0, "source")?, name(key)?, name(by)?)?;
    Ok(().into())
}

entry!(org_scope_define_projects, pg_finfo_org_scope_define_projects, |call| {
    define(call, Kind::Projects, (1, "key_column"), (2, "org_column"))
});
entry!(org_scope_define_project_members, pg_finfo_org_scope_define_project_members, |call| {
    define(call, Kind::Members, (2, "project_column"), (1, "user_column"))
});
entry!(org_scope_undefine_projects, pg_finfo_org_scope_undefine_projects, |_| {
    projects::undefine();
    Ok(().into())
});
