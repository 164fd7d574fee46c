//! SQL types: the ones that pgrx has no Rust form for (`name`, `name[]`), and those of the organization.

use std::ffi::CStr;

use org_scope_core::org::OrgType;
use pgrx::pg_sys::Oid;
use pgrx::{Array, FromDatum, pg_sys};

/// What the readers of a family return.
pub(crate) fn of_org(family: OrgType) -> Oid {
    match family {
        OrgType::Text => pg_sys::TEXTOID,
        OrgType::Uuid => pg_sys::UUIDOID,
        OrgType::Bigint => pg_sys::INT8OID,
    }
}

/// A type that an org column can be made of: its name in the catalog, and in statements.
pub(crate) fn org_type(oid: Oid) -> Option<(&'static str, &'static str)> {
    Some(match oid {
        pg_sys::TEXTOID => ("text", "text"),
        pg_sys::VARCHAROID => ("varchar", "character varying"),
        pg_sys::UUIDOID => ("uuid", "uuid"),
        pg_sys::INT8OID => ("int8", "bigint"),
        pg_sys::INT4OID => ("int4", "integer"),
        pg_sys::INT2OID => ("int2", "smallint"),
        _ => return None,
    })
}

/// A `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl FromDatum for Name {
    // SAFETY: called by the server alone, with arguments of its own.
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: Oid) -> Option<Self> {
        // SAFETY: a name is a NUL-padded array of 64 bytes, so it reads as a C string.
        unsafe { <&CStr>::from_polymorphic_datum(datum, is_null, pg_sys::CSTRINGOID) }
            .map(|name| Self(name.to_string_lossy().into_owned()))
    }
}

/// A `name[]`; NULL elements are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl FromDatum for Names {
    // SAFETY: called by the server alone, with arguments of its own.
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, oid: Oid) -> Option<Self> {
        // SAFETY: a name[] is an array of by-reference elements that read as C strings.
        let names = unsafe { Array::<&CStr>::from_polymorphic_datum(datum, is_null, oid) }?;
        Some(Self(names.iter().flatten().map(|n| n.to_string_lossy().into_owned()).collect()))
    }
}

/// Whether values of the two types lie in memory in the same way.
pub(crate) fn are_stored_alike(a: Oid, b: Oid) -> bool {
    let stored = |oid| {
        let (mut length, mut by_value) = (0, false);
        // SAFETY: writes to two locals; raises where there is no such type.
        unsafe { pg_sys::get_typlenbyval(oid, &raw mut length, &raw mut by_value) };
        (length, by_value)
    };
    stored(a) == stored(b)
}
