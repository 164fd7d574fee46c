//! Every fenced table, seen by every organization: exactly its own rows, no more and no fewer.

use anyhow::{Context as _, Result};
use console::style;

use super::answer;
use super::stand::{Stand, WEB};
use super::systems::SYSTEMS;

/// Compares what each session sees with what is there, and returns how many comparisons failed.
pub(super) fn compare(stand: &mut Stand) -> Result<usize> {
    let (mut comparisons, mut wrong, mut tables) = (0, 0, 0);
    println!();
    for system in &SYSTEMS {
        for table in stand.fenced(system.schema)? {
            tables += 1;
            let column = org_column(stand, &table, system.org_column)?;
            let sql = format!("SELECT DISTINCT {column}::text FROM {table}");
            let orgs: Vec<String> = stand.superuser.query(&sql, &[])?.iter().map(|row| row.get(0)).collect();
            for org in orgs {
                let mut session = stand.connect(WEB)?;
                session.execute("SELECT org_scope.set_current_org($1::text)", &[&org])?;
                let digest = "count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '')";
                let seen = answer::value(&mut session, &format!("SELECT {digest} FROM {table} AS t"))?;
                let there = format!("SELECT {digest} FROM {table} AS t WHERE {column}::text = $1");
                let there: String = stand.superuser.query_one(&there, &[&org])?.get(0);
                comparisons += 1;
                if seen != there {
                    wrong += 1;
                    println!("  {} {table}: {org} sees {seen}, not {there}", style("✗").red().bold());
                }
            }
        }
    }
    if wrong == 0 {
        println!(
            "  {} {tables} tables, each organization sees its own rows, all of them and no others \
             ({comparisons} comparisons)",
            style("✓").green().bold()
        );
    }
    Ok(wrong)
}

/// The column that names the organization: the system's, or that of a table that *is* the organization.
fn org_column(stand: &mut Stand, table: &str, usual: &str) -> Result<String> {
    let sql = "SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = $1::text::regclass \
               AND attname = ANY (ARRAY[$2, 'clerk_organization_id', 'id']) \
               ORDER BY array_position(ARRAY[$2, 'clerk_organization_id', 'id'], attname::text) LIMIT 1";
    let row = stand.superuser.query_opt(sql, &[&table, &usual])?;
    row.map(|row| row.get(0)).with_context(|| format!("{table} names no organization"))
}
