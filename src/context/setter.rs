//! Setting the context: every call asks the access table by session_user, and a call that fails
//! changes nothing.

use std::rc::Rc;

use org_scope_core::Error;
use org_scope_core::access::{Access, How};
use org_scope_core::context::Origin;
use org_scope_core::error::Outliving;
use org_scope_core::org::{MAX_CONTEXT_BYTES, OrgValue};
use org_scope_core::sql::Ident;

use super::projects;
use crate::pg::guc::{self, Bypass, ContextSetting};
use crate::pg::{access, report, role, session, xact};

/// Who calls, and what that login may do.
struct Caller {
    login: pgrx::pg_sys::Oid,
    access: Option<Rc<Access>>,
}

impl Caller {
    fn ask() -> Self {
        access::accept_invalidations();
        // Asked for session_user: SET ROLE, membership and SECURITY DEFINER don't help.
        let login = role::login().expect("an SQL function runs in a transaction with a login");
        Self { login, access: access::of(login) }
    }

    fn not_allowed(&self) -> Error {
        Error::NotAllowed { role: role::name(self.login) }
    }

    fn pooled(&self) -> bool {
        self.access.as_ref().is_some_and(|a| a.pooled)
    }

    fn bound(&self) -> Option<&str> {
        self.access.as_ref().and_then(|a| a.bound_org.as_deref())
    }

    /// The kind of access through which this caller says what it is.
    fn how(&self) -> Result<How, Error> {
        match self.access.as_ref().and_then(|a| a.how) {
            Some(how) if how.is_free() => Ok(how),
            None if role::is_superuser(self.login) => Ok(How::Direct),
            Some(How::Lookup) => Err(Error::Unproven { role: role::name(self.login), how: How::Lookup }),
            Some(_) => Err(Error::Unproven { role: role::name(self.login), how: How::Token }),
            None => Err(self.not_allowed()),
        }
    }

    /// Whether this caller may have what is proven in this way.
    fn may_prove(&self, proof: &Proof) -> Result<(), Error> {
        let refused = match (self.access.as_ref().filter(|a| a.how.is_some()), proof) {
            (None, _) if role::is_superuser(self.login) => return Ok(()),
            (None, _) => self.not_allowed(),
            (Some(access), Proof::Token { .. }) if access.how.is_some_and(|h| h.includes(How::Token)) => {
                return Ok(());
            }
            (Some(_), Proof::Token { .. }) => {
                Error::Unproven { role: role::name(self.login), how: How::Lookup }
            }
            (Some(access), Proof::Lookup { name }) if access.may_look_up(name.raw()) => return Ok(()),
            (Some(_), Proof::Lookup { name }) => {
                Error::LookupNotAllowed { role: role::name(self.login), lookup: name.clone() }
            }
        };
        Err(refused)
    }

    fn must_be_local(&self, is_local: bool) -> Result<(), Error> {
        if self.pooled() && !is_local {
            return Err(Error::PooledSession { what: Outliving::Context });
        }
        Ok(())
    }

    /// Hides what an earlier client left for the session, before the role became pooled: the first local
    /// value of a transaction comes with local values of everything.
    fn start_local(&self, how: How) {
        if self.hide_parts() {
            write_org(&Origin::said(how, true), "", true);
        }
    }

    /// The same for all but the organization. Says whether the organization needs a local value too.
    fn hide_parts(&self) -> bool {
        if !self.pooled() || session::origin().is_some_and(|o| o.local) {
            return false;
        }
        for setting in [ContextSetting::Project, ContextSetting::User] {
            if !setting.read(str::is_empty) {
                setting.set("", true);
            }
        }
        true
    }
}

/// What says that the caller is who it will be.
#[derive(Debug)]
pub(crate) enum Proof {
    /// The answer of a lookup.
    Lookup {
        /// Its name.
        name: Ident,
    },
    /// A signed token.
    Token {
        /// When it ends, in seconds since 1970.
        expires: i64,
    },
}

