//! Reads a clause as core's list of vetted operators wants to know it.

use std::ffi::CStr;

use org_scope_core::search::{self, Home, Operator, Vetted};
use pgrx::pg_sys::{self, Const, Datum, Node, NodeTag, Oid, OpExpr, RelabelType, Var};
use pgrx::{FromDatum, pg_sys::SysCacheIdentifier};

use super::list;

/// Where pg_trgm's similarity lies: only a superuser can make a function of a library.
const TRIGRAM: [&str; 2] = ["$libdir/pg_trgm", "similarity_op"];

/// Whether the clause is `column OP constant` of this relation with an operator that can't raise for it.
pub(crate) fn is_search(clause: &Node, relid: pg_sys::Index) -> bool {
    if clause.type_ != NodeTag::T_OpExpr {
        return false;
    }
    let this: *const Node = clause;
    // SAFETY: an operator by its tag.
    let OpExpr { opno, inputcollid, args, .. } = unsafe { *this.cast::<OpExpr>() };
    // SAFETY: an operator's arguments.
    let mut arguments = unsafe { list::nodes::<Node>(args) };
    let (Some(column), Some(constant)) = (arguments.next(), arguments.next()) else { return false };
    if !is_column(column, relid) || constant.type_ != NodeTag::T_Const {
        return false;
    }
    let constant: *const Node = constant;
    // SAFETY: a constant by its tag.
    let constant = unsafe { &*constant.cast::<Const>() };
    !constant.constisnull && {
        match vetted(opno) {
            None => false,
            Some(Vetted::Always) => true,
            Some(Vetted::Pattern) => {
                is_deterministic(inputcollid) && text(constant).is_some_and(|p| search::is_safe_pattern(&p))
            }
            Some(Vetted::Elements) => {
                // SAFETY: asks about a type that is there; one that is no array gives INVALID.
                let element = unsafe { pg_sys::get_element_type(constant.consttype) }.to_u32();
                search::is_safe_element(element)
                    && (!search::is_collated_element(element) || is_deterministic(inputcollid))
            }
        }
    }
}

/// A column of the relation itself, as its type or relabelled, which calls nothing.
fn is_column(expression: &Node, relid: pg_sys::Index) -> bool {
    let mut this: *const Node = expression;
    // SAFETY: a node begins with its tag.
    while unsafe { (*this).type_ } == NodeTag::T_RelabelType {
        // SAFETY: as the tag says.
        this = unsafe { (*this.cast::<RelabelType>()).arg }.cast();
    }
    // SAFETY: as above.
    if unsafe { (*this).type_ } != NodeTag::T_Var {
        return false;
    }
    // SAFETY: as the tag says.
    let Var { varno, varattno, varlevelsup, .. } = unsafe { *this.cast::<Var>() };
    i64::from(varno) == i64::from(relid) && varattno > 0 && varlevelsup == 0
}

fn text(constant: &Const) -> Option<String> {
    if constant.consttype != pg_sys::TEXTOID {
        return None;
    }
    // SAFETY: a text by its type, and not NULL.
    unsafe { String::from_datum(constant.constvalue, constant.constisnull) }
}

/// LIKE and equality raise for other collations, and where none could be derived.
fn is_deterministic(collation: Oid) -> bool {
    // SAFETY: asks about a collation that the clause depends on.
    collation != Oid::INVALID && unsafe { pg_sys::get_collation_isdeterministic(collation) }
}

/// Whether the operator is one of the server's own equalities.
pub(crate) fn is_equality(operator: Oid) -> bool {
    with_operator(operator, |operator| Some(operator.home == Home::Server && operator.name == "="))
        .unwrap_or_default()
}

fn vetted(operator: Oid) -> Option<Vetted> {
    with_operator(operator, |operator| search::vetted(&operator))
}

fn with_operator<T>(oid: Oid, read: impl FnOnce(Operator<'_>) -> Option<T>) -> Option<T> {
    with_row(SysCacheIdentifier::OPEROID, oid, |row| {
        // SAFETY: a row of pg_operator.
        let form = unsafe { pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_operator>(row) };
        // SAFETY: as above.
        let form = unsafe { &*form };
        // SAFETY: a name ends with NUL.
        let name = unsafe { CStr::from_ptr(form.oprname.data.as_ptr()) }.to_str().ok()?;
        // The first OIDs are given by hand, to nothing that comes later.
        let home = if oid.to_u32() < pg_sys::FirstGenbkiObjectId {
            Home::Server
        } else if name == "%" && is_similarity(form.oprcode) {
            Home::Trigram
        } else {
            Home::Elsewhere
        };
        let (left, right) = (form.oprleft.to_u32(), form.oprright.to_u32());
        read(Operator { home, name, left, right })
    })
}

fn is_similarity(function: Oid) -> bool {
    let found = with_row(SysCacheIdentifier::PROCOID, function, |row| {
        let read = |column: u32| {
            let mut is_null = true;
            let cache = SysCacheIdentifier::PROCOID as i32;
            // SAFETY: a row of pg_proc, with a column of it.
            let value = unsafe { pg_sys::SysCacheGetAttr(cache, row, column as i16, &raw mut is_null) };
            // SAFETY: both columns are texts.
            unsafe { String::from_datum(value, is_null) }
        };
        Some([read(pg_sys::Anum_pg_proc_probin)?, read(pg_sys::Anum_pg_proc_prosrc)?])
    });
    found.is_some_and(|[library, symbol]| [library.as_str(), symbol.as_str()] == TRIGRAM)
}

/// Reads the row of this OID, if it is there.
fn with_row<T>(
    cache: SysCacheIdentifier::Type,
    oid: Oid,
    read: impl FnOnce(pg_sys::HeapTuple) -> Option<T>,
) -> Option<T> {
    // SAFETY: a lookup by OID; what isn't there gives NULL.
    let row = unsafe { pg_sys::SearchSysCache1(cache as i32, Datum::from(oid)) };
    if row.is_null() {
        return None;
    }
    let found = read(row);
    // SAFETY: found above; an error in between is cleaned up by the server.
    unsafe { pg_sys::ReleaseSysCache(row) };
    found
}
