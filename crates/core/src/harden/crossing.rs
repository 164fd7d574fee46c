//! Rows that cross organizations: the query that counts them, and the one that shows them.

use super::{ForeignKey, Table};

/// How many rows of a table reference a row of another organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// So many; a row without an organization counts, as no key would check it any more.
    Rows(i64),
    /// They could not be counted.
    Unknown,
}

/// Which rows are counted and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Count,
    Rows,
}

/// The query that counts the rows; none where one of the tables has no org column.
pub(super) fn count(key: &ForeignKey, table: &Table, parent: &Table) -> Option<String> {
    query(What::Count, key, table, parent)
}

/// The query that shows them.
pub(super) fn show(key: &ForeignKey, table: &Table, parent: &Table) -> Option<String> {
    query(What::Rows, key, table, parent)
}

fn query(what: What, key: &ForeignKey, table: &Table, parent: &Table) -> Option<String> {
    let (org, parents_org) = (&table.org()?.name, &parent.org()?.name);
    let answer = match what {
        What::Count => "pg_catalog.count(*)::pg_catalog.text",
        What::Rows => "child.*",
    };
    let pairs: Vec<String> = key
        .pairs()
        .zip(&key.operators)
        .map(|((own, parents), operator)| format!("parent.{parents} {operator} child.{own}"))
        .collect();
    Some(format!(
        "SELECT {answer} FROM {} AS child JOIN {} AS parent ON {} \
         WHERE (child.{org} OPERATOR(pg_catalog.=) parent.{parents_org}) IS NOT TRUE",
        rows_of(table),
        rows_of(parent),
        pairs.join(" AND ")
    ))
}

/// As the server's own check reads them: an inheritance child has keys of its own.
fn rows_of(table: &Table) -> String {
    if table.is_partitioned() { table.name().to_string() } else { format!("ONLY {}", table.name()) }
}