/// Writes the organization with its origin: one setting, so that neither outlives the other.
fn write_org(origin: &Origin, org: &str, is_local: bool) {
    ContextSetting::Org.set(&origin.store(org), is_local);
}

/// Sets the organization.
///
/// # Errors
/// OS004 for none or one that is too long, OS002 without access, OS003 for a login that is bound to
/// another one, and for what a pooled login can't have.
pub(crate) fn set_org(org: Option<&str>, is_local: bool) -> Result<(), Error> {
    let org = org.filter(|o| !o.is_empty()).ok_or(Error::EmptyOrg)?;
    check_length(org)?;
    let caller = Caller::ask();
    if let Some(bound) = caller.bound() {
        // Saying what is so anyway is no offence: one code path serves bound and other logins.
        return if bound == org { Ok(()) } else { Err(Error::Bound { role: role::name(caller.login) }) };
    }
    let how = caller.how()?;
    become_org(&caller, org, Origin::said(how, is_local))
}

/// Refuses a caller who may not prove itself in this way, before anything is asked.
///
/// # Errors
/// OS002 without that access, OS003 for a session-wide context of a pooled login.
pub(crate) fn must_be_provable(proof: &Proof, is_local: bool) -> Result<(), Error> {
    let caller = Caller::ask();
    caller.may_prove(proof)?;
    caller.must_be_local(is_local)
}

/// Sets what was proven: organization and user together.
///
/// # Errors
/// OS002 without that access, OS003 for what a pooled login can't have, OS004 for a value that is too long, OS005
/// for a login that is bound to another organization.
pub(crate) fn set_proven(proof: Proof, org: &str, user: Option<&str>, is_local: bool) -> Result<(), Error> {
    check_length(org)?;
    check_length(user.unwrap_or_default())?;
    let caller = Caller::ask();
    caller.may_prove(&proof)?;
    let other = caller.bound().is_some_and(|bound| bound != org);
    let origin = match proof {
        // What is another organization's is nobody's, to a login that is bound.
        Proof::Lookup { .. } if other => return Err(Error::NoAnswer),
        Proof::Token { .. } if other => return Err(Error::Bound { role: role::name(caller.login) }),
        Proof::Lookup { name } => {
            Origin { lookup: Some(name.raw().to_owned()), ..Origin::said(How::Lookup, is_local) }
        }
        Proof::Token { expires } => Origin { expires: Some(expires), ..Origin::said(How::Token, is_local) },
    };
    let free = caller.how().is_ok();
    // Who may say which user it is can say another one later; a proven user stays with its organization.
    become_org(&caller, org, Origin { user: user.filter(|_| !free).map(str::to_owned), ..origin })?;
    if free {
        ContextSetting::User.set(user.unwrap_or_default(), is_local);
    }
    Ok(())
}

fn become_org(caller: &Caller, org: &str, origin: Origin) -> Result<(), Error> {
    caller.must_be_local(origin.local)?;
    if caller.pooled() && xact::pooled_org().is_some_and(|fixed| fixed != org) {
        return Err(Error::PooledSecondOrg);
    }
    say_bypass(role::current())?;
    let project_org = project_org_if(org);
    caller.hide_parts();
    let is_local = origin.local;
    write_org(&Origin { project_org, ..origin }, org, is_local);
    if caller.pooled() {
        xact::fix_pooled_org(org);
    }
    Ok(())
}

/// Sets or, with none, clears the user.
///
/// # Errors
/// OS002 without direct access, OS003 for a session-wide value of a pooled login, OS004.
pub(crate) fn set_user(user: Option<&str>, is_local: bool) -> Result<(), Error> {
    let user = user.unwrap_or_default();
    check_length(user)?;
    let caller = Caller::ask();
    let how = caller.how()?;
    caller.must_be_local(is_local)?;
    caller.start_local(how);
    if let Some(origin) = session::origin().filter(|origin| origin.user.is_some()) {
        // The user that came with the organization, when the role could not yet say another.
        let is_local = is_local || origin.local;
        write_org(&Origin { user: None, ..Rc::unwrap_or_clone(origin) }, &session::org_as_set(), is_local);
    }
    ContextSetting::User.set(user, is_local);
    Ok(())
}

