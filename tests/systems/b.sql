-- B. The voice-agent product: clerk_org_id on nine tables, beside the legacy client_id.
--
-- Plain PostgreSQL as its application would have it, without org_scope. Names are unqualified: search_path
-- says which schema the system goes into. Of ten rows, six belong to the first organization, three to the
-- second, one to the third; the rows are the same on every run.

-- One client for each organization: the mapping between the two.
CREATE TABLE clients (
    id                    uuid PRIMARY KEY,
    clerk_organization_id text NOT NULL UNIQUE,
    name                  text NOT NULL,
    created_at            timestamptz NOT NULL DEFAULT now()
);

INSERT INTO clients (id, clerk_organization_id, name, created_at) VALUES
    (md5('client 0')::uuid, 'org_38mpe7YzuKjtqIRiuiWGCruMwX5', 'Acme Voice', '2026-01-01 00:00+00'),
    (md5('client 1')::uuid, 'org_2hGq9TfW4sLxVbN6kYcZr8AeDpJ', 'Globex Calls', '2026-01-02 00:00+00'),
    (md5('client 2')::uuid, 'org_2mXo5RwB7uKjQyH3nEvTa1CsFiL', 'Initech Phones', '2026-01-03 00:00+00');

-- Which client has the row n, in every table below.
CREATE TEMPORARY VIEW row_client AS
    SELECT n, c.id AS client_id, c.clerk_organization_id AS clerk_org_id
    FROM generate_series(0, 9) AS n
    JOIN clients AS c
        ON c.name = CASE WHEN n < 6 THEN 'Acme Voice' WHEN n < 9 THEN 'Globex Calls' ELSE 'Initech Phones' END;

-- The nine tables of migrations 022 and, for webhook_endpoints, 023. Agents, contacts and folders that a row
-- names are of the row's own organization, but, as in the application, nothing says so to the database.

