//! Counts the rows of a table by the value of one column, or of an expression of the server's own functions.
//!
//! It reads the table itself, by its OID: no statement is planned, so no policy filters the rows, no
//! privilege is asked for, and nothing of anybody's runs (policies, index expressions, generated columns,
//! functions of a type). Whoever calls this has asked whether its own caller may know.

use std::collections::HashMap;
use std::ffi::CString;

use org_scope_core::org::{OrgType, text_of};
use org_scope_core::policy::Source;
use pgrx::{PgTupleDesc, pg_sys, varlena};

use super::expression;
use super::row_value::RowValue;

/// What one group has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Rows.
    pub(crate) rows: i64,
    /// What they take as they are stored.
    pub(crate) bytes: i64,
}

impl Tally {
    fn add(&mut self, bytes: i64) {
        self.rows += 1;
        self.bytes += bytes;
    }
}

/// Groups of rows by their organization.
pub(crate) struct Groups {
    family: OrgType,
    null: Tally,
    groups: HashMap<Box<[u8]>, Tally>,
}

impl Groups {
    /// None yet, for organizations of this family.
    pub(crate) fn new(family: OrgType) -> Self {
        Self { family, null: Tally::default(), groups: HashMap::new() }
    }

    /// Counts the table's rows as the running statement's snapshot shows them. False where that can't be:
    /// the table has no rows of its own, or no such column. One that is gone has no rows.
    pub(crate) fn count(&mut self, table: pg_sys::Oid, source: &Source) -> bool {
        let Some(table) = Table::open(table) else { return true };
        let Some(organization) = table.organization(source, self.family) else { return false };
        let mut rows = Rows::of(&table);
        while rows.next() {
            let bytes = rows.size(&table.long);
            let Some(value) = rows.value(&organization) else {
                self.null.add(bytes);
                continue;
            };
            with_key(self.family, value, |key| match self.groups.get_mut(key) {
                Some(tally) => tally.add(bytes),
                None => self.groups.entry(key.into()).or_default().add(bytes),
            });
        }
        true
    }

    /// The groups in the order of their organizations, and the rows without one.
    pub(crate) fn finish(self) -> Vec<(Option<String>, Tally)> {
        let texts = self.groups.into_iter().map(|(key, tally)| (Some(text_of(self.family, &key)), tally));
        let mut groups: Vec<_> = texts.collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        if self.null.rows > 0 {
            groups.push((None, self.null));
        }
        groups
    }
}

/// A value's bytes: of a uuid its own, of an integer those of the bigint, else the text.
fn with_key(family: OrgType, value: Value, work: impl FnOnce(&[u8])) {
    let Value { datum, length } = value;
    match family {
        // SAFETY: a uuid is passed as a pointer to its sixteen bytes.
        OrgType::Uuid => work(unsafe { std::slice::from_raw_parts(datum.cast_mut_ptr::<u8>(), 16) }),
        OrgType::Bigint => {
            // The server extends the sign; what is above the type's own length is not to be relied on.
            let number = match length {
                2 => i64::from(datum.value() as i16),
                4 => i64::from(datum.value() as i32),
                _ => datum.value() as i64,
            };
            work(&number.to_be_bytes());
        }
        OrgType::Text => {
            let stored: *mut pg_sys::varlena = datum.cast_mut_ptr();
            // SAFETY: a text of the current row; comes back as it is unless it is compressed or far away.
            let plain = unsafe { pg_sys::pg_detoast_datum_packed(stored) };
            // SAFETY: a plain varlena, alive until it is freed below.
            work(unsafe { varlena::varlena_to_byte_slice(plain) });
            if plain != stored {
                // SAFETY: a copy of our own.
                unsafe { pg_sys::pfree(plain.cast()) };
            }
        }
    }
}

/// Where a row's organization is to be had.
enum Organization {
    Column { number: i32, length: i16 },
    Expression { value: RowValue, length: i16 },
}

struct Value {
    datum: pg_sys::Datum,
    length: i16,
}

/// A table that is open and locked against being dropped or rewritten.
struct Table {
    relation: pg_sys::Relation,
    columns: PgTupleDesc<'static>,
    /// The places of the columns whose values can lie outside of the row.
    long: Vec<usize>,
}

const LOCK: pg_sys::LOCKMODE = pg_sys::AccessShareLock as pg_sys::LOCKMODE;

impl Table {
    fn open(table: pg_sys::Oid) -> Option<Self> {
        // SAFETY: any OID; null where there is no such relation.
        let relation = unsafe { pg_sys::try_table_open(table, LOCK) };
        if relation.is_null() {
            return None;
        }
        // SAFETY: open.
        let columns = unsafe { (*relation).rd_att };
        // SAFETY: the relation's own descriptor, copied.
        let columns = unsafe { PgTupleDesc::from_pg_copy(columns) };
        let long = (0..columns.len()).filter(|i| columns.get(*i).is_some_and(|a| a.attlen == -1)).collect();
        Some(Self { relation, columns, long })
    }

