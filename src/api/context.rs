//! `org_scope.set_current_…`, `current_…`, `fence_…`, `clear_context`, `context`.

use org_scope_core::Error;
use org_scope_core::org::OrgValue;
use pgrx::{JsonB, Uuid};

use crate::context::{projects, reader, setter};
use crate::pg::call_site::reader;
use crate::pg::entry::{Answer, Call, entry};
use crate::pg::project_source;

type Setter = fn(Option<&str>, bool) -> Result<(), Error>;

/// is_local; NULL counts as false, as in `set_config`.
fn is_local(call: &Call) -> bool {
    call.arg(1).unwrap_or(false)
}

/// Takes the value from argument 0, a text.
fn set_text(call: &Call, setter: Setter) -> Result<Answer, Error> {
    setter(call.arg(0), is_local(call))?;
    Ok(call.echo(0))
}

/// Takes the value from argument 0 in its canonical text.
fn set(call: &Call, value: Option<String>, setter: Setter) -> Result<Answer, Error> {
    setter(value.as_deref(), is_local(call))?;
    Ok(value.into())
}

fn uuid_arg(call: &Call) -> Option<String> {
    call.arg::<Uuid>(0).map(|v| uuid::Uuid::from_bytes(*v.as_bytes()).to_string())
}

fn bigint_arg(call: &Call) -> Option<String> {
    call.arg::<i64>(0).map(|v| v.to_string())
}

fn text(value: &OrgValue) -> Result<String, Error> {
    Ok(value.text().to_owned())
}

fn uuid(value: &OrgValue) -> Result<Uuid, Error> {
    value.uuid().map(|u| Uuid::from_bytes(u.into_bytes()))
}

entry!(org_scope_set_current_org_text, pg_finfo_org_scope_set_current_org_text, |call| {
    set_text(call, setter::set_org)
});
entry!(org_scope_set_current_org_uuid, pg_finfo_org_scope_set_current_org_uuid, |call| {
    set(call, uuid_arg(call), setter::set_org)
});
entry!(org_scope_set_current_org_bigint, pg_finfo_org_scope_set_current_org_bigint, |call| {
    set(call, bigint_arg(call), setter::set_org)
});
entry!(org_scope_set_current_user, pg_finfo_org_scope_set_current_user, |call| {
    set_text(call, setter::set_user)
});
entry!(org_scope_set_current_project_text, pg_finfo_org_scope_set_current_project_text, |call| {
    set_text(call, setter::set_project)
});
entry!(org_scope_set_current_project_uuid, pg_finfo_org_scope_set_current_project_uuid, |call| {
    set(call, uuid_arg(call), setter::set_project)
});
entry!(org_scope_set_current_project_bigint, pg_finfo_org_scope_set_current_project_bigint, |call| {
    set(call, bigint_arg(call), setter::set_project)
});
entry!(org_scope_clear_context, pg_finfo_org_scope_clear_context, |_| {
    setter::clear();
    Ok(().into())
});

reader!(org_scope_current_org, pg_finfo_org_scope_current_org, || reader::org(text));
reader!(org_scope_current_org_uuid, pg_finfo_org_scope_current_org_uuid, || reader::org(uuid));
reader!(org_scope_current_org_bigint, pg_finfo_org_scope_current_org_bigint, || reader::org(
    OrgValue::bigint
));
reader!(org_scope_fence_org, pg_finfo_org_scope_fence_org, || reader::fence_org(text));
reader!(org_scope_fence_org_uuid, pg_finfo_org_scope_fence_org_uuid, || reader::fence_org(uuid));
reader!(org_scope_fence_org_bigint, pg_finfo_org_scope_fence_org_bigint, || {
    reader::fence_org(OrgValue::bigint)
});
reader!(org_scope_current_user_id, pg_finfo_org_scope_current_user_id, || Ok(reader::user_id()));
reader!(org_scope_current_project, pg_finfo_org_scope_current_project, || reader::project(text));
reader!(org_scope_current_project_uuid, pg_finfo_org_scope_current_project_uuid, || reader::project(uuid));
reader!(org_scope_current_project_bigint, pg_finfo_org_scope_current_project_bigint, || {
    reader::project(OrgValue::bigint)
});
reader!(org_scope_project_scope, pg_finfo_org_scope_project_scope, || Ok(Some(project_source::scope())));
entry!(org_scope_joined_projects, pg_finfo_org_scope_joined_projects, |_| {
    Ok(Some(projects::joined(text)?).into())
});
entry!(org_scope_joined_projects_uuid, pg_finfo_org_scope_joined_projects_uuid, |_| {
    Ok(Some(projects::joined(uuid)?).into())
});
entry!(org_scope_joined_projects_bigint, pg_finfo_org_scope_joined_projects_bigint, |_| {
    Ok(Some(projects::joined(OrgValue::bigint)?).into())
});
entry!(org_scope_context, pg_finfo_org_scope_context, |_| Ok(Some(JsonB(reader::context())).into()));
