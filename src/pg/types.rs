//! SQL types that pgrx has no Rust form for: `name`, `name[]`.

use std::ffi::CStr;

use pgrx::{Array, FromDatum, pg_sys};

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
