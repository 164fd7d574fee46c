//! What a client leaves in the server connection, and whether the next client finds it.

use postgres::Client;

use super::stand::{Stand, WEB};

/// One connection for everybody: the next client gets the one before's.
const ONE: &str = "default_pool_size = 1";

fn run(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
}

fn refused(client: &mut Client, sql: &str, sqlstate: &str) {
    match client.batch_execute(sql) {
        Ok(()) => panic!("{sql}\nwas to be refused with {sqlstate}"),
        Err(error) => assert_eq!(error.code().map(|code| code.code()), Some(sqlstate), "{sql}\n{error:?}"),
    }
}

fn number(client: &mut Client, sql: &str) -> i64 {
    let messages = client.simple_query(sql).unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
    let rows: Vec<_> = messages
        .iter()
        .filter_map(|m| if let postgres::SimpleQueryMessage::Row(row) = m { row.get(0) } else { None })
        .collect();
    rows.last().expect("a row").parse().expect("a number")
}

fn same_connection(one: &mut Client, two: &mut Client) {
    let server = "SELECT pg_backend_pid()";
    assert_eq!(number(one, server), number(two, server));
}

#[test]
fn of_the_context_nothing_is_left() {
    // Not even where nothing is reset.
    let stand = Stand::new("context", &[ONE, "server_reset_query_always = 0"]);
    let (mut one, mut two) = (stand.pooler.connect(WEB), stand.pooler.connect(WEB));
    same_connection(&mut one, &mut two);
    run(&mut one, "BEGIN; SELECT org_scope.set_current_org('org_a', is_local => true)");
    assert_eq!(number(&mut one, "SELECT count(*) FROM invoices"), 1);
    // Neither of these opens the transaction for another organization.
    let other = "SELECT org_scope.set_current_org('org_b', is_local => true)";
    run(&mut one, "SAVEPOINT s; RESET ALL");
    refused(&mut one, other, "OS003");
    run(&mut one, "ROLLBACK TO s");
    refused(&mut one, other, "OS003");
    run(&mut one, "ROLLBACK");
    refused(&mut two, "SELECT count(*) FROM invoices", "OS001");
    run(&mut two, "BEGIN; SELECT org_scope.set_current_org('org_a', is_local => true)");
    refused(&mut two, "DECLARE c CURSOR WITH HOLD FOR SELECT customer FROM invoices", "OS003");
    run(&mut two, "ROLLBACK");
    // A client that goes away in the middle of its transaction leaves nothing either.
    run(&mut one, "BEGIN; SELECT org_scope.set_current_org('org_a', is_local => true)");
    drop(one);
    refused(&mut two, "SELECT count(*) FROM invoices", "OS001");
}

/// What outlives a transaction, and a query that counts what the next client finds of it.
const LEFT: [(&str, &str); 6] = [
    (
        "CREATE TEMP TABLE draft AS SELECT customer FROM invoices",
        "SELECT count(to_regclass('pg_temp.draft'))",
    ),
    ("SELECT pg_advisory_lock(7)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    ("LISTEN news", "SELECT count(*) FROM pg_listening_channels()"),
    ("PREPARE mine AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'"),
    (
        "SET search_path = somebody",
        "SELECT count(*) FROM pg_settings WHERE name = 'search_path' AND setting = 'somebody'",
    ),
    ("SELECT nextval(pg_temp.numbers())", "SELECT count(*) FROM pg_proc WHERE proname = 'numbers'"),
];

fn leave(client: &mut Client, what: &str) {
    run(client, "BEGIN; SELECT org_scope.set_current_org('org_a', is_local => true)");
    if what.contains("numbers") {
        run(client, "CREATE TEMP SEQUENCE counter");
        run(
            client,
            "CREATE FUNCTION pg_temp.numbers() RETURNS regclass LANGUAGE sql AS $$SELECT 'pg_temp.counter'::regclass$$",
        );
    }
    run(client, what);
    run(client, "COMMIT");
}

#[test]
fn what_outlives_a_transaction_is_found_by_the_next_client_where_nothing_is_reset() {
    let stand = Stand::new("left", &[ONE, "server_reset_query_always = 0"]);
    for (what, found) in LEFT {
        leave(&mut stand.pooler.connect(WEB), what);
        assert_eq!(number(&mut stand.pooler.connect(WEB), found), 1, "{what}");
    }
}

#[test]
fn with_the_recipes_settings_the_next_client_finds_nothing() {
    let stand = Stand::new("reset", &[ONE]);
    for (what, found) in LEFT {
        let mut one = stand.pooler.connect(WEB);
        let mut two = stand.pooler.connect(WEB);
        same_connection(&mut one, &mut two);
        leave(&mut one, what);
        assert_eq!(number(&mut two, found), 0, "{what}");
    }
}

#[test]
fn an_organization_in_the_connection_string_does_not_come_through() {
    let options = |stand: &Stand| {
        stand.pooler.config(WEB).options("-c org_scope.current_org=org_a").connect(postgres::NoTls)
    };
    let stand = Stand::new("options", &[ONE]);
    let error = options(&stand).err().expect("PgBouncer's no");
    let said = error.as_db_error().expect("an error of PgBouncer's").message();
    assert!(said.contains("unsupported startup parameter"), "{said}");
    let stand = Stand::new("ignored", &[ONE, "ignore_startup_parameters = options"]);
    refused(&mut options(&stand).expect("a connection"), "SELECT count(*) FROM invoices", "OS001");
}

/// An organization's injected SQL puts a table in front of the application's.
const TRAP: &str = "CREATE TEMP TABLE invoices (org_id text, customer text)";
const WORK: &str = "BEGIN; SELECT org_scope.set_current_org('org_b', is_local => true); \
                    INSERT INTO invoices (customer) VALUES ('secret'); COMMIT";
const LOOK: &str = "SELECT count(*) FROM invoices WHERE customer = 'secret'";

#[test]
fn a_temporary_table_in_front_of_the_applications_catches_rows_only_where_nothing_is_reset() {
    let stand = Stand::new("trap", &[ONE, "server_reset_query_always = 0"]);
    run(&mut stand.pooler.connect(WEB), TRAP);
    run(&mut stand.pooler.connect(WEB), WORK);
    assert_eq!(number(&mut stand.pooler.connect(WEB), LOOK), 1);

    let stand = Stand::new("no_trap", &[ONE]);
    run(&mut stand.pooler.connect(WEB), TRAP);
    run(&mut stand.pooler.connect(WEB), WORK);
    refused(&mut stand.pooler.connect(WEB), LOOK, "OS001");

    // Without the right to make temporary tables there is no trap, whatever the pooler does.
    let stand = Stand::new("no_temp", &[ONE, "server_reset_query_always = 0"]);
    stand.db.superuser().run(&format!("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", stand.db.name()));
    refused(&mut stand.pooler.connect(WEB), TRAP, "42501");
}
