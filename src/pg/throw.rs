//! Errors across the boundary, whole.
//!
//! pgrx carries an error through Rust frames as a panic that knows the server's own SQLSTATEs and
//! neither constraint names nor positions. Our hooks stand between every statement and its client,
//! and our situations have SQLSTATEs of their own, so errors pass here as the server made them.

use std::any::Any;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cee_scape::{SigJmpBufFields, call_with_sigsetjmp};
use org_scope_core::error::Report;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::pg_sys::{self, ErrorData};

// The server's functions themselves: pgrx's bindings would turn the jump into its panic.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn ThrowErrorData(error: *mut ErrorData);
    fn ReThrowError(error: *mut ErrorData) -> !;
    fn pg_re_throw() -> !;
}

/// A situation on its way through Rust frames.
struct Raised(Report);

/// An error of the server's on its way through Rust frames.
struct Caught(*mut ErrorData);

// SAFETY: a backend has one thread; the panic machinery asks for Send all the same.
unsafe impl Send for Caught {}

/// An error that waits at the edge of Rust, when nothing with a destructor is alive any more.
#[derive(Clone, Copy)]
pub(crate) enum Waiting {
    /// Made by us.
    Ours(*mut ErrorData),
    /// Made by the server.
    Servers(*mut ErrorData),
}

impl Waiting {
    fn data(&self) -> *mut ErrorData {
        match self {
            Self::Ours(error) | Self::Servers(error) => *error,
        }
    }

    /// Its SQLSTATE in the server's integer form.
    pub(crate) fn code(&self) -> i32 {
        // SAFETY: ours, or a copy of the server's own.
        unsafe { (*self.data()).sqlerrcode }
    }

    /// What it says.
    pub(crate) fn message(&self) -> String {
        // SAFETY: as for code.
        let message = unsafe { (*self.data()).message };
        if message.is_null() {
            return String::new();
        }
        // SAFETY: NUL-terminated.
        unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
    }

    /// A copy in the current memory context, of an error that lies in memory which is going to go.
    pub(crate) fn copied(self) -> Self {
        // SAFETY: ours, or a copy of the server's own.
        let mut copy = unsafe { *self.data() };
        for text in [
            &mut copy.message,
            &mut copy.detail,
            &mut copy.detail_log,
            &mut copy.hint,
            &mut copy.context,
            &mut copy.backtrace,
            &mut copy.schema_name,
            &mut copy.table_name,
            &mut copy.column_name,
            &mut copy.datatype_name,
            &mut copy.constraint_name,
            &mut copy.internalquery,
        ] {
            if !text.is_null() {
                // SAFETY: NUL-terminated; the other texts of an error are constants of the server's.
                *text = unsafe { pg_sys::pstrdup(*text) };
            }
        }
        // SAFETY: a variable of the server's, in the backend's only thread.
        copy.assoc_context = unsafe { pg_sys::CurrentMemoryContext };
        // SAFETY: allocates in the current memory context.
        let place: *mut ErrorData = unsafe { pg_sys::palloc(size_of::<ErrorData>()) }.cast();
        // SAFETY: freshly allocated with this size.
        unsafe { place.write(copy) };
        match self {
            Self::Ours(_) => Self::Ours(place),
            Self::Servers(_) => Self::Servers(place),
        }
    }

    /// Lets it go on its way through Rust frames.
    pub(crate) fn go_on(self) -> ! {
        resume_unwind(Box::new(Caught(self.data())))
    }
}

/// Leaves the running function with a situation; [`contain`] turns it into the server's error.
pub(crate) fn raise(report: Report) -> ! {
    // No panic hook: this is no bug, and nobody wants a backtrace.
    resume_unwind(Box::new(Raised(report)))
}

/// Runs Rust code; what goes wrong in it comes back as an error to throw.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Waiting> {
    catch_unwind(AssertUnwindSafe(work)).map_err(waiting)
}

