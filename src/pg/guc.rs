//! The extension's settings: definitions, and who may write them.

use std::ffi::{CStr, CString};

use org_scope_core::context::{self, SEPARATOR};
use org_scope_core::error::Error;
use org_scope_core::org::MAX_CONTEXT_BYTES;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::{pg_guard, pg_sys};

use super::backend::BackendCell;
use super::{access, epoch, report, role, size_class};

/// What a fenced table says to a session without an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub(crate) enum MissingOrg {
    /// An error: a silent `UPDATE 0` in a migration is how data gets lost.
    #[name = c"error"]
    Error,
    /// No rows.
    #[name = c"empty"]
    Empty,
}

/// What a setter says to a role whose statements no policy filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub(crate) enum Bypass {
    /// A warning.
    #[name = c"warn"]
    Warn,
    /// An error.
    #[name = c"error"]
    Error,
    /// Nothing.
    #[name = c"off"]
    Off,
}

/// The settings that make up the context; written by our setters alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) enum ContextSetting {
    /// The organization, and where it came from: see `Origin::store`.
    Org,
    /// Who acts inside it.
    User,
    /// The part of it that the session narrowed itself to.
    Project,
}

impl ContextSetting {
    /// The setting's full name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Org => "org_scope.current_org",
            Self::User => "org_scope.current_user",
            Self::Project => "org_scope.current_project",
        }
    }

    fn name_c(self) -> &'static CStr {
        match self {
            Self::Org => c"org_scope.current_org",
            Self::User => c"org_scope.current_user",
            Self::Project => c"org_scope.current_project",
        }
    }

    fn storage(self) -> &'static GucSetting<Option<CString>> {
        match self {
            Self::Org => &CURRENT_ORG,
            Self::User => &CURRENT_USER,
            Self::Project => &CURRENT_PROJECT,
        }
    }

    /// Reads the value as it stands; empty when unset (a custom setting reads `''` once a
    /// transaction-local value has ended). What is read is the server's own storage, so nothing may be set
    /// meanwhile.
    pub(crate) fn read<T>(self, reading: impl FnOnce(&str) -> T) -> T {
        // SAFETY: the server's own variable, read in the backend's only thread.
        let value = unsafe { *self.storage().as_ptr() };
        if value.is_null() {
            return reading("");
        }
        // SAFETY: a setting's value is NULL or NUL-terminated, and stays until it is set.
        let value = unsafe { CStr::from_ptr(value) };
        // What is no UTF-8 (in a database of another encoding) counts as unset: made readable by force,
        // two values could become one.
        reading(value.to_str().unwrap_or_default())
    }

    /// Writes the value, for the transaction or the session, with everything that PostgreSQL does
    /// for settings: rollback, savepoints, parallel workers, DISCARD. Assigns no XID.
    pub(crate) fn set(self, value: &str, is_local: bool) {
        let value = CString::new(value).unwrap_or_default();
        let action =
            if is_local { pg_sys::GucAction::GUC_ACTION_LOCAL } else { pg_sys::GucAction::GUC_ACTION_SET };
        let _open = SetterScope::enter();
        // SAFETY: both strings are NUL-terminated and outlive the call, which copies them.
        unsafe {
            pg_sys::set_config_option(
                self.name_c().as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                action,
                true,
                0,
                false,
            );
        }
    }
}

static CURRENT_ORG: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static CURRENT_USER: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static CURRENT_PROJECT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static MISSING_ORG: GucSetting<MissingOrg> = GucSetting::<MissingOrg>::new(MissingOrg::Error);
static BYPASS: GucSetting<Bypass> = GucSetting::<Bypass>::new(Bypass::Warn);
static PLAN_FOLDING: GucSetting<bool> = GucSetting::<bool>::new(true);
static PLAN_CLASSES: GucSetting<bool> = GucSetting::<bool>::new(true);

/// True while one of our setters writes.
static SETTER: BackendCell<bool> = BackendCell::new(false);

