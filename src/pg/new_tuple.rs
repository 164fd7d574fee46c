//! The row that a BEFORE trigger is asked about: one column of it, read and replaced.

use pgrx::{FromDatum, IntoDatum, PgTrigger, Uuid, pg_sys};

use org_scope_core::org::OrgValue;

use super::row::Row;

/// A column of a row that is about to be written.
pub(crate) struct NewTuple<'a> {
    row: Row,
    found: Option<Row>,
    attribute: &'a pg_sys::FormData_pg_attribute,
}

/// What a column of a built-in type holds, without regard to how it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    Text(String),
    Uuid(uuid::Uuid),
    Integer(i64),
}

impl<'a> NewTuple<'a> {
    /// The one column that the trigger is for (`UPDATE OF`); none for a trigger of another shape.
    pub(crate) fn of(trigger: &'a PgTrigger<'_>) -> Option<Self> {
        let event = trigger.event();
        if !event.fired_before()
            || !event.fired_for_row()
            || !(event.fired_by_insert() || event.fired_by_update())
        {
            return None;
        }
        let data = trigger.trigger_data();
        // SAFETY: the server's own, valid while the trigger runs.
        let definition = unsafe { &*data.tg_trigger };
        if definition.tgnattr != 1 {
            return None;
        }
        // SAFETY: an array of tgnattr elements.
        let number = unsafe { *definition.tgattr };
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        // SAFETY: the relation is open while the trigger runs.
        let descriptor = unsafe { (*data.tg_relation).rd_att };
        Some(Self {
            row: Row::new_of(trigger)?,
            found: Row::old_of(trigger),
            attribute: attribute(descriptor, index)?,
        })
    }

    /// A column of a row, by its number.
    pub(crate) fn in_column(row: Row, column: i16) -> Option<Self> {
        let index = usize::try_from(column).ok()?.checked_sub(1)?;
        Some(Self { row, found: None, attribute: attribute(row.columns(), index)? })
    }

    /// Whether the row replaces another.
    pub(crate) fn is_update(&self) -> bool {
        self.found.is_some()
    }

    /// The row as it is to be written.
    pub(crate) fn row(&self) -> pg_sys::HeapTuple {
        self.row.tuple()
    }

    /// What it holds in the column.
    pub(crate) fn value(&self) -> Option<Held> {
        self.read(self.row)
    }

    /// What the row that it replaces holds in the column.
    pub(crate) fn replaced(&self) -> Option<Held> {
        self.read(self.found?)
    }

    /// The column's name.
    pub(crate) fn column(&self) -> &str {
        pgrx::name_data_to_str(&self.attribute.attname)
    }

    fn read(&self, row: Row) -> Option<Held> {
        let datum = row.value(self.attribute.attnum)?;
        // SAFETY: the datum is of the type that the descriptor says.
        unsafe { Held::of(datum, self.attribute.atttypid) }
    }

    /// A value of a type as one of the column's; none where it is no value of that.
    pub(crate) fn storing(&self, value: pg_sys::Datum, of: pg_sys::Oid) -> Option<pg_sys::Datum> {
        let wanted = self.attribute.atttypid;
        // SAFETY: reads the system cache; another type than a domain is its own.
        let of = unsafe { pg_sys::getBaseType(of) };
        if of == wanted && self.attribute.atttypmod < 0 {
            return Some(value);
        }
        // SAFETY: the caller's value is of that type.
        let held = unsafe { Held::of(value, of) }?;
        let fits = match (&held, wanted) {
            (Held::Text(_), pg_sys::TEXTOID) | (Held::Uuid(_), pg_sys::UUIDOID) => true,
            (Held::Text(text), pg_sys::VARCHAROID) => text.chars().count() <= self.limit(),
            (Held::Integer(value), pg_sys::INT2OID) => i16::try_from(*value).is_ok(),
            (Held::Integer(value), pg_sys::INT4OID) => i32::try_from(*value).is_ok(),
            (Held::Integer(_), pg_sys::INT8OID) => true,
            _ => false,
        };
        if fits { held.datum(wanted) } else { None }
    }