    fn organization(&self, source: &Source, family: OrgType) -> Option<Organization> {
        // SAFETY: open.
        let form = unsafe { (*self.relation).rd_rel };
        // SAFETY: as above.
        if unsafe { (*form).relkind } as u8 != pg_sys::RELKIND_RELATION {
            return None;
        }
        // SAFETY: open.
        let oid = unsafe { (*self.relation).rd_id };
        match source {
            Source::Column(column) => self.column(oid, column.raw(), family),
            // Its rows alone don't tell.
            Source::Parent(_) => None,
            Source::Expression(expression) => {
                let (node, org_type) = expression::over_rows(oid, expression)?;
                // SAFETY: reads the system cache.
                let length = unsafe { pg_sys::get_typlen(org_type) };
                Some(Organization::Expression { value: RowValue::new(node), length })
            }
        }
    }

    fn column(&self, oid: pg_sys::Oid, column: &str, family: OrgType) -> Option<Organization> {
        let name = CString::new(column).ok()?;
        // SAFETY: reads the system cache; 0 where there is no such column.
        let number = unsafe { pg_sys::get_attnum(oid, name.as_ptr()) };
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let attribute = self.columns.get(place)?;
        // SAFETY: reads the system cache.
        let base = unsafe { pg_sys::getBaseType(attribute.atttypid) };
        // A varchar is read as the text that it is.
        let base = if base == pg_sys::VARCHAROID { pg_sys::TEXTOID } else { base };
        (expression::family_of(base) == Some(family))
            .then_some(Organization::Column { number: i32::from(number), length: attribute.attlen })
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // After an error the transaction's abort closes it, and only in a transaction may we.
        if !std::thread::panicking() {
            // The lock goes at once: a call over thousands of tables would fill the server's lock table.
            // SAFETY: opened by `open` with the same lock.
            unsafe { pg_sys::table_close(self.relation, LOCK) };
        }
    }
}

/// The rows of a table, one after the other.
struct Rows {
    scan: pg_sys::TableScanDesc,
    slot: *mut pg_sys::TupleTableSlot,
}

impl Rows {
    fn of(table: &Table) -> Self {
        // SAFETY: a statement is running, which calls us.
        let snapshot = unsafe { pg_sys::GetActiveSnapshot() };
        // SAFETY: the table is open and locked for longer than this scan lives; it is of relkind 'r'.
        let scan = unsafe { pg_sys::table_beginscan(table.relation, snapshot, 0, std::ptr::null_mut()) };
        // SAFETY: as above.
        let slot = unsafe { pg_sys::table_slot_create(table.relation, std::ptr::null_mut()) };
        Self { scan, slot }
    }

    fn next(&mut self) -> bool {
        // SAFETY: scan and slot belong together and are open; asks for interrupts on its way.
        unsafe {
            pg_sys::table_scan_getnextslot(self.scan, pg_sys::ScanDirection::ForwardScanDirection, self.slot)
        }
    }

    /// The row's own length, and that of the values which it keeps elsewhere, compressed as they are.
    fn size(&self, long: &[usize]) -> i64 {
        let mut to_free = false;
        // SAFETY: the slot holds a row.
        let tuple = unsafe { pg_sys::ExecFetchSlotHeapTuple(self.slot, false, &raw mut to_free) };
        // SAFETY: a tuple, alive until the next row comes.
        let read = unsafe { &*tuple };
        let (length, header) = (read.t_len, read.t_data);
        // SAFETY: as above.
        let elsewhere = u32::from(unsafe { (*header).t_infomask }) & pg_sys::HEAP_HASEXTERNAL != 0;
        if to_free {
            // SAFETY: a copy of our own.
            unsafe { pg_sys::heap_freetuple(tuple) };
        }
        let mut size = i64::from(length);
        if elsewhere {
            // SAFETY: the slot holds a row.
            unsafe { pg_sys::slot_getallattrs(self.slot) };
            size += long.iter().filter_map(|place| self.at(*place)).map(outside).sum::<i64>();
        }
        size
    }

    fn value(&self, organization: &Organization) -> Option<Value> {
        match organization {
            Organization::Column { number, length } => {
                // SAFETY: the slot holds a row of a table that has this column.
                unsafe { pg_sys::slot_getsomeattrs(self.slot, *number) };
                Some(Value { datum: self.at(usize::try_from(number - 1).ok()?)?, length: *length })
            }
            Organization::Expression { value, length } => {
                Some(Value { datum: value.ask(self.slot)?, length: *length })
            }
        }
    }

    /// A column that was taken out of the row.
    fn at(&self, place: usize) -> Option<pg_sys::Datum> {
        // SAFETY: open until drop.
        let slot = unsafe { &*self.slot };
        // SAFETY: the slot's arrays have a place for each column of the table.
        let null = unsafe { slot.tts_isnull.add(place) };
        // SAFETY: as above.
        let value = unsafe { slot.tts_values.add(place) };
        // SAFETY: as above, and what has been taken out of the row is written there.
        (!unsafe { null.read() }).then(|| unsafe { value.read() })
    }
}

/// How many bytes a value takes outside of its row.
fn outside(value: pg_sys::Datum) -> i64 {
    // SAFETY: a varlena of the current row.
    if !unsafe { varlena::varatt_is_1b_e(value.cast_mut_ptr()) } {
        return 0;
    }
    // SAFETY: as above; reads the pointer that stands for the value, not the value.
    let size = unsafe { pg_sys::toast_datum_size(value) };
    i64::try_from(size).unwrap_or(i64::MAX)
}

impl Drop for Rows {
    fn drop(&mut self) {
        // After an error the transaction's abort closes both.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: made by `of`.
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) };
        // SAFETY: as above.
        unsafe { pg_sys::table_endscan(self.scan) };
    }
}