fn waiting(payload: Box<dyn Any + Send>) -> Waiting {
    let payload = match payload.downcast::<Raised>() {
        Ok(raised) => return Waiting::Ours(error_data(&raised.0, sqlstate_code(raised.0.sqlstate))),
        Err(payload) => payload,
    };
    let payload = match payload.downcast::<Caught>() {
        Ok(caught) => return Waiting::Servers(caught.0),
        Err(payload) => payload,
    };
    let (report, code) = match payload.downcast::<CaughtError>() {
        Ok(caught) => match *caught {
            CaughtError::PostgresError(e)
            | CaughtError::ErrorReport(e)
            | CaughtError::RustPanic { ereport: e, .. } => (
                Report {
                    sqlstate: "",
                    message: e.message().to_owned(),
                    detail: e.detail().map(str::to_owned),
                    hint: e.hint().map(str::to_owned),
                },
                e.sql_error_code() as i32,
            ),
        },
        Err(payload) => {
            let what = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            let message = format!("org_scope failed: {what}");
            (Report { sqlstate: "XX000", message, detail: None, hint: None }, sqlstate_code("XX000"))
        }
    };
    Waiting::Ours(error_data(&report, code))
}

/// Throws: does not return, and jumps over every frame up to the server's handler.
///
/// # Safety
/// No value with a destructor may be alive in the frames between here and the server.
pub(crate) unsafe fn throw(waiting: Waiting) -> ! {
    match waiting {
        // SAFETY: palloc'ed and complete; the caller's promise.
        Waiting::Ours(error) => unsafe { ThrowErrorData(error) },
        // SAFETY: a copy of the server's own; the caller's promise.
        Waiting::Servers(error) => unsafe { ReThrowError(error) },
    }
    unreachable!("an ERROR doesn't return")
}

/// Reports below ERROR: returns.
pub(crate) fn say(level: i32, report: &Report) {
    let error = error_data(report, sqlstate_code(report.sqlstate));
    // SAFETY: error_data's result is ours alone.
    unsafe { (*error).elevel = level };
    // SAFETY: palloc'ed and complete; the binding copes with a failure to send.
    unsafe { pg_sys::ThrowErrorData(error) };
}

fn error_data(report: &Report, code: i32) -> *mut ErrorData {
    let copy = |text: &str| {
        let text = CString::new(text.replace('\0', "")).unwrap_or_default();
        // SAFETY: NUL-terminated; copied into the current memory context.
        unsafe { pg_sys::pstrdup(text.as_ptr()) }
    };
    // SAFETY: a plain C struct for which all zeroes means "nothing said".
    let error: *mut ErrorData = unsafe { pg_sys::palloc0(size_of::<ErrorData>()) }.cast();
    // SAFETY: freshly allocated, zeroed, ours alone.
    let fields = unsafe { &mut *error };
    fields.elevel = pg_sys::elog::PgLogLevel::ERROR as i32;
    fields.sqlerrcode = code;
    fields.message = copy(&report.message);
    fields.detail = report.detail.as_deref().map_or(std::ptr::null_mut(), copy);
    fields.hint = report.hint.as_deref().map_or(std::ptr::null_mut(), copy);
    error
}

/// The server's integer form of a SQLSTATE: six bits a character (`MAKE_SQLSTATE`).
pub(crate) fn sqlstate_code(state: &str) -> i32 {
    state
        .bytes()
        .enumerate()
        .fold(0, |code, (i, b)| code | (((i32::from(b) - i32::from(b'0')) & 0x3F) << (6 * i)))
}

/// The other way round.
pub(crate) fn sqlstate_of_code(code: i32) -> String {
    (0..5).map(|i| char::from((((code >> (6 * i)) & 0x3F) as u8).wrapping_add(b'0'))).collect()
}

/// What the server's error machinery must find again when a jump has been caught.
struct Handler {
    exceptions: *mut pg_sys::sigjmp_buf,
    contexts: *mut pg_sys::ErrorContextCallback,
}

impl Handler {
    fn save() -> Self {
        // SAFETY: variables of the server's, in the backend's only thread.
        let exceptions = unsafe { pg_sys::PG_exception_stack };
        // SAFETY: as above.
        let contexts = unsafe { pg_sys::error_context_stack };
        Self { exceptions, contexts }
    }

