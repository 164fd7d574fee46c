//! The functions that fences call, and how to recognise a plan that calls one: which plans have a
//! policy of ours in them.

use std::ffi::CStr;
use std::rc::Rc;

use org_scope_core::org::OrgType;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum, FuncExpr, Node, NodeTag, Oid};

use super::backend::{BackendCell, BackendRefCell};
use super::list;

/// The functions that policies call.
const FENCE: [(&CStr, OrgType); 3] = [
    (c"fence_org", OrgType::Text),
    (c"fence_org_uuid", OrgType::Uuid),
    (c"fence_org_bigint", OrgType::Bigint),
];

/// What one of those answers.
#[derive(Clone, Copy)]
pub(crate) enum ProjectReader {
    /// How much is seen of the organization.
    Scope,
    /// The project that is set, as a value of this family.
    Project(OrgType),
}

impl ProjectReader {
    /// All that the policies of projects compare with.
    pub(crate) const ALL: [Self; 4] = [
        Self::Scope,
        Self::Project(OrgType::Text),
        Self::Project(OrgType::Uuid),
        Self::Project(OrgType::Bigint),
    ];

    fn name(self) -> &'static CStr {
        match self {
            Self::Scope => c"project_scope",
            Self::Project(OrgType::Text) => c"current_project",
            Self::Project(OrgType::Uuid) => c"current_project_uuid",
            Self::Project(OrgType::Bigint) => c"current_project_bigint",
        }
    }
}

/// One of the fence's, as the catalog has it.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) oid: Oid,
    /// What it returns.
    pub(crate) org_type: OrgType,
    /// Under which hash value plans remember that they depend on it.
    hash: u32,
}

static READERS: BackendRefCell<Option<Rc<[Reader]>>> = BackendRefCell::new(None);
static PROJECT_READERS: BackendCell<Option<[Oid; ProjectReader::ALL.len()]>> = BackendCell::new(None);
/// Counts the changes of functions.
static GENERATION: BackendCell<u64> = BackendCell::new(0);

/// Whether the plan calls one of the fence's readers. A plan lists every function outside the core
/// that it calls, to be told when one is replaced, so this holds whenever the plan was made, also
/// before this library came.
pub(crate) fn is_in(plan: *mut pg_sys::PlannedStmt) -> bool {
    // SAFETY: the server passes a plan.
    let items = unsafe { (*plan).invalItems };
    if items.is_null() {
        return false;
    }
    let readers = readers();
    // SAFETY: the list holds PlanInvalItem.
    let mut items = unsafe { list::nodes::<pg_sys::PlanInvalItem>(items) };
    items.any(|item| {
        item.cacheId == pg_sys::SysCacheIdentifier::PROCOID as i32
            && readers.iter().any(|r| r.hash == item.hashValue)
    })
}

/// Whether this expression is a call of the reader.
pub(crate) fn is_call(expression: &Node, reader: &Reader) -> bool {
    if expression.type_ != NodeTag::T_FuncExpr {
        return false;
    }
    let call: *const FuncExpr = (&raw const *expression).cast();
    // SAFETY: a function call by its tag.
    let function = unsafe { (*call).funcid };
    function == reader.oid
}

/// Which of [`ProjectReader::ALL`] this expression calls, if it calls one; [`prepare_project_readers`] must
/// have been called before, as nothing is looked up here.
pub(crate) fn project_reader(expression: &Node) -> Option<usize> {
    if expression.type_ != NodeTag::T_FuncExpr {
        return None;
    }
    let call: *const FuncExpr = (&raw const *expression).cast();
    // SAFETY: a function call by its tag.
    let function = unsafe { (*call).funcid };
    let known = PROJECT_READERS.get()?;
    known.iter().position(|oid| *oid == function && function != Oid::INVALID)
}

/// Looks the functions up that [`project_reader`] recognises.
pub(crate) fn prepare_project_readers() {
    if PROJECT_READERS.get().is_some() {
        return;
    }
    let before = GENERATION.get();
    let known = ProjectReader::ALL.map(|reader| look_up(reader.name()));
    // As for the fence's readers.
    if GENERATION.get() == before {
        PROJECT_READERS.set(Some(known));
    }
}

/// The fence's readers; none where the extension isn't there.
pub(crate) fn readers() -> Rc<[Reader]> {
    if let Some(readers) = READERS.with_borrow(Clone::clone) {
        return readers;
    }
    let before = GENERATION.get();
    let readers: Rc<[Reader]> = FENCE
        .iter()
        .map(|&(name, org_type)| (look_up(name), org_type))
        .filter(|(oid, _)| *oid != Oid::INVALID)
        .map(|(oid, org_type)| Reader { oid, org_type, hash: hash(oid) })
        .collect();
    // A change that came while looking up may concern what was looked up before it.
    if GENERATION.get() == before {
        READERS.set(Some(Rc::clone(&readers)));
    }
    readers
}

/// Registers for changes of functions: the extension may come, go and come again in a session.
pub(crate) fn init() {
    // SAFETY: the callback is guarded, never raises, and lives as long as the library.
    unsafe {
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            Some(on_invalidation),
            Datum::null(),
        );
    }
}

#[pg_guard]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn on_invalidation(_arg: Datum, _cache: i32, _hash: u32) {
    GENERATION.set(GENERATION.get().wrapping_add(1));
    READERS.set(None);
    PROJECT_READERS.set(None);
}

fn look_up(name: &CStr) -> Oid {
    // SAFETY: a lookup by NUL-terminated name; a missing schema gives INVALID.
    let schema = unsafe { pg_sys::get_namespace_oid(c"org_scope".as_ptr(), true) };
    // SAFETY: a vector without elements, which is what a function without arguments has.
    let no_arguments = unsafe { pg_sys::buildoidvector(std::ptr::null(), 0) };
    // SAFETY: a lookup with keys of the cache's types; what isn't there gives INVALID.
    unsafe {
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Anum_pg_proc_oid as i16,
            Datum::from(name.as_ptr()),
            Datum::from(no_arguments),
            Datum::from(schema),
            Datum::null(),
        )
    }
}

fn hash(function: Oid) -> u32 {
    // SAFETY: computes the hash of a key of the cache's type.
    unsafe {
        pg_sys::GetSysCacheHashValue(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            Datum::from(function),
            Datum::null(),
            Datum::null(),
            Datum::null(),
        )
    }
}
