// node-postgres behind PgBouncer: each request is a transaction in its organization.
import pg from "pg";

// Where to connect is in PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD. A query with a `name` would be
// prepared in the server connection, which is another one in the next transaction: give it none.
const pool = new pg.Pool({ max: 8 });

/** Runs work in a transaction, in the organization, which ends with it. */
async function transaction(org, work) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    if (org) await client.query("SELECT org_scope.set_current_org($1, is_local => true)", [org]);
    const answer = await work(client);
    await client.query("COMMIT");
    return answer;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function customers(org) {
  return transaction(org, async (client) => {
    const sql = "SELECT customer, pg_backend_pid() AS server FROM invoices WHERE id > $1 ORDER BY id";
    const { rows } = await client.query(sql, [0]);
    return { names: rows.map((row) => row.customer).join(" "), server: rows[0].server };
  });
}

async function bill(org, customer) {
  await transaction(org, (client) => client.query("INSERT INTO invoices (customer) VALUES ($1)", [customer]));
}

/** The SQLSTATE of what the database says to a statement that it must refuse. */
async function refusal(sql, org) {
  return transaction(org, (client) => client.query(sql)).then(() => "none", (error) => error.code);
}

await bill("org_a", "Alan");
const own = { org_a: (await customers("org_a")).names, org_b: (await customers("org_b")).names };
for (const org in own) console.log(`${org}: ${own[org]}`);

const requests = Array.from({ length: 200 }, (_, n) => (n % 2 ? "org_b" : "org_a"));
const answers = await Promise.all(requests.map(async (org) => ({ org, ...(await customers(org)) })));
const servers = (org) => new Set(answers.filter((answer) => answer.org === org).map((answer) => answer.server));
console.log("own rows only:", answers.every((answer) => answer.names === own[answer.org]));
console.log("on the same connections:", [...servers("org_a")].some((server) => servers("org_b").has(server)));

console.log("no organization:", await refusal("SELECT customer FROM invoices"));
console.log("a row for another:", await refusal("INSERT INTO invoices (org_id, customer) VALUES ('org_b', 'Eve')", "org_a"));
console.log("another in mid-transaction:", await refusal("SELECT org_scope.set_current_org('org_b', is_local => true)", "org_a"));
console.log("one for the session:", await refusal("SELECT org_scope.set_current_org('org_a')"));
await pool.end();
