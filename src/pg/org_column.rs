//! What the server's statistics say of an org column: which of its organizations are of one size. Read when a plan
//! is made, and kept until the statistics change, so that the answer needs no catalog.

use std::collections::BTreeMap;
use std::rc::Rc;

use org_scope_core::org::{OrgType, OrgValue};
use org_scope_core::size::{self, SizeClasses, Statistics};
use pgrx::datum::FromDatum;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, AttStatsSlot, Datum, Oid};

use super::backend::{BackendCell, BackendRefCell};
use super::fenced_column::FencedColumn;
use super::relation;

/// A column, as it is while its statistics are.
#[derive(Debug)]
pub(crate) struct OrgColumn {
    family: OrgType,
    classes: SizeClasses,
    /// The first of the numbers that stand for its classes, [`SPAN`] in all. No other has them.
    first: u32,
    /// Under which hash values the server reports that its statistics have changed: those of the table alone, and
    /// with what is below it, as it may get something below it.
    hashes: [u32; 2],
}

/// A class has a number below this one, as has the absence of an organization.
const SPAN: u32 = size::MOST as u32 + 2;

/// The class of those who are nobody: their plans are made for no rows.
const NOBODY: u32 = SPAN - 1;

/// A [`FencedColumn`]: table, column, and whether with the tables below.
type Key = (u32, i16, bool);

static KNOWN: BackendRefCell<BTreeMap<Key, Rc<OrgColumn>>> = BackendRefCell::new(BTreeMap::new());
static NEXT: BackendCell<u32> = BackendCell::new(SPAN);
/// Counts the changes of statistics.
static GENERATION: BackendCell<u64> = BackendCell::new(0);

impl OrgColumn {
    /// Whether all organizations are of one size, so that one plan serves them all.
    pub(crate) fn is_one_class(&self) -> bool {
        self.classes.is_one()
    }

    /// The class of an organization, or of nobody; none for what is no value of the column's type.
    pub(crate) fn class(&self, org: Option<&OrgValue>) -> Option<u32> {
        let Some(org) = org else { return Some(NOBODY) };
        org.stored(self.family).map(|stored| u32::from(self.classes.class(stored.bytes())))
    }

    /// What stands for a class of this column where a plan says on what it depends.
    pub(crate) fn mark(&self, class: u32) -> u32 {
        // An odd factor keeps different numbers different, and 0, which would mean every plan, 0 alone.
        self.first.wrapping_add(class).wrapping_mul(0x9E37_79B1)
    }

    /// Whether this report is about its statistics.
    pub(crate) fn is_meant(&self, hash: u32) -> bool {
        hash == 0 || self.hashes.contains(&hash)
    }
}

/// The column with its classes. Reads the catalogs where it isn't known.
pub(crate) fn look_up(column: FencedColumn, family: OrgType) -> Rc<OrgColumn> {
    let key = (column.relation.to_u32(), column.attribute, column.with_children);
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
        return known;
    }
    let before = GENERATION.get();
    let place = Place::of(column);
    let classes = place.read(family).map(|(statistics, _)| SizeClasses::of(&statistics)).unwrap_or_default();
    let first = NEXT.get();
    // So many statistics that the numbers begin anew no session reads; a number that two have replans once more.
    NEXT.set(first.wrapping_add(SPAN));
    let found = Rc::new(OrgColumn { family, classes, first, hashes: place.hashes() });
    // A change that came while reading may concern what was read before it.
    if GENERATION.get() == before {
        KNOWN.with_borrow_mut(|known| known.insert(key, Rc::clone(&found)));
    }
    found
}

/// What the statistics know of the organizations of a column, and one that is not among the most common. None where
/// nobody has looked at the column yet, or where the current user has no right to read it.
pub(crate) fn statistics(column: FencedColumn, family: OrgType) -> Option<(Statistics, Option<Box<[u8]>>)> {
    relation::may_read(column.relation, column.attribute).then_some(())?;
    Place::of(column).read(family)
}

/// Registers for changes of statistics, with who wants to be told.
pub(crate) fn init() {
    // SAFETY: the callback is guarded, never raises, and lives as long as the library.
    unsafe {
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::STATRELATTINH as i32,
            Some(on_invalidation),
            Datum::null(),
        );
    }
}

#[pg_guard]
// SAFETY: called by the server alone, with arguments of its own.
unsafe extern "C-unwind" fn on_invalidation(_arg: Datum, _cache: i32, hash: u32) {
    GENERATION.set(GENERATION.get().wrapping_add(1));
    KNOWN.with_borrow_mut(|known| known.retain(|_, column| !column.is_meant(hash)));
    super::size_class::statistics_changed(hash);
}

/// Where the statistics of a column lie.
#[derive(Clone, Copy)]
struct Place {
    keys: [Datum; 3],
    /// How many rows the last count of ANALYZE or VACUUM found; 0 where there was none.
    rows: f64,
}

