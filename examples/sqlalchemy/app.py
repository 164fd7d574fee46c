"""SQLAlchemy behind PgBouncer: a session says its organization whenever it begins a transaction."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import Identity, create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

# Where to connect is in PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD. A prepared statement belongs to
# the server connection, which is another one in the next transaction: prepare_threshold=None prepares none.
engine = create_engine("postgresql+psycopg://", connect_args={"prepare_threshold": None}, pool_size=8)


class Base(DeclarativeBase):
    pass


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    customer: Mapped[str]


@event.listens_for(Session, "after_begin")
def enter_organization(session, _transaction, connection):
    if org := session.info.get("org"):
        connection.execute(text("SELECT org_scope.set_current_org(:org, is_local => true)"), {"org": org})


@contextmanager
def session_for(org):
    """A session with one transaction, which is committed."""
    with Session(engine, info={"org": org}) as session, session.begin():
        yield session


def customers(org):
    with session_for(org) as session:
        rows = session.execute(select(Invoice.customer, func.pg_backend_pid()).where(Invoice.id > 0).order_by(Invoice.id))
        names, servers = zip(*rows)
        return names, servers[0]


def bill(org, customer):
    with session_for(org) as session:
        session.add(Invoice(customer=customer))


def refusal(sql, org=None):
    """The SQLSTATE of what the database says to a statement that it must refuse."""
    try:
        with session_for(org) as session:
            session.execute(text(sql))
    except DBAPIError as error:
        return error.orig.sqlstate


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
