//! SQL types: the ones that pgrx has no Rust form for (`name`, `name[]`), and those of the organization.

use std::ffi::CStr;

use org_scope_core::org::OrgType;
use pgrx::{Array, FromDatum, pg_sys};

/// What the readers of a family return.
pub(crate) fn of_org(family: OrgType) -> pg_sys::Oid {
    match family {
        OrgType::Text => pg_sys::TEXTOID,
        OrgType::Uuid => pg_sys::UUIDOID,
        OrgType::Bigint => pg_sys::INT8OID,
    }
}

/// A `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl FromDatum for Name {
    // SAFETY: called by the server alone, with arguments of its own.
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
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
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, oid: pg_sys::Oid) -> Option<Self> {
        // SAFETY: a name[] is an array of by-reference elements that read as C strings.
        let names = unsafe { Array::<&CStr>::from_polymorphic_datum(datum, is_null, oid) }?;
        Some(Self(names.iter().flatten().map(|n| n.to_string_lossy().into_owned()).collect()))
    }
}
