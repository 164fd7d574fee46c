//! What building an index depends on: how much there is to read, and which names are free.

use std::collections::HashMap;
use std::ffi::CStr;

use org_scope_core::sql::Ident;
use serde::Deserialize;

use super::catalog::{self, About};

/// The size counts the rows only: that is what building an index reads. The function locks the
/// table for a moment, so it is asked only about tables that want an index. OFFSET 0, or the planner
/// would rather read all of pg_class.
const ROOM: &CStr = c"
SELECT pg_catalog.json_build_object(
  'oid', c.oid::pg_catalog.int8,
  'size', COALESCE(
    ( SELECT pg_catalog.sum(pg_catalog.pg_relation_size(t.relid))::pg_catalog.int8
      FROM pg_catalog.pg_partition_tree(c.oid) t
      WHERE c.relkind = 'p' ),
    pg_catalog.pg_relation_size(c.oid), 0),
  'taken', COALESCE((
    SELECT pg_catalog.json_agg(o.relname)
    FROM pg_catalog.unnest(w.names) AS n(name),
    LATERAL (
      SELECT o.relname FROM pg_catalog.pg_class o
      WHERE o.relnamespace = c.relnamespace AND o.relname = n.name
      OFFSET 0
    ) o), '[]'))::pg_catalog.text
FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS w(oid pg_catalog.oid, names pg_catalog.name[]),
LATERAL (SELECT c.oid, c.relnamespace, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = w.oid OFFSET 0) c";

/// The room for an index of one table.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Room {
    oid: u32,
    /// The table's size in bytes.
    pub(crate) size: u64,
    /// Which of the names are taken.
    pub(crate) taken: Vec<Ident>,
}

/// The room in each of the tables, which come with the names that are thought of.
pub(crate) fn read(wanting: &[(u32, Vec<Ident>)]) -> HashMap<u32, Room> {
    if wanting.is_empty() {
        return HashMap::new();
    }
    let asked = serde_json::Value::from_iter(
        wanting.iter().map(|(oid, names)| serde_json::json!({"oid": oid.to_string(), "names": names})),
    );
    let rooms: Vec<Room> = catalog::read(ROOM, About::all(wanting), &[asked.to_string().into()]);
    rooms.into_iter().map(|room| (room.oid, room)).collect()
}