/// `org_scope.missing_org`
pub(crate) fn missing_org() -> MissingOrg {
    MISSING_ORG.get()
}

/// `org_scope.bypass`
pub(crate) fn bypass() -> Bypass {
    BYPASS.get()
}

/// `org_scope.plan_folding`
pub(crate) fn plan_folding() -> bool {
    PLAN_FOLDING.get()
}

/// `org_scope.plan_classes`
pub(crate) fn plan_classes() -> bool {
    PLAN_CLASSES.get()
}

/// A setting of somebody else's, where it is set.
pub(crate) fn foreign(name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    // SAFETY: a NUL-terminated name; a setting that isn't there gives NULL.
    let value = unsafe { pg_sys::GetConfigOption(name.as_ptr(), true, false) };
    if value.is_null() {
        return None;
    }
    // SAFETY: NUL-terminated, and copied before anything is set.
    Some(unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
}

struct SetterScope(bool);

impl SetterScope {
    fn enter() -> Self {
        Self(SETTER.replace(true))
    }
}

impl Drop for SetterScope {
    fn drop(&mut self) {
        SETTER.set(self.0);
    }
}

/// Defines the settings; placeholders that were set before the library was loaded are checked here
/// by the check hooks, and refused with a warning.
pub(crate) fn init() {
    // DISALLOW_IN_FILE keeps ALTER SYSTEM out; what a file says all the same, the check hook refuses.
    let flags = GucFlags::DISALLOW_IN_FILE;
    let settings = [
        (ContextSetting::Org, c"The organization that the session acts for.", check_org as CheckHook),
        (ContextSetting::User, c"Who acts inside the organization.", check_user),
        (ContextSetting::Project, c"The project that the session narrowed itself to.", check_project),
    ];
    for (setting, short, check) in settings {
        // SAFETY: the hooks are guarded, have the server's signature, and live as long as the library.
        unsafe {
            GucRegistry::define_string_guc_with_hooks(
                setting.name_c(),
                short,
                c"Written by org_scope's functions; empty when unset.",
                setting.storage(),
                // SUSET: the server itself refuses SET, RESET and ALTER ROLE ... SET of ordinary roles
                // and of connection options, unless SET ON PARAMETER was granted.
                GucContext::Suset,
                flags,
                Some(check),
                Some(if setting == ContextSetting::Org { assign_org } else { assign_context as AssignHook }),
                (setting == ContextSetting::Org).then_some(show_org as ShowHook),
            );
        }
    }
    GucRegistry::define_enum_guc(
        c"org_scope.missing_org",
        c"What a protected table says to a session without an organization: error or empty.",
        c"With error (the default) the statement fails with SQLSTATE OS001; with empty it sees no rows.",
        &MISSING_ORG,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"org_scope.bypass",
        c"What a setter says to a role that bypasses row security: warn, error or off.",
        c"Superusers and roles with BYPASSRLS see every row, whatever the context says.",
        &BYPASS,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"org_scope.plan_folding",
        c"Plans queries that are executed once with the organization itself where the fence asks for it.",
        c"Changes no result. Partitions are pruned while planning, and partial indexes of one organization can be used.",
        &PLAN_FOLDING,
        GucContext::Suset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"org_scope.plan_classes",
        c"Plans queries that are executed often anew where an organization of another size comes.",
        c"Changes no result. Which organizations are of one size, the statistics of the org columns say.",
        &PLAN_CLASSES,
        GucContext::Suset,
        GucFlags::EXPLAIN,
    );
}

/// Closes the prefix: no other name under `org_scope.` can be set. Called after every definition.
pub(crate) fn reserve_prefix() {
    // SAFETY: a NUL-terminated constant, which the server copies.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"org_scope".as_ptr()) };
}

type AssignHook = unsafe extern "C-unwind" fn(*const std::ffi::c_char, *mut std::ffi::c_void);

type CheckHook = unsafe extern "C-unwind" fn(
    *mut *mut std::ffi::c_char,
    *mut *mut std::ffi::c_void,
    pg_sys::GucSource::Type,
) -> bool;

macro_rules! check_hook {
    ($name:ident, $setting:expr) => {
        // SAFETY: called by the server alone, with arguments of its own.
        unsafe extern "C-unwind" fn $name(
            newval: *mut *mut std::ffi::c_char,
            _extra: *mut *mut std::ffi::c_void,
            source: pg_sys::GucSource::Type,
        ) -> bool {
            // Without a guard: this is on the way of every setter.
            if SETTER.get() {
                return true;
            }
            // SAFETY: the server passes the address of a string that is NULL or NUL-terminated.
            unsafe { check_foreign($setting, newval, source) }
        }
    };
}

check_hook!(check_org, ContextSetting::Org);
check_hook!(check_user, ContextSetting::User);
check_hook!(check_project, ContextSetting::Project);

/// Decides who may write, besides our setter: a parallel worker taking over its leader's state, and for
/// the organization a client whose login role has access `parameter`.
///
/// # Safety
/// `newval` points to a string pointer that is NULL or NUL-terminated.
#[pg_guard]
unsafe extern "C-unwind" fn check_foreign(
    setting: ContextSetting,
    newval: *mut *mut std::ffi::c_char,
    source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: the caller's promise.
    let value = unsafe { *newval };
    // SAFETY: a flag of the server's, read in the backend's only thread.
    let in_worker = unsafe { pg_sys::InitializingParallelWorker };
    if value.is_null() || in_worker {
        return true;
    }
    // SAFETY: not NULL, so NUL-terminated by the caller's promise.
    let text = unsafe { CStr::from_ptr(value) }.to_bytes();
    let from_client = matches!(source, pg_sys::GucSource::PGC_S_CLIENT | pg_sys::GucSource::PGC_S_SESSION);
    // An origin is ours to say.
    let forged = text.contains(&(SEPARATOR as u8));
    let refusal = if setting != ContextSetting::Org || forged || !from_client || !may_set_parameter() {
        Error::SettingClosed { setting: setting.name() }
    } else if text.len() > MAX_CONTEXT_BYTES {
        Error::ContextTooLong
    } else {
        return true;
    };
    report::refuse_setting(&refusal);
    false
}

type ShowHook = unsafe extern "C-unwind" fn() -> *const std::ffi::c_char;

/// SHOW and current_setting show the organization alone.
// SAFETY: called by the server alone, which copies what it gets. It can't panic, so nothing needs a guard.
unsafe extern "C-unwind" fn show_org() -> *const std::ffi::c_char {
    ContextSetting::Org.read(|setting| match setting.split_once(SEPARATOR) {
        // The end of the setting, so NUL-terminated as it is.
        Some((_, org)) => org.as_ptr().cast(),
        None if setting.is_empty() => c"".as_ptr(),
        None => setting.as_ptr().cast(),
    })
}

/// Whether the login role has access `parameter`. Outside a transaction nothing can be looked up,
/// so the answer is no.
fn may_set_parameter() -> bool {
    use org_scope_core::access::How;
    let Some(login) = role::login() else { return false };
    access::of(login).is_some_and(|a| a.how == Some(How::Parameter) && a.bound_org.is_none())
}

// SAFETY: called by the server alone, with arguments of its own. It only counts, so nothing needs a guard.
unsafe extern "C-unwind" fn assign_context(_newval: *const std::ffi::c_char, _extra: *mut std::ffi::c_void) {
    // For every assignment, those of a rollback included.
    epoch::context_changed();
}

// SAFETY: called by the server alone, with arguments of its own. Nothing in it raises or panics.
unsafe extern "C-unwind" fn assign_org(newval: *const std::ffi::c_char, _extra: *mut std::ffi::c_void) {
    epoch::context_changed();
    if size_class::is_watching() && !newval.is_null() {
        // SAFETY: NUL-terminated, and it stays until the hook is through.
        let text = unsafe { CStr::from_ptr(newval) };
        size_class::org_set(context::split(text.to_str().unwrap_or_default()).1);
    }
}