/// Narrows the session to a project of its organization or, with none, widens it again.
///
/// # Errors
/// OS001 without an organization, OS003 for a session-wide value of a pooled login, OS004, and OS005 for a
/// project that the organization doesn't have, or its user is no member of.
pub(crate) fn set_project(project: Option<&str>, is_local: bool) -> Result<(), Error> {
    let project = project.unwrap_or_default();
    check_length(project)?;
    let caller = Caller::ask();
    caller.must_be_local(is_local)?;
    let context = session::context();
    let org = context.org.as_ref().ok_or(Error::NoOrg)?;
    if let Some(wanted) = OrgValue::parse(project) {
        projects::must_be_enterable(&wanted, org, context.user.as_deref())?;
    }
    let how = caller.how().unwrap_or(How::Direct);
    caller.start_local(how);
    // The project counts only for the organization that it was set for.
    let mut origin = session::origin().map_or_else(|| Origin::said(how, is_local), Rc::unwrap_or_clone);
    // Where the organization ends with the transaction, its project and origin end with it.
    let is_local = is_local || origin.local;
    origin.project_org = (!project.is_empty()).then(|| org.text().to_owned());
    write_org(&origin, &session::org_as_set(), is_local);
    ContextSetting::Project.set(project, is_local);
    Ok(())
}

/// Refuses whoever can't say one organization after the other in one transaction.
///
/// # Errors
/// OS002 without direct access, OS003 for a pooled login, or one that is bound.
pub(crate) fn must_be_free_to_change() -> Result<(), Error> {
    let caller = Caller::ask();
    if caller.bound().is_some() {
        return Err(Error::Bound { role: role::name(caller.login) });
    }
    caller.how()?;
    if caller.pooled() { Err(Error::PooledSecondOrg) } else { Ok(()) }
}

/// The context as it was set at a moment, whoever set it.
#[derive(Debug)]
pub(crate) struct Kept([(ContextSetting, String); 3]);

impl Kept {
    /// That of this moment.
    pub(crate) fn now() -> Self {
        let settings = [ContextSetting::Org, ContextSetting::User, ContextSetting::Project];
        Self(settings.map(|setting| (setting, setting.read(str::to_owned))))
    }

    /// Sets it again, for the rest of the transaction.
    pub(crate) fn set_again(self) {
        for (setting, value) in self.0 {
            setting.set(&value, true);
        }
    }
}

/// Forgets organization, user and project, for the session. Needs no access: it only closes.
pub(crate) fn clear() {
    for setting in [ContextSetting::Project, ContextSetting::User, ContextSetting::Org] {
        setting.set("", false);
    }
}

/// Tells whoever sets a context for a role that no policy filters (`org_scope.bypass`).
///
/// # Errors
/// OS002 where the setting says `error`.
pub(crate) fn say_bypass(acting: pgrx::pg_sys::Oid) -> Result<(), Error> {
    if guc::bypass() == Bypass::Off || !role::bypasses(acting) {
        return Ok(());
    }
    let error = Error::Bypassing { role: role::name(acting) };
    if guc::bypass() == Bypass::Error {
        return Err(error);
    }
    report::warn(&error);
    Ok(())
}

fn check_length(value: &str) -> Result<(), Error> {
    if value.len() > MAX_CONTEXT_BYTES { Err(Error::ContextTooLong) } else { Ok(()) }
}

/// The project stays while the organization stays.
fn project_org_if(org: &str) -> Option<String> {
    session::origin().and_then(|o| o.project_org.clone()).filter(|p| p == org)
}
