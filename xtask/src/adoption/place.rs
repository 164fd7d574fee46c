//! The databases: the chat inbox of an application that isolates by account, with as many messages as are asked for.

use anyhow::{Context as _, Result};

use crate::table::number;
use crate::terminal::Progress;
use crate::watched::{Backend, Watch};

/// The role that owns the tables.
pub(super) const OWNER: &str = "owner";
/// The application's role: it says on behalf of which account it comes.
pub(super) const APP: &str = "app";
/// The role of sessions that name their organization.
pub(super) const READER: &str = "reader";
/// The messages before their adoption.
pub(super) const BEFORE: &str = "before";
/// The messages when the adoption has begun, and both of its indexes are built.
pub(super) const EXPANDING: &str = "expanding";
/// The account on whose behalf the application comes.
pub(super) const ACCOUNT: &str = "admin-1";
/// The organization of that account, which has 30 % of the rows.
pub(super) const BIG: &str = "org-admin-1";
/// How the messages are adopted.
pub(super) const ADOPT: &str =
    "CALL org_scope.adopt('messages', 'organization_id', lookup => 'account', legacy_column => 'account_id')";

const ORGANIZATIONS: usize = 1000;
/// 30 %, 10 % and 4 % of the rows are the first three's, the rest falls off.
const ORG_OF: &str = "CASE WHEN u < 0.30 THEN 1 WHEN u < 0.40 THEN 2 WHEN u < 0.44 THEN 3 \
     ELSE 4 + floor(997 * power((u - 0.44) / 0.56, 1.5))::int END";

/// Makes the roles and the database that the others are copies of.
pub(super) fn ground(watch: &mut Watch<'_>, rows: usize) -> Result<()> {
    let mut progress = Progress::new(&format!("loading {} messages", number(rows)));
    let mut superuser = watch.connect("postgres", "postgres")?;
    superuser
        .run(&format!("CREATE ROLE {OWNER} LOGIN; CREATE ROLE {APP} LOGIN; CREATE ROLE {READER} LOGIN"))?;
    superuser.run(&format!("CREATE DATABASE {BEFORE} TEMPLATE template0"))?;
    let mut superuser = watch.connect(BEFORE, "postgres")?;
    superuser.run(&format!("CREATE EXTENSION org_scope; GRANT CREATE ON SCHEMA public TO {OWNER}"))?;
    let mut owner = watch.connect(BEFORE, OWNER)?;
    progress.busy("users");
    owner.run(&users())?;
    superuser.run(&format!(
        "SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', 'account_id');
         SELECT org_scope.allow('{APP}', 'lookup', lookups => '{{account}}');
         SELECT org_scope.allow('{READER}', 'direct')"
    ))?;
    progress.busy("messages");
    owner.run(&tables("public", rows, "false"))?;
    // A table of the same shape that nobody fills: what is waited for there is the machine's doing.
    owner.run(&format!(
        "CREATE TABLE aside (LIKE messages INCLUDING ALL); INSERT INTO aside SELECT * FROM messages WHERE id <= {rows} / 20; \
         CREATE INDEX aside_account ON aside (account_id); \
         SELECT setval(pg_get_serial_sequence('aside', 'id'), 1000000000)"
    ))?;
    owner.run(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON messages, aside TO {APP}; GRANT SELECT ON users TO {APP}, {READER}"
    ))?;
    progress.busy("statistics");
    superuser.run("VACUUM (FREEZE, ANALYZE)")?;
    progress.done();
    Ok(())
}

/// The users with their organizations, as an adoption of their own left them.
fn users() -> String {
    format!(
        "CREATE TABLE users (account_id text PRIMARY KEY, admin_id text REFERENCES users);
         INSERT INTO users SELECT 'admin-' || n, NULL FROM generate_series(1, {ORGANIZATIONS}) AS n;
         INSERT INTO users SELECT 'staff-' || n || '-' || k, 'admin-' || n
         FROM generate_series(1, {ORGANIZATIONS}) AS n, generate_series(1, CASE n WHEN 1 THEN 60 ELSE 4 END) AS k;
         ANALYZE users;
         CALL org_scope.adopt('users', 'organization_id', legacy_column => 'account_id',
                              expression => $$'org-' || coalesce(admin_id, account_id)$$);
         CALL org_scope.backfill('users');
         CALL org_scope.advance('users');
         CALL org_scope.advance('users');"
    )
}