    fn restore(&self) {
        // SAFETY: what save found, still valid as we are in the same frame.
        unsafe { pg_sys::PG_exception_stack = self.exceptions };
        // SAFETY: as above.
        unsafe { pg_sys::error_context_stack = self.contexts };
    }
}

/// Calls server code with a handler of our own; `None` where it jumped.
///
/// # Safety
/// `call` calls server code, and owns nothing with a destructor.
unsafe fn attempt<T>(handler: &Handler, call: impl FnOnce() -> T) -> Option<T> {
    let mut result = MaybeUninit::uninit();
    let mut call = Some(call);
    let jumped = call_with_sigsetjmp(false, |buffer| {
        let buffer: *const SigJmpBufFields = buffer;
        // SAFETY: the buffer lives as long as this closure runs; restore ends its use.
        unsafe { pg_sys::PG_exception_stack = buffer.cast_mut().cast() };
        if let Some(call) = call.take() {
            result.write(call());
        }
        0
    });
    handler.restore();
    // SAFETY: no jump, so the closure has written the result.
    (jumped == 0).then(|| unsafe { result.assume_init() })
}

/// Calls server code; `after` runs whether it returns or raises, and its error goes on untouched.
///
/// # Safety
/// `call` calls server code; neither it nor the frames up to the server own a value with a
/// destructor; `after` doesn't raise.
pub(crate) unsafe fn finally<T>(call: impl FnOnce() -> T, after: impl FnOnce()) -> T {
    let handler = Handler::save();
    // SAFETY: the caller's promise.
    let result = unsafe { attempt(&handler, call) };
    after();
    match result {
        Some(result) => result,
        // SAFETY: the error still lies on the server's stack, as in PG_FINALLY.
        None => unsafe { pg_re_throw() },
    }
}

/// Calls server code from Rust code: its error goes on, whole, as a panic that [`contain`] ends.
///
/// # Safety
/// `call` calls server code, and owns nothing with a destructor.
pub(crate) unsafe fn whole<T>(call: impl FnOnce() -> T) -> T {
    // SAFETY: the caller's promise.
    unsafe { caught(call) }.unwrap_or_else(|error| resume_unwind(Box::new(Caught(error))))
}

/// The same for code that reads a text which is not the client's: what is wrong at a place in it is said of this text.
///
/// # Safety
/// As for [`whole`].
pub(crate) unsafe fn whole_in<T>(text: &CStr, call: impl FnOnce() -> T) -> T {
    // SAFETY: the caller's promise.
    unsafe { caught(call) }.unwrap_or_else(|error| {
        // SAFETY: a copy of ours.
        let fields = unsafe { &mut *error };
        if fields.cursorpos > 0 && fields.internalquery.is_null() {
            fields.internalpos = std::mem::take(&mut fields.cursorpos);
            // SAFETY: NUL-terminated; copied to where the error lies.
            fields.internalquery = unsafe { pg_sys::pstrdup(text.as_ptr()) };
        }
        resume_unwind(Box::new(Caught(error)))
    })
}

/// # Safety
/// As for [`whole`].
unsafe fn caught<T>(call: impl FnOnce() -> T) -> Result<T, *mut ErrorData> {
    let handler = Handler::save();
    // SAFETY: a variable of the server's, in the backend's only thread.
    let memory = unsafe { pg_sys::CurrentMemoryContext };
    // SAFETY: the caller's promise.
    if let Some(result) = unsafe { attempt(&handler, call) } {
        return Ok(result);
    }
    // SAFETY: the context that was current before; the copy must not lie in the error context.
    unsafe { pg_sys::CurrentMemoryContext = memory };
    // SAFETY: we are at the place of a PG_CATCH.
    let error = unsafe { pg_sys::CopyErrorData() };
    // SAFETY: as above; the error lives on in the copy.
    unsafe { pg_sys::FlushErrorState() };
    Err(error)
}
