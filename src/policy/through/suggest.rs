//! Tables that a run over schemas passes by, as they have no org column, and that hang on tables that have one.

use std::ffi::CStr;

use org_scope_core::policy::Spec;
use org_scope_core::policy::through::Suggestion;

use crate::pg::catalog::{self, About};
use crate::policy::facts::query;
use crate::policy::{Row, rows};

const SUGGEST: &CStr = query(concat!(include_str!("suggest.sql"), "\0"));

/// A note for each.
pub(in crate::policy) fn suggestions(spec: &Spec, schemas: Vec<String>) -> Vec<Row> {
    let Some(column) = spec.org.column() else { return Vec::new() };
    let args = [schemas.into(), column.raw().to_owned().into()];
    let found: Vec<Suggestion> = catalog::read(SUGGEST, About::Many, &args);
    found.iter().flat_map(|s| rows(s.oid, vec![s.note()])).collect()
}
