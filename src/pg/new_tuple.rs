//! The row that a BEFORE trigger is asked about: one column of it, read and replaced.

use pgrx::{FromDatum, IntoDatum, PgTrigger, Uuid, pg_sys};

use org_scope_core::org::OrgValue;

/// A column of a row that is about to be written.
pub(crate) struct NewTuple<'a> {
    data: &'a pg_sys::TriggerData,
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
        // SAFETY: as above.
        let descriptor = unsafe { &*descriptor };
        // SAFETY: the descriptor holds natts attributes, and the column is one of them.
        let attribute =
            unsafe { descriptor.attrs.as_slice(usize::try_from(descriptor.natts).ok()?) }.get(index)?;
        Some(Self { data, attribute })
    }

    /// Whether the row replaces another.
    pub(crate) fn is_update(&self) -> bool {
        !self.data.tg_newtuple.is_null()
    }

    /// The row as it is to be written.
    pub(crate) fn row(&self) -> pg_sys::HeapTuple {
        if self.is_update() { self.data.tg_newtuple } else { self.data.tg_trigtuple }
    }

    /// What it holds in the column.
    pub(crate) fn value(&self) -> Option<Held> {
        self.read(self.row())
    }

    /// What the row that it replaces holds in the column.
    pub(crate) fn replaced(&self) -> Option<Held> {
        self.read(self.data.tg_trigtuple)
    }

    /// The column's name.
    pub(crate) fn column(&self) -> &str {
        pgrx::name_data_to_str(&self.attribute.attname)
    }

    fn read(&self, row: pg_sys::HeapTuple) -> Option<Held> {
        let mut is_null = false;
        let number = i32::from(self.attribute.attnum);
        // SAFETY: the relation is open while the trigger runs.
        let descriptor = unsafe { (*self.data.tg_relation).rd_att };
        // SAFETY: a row of that relation, and a column of it.
        let datum = unsafe { pg_sys::heap_getattr(row, number, descriptor, &mut is_null) };
        /// The datum of a type that the caller has looked up.
        fn held<T: FromDatum>(datum: pg_sys::Datum, is_null: bool) -> Option<T> {
            // SAFETY: the datum is of the type that the descriptor says.
            unsafe { T::from_datum(datum, is_null) }
        }
        match self.attribute.atttypid {
            pg_sys::TEXTOID | pg_sys::VARCHAROID => held(datum, is_null).map(Held::Text),
            pg_sys::UUIDOID => held::<Uuid>(datum, is_null)
                .map(|value| Held::Uuid(uuid::Uuid::from_bytes(*value.as_bytes()))),
            pg_sys::INT2OID => held::<i16>(datum, is_null).map(|v| Held::Integer(v.into())),
            pg_sys::INT4OID => held::<i32>(datum, is_null).map(|v| Held::Integer(v.into())),
            pg_sys::INT8OID => held(datum, is_null).map(Held::Integer),
            _ => None,
        }
    }

    /// What the column holds for a value of the context; none where it is no value of the column's type.
    pub(crate) fn fitting(&self, value: &str) -> Option<Held> {
        let value = OrgValue::parse(value)?;
        let integer = || value.bigint().ok();
        match self.attribute.atttypid {
            pg_sys::TEXTOID => Some(Held::Text(value.text().to_owned())),
            pg_sys::VARCHAROID => {
                // VARHDRSZ is counted in; -1 stands for no limit.
                let limit = usize::try_from(self.attribute.atttypmod - 4).unwrap_or(usize::MAX);
                (value.text().chars().count() <= limit).then(|| Held::Text(value.text().to_owned()))
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
        let datum = match (value, self.attribute.atttypid) {
            (Held::Text(text), _) => text.into_datum(),
            (Held::Uuid(value), _) => Uuid::from_bytes(value.into_bytes()).into_datum(),
            (Held::Integer(value), pg_sys::INT2OID) => i16::try_from(value).ok().into_datum(),
            (Held::Integer(value), pg_sys::INT4OID) => i32::try_from(value).ok().into_datum(),
            (Held::Integer(value), _) => value.into_datum(),
        };
        let mut columns = [i32::from(self.attribute.attnum)];
        let mut nulls = [datum.is_none()];
        let mut values = [datum.unwrap_or(pg_sys::Datum::null())];
        // SAFETY: the relation is open while the trigger runs.
        let descriptor = unsafe { (*self.data.tg_relation).rd_att };
        let (columns, values, nulls) = (columns.as_mut_ptr(), values.as_mut_ptr(), nulls.as_mut_ptr());
        // SAFETY: one column with one value of its type; the row lands in the trigger's memory.
        unsafe { pg_sys::heap_modify_tuple_by_cols(self.row(), descriptor, 1, columns, values, nulls) }
    }
}
