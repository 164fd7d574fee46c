//! Families of tables: partitions and inheritance children, at any depth.

use std::collections::HashMap;
use std::ffi::CStr;

use org_scope_core::policy::Facts;
use pgrx::pg_sys::Oid;

use crate::pg::catalog::{self, About};

/// A partition that DETACH … CONCURRENTLY is about to release counts as released: its parent doesn't show it any more.
const BELOW: &CStr = c"
WITH RECURSIVE below(oid, depth) AS (
  SELECT t.oid, 0 FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t(oid)
  UNION
  SELECT h.inhrelid, below.depth + 1
  FROM below
  JOIN pg_catalog.pg_inherits h ON h.inhparent = below.oid AND NOT h.inhdetachpending
)
SELECT below.oid::pg_catalog.text
FROM below
GROUP BY below.oid
ORDER BY pg_catalog.max(below.depth), below.oid";

/// The tables and all below them, each once, parents first.
pub(super) fn below(tables: &[Oid]) -> Vec<Oid> {
    let oids: Vec<u32> = catalog::read(BELOW, About::all(tables), &[tables.to_vec().into()]);
    oids.into_iter().map(Oid::from_u32).collect()
}

/// Groups tables that hang together: the places of each group's tables, in their order.
pub(super) fn groups<'a>(tables: impl IntoIterator<Item = &'a Facts>) -> Vec<Vec<usize>> {
    let tables: Vec<&Facts> = tables.into_iter().collect();
    let places: HashMap<u32, usize> = tables.iter().map(|table| table.oid).zip(0..).collect();
    let mut leaders: Vec<usize> = (0..tables.len()).collect();
    for (place, table) in tables.iter().enumerate() {
        for parent in table.parents.iter().filter_map(|oid| places.get(oid)) {
            let (one, other) = (leader(&mut leaders, place), leader(&mut leaders, *parent));
            leaders[one.max(other)] = one.min(other);
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    for place in 0..tables.len() {
        let leader = leader(&mut leaders, place);
        let number = *numbers.entry(leader).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[number].push(place);
    }
    groups
}

fn leader(leaders: &mut [usize], mut place: usize) -> usize {
    while leaders[place] != place {
        leaders[place] = leaders[leaders[place]];
        place = leaders[place];
    }
    place
}