/// The tables of one application in a schema; the condition says which rows know their organization from the start.
///
/// Every third message is staff's; rows of an organization lie all over the tables, as they come in over the years.
pub(super) fn tables(schema: &str, rows: usize, filled: &str) -> String {
    let conversations = rows / 5;
    let org = if filled == "false" {
        String::new()
    } else {
        format!(
            "ALTER TABLE {schema}.conversations ADD COLUMN organization_id text;
             ALTER TABLE {schema}.messages ADD COLUMN organization_id text;"
        )
    };
    let (column, value) = match org.is_empty() {
        true => ("", String::new()),
        false => (", organization_id", format!(", CASE WHEN {filled} THEN 'org-admin-' || n END")),
    };
    format!(
        "CREATE TABLE {schema}.conversations (id bigint PRIMARY KEY, account_id text NOT NULL, customer text NOT NULL,
             created_at timestamptz NOT NULL);
         CREATE TABLE {schema}.messages (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, account_id text NOT NULL,
             conversation_id bigint NOT NULL, text text NOT NULL, created_at timestamptz NOT NULL);
         {org}
         INSERT INTO {schema}.conversations (id, account_id, customer, created_at{column})
         SELECT id, 'admin-' || n, 'Customer ' || id, timestamptz '2024-01-01 00:00+00' + id * interval '1 minute'{value}
         FROM (SELECT id, 1.0 * id / {conversations} AS part, {ORG_OF} AS n
               FROM (SELECT c AS id, (hashint8extended(c, 1) & 1048575) / 1048576.0 AS u
                     FROM generate_series(1, {conversations}) AS c) AS c ORDER BY id) AS c;
         INSERT INTO {schema}.messages (id, account_id, conversation_id, text, created_at{column})
         SELECT id, CASE WHEN id % 3 = 0 THEN 'staff-' || n || '-' || 1 + id % 4 ELSE 'admin-' || n END, conversation,
                'Message ' || id || repeat(' word', (id % 7)::int), timestamptz '2024-01-01 00:00+00' + id * interval '12 seconds'{value}
         FROM (SELECT id, 1.0 * id / {rows} AS part, conversation, {ORG_OF} AS n
               FROM (SELECT m AS id, 1 + m % {conversations} AS conversation,
                            (hashint8extended(1 + m % {conversations}, 1) & 1048575) / 1048576.0 AS u
                     FROM generate_series(1, {rows}) AS m) AS m ORDER BY id) AS m;
         SELECT setval(pg_get_serial_sequence('{schema}.messages', 'id'), 1000000000);
         CREATE INDEX messages_conversation ON {schema}.messages (conversation_id);
         ALTER TABLE {schema}.messages ADD FOREIGN KEY (conversation_id) REFERENCES {schema}.conversations;"
    )
}

/// Makes the database in which the adoption has begun.
pub(super) fn expand(watch: &mut Watch<'_>) -> Result<()> {
    let progress = Progress::new("beginning the adoption, for copies of it");
    copy(watch, BEFORE, EXPANDING)?;
    let mut owner = watch.connect(EXPANDING, OWNER)?;
    owner.run(ADOPT)?;
    for statement in left_to_user(&mut owner)? {
        owner.run(&statement)?;
    }
    watch.connect(EXPANDING, "postgres")?.run("VACUUM (FREEZE, ANALYZE)")?;
    progress.done();
    Ok(())
}

/// What the last run left to the user.
pub(super) fn left_to_user(owner: &mut Backend) -> Result<Vec<String>> {
    let left = "SELECT statement FROM org_scope.last_run WHERE state = 'run_yourself' ORDER BY ordinal";
    let rows = owner.client.query(left, &[]).context(left)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Copies a database, files and all: the same rows in the same places.
pub(super) fn copy(watch: &mut Watch<'_>, from: &str, to: &str) -> Result<()> {
    let mut maintenance = watch.connect("postgres", "postgres")?;
    maintenance.run(&format!("CREATE DATABASE {to} TEMPLATE {from} STRATEGY file_copy"))?;
    // Pages and indexes are met in memory by all who are measured.
    let mut superuser = watch.connect(to, "postgres")?;
    superuser.run("SELECT count(m), count(u) FROM messages AS m LEFT JOIN users AS u USING (account_id)")
}

/// Takes a copy away.
pub(super) fn drop(watch: &mut Watch<'_>, name: &str) -> Result<()> {
    watch.connect("postgres", "postgres")?.run(&format!("DROP DATABASE {name} WITH (FORCE)"))
}
