//! Version-1 functions: the entry points that SQL calls.
//!
//! Not `#[pg_extern]`, whose guard knows no SQLSTATE of ours (see `throw`); the declarations stand in
//! `sql/`, with volatility, strictness and parallel safety written out beside the comment.

use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, HeapTuple};
use pgrx::{PgTrigger, fcinfo};

use org_scope_core::Error;

use super::{event, throw};

/// A call's arguments.
pub(crate) struct Call(FunctionCallInfo);

/// A row on its way into a view.
pub(crate) struct RowTrigger<'a> {
    pub(crate) data: &'a pg_sys::TriggerData,
    /// Whether the trigger fires for the first time in its statement.
    pub(crate) first: bool,
}

impl RowTrigger<'_> {
    /// The answer that the row was taken as it is.
    pub(crate) fn kept(&self) -> Answer {
        Answer::Value(Datum::from(self.data.tg_trigtuple))
    }
}

/// What a function gives back.
pub(crate) enum Answer {
    /// SQL NULL, or nothing at all (void).
    Null,
    /// What a statement trigger returns: a null pointer that is not SQL NULL.
    Fired,
    /// What a row trigger returns: the row to write.
    Row(HeapTuple),
    /// A value of the declared type.
    Value(Datum),
}

impl<T: IntoDatum> From<Option<T>> for Answer {
    fn from(value: Option<T>) -> Self {
        value.and_then(IntoDatum::into_datum).map_or(Self::Null, Self::Value)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl Call {
    /// The argument, or `None` for NULL and where the function that was called declares fewer. `T` must be
    /// the Rust form of the declared type.
    pub(crate) fn arg<T: FromDatum>(&self, number: usize) -> Option<T> {
        // SAFETY: the call's own data.
        let count = unsafe { (*self.0).nargs };
        if number >= usize::try_from(count).unwrap_or_default() {
            return None;
        }
        // SAFETY: the server passes as many arguments as the function declares, of the types it declares.
        unsafe { fcinfo::pg_getarg(self.0, number) }
    }

    /// Gives an argument back as it came, NULL included.
    pub(crate) fn echo(&self, number: usize) -> Answer {
        // SAFETY: as for arg, with a number that the function declares.
        let datum = unsafe { fcinfo::pg_getarg_datum(self.0, number) };
        datum.map_or(Answer::Null, Answer::Value)
    }

    /// The argument, which must be there: a function that is STRICT would do nothing and say nothing.
    ///
    /// # Errors
    /// 22004 for NULL.
    pub(crate) fn required<T: FromDatum>(&self, number: usize, name: &'static str) -> Result<T, Error> {
        self.arg(number).ok_or(Error::NullArgument { name })
    }

    /// The trigger that calls, or `None` where no trigger does.
    pub(crate) fn trigger(&self) -> Option<PgTrigger<'_>> {
        // SAFETY: the call's own data; anything else than a trigger's is refused there.
        let data = unsafe { self.0.as_ref() }?;
        // SAFETY: as above.
        unsafe { PgTrigger::from_fcinfo(data) }.ok()
    }

    /// The function that is called.
    pub(crate) fn function(&self) -> pg_sys::Oid {
        // SAFETY: the call's own data.
        let info = unsafe { (*self.0).flinfo };
        // SAFETY: the server fills it before it calls.
        unsafe { (*info).fn_oid }
    }

    /// The row that a trigger was fired for INSTEAD OF an INSERT, or `None` where none was.
    pub(crate) fn row_trigger(&self) -> Option<RowTrigger<'_>> {
        use pg_sys::{
            TRIGGER_EVENT_INSERT, TRIGGER_EVENT_INSTEAD, TRIGGER_EVENT_OPMASK, TRIGGER_EVENT_ROW,
            TRIGGER_EVENT_TIMINGMASK,
        };
        self.trigger()?;
        // SAFETY: a trigger's call, as was just seen, has its data as context.
        let data = unsafe { (*self.0).context };
        // SAFETY: as above.
        let data = unsafe { data.cast::<pg_sys::TriggerData>().as_ref() }?;
        let kind = data.tg_event & (TRIGGER_EVENT_OPMASK | TRIGGER_EVENT_TIMINGMASK | TRIGGER_EVENT_ROW);
        if kind != TRIGGER_EVENT_INSERT | TRIGGER_EVENT_INSTEAD | TRIGGER_EVENT_ROW {
            return None;
        }
        // SAFETY: the call's own data; the server keeps it for all rows of one statement.
        let function = unsafe { (*self.0).flinfo };
        // SAFETY: as above.
        let function = unsafe { &mut *function };
        let first = function.fn_extra.is_null();
        // Only ever compared with null.
        function.fn_extra = std::ptr::from_mut(function).cast();
        Some(RowTrigger { data, first })
    }

