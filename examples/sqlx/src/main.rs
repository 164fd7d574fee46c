//! sqlx behind PgBouncer: each request is a transaction in its organization.

use std::collections::HashSet;

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Error, PgPool, Postgres, Transaction};

/// A transaction in the organization, which ends with it.
async fn begin(pool: &PgPool, org: Option<&str>) -> Result<Transaction<'static, Postgres>, Error> {
    let mut transaction = pool.begin().await?;
    if let Some(org) = org {
        let set = sqlx::query("SELECT org_scope.set_current_org($1::text, is_local => true)");
        set.bind(org).persistent(false).execute(&mut *transaction).await?;
    }
    Ok(transaction)
}

async fn customers(pool: &PgPool, org: &str) -> Result<(Vec<String>, i32), Error> {
    let mut transaction = begin(pool, Some(org)).await?;
    let sql = "SELECT customer, pg_backend_pid() FROM invoices WHERE id > $1 ORDER BY id";
    let rows: Vec<(String, i32)> =
        sqlx::query_as(sql).bind(0_i64).persistent(false).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    let (names, servers): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    Ok((names, servers[0]))
}

async fn bill(pool: &PgPool, org: &str, customer: &str) -> Result<(), Error> {
    let mut transaction = begin(pool, Some(org)).await?;
    let sql = "INSERT INTO invoices (customer) VALUES ($1)";
    sqlx::query(sql).bind(customer).persistent(false).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// The SQLSTATE of what the database says to a statement that it must refuse.
async fn refusal(pool: &PgPool, sql: &'static str, org: Option<&str>) -> Result<String, Error> {
    let mut transaction = begin(pool, org).await?;
    match sqlx::query(sql).persistent(false).execute(&mut *transaction).await {
        Err(Error::Database(error)) => Ok(error.code().unwrap_or_default().into_owned()),
        Err(error) => Err(error),
        Ok(_) => Ok("none".to_owned()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Where to connect is in PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD. A prepared statement belongs to
    // the server connection, which is another one in the next transaction: every query is .persistent(false).
    let pool = PgPoolOptions::new().max_connections(8).connect_with(PgConnectOptions::new()).await?;

    bill(&pool, "org_a", "Alan").await?;
    let own = [("org_a", customers(&pool, "org_a").await?.0), ("org_b", customers(&pool, "org_b").await?.0)];
    for (org, names) in &own {
        println!("{org}: {}", names.join(" "));
    }

    let requests = own.iter().cycle().take(200);
    let answers =
        join_all(requests.map(async |(org, names)| (*org, names, customers(&pool, org).await))).await;
    let (mut right, mut servers) = (true, [HashSet::new(), HashSet::new()]);
    for (org, names, answer) in answers {
        let (seen, server) = answer?;
        right &= seen == *names;
        servers[usize::from(org == "org_b")].insert(server);
    }
    println!("own rows only: {right}");
    println!("on the same connections: {}", !servers[0].is_disjoint(&servers[1]));

    let (foreign, other) = (
        "INSERT INTO invoices (org_id, customer) VALUES ('org_b', 'Eve')",
        "SELECT org_scope.set_current_org('org_b', is_local => true)",
    );
    println!("no organization: {}", refusal(&pool, "SELECT customer FROM invoices", None).await?);
    println!("a row for another: {}", refusal(&pool, foreign, Some("org_a")).await?);
    println!("another in mid-transaction: {}", refusal(&pool, other, Some("org_a")).await?);
    println!(
        "one for the session: {}",
        refusal(&pool, "SELECT org_scope.set_current_org('org_a')", None).await?
    );
    Ok(())
}