impl Place {
    fn of(FencedColumn { relation, attribute, with_children }: FencedColumn) -> Self {
        // SAFETY: a lookup with a key of the cache's type; what isn't there gives NULL.
        let tuple = unsafe {
            pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, Datum::from(relation))
        };
        let keys = |inherited| [Datum::from(relation), Datum::from(attribute), Datum::from(inherited)];
        if tuple.is_null() {
            return Self { keys: keys(with_children), rows: 0.0 };
        }
        // SAFETY: a row of the cache.
        let form: *const pg_sys::FormData_pg_class = unsafe { pg_sys::GETSTRUCT(tuple) }.cast();
        // SAFETY: a row of pg_class begins with these columns, none of them NULL.
        let form = unsafe { &*form };
        // As the planner does: a table without others below it is read as if it had been named alone.
        let place = Self {
            keys: keys(with_children && form.relhassubclass),
            rows: f64::from(form.reltuples).max(0.0),
        };
        // SAFETY: the row that was looked up; nothing points to it any more.
        unsafe { pg_sys::ReleaseSysCache(tuple) };
        place
    }

    fn hashes(self) -> [u32; 2] {
        let [relation, attribute, _] = self.keys;
        [false, true].map(|inherited| {
            let cache = pg_sys::SysCacheIdentifier::STATRELATTINH as i32;
            // SAFETY: computes the hash of keys of the cache's types.
            unsafe {
                pg_sys::GetSysCacheHashValue(
                    cache,
                    relation,
                    attribute,
                    Datum::from(inherited),
                    Datum::null(),
                )
            }
        })
    }

    /// The statistics, and a value that is not among the most common; none where nobody has looked at the column yet.
    fn read(self, family: OrgType) -> Option<(Statistics, Option<Box<[u8]>>)> {
        let [relation, attribute, inherited] = self.keys;
        // SAFETY: a lookup with keys of the cache's types; what isn't there gives NULL.
        let tuple = unsafe {
            pg_sys::SearchSysCache3(
                pg_sys::SysCacheIdentifier::STATRELATTINH as i32,
                relation,
                attribute,
                inherited,
            )
        };
        if tuple.is_null() {
            return None;
        }
        // SAFETY: a row of the cache.
        let form: *const pg_sys::FormData_pg_statistic = unsafe { pg_sys::GETSTRUCT(tuple) }.cast();
        // SAFETY: a row of pg_statistic begins with these columns, none of them NULL.
        let form = unsafe { &*form };
        let rows = self.rows;
        let distinct = f64::from(form.stadistinct);
        let distinct = if distinct < 0.0 { -distinct * rows } else { distinct };
        let none = f64::from(form.stanullfrac);
        let parts = pg_sys::ATTSTATSSLOT_VALUES | pg_sys::ATTSTATSSLOT_NUMBERS;
        let common = in_slot(tuple, pg_sys::STATISTIC_KIND_MCV, parts, |values, shares, base| {
            let pairs = values.iter().zip(shares);
            pairs
                .filter_map(|(value, share)| Some((stored(*value, base, family)?, f64::from(*share))))
                .collect()
        });
        // Values that are at equal distances among the rows of the others.
        let rare = in_slot(
            tuple,
            pg_sys::STATISTIC_KIND_HISTOGRAM,
            pg_sys::ATTSTATSSLOT_VALUES,
            |values, _, base| values.get(values.len() / 2).and_then(|value| stored(*value, base, family)),
        );
        // SAFETY: the row that was looked up; nothing points to it any more.
        unsafe { pg_sys::ReleaseSysCache(tuple) };
        Some((Statistics { common: common.unwrap_or_default(), none, distinct, rows }, rare.flatten()))
    }
}

/// What one kind of statistics says: its values, its numbers, and the base type of the values.
fn in_slot<T>(
    tuple: pg_sys::HeapTuple,
    kind: u32,
    parts: u32,
    work: impl FnOnce(&[Datum], &[f32], Oid) -> T,
) -> Option<T> {
    let mut slot = AttStatsSlot::default();
    // SAFETY: a row of pg_statistic, and a place for the answer.
    let has =
        unsafe { pg_sys::get_attstatsslot(&raw mut slot, tuple, kind as i32, Oid::INVALID, parts as i32) };
    if !has {
        return None;
    }
    // SAFETY: the base type of a type that exists.
    let base = unsafe { pg_sys::getBaseType(slot.valuetype) };
    let count = |number: i32| usize::try_from(number).unwrap_or_default();
    // SAFETY: get_attstatsslot has filled what it was asked for; what it was not is NULL.
    let values = unsafe { array(slot.values, count(slot.nvalues)) };
    // SAFETY: as above.
    let numbers = unsafe { array(slot.numbers, count(slot.nnumbers)) };
    let result = work(values, numbers, base);
    // SAFETY: what get_attstatsslot filled; nothing points into it any more.
    unsafe { pg_sys::free_attstatsslot(&raw mut slot) };
    Some(result)
}

/// # Safety
/// `first` is NULL or the first of so many.
unsafe fn array<'a, T>(first: *const T, count: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    if first.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(first, count) } }
}

fn stored(value: Datum, base: Oid, family: OrgType) -> Option<Box<[u8]>> {
    let number = match (family, base) {
        (OrgType::Text, pg_sys::TEXTOID | pg_sys::VARCHAROID) => {
            // SAFETY: a value of a type that is stored as text is.
            return unsafe { String::from_datum(value, false) }.map(|text| text.into_bytes().into());
        }
        (OrgType::Uuid, pg_sys::UUIDOID) => {
            // SAFETY: a value of this type.
            return unsafe { pgrx::Uuid::from_datum(value, false) }.map(|uuid| Box::from(&uuid[..]));
        }
        // SAFETY: a value of this type.
        (OrgType::Bigint, pg_sys::INT2OID) => unsafe { i16::from_datum(value, false) }.map(i64::from),
        // SAFETY: a value of this type.
        (OrgType::Bigint, pg_sys::INT4OID) => unsafe { i32::from_datum(value, false) }.map(i64::from),
        // SAFETY: a value of this type.
        (OrgType::Bigint, pg_sys::INT8OID) => unsafe { i64::from_datum(value, false) },
        // Not what the fence's operator compares.
        _ => None,
    };
    number.map(|number| Box::from(number.to_be_bytes()))
}
