//! Reading the context: for applications, where unset is NULL, and for the fence, where unset is an
//! error or nothing, as `org_scope.missing_org` says.

use org_scope_core::Error;
use org_scope_core::org::OrgValue;
use serde_json::json;

use crate::pg::guc::{self, MissingOrg};
use crate::pg::{role, running, session};

/// The organization in the form that `read` gives it, or none.
///
/// # Errors
/// OS004 where the value is not of that type.
pub(crate) fn org<T>(read: impl FnOnce(&OrgValue) -> Result<T, Error>) -> Result<Option<T>, Error> {
    session::context().org.as_ref().map(read).transpose()
}

/// As [`org`], for the policies.
///
/// # Errors
/// OS008 after the end of the token, OS001 without an organization (unless `missing_org` is `empty`), OS003 where the statement that
/// asks began under another one, OS004 where the value is not of the column's type.
pub(crate) fn fence_org<T>(read: impl FnOnce(&OrgValue) -> Result<T, Error>) -> Result<Option<T>, Error> {
    let context = session::context();
    if running::began_under_another_org(&context) {
        return Err(Error::OrgChanged);
    }
    match (&context.org, guc::missing_org()) {
        (Some(org), _) => read(org).map(Some),
        // Whatever `missing_org` says: the session had an organization, and would take no rows for an answer.
        (None, _) if context.expired => Err(Error::Expired),
        (None, MissingOrg::Error) => Err(Error::NoOrg),
        // Its leader began the statement with an organization; half the rows would be a lie.
        (None, MissingOrg::Empty) if session::is_worker_with_stale_org() => Err(Error::OrgChanged),
        (None, MissingOrg::Empty) => Ok(None),
    }
}

/// The project in the form that `read` gives it, or none.
///
/// # Errors
/// OS004 where the value is not of that type.
pub(crate) fn project<T>(read: impl FnOnce(&OrgValue) -> Result<T, Error>) -> Result<Option<T>, Error> {
    session::context().project.as_ref().map(read).transpose()
}

/// The user, or none.
pub(crate) fn user_id() -> Option<String> {
    session::context().user.as_deref().map(str::to_owned)
}

/// Everything at once, for people and logs.
pub(crate) fn context() -> serde_json::Value {
    let context = session::context();
    let text = |value: &Option<OrgValue>| value.as_ref().map(|v| v.text().to_owned());
    json!({
        "org": text(&context.org),
        "user": context.user.as_deref(),
        "project": text(&context.project),
        "bypasses_row_security": role::bypasses(role::current()),
    })
}
