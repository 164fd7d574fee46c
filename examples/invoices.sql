-- What the applications in this folder work with: one table, fenced, and a login for all customers.
\connect - postgres
CREATE EXTENSION IF NOT EXISTS org_scope;
CREATE ROLE shop LOGIN;
CREATE ROLE web LOGIN;
SELECT org_scope.allow('web', 'direct', pooled => true);
GRANT CREATE ON SCHEMA public TO shop;
GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO shop;

\connect - shop
CREATE TABLE invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id text NOT NULL,
    customer text NOT NULL
);
GRANT SELECT, INSERT ON invoices TO web;
SELECT kind, state FROM org_scope.protect('invoices');
SELECT org_scope.across_orgs($$INSERT INTO invoices (org_id, customer) VALUES
    ('org_a', 'Ada'), ('org_b', 'Bob')$$, reason => 'the first invoices');
