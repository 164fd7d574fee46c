//! Readers: functions without arguments that answer once for each call site and change of the context,
//! and between them cost what a constant costs.

use pgrx::datum::IntoDatum;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};

use org_scope_core::Error;

use super::{epoch, quick, throw};

/// How many values a call site may keep. Each has memory of its own, as an index scan's key may still
/// point to the one before, and all go only with the call site; a loop in PL/pgSQL that goes through
/// a million organizations has one call site.
const MAX_KEPT: u32 = 16;

/// What a call site remembers (`fn_extra`).
struct Memory {
    /// The counter and the login for which `value` is the answer.
    epoch: u64,
    login: Oid,
    kept: u32,
    value: Datum,
}

/// Answers a call; NULL is asked for anew each time.
///
/// # Safety
/// Called by the server, through [`reader!`] alone, with a valid `fcinfo`.
#[inline]
pub(crate) unsafe fn read<T: IntoDatum>(
    fcinfo: FunctionCallInfo,
    body: fn() -> Result<Option<T>, Error>,
) -> Datum {
    // SAFETY: the call's own data.
    let flinfo = unsafe { (*fcinfo).flinfo };
    if !flinfo.is_null() {
        // SAFETY: the call site's own data, which no other function than this one has filled.
        let memory: *const Memory = unsafe { (*flinfo).fn_extra }.cast();
        // SAFETY: NULL, or what `keep` has left there, which lives as long as the call site.
        if let Some(memory) = unsafe { memory.as_ref() }
            && memory.epoch == epoch::answers()
            && memory.login == quick::session_user()
        {
            return memory.value;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { ask(fcinfo, body) }
}

/// As [`read`], where the call site doesn't know the answer. Every Rust value is gone when an error
/// is thrown.
///
/// # Safety
/// As for [`read`].
#[cold]
unsafe fn ask<T: IntoDatum>(fcinfo: FunctionCallInfo, body: fn() -> Result<Option<T>, Error>) -> Datum {
    let answer = throw::contain(|| {
        // Before asking: what changes meanwhile may concern what was read before it.
        let epoch = epoch::answers();
        let login = quick::session_user();
        let value = body().unwrap_or_else(|error| throw::raise(error.report()))?;
        // SAFETY: the call's own data.
        let flinfo = unsafe { (*fcinfo).flinfo };
        // SAFETY: NULL, or the call site's own data.
        match unsafe { flinfo.as_mut() } {
            Some(site) => keep(site, epoch, login, value),
            None => value.into_datum(),
        }
    });
    match answer {
        Ok(Some(datum)) => datum,
        // SAFETY: the call's own data.
        Ok(None) => unsafe { pgrx::fcinfo::pg_return_null(fcinfo) },
        // SAFETY: contain has dropped everything, and the caller is the server.
        Err(waiting) => unsafe { throw::throw(waiting) },
    }
}

/// Makes the value's datum, in memory that lives as long as the call site while it may keep more.
fn keep<T: IntoDatum>(site: &mut pg_sys::FmgrInfo, epoch: u64, login: Oid, value: T) -> Option<Datum> {
    if site.fn_extra.is_null() {
        // SAFETY: the context that belongs to the call site; zeroes are no answer to any epoch.
        site.fn_extra = unsafe { pg_sys::MemoryContextAllocZero(site.fn_mcxt, size_of::<Memory>()) };
    }
    let memory: *mut Memory = site.fn_extra.cast();
    // SAFETY: allocated above, aligned for anything, and ours alone.
    let memory = unsafe { &mut *memory };
    if memory.kept == MAX_KEPT {
        return value.into_datum();
    }
    // SAFETY: the context is alive; what was current is put back below.
    let outer = unsafe { pg_sys::MemoryContextSwitchTo(site.fn_mcxt) };
    let datum = value.into_datum();
    // SAFETY: what was current before. Where into_datum raises, the server's handler does this.
    unsafe { pg_sys::MemoryContextSwitchTo(outer) };
    let datum = datum?;
    *memory = Memory { epoch, login, kept: memory.kept + 1, value: datum };
    Some(datum)
}

/// Makes `$body` callable from SQL as C symbol `$symbol`, cached per call site; `$finfo` is
/// `pg_finfo_` with the symbol. For functions without arguments that depend on the context alone.
macro_rules! reader {
    ($symbol:ident, $finfo:ident, $body:expr) => {
        $crate::pg::entry::finfo!($finfo);

        #[allow(unsafe_code, reason = "the entry point itself; everything unsafe happens in pg::call_site")]
        // SAFETY: the name is unique in the library, as the loader requires.
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $symbol(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            // SAFETY: called by the server with the call's own data.
            unsafe { $crate::pg::call_site::read(fcinfo, $body) }
        }
    };
}
pub(crate) use reader;
