//! The rows with which a trigger is fired.

use pgrx::PgTrigger;
use pgrx::pg_sys::{self, Datum, HeapTuple, Oid, TupleDesc};

// The server's function itself, which has no binding.
// SAFETY: declared as in the server's header.
unsafe extern "C-unwind" {
    fn datum_image_eq(a: Datum, b: Datum, by_value: bool, length: i32) -> bool;
}

/// A row of a relation that a trigger is fired for.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    tuple: HeapTuple,
    columns: TupleDesc,
}

impl Row {
    /// The row that an INSERT or UPDATE writes.
    pub(crate) fn new_of(trigger: &PgTrigger<'_>) -> Option<Self> {
        let data = trigger.trigger_data();
        let event = trigger.event();
        let tuple = match (event.fired_by_insert(), event.fired_by_update()) {
            (true, _) => data.tg_trigtuple,
            (_, true) => data.tg_newtuple,
            _ => return None,
        };
        Self::of(data, tuple)
    }

    /// The row that an UPDATE or DELETE finds.
    pub(crate) fn old_of(trigger: &PgTrigger<'_>) -> Option<Self> {
        let data = trigger.trigger_data();
        let found = !trigger.event().fired_by_insert();
        if found { Self::of(data, data.tg_trigtuple) } else { None }
    }

    /// The same relation's row of this tuple.
    pub(crate) fn of_tuple(self, tuple: HeapTuple) -> Self {
        Self { tuple, ..self }
    }

    /// The columns, as long as the server holds the relation open.
    pub(super) fn columns(self) -> TupleDesc {
        self.columns
    }

    fn of(data: &pg_sys::TriggerData, tuple: HeapTuple) -> Option<Self> {
        // SAFETY: the server holds the relation open while the trigger runs.
        let columns = unsafe { (*data.tg_relation).rd_att };
        (!tuple.is_null()).then_some(Self { tuple, columns })
    }

    /// A column's value.
    pub(crate) fn value(self, column: i16) -> Option<Datum> {
        let mut is_null = true;
        // SAFETY: a row with its descriptor; the column was looked up in the catalog. The value lives as long
        // as the row.
        let value =
            unsafe { pg_sys::heap_getattr(self.tuple, i32::from(column), self.columns, &mut is_null) };
        (!is_null).then_some(value)
    }

    /// A column's type.
    pub(crate) fn type_of(self, column: i16) -> Oid {
        // SAFETY: the row's descriptor; the column was looked up in the catalog.
        unsafe { pg_sys::SPI_gettypeid(self.columns, i32::from(column)) }
    }

    /// Whether two values of a column are the same bytes.
    pub(crate) fn is_same(self, column: i16, a: Option<Datum>, b: Option<Datum>) -> bool {
        let (Some(a), Some(b)) = (a, b) else { return a.is_none() && b.is_none() };
        let (mut length, mut by_value) = (0, false);
        // SAFETY: writes to two locals.
        unsafe { pg_sys::get_typlenbyval(self.type_of(column), &raw mut length, &raw mut by_value) };
        // SAFETY: two values of that type.
        unsafe { datum_image_eq(a, b, by_value, i32::from(length)) }
    }

    /// The row with another value in a column.
    pub(crate) fn with(self, column: i16, value: Option<Datum>) -> Self {
        let mut number = i32::from(column);
        let mut datum = value.unwrap_or(Datum::null());
        let mut is_null = value.is_none();
        // SAFETY: one column, value and flag; the row is copied into the current memory context.
        let tuple = unsafe {
            pg_sys::heap_modify_tuple_by_cols(
                self.tuple,
                self.columns,
                1,
                &raw mut number,
                &raw mut datum,
                &raw mut is_null,
            )
        };
        Self { tuple, ..self }
    }

    /// The row as a value of the table's own type.
    pub(crate) fn composite(self) -> Datum {
        // SAFETY: a row with its descriptor; copied into the current memory context.
        unsafe { pg_sys::heap_copy_tuple_as_datum(self.tuple, self.columns) }
    }

    /// The row as the server has it, and as a BEFORE trigger gives it back.
    pub(crate) fn tuple(self) -> HeapTuple {
        self.tuple
    }
}