    /// The characters that a `varchar` takes.
    fn limit(&self) -> usize {
        // VARHDRSZ is counted in; -1 stands for no limit.
        usize::try_from(self.attribute.atttypmod - 4).unwrap_or(usize::MAX)
    }

    /// What the column holds for a value of the context; none where it is no value of the column's type.
    pub(crate) fn fitting(&self, value: &str) -> Option<Held> {
        let value = OrgValue::parse(value)?;
        let integer = || value.bigint().ok();
        match self.attribute.atttypid {
            pg_sys::TEXTOID => Some(Held::Text(value.text().to_owned())),
            pg_sys::VARCHAROID => {
                (value.text().chars().count() <= self.limit()).then(|| Held::Text(value.text().to_owned()))
            }
            pg_sys::UUIDOID => value.uuid().ok().map(Held::Uuid),
            pg_sys::INT2OID => integer().filter(|v| i16::try_from(*v).is_ok()).map(Held::Integer),
            pg_sys::INT4OID => integer().filter(|v| i32::try_from(*v).is_ok()).map(Held::Integer),
            pg_sys::INT8OID => integer().map(Held::Integer),
            _ => None,
        }
    }

    /// The row with another value in the column, which [`fitting`](Self::fitting) gave.
    pub(crate) fn with(&self, value: Held) -> pg_sys::HeapTuple {
        self.row.with(self.attribute.attnum, value.datum(self.attribute.atttypid)).tuple()
    }
}

impl Held {
    /// What a value holds; none for another type.
    ///
    /// # Safety
    /// The datum is of that type.
    unsafe fn of(datum: pg_sys::Datum, type_oid: pg_sys::Oid) -> Option<Self> {
        /// The datum of a type that the caller has looked up.
        fn held<T: FromDatum>(datum: pg_sys::Datum) -> Option<T> {
            // SAFETY: the datum is of the type that the caller says.
            unsafe { T::from_datum(datum, false) }
        }
        match type_oid {
            pg_sys::TEXTOID | pg_sys::VARCHAROID => held(datum).map(Self::Text),
            pg_sys::UUIDOID => {
                held::<Uuid>(datum).map(|value| Self::Uuid(uuid::Uuid::from_bytes(*value.as_bytes())))
            }
            pg_sys::INT2OID => held::<i16>(datum).map(|v| Self::Integer(v.into())),
            pg_sys::INT4OID => held::<i32>(datum).map(|v| Self::Integer(v.into())),
            pg_sys::INT8OID => held(datum).map(Self::Integer),
            _ => None,
        }
    }

    /// As a value of a type that it fits.
    fn datum(self, type_oid: pg_sys::Oid) -> Option<pg_sys::Datum> {
        match (self, type_oid) {
            (Self::Text(text), _) => text.into_datum(),
            (Self::Uuid(value), _) => Uuid::from_bytes(value.into_bytes()).into_datum(),
            (Self::Integer(value), pg_sys::INT2OID) => i16::try_from(value).ok().into_datum(),
            (Self::Integer(value), pg_sys::INT4OID) => i32::try_from(value).ok().into_datum(),
            (Self::Integer(value), _) => value.into_datum(),
        }
    }
}

/// A column by its place, where there is one.
fn attribute<'a>(descriptor: pg_sys::TupleDesc, index: usize) -> Option<&'a pg_sys::FormData_pg_attribute> {
    // SAFETY: a relation's own, which its caller holds open.
    let count = usize::try_from(unsafe { (*descriptor).natts }).ok()?;
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
    {
        // SAFETY: as above.
        let attributes = unsafe { &(*descriptor).attrs };
        // SAFETY: the descriptor holds that many.
        unsafe { attributes.as_slice(count) }.get(index)
    }
    #[cfg(feature = "pg18")]
    {
        let number = i32::try_from(index).ok().filter(|_| index < count)?;
        // SAFETY: one of the descriptor's columns.
        let attribute = unsafe { pg_sys::TupleDescAttr(descriptor, number) };
        // SAFETY: part of the descriptor.
        unsafe { attribute.as_ref() }
    }
}
