"""psycopg behind PgBouncer: each request is a transaction in its organization."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from psycopg_pool import ConnectionPool

# Where to connect is in PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD. A prepared statement belongs to
# the server connection, which is another one in the next transaction: prepare_threshold=None prepares none.
pool = ConnectionPool("", kwargs={"prepare_threshold": None}, min_size=8, open=True)


@contextmanager
def transaction(org):
    """A transaction in the organization, which ends with it."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("SELECT org_scope.set_current_org(%s, is_local => true)", [org])
        yield connection


def customers(org):
    with transaction(org) as connection:
        rows = connection.execute("SELECT customer, pg_backend_pid() FROM invoices WHERE id > %s ORDER BY id", [0])
        names, servers = zip(*rows.fetchall())
        return names, servers[0]


def bill(org, customer):
    with transaction(org) as connection:
        connection.execute("INSERT INTO invoices (customer) VALUES (%s)", [customer])


def refusal(sql, org=None):
    """The SQLSTATE of what the database says to a statement that it must refuse."""
    try:
        with transaction(org) if org else pool.connection() as connection:
            connection.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate


bill("org_a", "Alan")
for org in ["org_a", "org_b"]:
    print(f"{org}:", *customers(org)[0])

own = {org: customers(org)[0] for org in ["org_a", "org_b"]}
requests = ["org_a", "org_b"] * 100
with ThreadPoolExecutor(8) as threads:
    answers = list(zip(requests, threads.map(customers, requests)))
servers = {org: {server for asked, (_, server) in answers if asked == org} for org in own}
print("own rows only:", all(names == own[org] for org, (names, _) in answers))
print("on the same connections:", not servers["org_a"].isdisjoint(servers["org_b"]))

print("no organization:", refusal("SELECT customer FROM invoices"))
print("a row for another:", refusal("INSERT INTO invoices (org_id, customer) VALUES ('org_b', 'Eve')", "org_a"))
print("another in mid-transaction:", refusal("SELECT org_scope.set_current_org('org_b', is_local => true)", "org_a"))
print("one for the session:", refusal("SELECT org_scope.set_current_org('org_a')"))
pool.close()
