-- Whoever registers founds an organization; whom its administrator adds comes into the same one.
\connect - postgres
CREATE EXTENSION IF NOT EXISTS org_scope;
CREATE ROLE inbox LOGIN;      -- owns the tables
CREATE ROLE inbox_app LOGIN;  -- the application: an account leads to its organization
CREATE ROLE signup LOGIN;     -- the registration: it has no organization, and gets none
CREATE ROLE registrar NOLOGIN BYPASSRLS;  -- whose rights the registration borrows, for two INSERTs
GRANT CREATE ON SCHEMA public TO inbox;

\connect - inbox
CREATE TABLE organizations (
    id text PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE users (
    account_id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    role text NOT NULL CHECK (role IN ('admin', 'staff')),
    admin_id text DEFAULT org_scope.current_user_id() REFERENCES users,
    email text NOT NULL
);
SELECT kind, state FROM org_scope.protect('organizations', 'id', set_default => false);
SELECT kind, state FROM org_scope.protect('users', 'organization_id');
CALL org_scope.harden('users');
GRANT SELECT ON organizations TO inbox_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO inbox_app;
GRANT INSERT ON organizations, users TO registrar;

\connect - postgres
CREATE FUNCTION found_organization(name text, account_id text, email text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    org text := 'org-' || gen_random_uuid();
BEGIN
    INSERT INTO public.organizations (id, name) VALUES (org, name);
    INSERT INTO public.users (account_id, organization_id, role, admin_id, email)
        VALUES (account_id, org, 'admin', NULL, email);
    RETURN org;
END
$$;
ALTER FUNCTION found_organization OWNER TO registrar;
REVOKE EXECUTE ON FUNCTION found_organization FROM PUBLIC;
GRANT EXECUTE ON FUNCTION found_organization TO signup;
SELECT org_scope.define_lookup('account', 'users', 'account_id', 'organization_id', user_column => 'account_id');
SELECT org_scope.allow('inbox_app', 'lookup', lookups => '{account}', pooled => true);
