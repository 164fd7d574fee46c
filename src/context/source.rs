//! Tables of users that answer a question of ours: what they are at this moment.

use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::Oid;
use serde::Deserialize;

use crate::pg::catalog::{self, About};
use crate::pg::{relation, role};

/// $1 the table, $2 its columns.
const DESCRIBE: &CStr = c"
SELECT pg_catalog.json_build_object(
  'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
  'columns', COALESCE(( SELECT pg_catalog.json_agg(CASE WHEN a.attname IS NOT NULL THEN
                 pg_catalog.json_build_array(a.attname, tn.nspname, t.typname) END ORDER BY w.ordinal)
               FROM pg_catalog.unnest($2) WITH ORDINALITY AS w(name, ordinal)
               LEFT JOIN pg_catalog.pg_attribute a
                 ON a.attrelid = c.oid AND a.attname = w.name::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped
               LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
               LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace ), '[]')
)::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = $1";

/// A column: its name, and schema and name of its type.
pub(crate) type Column = (Ident, String, String);

#[derive(Deserialize)]
struct Described {
    schema: Ident,
    name: Ident,
    kind: char,
    columns: Vec<Option<Column>>,
}

/// A plain table that is there, with its columns, and what it answers for.
#[derive(Debug)]
pub(crate) struct Source {
    oid: Oid,
    what: &'static str,
    pub(crate) table: QualifiedName,
    /// In the order in which they were asked for.
    pub(crate) columns: Vec<Column>,
}

/// Reads what it is.
///
/// # Errors
/// OS010 where it is no plain table with those columns.
pub(crate) fn describe(what: &'static str, table: Oid, columns: &[&str]) -> Result<Source, Error> {
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let found =
        catalog::read::<Described>(DESCRIBE, About::One, &[table.into(), columns.into()]).into_iter().next();
    let Some(found) = found else {
        return Err(Error::BadSource { what, table: "a table".into(), why: "it has been dropped" });
    };
    let source = Source {
        oid: table,
        what,
        table: QualifiedName { schema: found.schema, name: found.name },
        columns: Vec::new(),
    };
    if found.kind != 'r' {
        return Err(source.bad("it is not a plain table"));
    }
    let columns: Option<_> = found.columns.into_iter().collect();
    let columns = columns.ok_or_else(|| source.bad("it has no such column"))?;
    Ok(Source { columns, ..source })
}

impl Source {
    /// Why it can't answer.
    pub(crate) fn bad(&self, why: &'static str) -> Error {
        Error::BadSource { what: self.what, table: self.table.to_string(), why }
    }

    /// Keeps it as it is until the end of the transaction, and says whose rights it is read with: its owner's,
    /// never those of one whom no policy filters.
    ///
    /// # Errors
    /// OS010
    pub(crate) fn hold(&self) -> Result<Oid, Error> {
        let name = (self.table.schema.raw().to_owned(), self.table.name.raw().to_owned());
        let owner = relation::hold(self.oid, &name).ok_or_else(|| self.bad("it has changed"))?;
        if role::bypasses_now(owner) {
            return Err(self.bad("its owner bypasses row security"));
        }
        Ok(owner)
    }
}