CREATE TABLE agents (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    name                 text NOT NULL,
    system_prompt        text NOT NULL DEFAULT '',
    voice_id             uuid,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_agents_clerk_org_id ON agents (clerk_org_id);

CREATE TABLE calls (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    agent_id             uuid,
    contact_id           uuid,
    direction            text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    to_number            text NOT NULL,
    duration_seconds     integer NOT NULL DEFAULT 0,
    -- Who started the call.
    created_by_user_id   text,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_calls_clerk_org_id ON calls (clerk_org_id);

CREATE TABLE voices (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    name                 text NOT NULL,
    provider             text NOT NULL,
    is_cloned            boolean NOT NULL DEFAULT false,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_voices_clerk_org_id ON voices (clerk_org_id);

CREATE TABLE knowledge_bases (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    name                 text NOT NULL,
    document_count       integer NOT NULL DEFAULT 0,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_knowledge_bases_clerk_org_id ON knowledge_bases (clerk_org_id);

CREATE TABLE tools (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    name                 text NOT NULL,
    endpoint             text NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_tools_clerk_org_id ON tools (clerk_org_id);

CREATE TABLE contacts (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    folder_id            uuid,
    name                 text NOT NULL,
    phone_number         text NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_contacts_clerk_org_id ON contacts (clerk_org_id);

CREATE TABLE contact_folders (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    name                 text NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_contact_folders_clerk_org_id ON contact_folders (clerk_org_id);

CREATE TABLE campaigns (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    name                 text NOT NULL,
    status               text NOT NULL DEFAULT 'draft',
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_campaigns_clerk_org_id ON campaigns (clerk_org_id);

CREATE TABLE webhook_endpoints (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id            uuid REFERENCES clients,
    clerk_org_id         text,
    url                  text NOT NULL,
    secret               text NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_webhook_endpoints_clerk_org_id ON webhook_endpoints (clerk_org_id);

INSERT INTO agents (id, client_id, clerk_org_id, name, system_prompt, created_at)
SELECT md5('agents ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'Agent ' || s.n, 'You are the agent ' || s.n,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 59) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO calls (id, client_id, clerk_org_id, agent_id, contact_id, direction, to_number,
                   duration_seconds, created_by_user_id, created_at)
SELECT md5('calls ' || s.n)::uuid, r.client_id, r.clerk_org_id,
       md5('agents ' || s.n % 60)::uuid, md5('contacts ' || s.n % 2000)::uuid,
       CASE WHEN s.n % 3 = 0 THEN 'inbound' ELSE 'outbound' END, '+1555' || lpad(s.n::text, 7, '0'), s.n % 600,
       'user_' || substr(md5('users ' || s.n % 30), 1, 24),
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 3999) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO voices (id, client_id, clerk_org_id, name, provider, is_cloned, created_at)
SELECT md5('voices ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'Voice ' || s.n, 'elevenlabs', s.n % 4 = 0,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 29) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO knowledge_bases (id, client_id, clerk_org_id, name, document_count, created_at)
SELECT md5('knowledge_bases ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'Knowledge ' || s.n, s.n % 50,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 39) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO tools (id, client_id, clerk_org_id, name, endpoint, created_at)
SELECT md5('tools ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'Tool ' || s.n, 'https://tools.example.com/' || s.n,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 39) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO contacts (id, client_id, clerk_org_id, folder_id, name, phone_number, created_at)
SELECT md5('contacts ' || s.n)::uuid, r.client_id, r.clerk_org_id, md5('contact_folders ' || s.n % 40)::uuid, 'Contact ' || s.n, '+1555' || lpad(s.n::text, 7, '0'),
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 1999) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO contact_folders (id, client_id, clerk_org_id, name, created_at)
SELECT md5('contact_folders ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'Folder ' || s.n,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 39) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO campaigns (id, client_id, clerk_org_id, name, status, created_at)
SELECT md5('campaigns ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'Campaign ' || s.n, (ARRAY['draft', 'running', 'done'])[1 + s.n % 3],
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 49) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO webhook_endpoints (id, client_id, clerk_org_id, url, secret, created_at)
SELECT md5('webhook_endpoints ' || s.n)::uuid, r.client_id, r.clerk_org_id, 'https://hooks.example.com/' || s.n, md5('secret ' || s.n),
       timestamptz '2026-02-01 00:00+00' + s.n * interval '7 minutes'
FROM generate_series(0, 19) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

-- Tables that know only the client.

CREATE TABLE users (
    id            text PRIMARY KEY,
    client_id     uuid NOT NULL REFERENCES clients,
    email         text NOT NULL,
    role          text NOT NULL DEFAULT 'member',
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audit_log (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    client_id     uuid NOT NULL REFERENCES clients,
    user_id       text,
    action        text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE application_logs (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    client_id     uuid REFERENCES clients,
    level         text NOT NULL,
    message       text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE credit_transactions (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    client_id     uuid NOT NULL REFERENCES clients,
    credits       integer NOT NULL,
    reason        text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- The organization stands in settings, for keys that the newer application has made.
CREATE TABLE api_keys (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id     uuid NOT NULL REFERENCES clients,
    key_hash      text NOT NULL UNIQUE,
    settings      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- The key is '<client_id>:<key>'.
CREATE TABLE idempotency_keys (
    key           text PRIMARY KEY,
    response      jsonb,
    created_at    timestamptz NOT NULL DEFAULT now()
);

INSERT INTO users (id, client_id, email, role, created_at)
SELECT 'user_' || substr(md5('users ' || s.n), 1, 24), r.client_id, 'user' || s.n || '@example.com',
       CASE WHEN s.n < 10 THEN 'admin' ELSE 'member' END, timestamptz '2026-01-05 00:00+00'
FROM generate_series(0, 29) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO audit_log (client_id, user_id, action, created_at)
SELECT r.client_id, 'user_' || substr(md5('users ' || s.n % 30), 1, 24),
       (ARRAY['agent.update', 'call.start', 'contact.import'])[1 + s.n % 3],
       timestamptz '2026-02-01 00:00+00' + s.n * interval '3 minutes'
FROM generate_series(0, 1499) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO application_logs (client_id, level, message, created_at)
SELECT r.client_id, CASE WHEN s.n % 9 = 0 THEN 'error' ELSE 'info' END, 'request ' || s.n,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '2 minutes'
FROM generate_series(0, 1499) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO credit_transactions (client_id, credits, reason, created_at)
SELECT r.client_id, CASE WHEN s.n % 20 = 0 THEN 1000 ELSE -(s.n % 60) END,
       CASE WHEN s.n % 20 = 0 THEN 'purchase' ELSE 'call' END,
       timestamptz '2026-02-01 00:00+00' + s.n * interval '4 minutes'
FROM generate_series(0, 499) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO api_keys (id, client_id, key_hash, settings, created_at)
SELECT md5('api_keys ' || s.n)::uuid, r.client_id, encode(sha256(('key ' || s.n)::bytea), 'hex'),
       CASE WHEN s.n % 4 = 3 THEN '{}' ELSE jsonb_build_object('clerk_org_id', r.clerk_org_id) END,
       timestamptz '2026-01-10 00:00+00'
FROM generate_series(0, 39) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

INSERT INTO idempotency_keys (key, response, created_at)
SELECT r.client_id || ':' || md5('request ' || s.n), jsonb_build_object('status', 201),
       timestamptz '2026-02-01 00:00+00' + s.n * interval '6 minutes'
FROM generate_series(0, 299) AS s (n) JOIN row_client AS r ON r.n = s.n % 10;

DROP VIEW row_client;
ANALYZE clients, agents, calls, voices, knowledge_bases, tools, contacts, contact_folders, campaigns,
    webhook_endpoints, users, audit_log, application_logs, credit_transactions, api_keys, idempotency_keys;