    /// The statement whose event trigger calls, or `None` where none does.
    pub(crate) fn event(&self) -> Option<event::Command<'_>> {
        event::of_call(self.0)
    }

    /// Gives rows back, one `Vec` with a datum or NULL for each declared column.
    pub(crate) fn rows(&self, rows: impl IntoIterator<Item = Vec<Option<Datum>>>) -> Answer {
        self.store(rows, 0)
    }

    /// The same for a function with one column, which the server doesn't take for a row.
    pub(crate) fn column(&self, values: impl IntoIterator<Item = Option<Datum>>) -> Answer {
        self.store(values.into_iter().map(|value| vec![value]), pg_sys::MAT_SRF_USE_EXPECTED_DESC)
    }

    fn store(&self, rows: impl IntoIterator<Item = Vec<Option<Datum>>>, flags: u32) -> Answer {
        // SAFETY: makes the tuple store from the call's own declaration, or raises.
        unsafe { pg_sys::InitMaterializedSRF(self.0, flags) };
        // SAFETY: a set-returning call has a ReturnSetInfo, which InitMaterializedSRF has checked.
        let info: *mut pg_sys::ReturnSetInfo = unsafe { (*self.0).resultinfo }.cast();
        // SAFETY: filled by InitMaterializedSRF.
        let store = unsafe { (*info).setResult };
        // SAFETY: as above.
        let desc = unsafe { (*info).setDesc };
        for row in rows {
            let mut nulls: Vec<bool> = row.iter().map(Option::is_none).collect();
            let mut values: Vec<Datum> = row.into_iter().map(|v| v.unwrap_or(Datum::null())).collect();
            // SAFETY: both arrays have one element for each column, and are copied.
            unsafe { pg_sys::tuplestore_putvalues(store, desc, values.as_mut_ptr(), nulls.as_mut_ptr()) };
        }
        Answer::Null
    }
}

/// Runs the body of an entry point. Every Rust value is gone when an error is thrown.
///
/// # Safety
/// Called by the server, through [`entry!`] alone, with a valid `fcinfo`.
pub(crate) unsafe fn run(fcinfo: FunctionCallInfo, body: fn(&Call) -> Result<Answer, Error>) -> Datum {
    let answer = throw::contain(|| body(&Call(fcinfo)).unwrap_or_else(|error| throw::raise(error.report())));
    match answer {
        Ok(Answer::Value(datum)) => datum,
        Ok(Answer::Fired) => Datum::null(),
        Ok(Answer::Row(row)) => Datum::from(row),
        // SAFETY: the call's own data.
        Ok(Answer::Null) => unsafe { fcinfo::pg_return_null(fcinfo) },
        // SAFETY: contain has dropped everything, and the caller is the server.
        Err(waiting) => unsafe { throw::throw(waiting) },
    }
}

/// Declares the calling convention of a C symbol; `$finfo` is `pg_finfo_` with the symbol.
macro_rules! finfo {
    ($finfo:ident) => {
        #[allow(unsafe_code, reason = "the declaration that the server's loader looks for")]
        // SAFETY: the name is unique in the library, as the loader requires.
        #[unsafe(no_mangle)]
        extern "C" fn $finfo() -> &'static pgrx::pg_sys::Pg_finfo_record {
            const RECORD: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &RECORD
        }
    };
}
pub(crate) use finfo;

/// Makes `$body` callable from SQL as C symbol `$symbol`; `$finfo` is `pg_finfo_` with the symbol.
macro_rules! entry {
    ($symbol:ident, $finfo:ident, $body:expr) => {
        $crate::pg::entry::finfo!($finfo);

        #[allow(unsafe_code, reason = "the entry point itself; everything unsafe happens in pg::entry")]
        // SAFETY: the name is unique in the library, as the loader requires.
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $symbol(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            // SAFETY: called by the server with the call's own data.
            unsafe { $crate::pg::entry::run(fcinfo, $body) }
        }
    };
}
pub(crate) use entry;
