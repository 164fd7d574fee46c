\echo Use "CREATE EXTENSION org_scope" to load this file. \quit

-- Written by `cargo xtask schema` from the Rust source and sql/; change those, not this file.

----

-- src/lib.rs
-- bootstrap
-- Names and organizations are read as UTF-8. In another encoding two of them could become one.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'org_scope needs a database with encoding UTF8',
            DETAIL = pg_catalog.format('The encoding of this database is %s.', pg_catalog.getdatabaseencoding());
    END IF;
END
$$;

-- The extension's own schema. It must not exist yet: whoever owned it could plant objects in it.
CREATE SCHEMA org_scope;
COMMENT ON SCHEMA org_scope IS 'walls off organizations inside this database';
-- USAGE, never CREATE: every role calls the functions, none adds its own.
GRANT USAGE ON SCHEMA org_scope TO PUBLIC;

----

-- src/lib.rs
-- requires:
--   bootstrap

-- The context: what a session acts for. The setters ask the access table by session_user, whoever
-- calls them, so PUBLIC may call them. CALLED ON NULL INPUT: a strict setter would silently keep the
-- organization that was set before. Two functions where one with a DEFAULT would do: the parser and the
-- planner would each read the default from its text, at every call that is no prepared statement.

CREATE FUNCTION org_scope.set_current_org(org text) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_text';
COMMENT ON FUNCTION org_scope.set_current_org(text) IS 'sets the organization for the session; needs access';

CREATE FUNCTION org_scope.set_current_org(org text, is_local boolean) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_text';
COMMENT ON FUNCTION org_scope.set_current_org(text, boolean) IS 'sets the organization for the session, or with is_local for the transaction; needs access';

CREATE FUNCTION org_scope.set_current_org(org uuid) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_uuid';
COMMENT ON FUNCTION org_scope.set_current_org(uuid) IS 'sets the organization for the session; needs access';

CREATE FUNCTION org_scope.set_current_org(org uuid, is_local boolean) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_uuid';
COMMENT ON FUNCTION org_scope.set_current_org(uuid, boolean) IS 'sets the organization for the session, or with is_local for the transaction; needs access';

CREATE FUNCTION org_scope.set_current_org(org bigint) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_bigint';
COMMENT ON FUNCTION org_scope.set_current_org(bigint) IS 'sets the organization for the session; needs access';

CREATE FUNCTION org_scope.set_current_org(org bigint, is_local boolean) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_bigint';
COMMENT ON FUNCTION org_scope.set_current_org(bigint, boolean) IS 'sets the organization for the session, or with is_local for the transaction; needs access';

CREATE FUNCTION org_scope.set_current_user(user_id text, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_user';
COMMENT ON FUNCTION org_scope.set_current_user(text, boolean) IS 'sets who acts inside the organization; NULL clears; needs direct access';

CREATE FUNCTION org_scope.set_current_project(project text, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_project_text';
COMMENT ON FUNCTION org_scope.set_current_project(text, boolean) IS 'narrows the session to a project of its organization; NULL widens it again';

CREATE FUNCTION org_scope.set_current_project(project uuid, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_project_uuid';
COMMENT ON FUNCTION org_scope.set_current_project(uuid, boolean) IS 'narrows the session to a project of its organization; NULL widens it again';

CREATE FUNCTION org_scope.set_current_project(project bigint, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_project_bigint';
COMMENT ON FUNCTION org_scope.set_current_project(bigint, boolean) IS 'narrows the session to a project of its organization; NULL widens it again';

CREATE FUNCTION org_scope.clear_context() RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_clear_context';
COMMENT ON FUNCTION org_scope.clear_context() IS 'forgets organization, user and project';

-- For applications and column defaults: NULL when unset.

CREATE FUNCTION org_scope.current_org() RETURNS text
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_org';
COMMENT ON FUNCTION org_scope.current_org() IS 'the organization that the session acts for, as text; NULL when unset';

CREATE FUNCTION org_scope.current_org_uuid() RETURNS uuid
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_org_uuid';
COMMENT ON FUNCTION org_scope.current_org_uuid() IS 'the organization that the session acts for, as uuid; NULL when unset';

CREATE FUNCTION org_scope.current_org_bigint() RETURNS bigint
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_org_bigint';
COMMENT ON FUNCTION org_scope.current_org_bigint() IS 'the organization that the session acts for, as bigint; NULL when unset';

CREATE FUNCTION org_scope.current_user_id() RETURNS text
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_user_id';
COMMENT ON FUNCTION org_scope.current_user_id() IS 'who acts inside the organization; NULL when unset';

CREATE FUNCTION org_scope.current_project() RETURNS text
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_project';
COMMENT ON FUNCTION org_scope.current_project() IS 'the project that the session narrowed itself to, as text; NULL when unset';

CREATE FUNCTION org_scope.current_project_uuid() RETURNS uuid
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_project_uuid';
COMMENT ON FUNCTION org_scope.current_project_uuid() IS 'the project that the session narrowed itself to, as uuid; NULL when unset';

CREATE FUNCTION org_scope.current_project_bigint() RETURNS bigint
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_current_project_bigint';
COMMENT ON FUNCTION org_scope.current_project_bigint() IS 'the project that the session narrowed itself to, as bigint; NULL when unset';

CREATE FUNCTION org_scope.context() RETURNS jsonb
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE AS 'MODULE_PATHNAME', 'org_scope_context';
COMMENT ON FUNCTION org_scope.context() IS 'organization, user and project, and whether row security is bypassed';

-- For the policies: without an organization they raise OS001 or, with org_scope.missing_org = empty, are NULL.
-- They answer in the time of a constant, and cost the planner's estimates as little: or it would prefer plans in
-- which they are called less often, and choose others than for a literal.

CREATE FUNCTION org_scope.fence_org() RETURNS text
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001 AS 'MODULE_PATHNAME', 'org_scope_fence_org';
COMMENT ON FUNCTION org_scope.fence_org() IS 'the organization that a fence compares with, as text; obeys org_scope.missing_org';

CREATE FUNCTION org_scope.fence_org_uuid() RETURNS uuid
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001 AS 'MODULE_PATHNAME', 'org_scope_fence_org_uuid';
COMMENT ON FUNCTION org_scope.fence_org_uuid() IS 'the organization that a fence compares with, as uuid; obeys org_scope.missing_org';

CREATE FUNCTION org_scope.fence_org_bigint() RETURNS bigint
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001 AS 'MODULE_PATHNAME', 'org_scope_fence_org_bigint';
COMMENT ON FUNCTION org_scope.fence_org_bigint() IS 'the organization that a fence compares with, as bigint; obeys org_scope.missing_org';

----

-- src/lib.rs
-- requires:
--   context

-- Which login role may do what to the context. A regrole follows renames and is dumped as a name.
CREATE TABLE org_scope.role_access (
    role regrole CONSTRAINT role_access_pkey PRIMARY KEY,
    how text CHECK (how IN ('direct', 'lookup', 'token', 'parameter')),
    lookups text[] CHECK (cardinality(lookups) > 0),
    bound_org text CHECK (bound_org <> ''),
    pooled boolean NOT NULL DEFAULT false,
    CHECK (how IS NOT NULL OR bound_org IS NOT NULL),
    CHECK (NOT pooled OR how IS DISTINCT FROM 'parameter'),
    CHECK ((lookups IS NOT NULL) = (how IS NOT DISTINCT FROM 'lookup'))
);
COMMENT ON TABLE org_scope.role_access IS 'what each login role may do to the context; written by allow, disallow, bind_role, unbind_role';
COMMENT ON COLUMN org_scope.role_access.role IS 'the login role (session_user); membership does not count';
COMMENT ON COLUMN org_scope.role_access.how IS 'direct: through the setters; parameter: also by SET and connection options; lookup: by the answers of lookups; token: by signed tokens; NULL: bound only';
COMMENT ON COLUMN org_scope.role_access.lookups IS 'the lookups that it may use, where that is how';
COMMENT ON COLUMN org_scope.role_access.bound_org IS 'the one organization of this login, whatever it sets';
COMMENT ON COLUMN org_scope.role_access.pooled IS 'the connection passes from client to client: only transaction-local contexts';

-- REVOKE stops everybody but pg_read_all_data and pg_write_all_data; row security without a policy stops those.
REVOKE ALL ON org_scope.role_access FROM PUBLIC;
ALTER TABLE org_scope.role_access ENABLE ROW LEVEL SECURITY;

-- A role that has been dropped is left out: its number could be another role's after a restore.
SELECT pg_catalog.pg_extension_config_dump('org_scope.role_access',
    'WHERE role::pg_catalog.oid IN (SELECT oid FROM pg_catalog.pg_roles)');

CREATE FUNCTION org_scope._access_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_access_changed';
COMMENT ON FUNCTION org_scope._access_changed() IS 'tells every session that its cached access is stale';
REVOKE ALL ON FUNCTION org_scope._access_changed() FROM PUBLIC;

-- ALWAYS, so that a change made by hand or by replication reaches every session's cache too.
CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON org_scope.role_access
    FOR EACH STATEMENT EXECUTE FUNCTION org_scope._access_changed();
ALTER TABLE org_scope.role_access ENABLE ALWAYS TRIGGER access_changed;
COMMENT ON TRIGGER access_changed ON org_scope.role_access IS 'tells every session that its cached access is stale';

-- security_invoker: with its owner's eyes it would show every bound organization to pg_read_all_data.
CREATE VIEW org_scope.access WITH (security_invoker = true) AS
    SELECT a.role, a.how, a.lookups, a.bound_org, a.pooled,
           coalesce(r.rolsuper OR r.rolbypassrls, false) AS bypasses_row_security,
           ARRAY(
               WITH RECURSIVE may_be(oid) AS (
                   SELECT a.role::oid
                   UNION
                   SELECT m.roleid FROM may_be JOIN pg_catalog.pg_auth_members m ON m.member = may_be.oid
               )
               SELECT CASE WHEN g.oid = a.role THEN w.word ELSE w.word || ' of ' || pg_catalog.quote_ident(g.rolname) END
               FROM may_be
               JOIN pg_catalog.pg_roles g ON g.oid = may_be.oid,
               LATERAL (
                   SELECT v.word FROM (VALUES (g.rolsuper, 'SUPERUSER'), (g.rolbypassrls, 'BYPASSRLS'), (g.rolcreaterole, 'CREATEROLE'),
                       (g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'), 'files'))
                       AS v(has, word)
                   WHERE v.has
                   UNION ALL
                   SELECT 'ownership of ' || pg_catalog.format('%I.%I', n.nspname, c.relname)
                   FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid AND p.polname = 'org_scope_fence'
                   WHERE c.relowner = g.oid AND NOT c.relforcerowsecurity
               ) w
               ORDER BY 1
           ) AS adds
    FROM org_scope.role_access a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.role;
REVOKE ALL ON org_scope.access FROM PUBLIC;
COMMENT ON VIEW org_scope.access IS 'what each login role may do to the context';
COMMENT ON COLUMN org_scope.access.role IS 'the login role (session_user); membership does not count';
COMMENT ON COLUMN org_scope.access.how IS 'direct: through the setters; parameter: also by SET and connection options; lookup: by the answers of lookups; token: by signed tokens; NULL: bound only';
COMMENT ON COLUMN org_scope.access.lookups IS 'the lookups that it may use, where that is how';
COMMENT ON COLUMN org_scope.access.bound_org IS 'the one organization of this login, whatever it sets';
COMMENT ON COLUMN org_scope.access.pooled IS 'only transaction-local contexts';
COMMENT ON COLUMN org_scope.access.bypasses_row_security IS 'no policy filters this role (superuser or BYPASSRLS): its context limits nothing';
COMMENT ON COLUMN org_scope.access.adds IS 'what its attributes, memberships and ownership add: SUPERUSER, BYPASSRLS, CREATEROLE, files of the server, fenced tables whose owner passes the fence; of which role, where it is a member';

-- SECURITY DEFINER: they write the table above and grant in the extension owner's name, for every role
-- that was granted EXECUTE; search_path is fixed, and EXECUTE is nobody's to begin with: who may call
-- these decides who may become which organization.
CREATE FUNCTION org_scope.allow(role regrole, how text, lookups name[] DEFAULT NULL, pooled boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_allow';
COMMENT ON FUNCTION org_scope.allow(regrole, text, name[], boolean) IS 'lets a login role have an organization: direct (the setters), lookup (the answers of these lookups), token (signed tokens) or parameter (also SET and connection options); replaces what it could before';
REVOKE ALL ON FUNCTION org_scope.allow(regrole, text, name[], boolean) FROM PUBLIC;

CREATE FUNCTION org_scope.disallow(role regrole) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_disallow';
COMMENT ON FUNCTION org_scope.disallow(regrole) IS 'takes a login role''s access to the context away';
REVOKE ALL ON FUNCTION org_scope.disallow(regrole) FROM PUBLIC;

CREATE FUNCTION org_scope.bind_role(role regrole, org text) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_bind_role';
COMMENT ON FUNCTION org_scope.bind_role(regrole, text) IS 'makes every session of a login role one organization''s, whatever it sets';
REVOKE ALL ON FUNCTION org_scope.bind_role(regrole, text) FROM PUBLIC;

CREATE FUNCTION org_scope.unbind_role(role regrole) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_unbind_role';
COMMENT ON FUNCTION org_scope.unbind_role(regrole) IS 'ends what bind_role began';
REVOKE ALL ON FUNCTION org_scope.unbind_role(regrole) FROM PUBLIC;

----

-- src/lib.rs
-- requires:
--   access

-- Lookups: which organization does this key belong to?
CREATE TABLE org_scope.lookup (
    name text CONSTRAINT lookup_pkey PRIMARY KEY,
    source regclass NOT NULL,
    key_column text NOT NULL,
    org_column text NOT NULL,
    user_column text,
    condition text,
    key_hash text CHECK (key_hash IN ('sha256', 'sha384', 'sha512'))
);
COMMENT ON TABLE org_scope.lookup IS 'the questions by which the database derives an organization; written by define_lookup and undefine_lookup';
COMMENT ON COLUMN org_scope.lookup.name IS 'the name by which it is used and allowed';
COMMENT ON COLUMN org_scope.lookup.source IS 'the table that is asked, with its owner''s rights';
COMMENT ON COLUMN org_scope.lookup.key_column IS 'its column that holds the keys';
COMMENT ON COLUMN org_scope.lookup.org_column IS 'its column that holds the organization of a key';
COMMENT ON COLUMN org_scope.lookup.user_column IS 'its column that holds the user of a key';
COMMENT ON COLUMN org_scope.lookup.condition IS 'what a row must fulfil to count';
COMMENT ON COLUMN org_scope.lookup.key_hash IS 'how the table keeps its keys; NULL: as they are';
REVOKE ALL ON org_scope.lookup FROM PUBLIC;
ALTER TABLE org_scope.lookup ENABLE ROW LEVEL SECURITY;
-- A table that has been dropped is left out: its number could be another's after a restore.
SELECT pg_catalog.pg_extension_config_dump('org_scope.lookup',
    'WHERE source::pg_catalog.oid IN (SELECT oid FROM pg_catalog.pg_class)');

CREATE FUNCTION org_scope._lookup_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_access_changed';
COMMENT ON FUNCTION org_scope._lookup_changed() IS 'tells every session that what it knows of lookups is stale';
REVOKE ALL ON FUNCTION org_scope._lookup_changed() FROM PUBLIC;
CREATE TRIGGER lookup_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON org_scope.lookup
    FOR EACH STATEMENT EXECUTE FUNCTION org_scope._lookup_changed();
ALTER TABLE org_scope.lookup ENABLE ALWAYS TRIGGER lookup_changed;
COMMENT ON TRIGGER lookup_changed ON org_scope.lookup IS 'tells every session that what it knows of lookups is stale';

-- SECURITY DEFINER as allow is, for the same reasons: who may call these decides who may become which organization.
CREATE FUNCTION org_scope.define_lookup(
    name name, source regclass, key_column name, org_column name, user_column name DEFAULT NULL,
    condition text DEFAULT NULL, key_hash text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_define_lookup';
COMMENT ON FUNCTION org_scope.define_lookup(name, regclass, name, name, name, text, text) IS 'defines a question: which organization, and user, does a key belong to?';
REVOKE ALL ON FUNCTION org_scope.define_lookup(name, regclass, name, name, name, text, text) FROM PUBLIC;

CREATE FUNCTION org_scope.undefine_lookup(name name) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_undefine_lookup';
COMMENT ON FUNCTION org_scope.undefine_lookup(name) IS 'takes a lookup back';
REVOKE ALL ON FUNCTION org_scope.undefine_lookup(name) FROM PUBLIC;

-- Asks the access table by session_user, as the setters do, so PUBLIC may call it.
CREATE FUNCTION org_scope.set_current_org_from(lookup name, key text, org text DEFAULT NULL, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_set_current_org_from';
COMMENT ON FUNCTION org_scope.set_current_org_from(name, text, text, boolean) IS 'becomes the organization, and user, that a key belongs to by a lookup; needs access to it; returns the organization';

----

-- src/lib.rs
-- requires:
--   lookups

-- Signed tokens: which keys are trusted with which organizations' names, and showing a token.
CREATE TABLE org_scope.signing_key (
    issuer text,
    kid text,
    algorithm text NOT NULL,
    key text NOT NULL,
    audience text,
    claims text NOT NULL,
    leeway integer NOT NULL,
    membership text,
    CONSTRAINT signing_key_pkey PRIMARY KEY (issuer, kid)
);
COMMENT ON TABLE org_scope.signing_key IS 'the keys by which tokens are verified; written by add_signing_key, import_jwks and remove_signing_key';
COMMENT ON COLUMN org_scope.signing_key.issuer IS 'what its tokens name as iss';
COMMENT ON COLUMN org_scope.signing_key.kid IS 'what its tokens name as kid';
COMMENT ON COLUMN org_scope.signing_key.algorithm IS 'the only algorithm that it is used with';
COMMENT ON COLUMN org_scope.signing_key.key IS 'the public key or, for HS256 and its kin, the secret';
COMMENT ON COLUMN org_scope.signing_key.audience IS 'what its tokens must name in aud; NULL: its tokens have none';
COMMENT ON COLUMN org_scope.signing_key.claims IS 'where its tokens name organization and user';
COMMENT ON COLUMN org_scope.signing_key.leeway IS 'how far the issuer''s clock may be off, in seconds';
COMMENT ON COLUMN org_scope.signing_key.membership IS 'the lookup that must have the token''s organization for its user';
REVOKE ALL ON org_scope.signing_key FROM PUBLIC;
ALTER TABLE org_scope.signing_key ENABLE ROW LEVEL SECURITY;
-- Secrets are in no dump.
SELECT pg_catalog.pg_extension_config_dump('org_scope.signing_key', 'WHERE algorithm NOT LIKE ''HS%''');

CREATE FUNCTION org_scope._signing_key_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_access_changed';
COMMENT ON FUNCTION org_scope._signing_key_changed() IS 'tells every session that what it knows of keys is stale';
REVOKE ALL ON FUNCTION org_scope._signing_key_changed() FROM PUBLIC;
CREATE TRIGGER signing_key_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON org_scope.signing_key
    FOR EACH STATEMENT EXECUTE FUNCTION org_scope._signing_key_changed();
ALTER TABLE org_scope.signing_key ENABLE ALWAYS TRIGGER signing_key_changed;
COMMENT ON TRIGGER signing_key_changed ON org_scope.signing_key IS 'tells every session that what it knows of keys is stale';

-- SECURITY DEFINER as allow is, for the same reasons: whoever brings a key signs for every organization.
CREATE FUNCTION org_scope.add_signing_key(
    kid text, algorithm text, key text, issuer text, audience text DEFAULT NULL, claims text DEFAULT 'standard',
    leeway interval DEFAULT '30 s', membership name DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_add_signing_key';
COMMENT ON FUNCTION org_scope.add_signing_key(text, text, text, text, text, text, interval, name) IS 'trusts a key of an issuer: PEM or JWK, or base64url for a shared secret';
REVOKE ALL ON FUNCTION org_scope.add_signing_key(text, text, text, text, text, text, interval, name) FROM PUBLIC;

CREATE FUNCTION org_scope.import_jwks(
    jwks jsonb, issuer text, audience text DEFAULT NULL, claims text DEFAULT 'standard', leeway interval DEFAULT '30 s',
    membership name DEFAULT NULL, rsa_algorithm text DEFAULT 'RS256')
    RETURNS TABLE (kid text, algorithm text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_import_jwks';
COMMENT ON FUNCTION org_scope.import_jwks(jsonb, text, text, text, interval, name, text) IS 'trusts the keys that an issuer publishes, and no longer those that it doesn''t; shared secrets stay';
REVOKE ALL ON FUNCTION org_scope.import_jwks(jsonb, text, text, text, interval, name, text) FROM PUBLIC;

CREATE FUNCTION org_scope.remove_signing_key(issuer text, kid text) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_remove_signing_key';
COMMENT ON FUNCTION org_scope.remove_signing_key(text, text) IS 'trusts a key no longer';
REVOKE ALL ON FUNCTION org_scope.remove_signing_key(text, text) FROM PUBLIC;

-- Asks the access table by session_user, as the setters do, so PUBLIC may call it.
CREATE FUNCTION org_scope.authenticate(token text, is_local boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_authenticate';
COMMENT ON FUNCTION org_scope.authenticate(text, boolean) IS 'becomes the organization, and user, that a signed token names, until it expires; give the token as a parameter; returns the organization';

-- For PostgREST's db-pre-request. The claims are those that it has verified and set; whoever can set them otherwise needs
-- access direct for them to count.
CREATE FUNCTION org_scope.pre_request(claims text DEFAULT 'standard') RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_pre_request';
COMMENT ON FUNCTION org_scope.pre_request(text) IS 'for PostgREST: becomes the organization and user of the request''s verified claims, for the transaction; needs access direct';

CREATE FUNCTION org_scope.pre_request_token() RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_pre_request_token';
COMMENT ON FUNCTION org_scope.pre_request_token() IS 'for PostgREST: shows the request''s bearer token, for the transaction; needs access token';

----

-- src/lib.rs
-- requires:
--   tokens

-- Projects inside an organization: which tables say what projects there are, and who is a member of which.
CREATE TABLE org_scope.project_source (
    kind text CONSTRAINT project_source_pkey PRIMARY KEY CHECK (kind IN ('projects', 'members')),
    source regclass NOT NULL,
    key_column text NOT NULL,
    by_column text NOT NULL
);
COMMENT ON TABLE org_scope.project_source IS 'the tables that answer for projects; written by define_projects and define_project_members';
COMMENT ON COLUMN org_scope.project_source.kind IS 'projects: what projects there are; members: who is a member of which';
COMMENT ON COLUMN org_scope.project_source.source IS 'the table';
COMMENT ON COLUMN org_scope.project_source.key_column IS 'its column that holds the project';
COMMENT ON COLUMN org_scope.project_source.by_column IS 'its column that holds the organization of the project, or the member';
REVOKE ALL ON org_scope.project_source FROM PUBLIC;
ALTER TABLE org_scope.project_source ENABLE ROW LEVEL SECURITY;
-- A table that has been dropped is left out: its number could be another's after a restore.
SELECT pg_catalog.pg_extension_config_dump('org_scope.project_source',
    'WHERE source::pg_catalog.oid IN (SELECT oid FROM pg_catalog.pg_class)');

CREATE FUNCTION org_scope._project_source_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_access_changed';
COMMENT ON FUNCTION org_scope._project_source_changed() IS 'tells every session that what it knows of projects is stale';
REVOKE ALL ON FUNCTION org_scope._project_source_changed() FROM PUBLIC;
CREATE TRIGGER project_source_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON org_scope.project_source
    FOR EACH STATEMENT EXECUTE FUNCTION org_scope._project_source_changed();
ALTER TABLE org_scope.project_source ENABLE ALWAYS TRIGGER project_source_changed;
COMMENT ON TRIGGER project_source_changed ON org_scope.project_source IS 'tells every session that what it knows of projects is stale';

-- SECURITY DEFINER as allow is, for the same reasons: who may call these decides what a project is.
CREATE FUNCTION org_scope.define_projects(source regclass, key_column name, org_column name) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_define_projects';
COMMENT ON FUNCTION org_scope.define_projects(regclass, name, name) IS 'says which table holds the projects and their organizations: a session can enter no other';
REVOKE ALL ON FUNCTION org_scope.define_projects(regclass, name, name) FROM PUBLIC;

CREATE FUNCTION org_scope.define_project_members(source regclass, user_column name, project_column name) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_define_project_members';
COMMENT ON FUNCTION org_scope.define_project_members(regclass, name, name) IS 'says which table holds the members of projects: who enters one, and what a session without a project sees';
REVOKE ALL ON FUNCTION org_scope.define_project_members(regclass, name, name) FROM PUBLIC;

CREATE FUNCTION org_scope.undefine_projects() RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_undefine_projects';
COMMENT ON FUNCTION org_scope.undefine_projects() IS 'takes back define_projects and define_project_members';
REVOKE ALL ON FUNCTION org_scope.undefine_projects() FROM PUBLIC;

-- For the policies of project columns.
CREATE FUNCTION org_scope.project_scope() RETURNS text
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001 AS 'MODULE_PATHNAME', 'org_scope_project_scope';
COMMENT ON FUNCTION org_scope.project_scope() IS 'what the session sees of its organization''s projects: one (the one that is set), joined (those of its user), all';

CREATE FUNCTION org_scope.joined_projects() RETURNS text[]
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'org_scope_joined_projects';
COMMENT ON FUNCTION org_scope.joined_projects() IS 'the projects that the current user is a member of, as text';

CREATE FUNCTION org_scope.joined_projects_uuid() RETURNS uuid[]
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'org_scope_joined_projects_uuid';
COMMENT ON FUNCTION org_scope.joined_projects_uuid() IS 'the projects that the current user is a member of, as uuid';

CREATE FUNCTION org_scope.joined_projects_bigint() RETURNS bigint[]
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'org_scope_joined_projects_bigint';
COMMENT ON FUNCTION org_scope.joined_projects_bigint() IS 'the projects that the current user is a member of, as bigint';

----

-- src/lib.rs
-- requires:
--   projects

-- What was done across organizations, by whom, why, and to how many rows.
CREATE TABLE org_scope.journal (
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    role name NOT NULL,
    kind text NOT NULL,
    target regclass,
    statement text NOT NULL,
    rows bigint,
    reason text
);
COMMENT ON TABLE org_scope.journal IS 'work done across organizations; append-only for everybody but the owner of the extension';
COMMENT ON COLUMN org_scope.journal.at IS 'when the statement had run';
COMMENT ON COLUMN org_scope.journal.role IS 'the login role (session_user)';
COMMENT ON COLUMN org_scope.journal.kind IS 'which function did it';
COMMENT ON COLUMN org_scope.journal.target IS 'the table, where the function takes one';
COMMENT ON COLUMN org_scope.journal.statement IS 'the statement as it was given; it may contain data';
COMMENT ON COLUMN org_scope.journal.rows IS 'rows returned or touched; NULL where they are not counted';
COMMENT ON COLUMN org_scope.journal.reason IS 'the reason that the caller gave';
REVOKE ALL ON org_scope.journal FROM PUBLIC;
ALTER TABLE org_scope.journal ENABLE ROW LEVEL SECURITY;

-- Lifts the fence for tables that the caller owns, so it is granted to migration roles one by one.
CREATE FUNCTION org_scope.across_orgs(statement text, reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_across_orgs';
COMMENT ON FUNCTION org_scope.across_orgs(text, text) IS 'runs one statement over all organizations, for tables that the caller owns; recorded in the journal; returns the number of rows';
REVOKE ALL ON FUNCTION org_scope.across_orgs(text, text) FROM PUBLIC;

-- Sets one organization after the other, which asks the access table; so does every caller of it.
CREATE FUNCTION org_scope.for_each_org(statement text, orgs text) RETURNS TABLE (org text, rows bigint, error text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_for_each_org';
COMMENT ON FUNCTION org_scope.for_each_org(text, text) IS 'runs a statement in the context of each organization that a query names, goes on after failures, and returns what became of each';
REVOKE ALL ON FUNCTION org_scope.for_each_org(text, text) FROM PUBLIC;

----

-- src/lib.rs
-- requires:
--   across

-- Shows which organizations there are and what they have, so it is granted role by role; and sets one organization
-- after the other, which asks the access table.
CREATE FUNCTION org_scope.explain_org(query text, orgs text[] DEFAULT NULL) RETURNS TABLE (plan text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_explain_org';
COMMENT ON FUNCTION org_scope.explain_org(text, text[]) IS 'runs a query for a big, a middle and a small organization, or for those that are named, and shows its plans beside each other';
REVOKE ALL ON FUNCTION org_scope.explain_org(text, text[]) FROM PUBLIC;

----

-- src/lib.rs
-- requires:
--   across

-- Fences, and the way back.
CREATE FUNCTION org_scope.protect(
    target regclass, org_column name DEFAULT 'org_id', force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protect';
COMMENT ON FUNCTION org_scope.protect(regclass, name, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'fences a table: no statement of any role sees or changes rows of another organization than the current one';

CREATE FUNCTION org_scope.plan(
    target regclass, org_column name DEFAULT 'org_id', force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan';
COMMENT ON FUNCTION org_scope.plan(regclass, name, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'shows what protect would do with the same arguments';

CREATE FUNCTION org_scope.protect_expression(
    target regclass, expression text, org_type regtype, force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protect_expression';
COMMENT ON FUNCTION org_scope.protect_expression(regclass, text, regtype, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'fences a table whose organization is the value of an expression over the row';

CREATE FUNCTION org_scope.plan_expression(
    target regclass, expression text, org_type regtype, force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_expression';
COMMENT ON FUNCTION org_scope.plan_expression(regclass, text, regtype, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'shows what protect_expression would do with the same arguments';

CREATE FUNCTION org_scope.plan_all(
    org_column name, schemas name[] DEFAULT '{public}', force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_all';
COMMENT ON FUNCTION org_scope.plan_all(name, name[], boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'shows what protect_all would do with the same arguments';

CREATE FUNCTION org_scope.unprotect(target regclass) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_unprotect';
COMMENT ON FUNCTION org_scope.unprotect(regclass) IS 'takes away what protect brought to a table, and puts back the DEFAULT and the flags that it found';

CREATE FUNCTION org_scope.alter_protected(target regclass, statement text) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_alter_protected';
COMMENT ON FUNCTION org_scope.alter_protected(regclass, text) IS 'runs one ALTER TABLE on a protected table, its policies lifted and restored in the same transaction';

CREATE FUNCTION org_scope.truncate_guard() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_truncate_guard';
COMMENT ON FUNCTION org_scope.truncate_guard() IS 'trigger function: stops TRUNCATE by roles that row security binds';

-- Runs as whoever writes to the view, with nobody's rights but theirs.
CREATE FUNCTION org_scope.copy_row() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_copy_row';
COMMENT ON FUNCTION org_scope.copy_row() IS 'trigger function: inserts a row that comes to a copy view into its table, as the current user';

CREATE FUNCTION org_scope.stamp_actor() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_stamp_actor';
COMMENT ON FUNCTION org_scope.stamp_actor() IS 'trigger function: writes the session''s user into a new row, and keeps it';

-- Steps of the procedures below, which run them as the caller: so everybody has EXECUTE, and each
-- step asks again whose table it is.
CREATE FUNCTION org_scope._begin_protect(
    org_column name, schemas name[], force boolean, create_index boolean, set_default boolean, roles name[],
    shared_rows boolean, project_column name, actor_column name, actor_missing text, copy_view boolean
) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_protect';
COMMENT ON FUNCTION org_scope._begin_protect(name, name[], boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'internal: plans a run of protect_all; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_unprotect(schemas name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_unprotect';
COMMENT ON FUNCTION org_scope._begin_unprotect(name[]) IS 'internal: plans a run of unprotect_all; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._run_step() RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_run_step';
COMMENT ON FUNCTION org_scope._run_step() IS 'internal: does one step of the run that the session planned last; says whether there are more';

CREATE FUNCTION org_scope._last_run() RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_last_run';
COMMENT ON FUNCTION org_scope._last_run() IS 'internal: the rows of the view last_run';

CREATE FUNCTION org_scope._protected_tables() RETURNS TABLE (
        target regclass, org_column text, org_type regtype, forced boolean, gate_roles text[], index text, drift text[],
        org_expression text, project_column text, actor_column text, shared_rows boolean)
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protected_tables';
COMMENT ON FUNCTION org_scope._protected_tables() IS 'internal: the rows of the view protected_tables';

-- The procedures are thin: one native call a step, and a COMMIT between steps where the caller
-- allows it. A SET clause or SECURITY DEFINER would forbid the COMMIT, so the search_path is set by
-- hand, before the first operator and again after each COMMIT, which takes it back.
CREATE PROCEDURE org_scope.protect_all(
  org_column pg_catalog.name,
  schemas pg_catalog.name[] DEFAULT '{public}',
  force pg_catalog.bool DEFAULT true,
  create_index pg_catalog.bool DEFAULT true,
  set_default pg_catalog.bool DEFAULT true,
  roles pg_catalog.name[] DEFAULT NULL,
  shared_rows pg_catalog.bool DEFAULT NULL,
  project_column pg_catalog.name DEFAULT NULL,
  actor_column pg_catalog.name DEFAULT NULL,
  actor_missing pg_catalog.text DEFAULT 'error',
  copy_view pg_catalog.bool DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_protect(
    org_column, schemas, force, create_index, set_default, roles, shared_rows, project_column, actor_column,
    actor_missing, copy_view);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.protect_all(name, name[], boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS
  'protects every table of the schemas that has the org column, with a commit after each where the caller allows it; see the view last_run';

CREATE PROCEDURE org_scope.unprotect_all(schemas pg_catalog.name[])
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_unprotect(schemas);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.unprotect_all(name[]) IS
  'takes the fences of all protected tables of the schemas away; see the view last_run';

-- A view runs its functions as whoever asks, who needs EXECUTE on them: they stay with PUBLIC and
-- tell nothing that the catalogs don't.
CREATE VIEW org_scope.protected_tables AS
SELECT target, org_column::pg_catalog.name AS org_column, org_type, forced,
       gate_roles::pg_catalog.name[] AS gate_roles, index::pg_catalog.name AS index, drift,
       org_expression, project_column::pg_catalog.name AS project_column, actor_column::pg_catalog.name AS actor_column,
       shared_rows
FROM org_scope._protected_tables();
COMMENT ON VIEW org_scope.protected_tables IS
  'every protected table, and what protect would repair on it';
COMMENT ON COLUMN org_scope.protected_tables.target IS 'the table';
COMMENT ON COLUMN org_scope.protected_tables.org_column IS 'the column that holds the organization; NULL where the fence is gone';
COMMENT ON COLUMN org_scope.protected_tables.org_type IS 'its type';
COMMENT ON COLUMN org_scope.protected_tables.forced IS 'whether the owner is fenced too';
COMMENT ON COLUMN org_scope.protected_tables.gate_roles IS 'whom the gate is for; NULL without a gate';
COMMENT ON COLUMN org_scope.protected_tables.index IS 'an index led by the org column';
COMMENT ON COLUMN org_scope.protected_tables.org_expression IS 'the expression that gives the organization, where no column does';
COMMENT ON COLUMN org_scope.protected_tables.project_column IS 'the column that holds the project';
COMMENT ON COLUMN org_scope.protected_tables.actor_column IS 'the column that says who made a row';
COMMENT ON COLUMN org_scope.protected_tables.shared_rows IS 'whether rows without an organization are everybody''s to read';
COMMENT ON COLUMN org_scope.protected_tables.drift IS 'kinds of steps that protect would do; empty where all stands';
GRANT SELECT ON org_scope.protected_tables TO PUBLIC;

CREATE VIEW org_scope.last_run AS
SELECT ordinal, target, kind, statement, state, reason FROM org_scope._last_run();
COMMENT ON VIEW org_scope.last_run IS 'what protect_all, unprotect_all or harden last did in this session';
COMMENT ON COLUMN org_scope.last_run.ordinal IS 'the order in which the steps ran';
COMMENT ON COLUMN org_scope.last_run.target IS 'the table';
COMMENT ON COLUMN org_scope.last_run.kind IS 'what the step is about';
COMMENT ON COLUMN org_scope.last_run.statement IS 'the statement';
COMMENT ON COLUMN org_scope.last_run.state IS 'done, run_yourself, skipped or note';
COMMENT ON COLUMN org_scope.last_run.reason IS 'why';
GRANT SELECT ON org_scope.last_run TO PUBLIC;

----

-- src/lib.rs
-- requires:
--   policy

-- Tells what every organization has, so it is granted to those who bill, one by one. It needs no right on
-- the tables, and none is asked for.
CREATE FUNCTION org_scope.usage(schemas name[] DEFAULT NULL)
    RETURNS TABLE (org text, target regclass, rows bigint, bytes bigint)
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_usage';
COMMENT ON FUNCTION org_scope.usage(name[]) IS 'rows and bytes of each organization in each protected table';
REVOKE ALL ON FUNCTION org_scope.usage(name[]) FROM PUBLIC;

----

-- src/lib.rs
-- requires:
--   policy

-- An index of one organization's rows, which the user builds.
CREATE FUNCTION org_scope.org_index(target regclass, definition text, org text)
    RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_org_index';
COMMENT ON FUNCTION org_scope.org_index(regclass, text, text) IS 'the statement that builds an index of one organization''s rows, until it is there';

----

-- src/lib.rs
-- requires:
--   policy

-- Tables to come: which schemas are watched, and which tables belong to no organization on purpose.
CREATE TABLE org_scope.watched (
    schema text CONSTRAINT watched_pkey PRIMARY KEY,
    org_column text NOT NULL,
    action text NOT NULL CHECK (action IN ('protect', 'refuse', 'warn'))
);
COMMENT ON TABLE org_scope.watched IS 'schemas whose new tables are looked at; written by watch and unwatch';
COMMENT ON COLUMN org_scope.watched.schema IS 'the schema';
COMMENT ON COLUMN org_scope.watched.org_column IS 'the column that its tables should have';
COMMENT ON COLUMN org_scope.watched.action IS 'protect: fence what has the column, warn of the rest; refuse: let the statement fail; warn: warn';
REVOKE ALL ON org_scope.watched FROM PUBLIC;
ALTER TABLE org_scope.watched ENABLE ROW LEVEL SECURITY;
-- In a dump its rows come after all tables, so restoring brings no table into a watched schema.
SELECT pg_catalog.pg_extension_config_dump('org_scope.watched', '');

CREATE TABLE org_scope.global_table (
    target regclass NOT NULL,
    schema text NOT NULL,
    name text NOT NULL,
    why text NOT NULL CHECK (why <> ''),
    CONSTRAINT global_table_pkey PRIMARY KEY (target, schema, name)
);
COMMENT ON TABLE org_scope.global_table IS 'tables that belong to no organization on purpose; written by declare_global and undeclare_global';
COMMENT ON COLUMN org_scope.global_table.target IS 'the table; - where there is none of the name yet';
COMMENT ON COLUMN org_scope.global_table.schema IS 'the schema by which it was declared';
COMMENT ON COLUMN org_scope.global_table.name IS 'the name by which it was declared';
COMMENT ON COLUMN org_scope.global_table.why IS 'the reason';
REVOKE ALL ON org_scope.global_table FROM PUBLIC;
ALTER TABLE org_scope.global_table ENABLE ROW LEVEL SECURITY;
-- A table that has been dropped is left out: its number could be another's after a restore.
SELECT pg_catalog.pg_extension_config_dump('org_scope.global_table',
    'WHERE target = 0 OR target::pg_catalog.oid IN (SELECT oid FROM pg_catalog.pg_class)');

CREATE FUNCTION org_scope._watched_changed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_access_changed';
COMMENT ON FUNCTION org_scope._watched_changed() IS 'tells every session that what it knows of watched schemas is stale';
REVOKE ALL ON FUNCTION org_scope._watched_changed() FROM PUBLIC;
CREATE TRIGGER watched_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON org_scope.watched
    FOR EACH STATEMENT EXECUTE FUNCTION org_scope._watched_changed();
ALTER TABLE org_scope.watched ENABLE ALWAYS TRIGGER watched_changed;
COMMENT ON TRIGGER watched_changed ON org_scope.watched IS 'tells every session that what it knows of watched schemas is stale';

-- SECURITY DEFINER as allow is: who may call these decides what may stay open.
CREATE FUNCTION org_scope.watch(schema name, org_column name, action text DEFAULT 'protect') RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_watch';
COMMENT ON FUNCTION org_scope.watch(name, name, text) IS 'watches a schema: a table that comes into it, or gets the column, is protected, refused or warned of';
REVOKE ALL ON FUNCTION org_scope.watch(name, name, text) FROM PUBLIC;

CREATE FUNCTION org_scope.unwatch(schema name) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_unwatch';
COMMENT ON FUNCTION org_scope.unwatch(name) IS 'ends what watch began; what it protected stays so';
REVOKE ALL ON FUNCTION org_scope.unwatch(name) FROM PUBLIC;

CREATE FUNCTION org_scope.declare_global(target regclass, why text) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_declare_global';
COMMENT ON FUNCTION org_scope.declare_global(regclass, text) IS 'says that a table belongs to no organization, and why: watch leaves it alone';
REVOKE ALL ON FUNCTION org_scope.declare_global(regclass, text) FROM PUBLIC;

CREATE FUNCTION org_scope.declare_global(schema name, name name, why text) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_declare_global_name';
COMMENT ON FUNCTION org_scope.declare_global(name, name, text) IS 'the same by name, also before there is such a table';
REVOKE ALL ON FUNCTION org_scope.declare_global(name, name, text) FROM PUBLIC;

CREATE FUNCTION org_scope.undeclare_global(target regclass) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_undeclare_global';
COMMENT ON FUNCTION org_scope.undeclare_global(regclass) IS 'takes declare_global back';
REVOKE ALL ON FUNCTION org_scope.undeclare_global(regclass) FROM PUBLIC;

CREATE FUNCTION org_scope.undeclare_global(schema name, name name) RETURNS void
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'org_scope_undeclare_global_name';
COMMENT ON FUNCTION org_scope.undeclare_global(name, name) IS 'the same by name';
REVOKE ALL ON FUNCTION org_scope.undeclare_global(name, name) FROM PUBLIC;

----

-- src/lib.rs
-- requires:
--   watch

-- What happens with the DDL of others. The tags are those of the statements that some reaction looks at; which
-- statement it is, and whether it concerns anything, the function sees from the parse tree.
CREATE FUNCTION org_scope._ddl_command_end() RETURNS event_trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_ddl_command_end';
COMMENT ON FUNCTION org_scope._ddl_command_end() IS 'internal: fences tables that come under a fence or into a watched schema, and refuses what would open a fence or stamp rows';
REVOKE ALL ON FUNCTION org_scope._ddl_command_end() FROM PUBLIC;

CREATE EVENT TRIGGER org_scope_ddl_command_end ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'ALTER TABLE',
                 'ALTER FOREIGN TABLE', 'CREATE SCHEMA', 'ALTER SCHEMA', 'ALTER POLICY', 'ALTER TRIGGER', 'CREATE TRIGGER')
    EXECUTE FUNCTION org_scope._ddl_command_end();
COMMENT ON EVENT TRIGGER org_scope_ddl_command_end IS 'fences tables that come under a fence or into a watched schema, and refuses what would open a fence or stamp rows';

-- Any statement can drop a part of a fence, with CASCADE; those that can't are told by their parse tree.
CREATE FUNCTION org_scope._sql_drop() RETURNS event_trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_sql_drop';
COMMENT ON FUNCTION org_scope._sql_drop() IS 'internal: refuses to open a fence by DROP';
REVOKE ALL ON FUNCTION org_scope._sql_drop() FROM PUBLIC;

CREATE EVENT TRIGGER org_scope_sql_drop ON sql_drop EXECUTE FUNCTION org_scope._sql_drop();
COMMENT ON EVENT TRIGGER org_scope_sql_drop IS 'refuses to open a fence by DROP';

CREATE FUNCTION org_scope._ddl_command_start() RETURNS event_trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_ddl_command_start';
COMMENT ON FUNCTION org_scope._ddl_command_start() IS 'internal: refuses to check a foreign key for one organization only';
REVOKE ALL ON FUNCTION org_scope._ddl_command_start() FROM PUBLIC;

CREATE EVENT TRIGGER org_scope_ddl_command_start ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE')
    EXECUTE FUNCTION org_scope._ddl_command_start();
COMMENT ON EVENT TRIGGER org_scope_ddl_command_start IS 'refuses to check a foreign key for one organization only';

----

-- src/lib.rs
-- requires:
--   policy

-- Keys that cross organizations.
CREATE FUNCTION org_scope.plan_harden(target regclass, unique_per_org name[] DEFAULT NULL)
    RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_harden';
COMMENT ON FUNCTION org_scope.plan_harden(regclass, name[]) IS 'shows what harden would do with the same arguments, and the rows and keys that cross organizations';

-- A step of the procedure below, as in policy.sql.
CREATE FUNCTION org_scope._begin_harden(target regclass, unique_per_org name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_harden';
COMMENT ON FUNCTION org_scope._begin_harden(regclass, name[]) IS 'internal: plans a run of harden; says whether its caller may commit between steps';

-- Thin, as the procedures of policy.sql are, and for the same reasons.
CREATE PROCEDURE org_scope.harden(target pg_catalog.regclass, unique_per_org pg_catalog.name[] DEFAULT NULL)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_harden(target, unique_per_org);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.harden(regclass, name[]) IS
  'makes the foreign keys of a protected table include the organization, and the unique keys that are named hold for each; see the view last_run';

----

-- src/lib.rs
-- requires:
--   policy

-- Fences for tables whose organization comes from a parent row.
CREATE FUNCTION org_scope.protect_through(
    target regclass, key text, parent regclass, parent_key name DEFAULT NULL, reading boolean DEFAULT false,
    org_column name DEFAULT NULL, force boolean DEFAULT true, create_index boolean DEFAULT true, roles name[] DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protect_through';
COMMENT ON FUNCTION org_scope.protect_through(regclass, text, regclass, name, boolean, name, boolean, boolean, name[]) IS 'fences a table whose rows belong to the organization of their parent row';

CREATE FUNCTION org_scope.plan_through(
    target regclass, key text, parent regclass, parent_key name DEFAULT NULL, reading boolean DEFAULT false,
    org_column name DEFAULT NULL, force boolean DEFAULT true, create_index boolean DEFAULT true, roles name[] DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_through';
COMMENT ON FUNCTION org_scope.plan_through(regclass, text, regclass, name, boolean, name, boolean, boolean, name[]) IS 'shows what protect_through would do with the same arguments';

-- Each looks at what the catalogs tie to the table that fires it, and reads the parent for a child whose
-- owner has the rights of the parent's owner; so it does no harm that everybody may execute them.
CREATE FUNCTION org_scope.fill_from_parent() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_fill_from_parent';
COMMENT ON FUNCTION org_scope.fill_from_parent() IS 'trigger function: gives a row the organization of its parent';

CREATE FUNCTION org_scope.check_parent() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_check_parent';
COMMENT ON FUNCTION org_scope.check_parent() IS 'trigger function: refuses a row that names another organization than its parent''s';

CREATE FUNCTION org_scope.move_children() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_move_children';
COMMENT ON FUNCTION org_scope.move_children() IS 'trigger function: takes the children of a row along to another organization';

-- Steps of the procedure below, which runs them as the caller: so everybody has EXECUTE, and each
-- step asks again whose table it is.
CREATE FUNCTION org_scope._begin_fill(target regclass, batch_size integer) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_fill';
COMMENT ON FUNCTION org_scope._begin_fill(regclass, integer) IS 'internal: plans a run of fill_through; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._fill_step() RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_fill_step';
COMMENT ON FUNCTION org_scope._fill_step() IS 'internal: fills one batch of the run that the session planned last; says whether there are more';

-- Thin, as protect_all: see there.
CREATE PROCEDURE org_scope.fill_through(target pg_catalog.regclass, batch_size pg_catalog.int4 DEFAULT 10000)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_fill(target, batch_size);
  WHILE org_scope._fill_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.fill_through(regclass, integer) IS
  'gives the rows of a large table the organization of their parents, with a commit after each batch where the caller allows it';

----

-- src/lib.rs
-- requires:
--   through

-- The way of a live table from a legacy key to an org column.
CREATE TABLE org_scope.backfill_progress (
    target regclass CONSTRAINT backfill_progress_pkey PRIMARY KEY,
    file oid,
    next_block bigint NOT NULL,
    end_block bigint NOT NULL,
    filled bigint NOT NULL,
    began timestamptz NOT NULL,
    last timestamptz NOT NULL,
    ended timestamptz,
    pid integer
);
COMMENT ON TABLE org_scope.backfill_progress IS 'where backfills have come to; written with each batch, and in no dump';
COMMENT ON COLUMN org_scope.backfill_progress.target IS 'the table';
COMMENT ON COLUMN org_scope.backfill_progress.file IS 'the file that it lay in: in another one the rows lie elsewhere';
COMMENT ON COLUMN org_scope.backfill_progress.next_block IS 'the first block that was not gone through yet';
COMMENT ON COLUMN org_scope.backfill_progress.end_block IS 'where the table ended when the run began';
COMMENT ON COLUMN org_scope.backfill_progress.filled IS 'rows that were filled';
COMMENT ON COLUMN org_scope.backfill_progress.began IS 'when the run began';
COMMENT ON COLUMN org_scope.backfill_progress.last IS 'when the last batch was done';
COMMENT ON COLUMN org_scope.backfill_progress.ended IS 'when the run came to its end; NULL before';
COMMENT ON COLUMN org_scope.backfill_progress.pid IS 'the server process that fills';
REVOKE ALL ON org_scope.backfill_progress FROM PUBLIC;
ALTER TABLE org_scope.backfill_progress ENABLE ROW LEVEL SECURITY;

-- Looks at what the catalogs say of the table that fires it, and asks a table for one whose owner has the rights of
-- that table's; so it does no harm that everybody may execute it.
CREATE FUNCTION org_scope.adopt_row() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_adopt_row';
COMMENT ON FUNCTION org_scope.adopt_row() IS 'trigger function: gives a row of a table that is adopted its organization';

CREATE FUNCTION org_scope.plan_adopt(
    target regclass, org_column name, org_type regtype DEFAULT 'text', lookup name DEFAULT NULL,
    legacy_column name DEFAULT NULL, parent regclass DEFAULT NULL, parent_key name DEFAULT NULL,
    expression text DEFAULT NULL, constant text DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_adopt';
COMMENT ON FUNCTION org_scope.plan_adopt(regclass, name, regtype, name, name, regclass, name, text, text) IS 'shows what adopt with the same arguments, and each advance after it, would do';

CREATE FUNCTION org_scope.unresolved(target regclass) RETURNS TABLE (key text, rows bigint)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_unresolved';
COMMENT ON FUNCTION org_scope.unresolved(regclass) IS 'the legacy keys that nothing explains, with how many rows without an organization have each';

CREATE FUNCTION org_scope.assign(target regclass, keys text[], org text) RETURNS bigint
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_assign';
COMMENT ON FUNCTION org_scope.assign(regclass, text[], text) IS 'gives the rows with these legacy keys that nothing explains an organization, and records it; returns how many';

-- Steps of the procedures below, which run them as the caller: so everybody has EXECUTE, and each
-- step asks again whose table it is.
CREATE FUNCTION org_scope._begin_adopt(
    target regclass, org_column name, org_type regtype, lookup name, legacy_column name, parent regclass, parent_key name,
    expression text, constant text
) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_adopt';
COMMENT ON FUNCTION org_scope._begin_adopt(regclass, name, regtype, name, name, regclass, name, text, text) IS 'internal: plans a run of adopt; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_adopt_all(org_column name, org_type regtype, lookup name, legacy_column name, schemas name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_adopt_all';
COMMENT ON FUNCTION org_scope._begin_adopt_all(name, regtype, name, name, name[]) IS 'internal: plans a run of adopt_all; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_advance(target regclass, roles name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_advance';
COMMENT ON FUNCTION org_scope._begin_advance(regclass, name[]) IS 'internal: plans a run of advance; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_abandon(target regclass, drop_column boolean) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_abandon';
COMMENT ON FUNCTION org_scope._begin_abandon(regclass, boolean) IS 'internal: plans a run of abandon; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_backfill(target regclass, batch_size integer, skip_triggers boolean) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_backfill';
COMMENT ON FUNCTION org_scope._begin_backfill(regclass, integer, boolean) IS 'internal: begins or goes on with a backfill; says whether its caller may commit between batches';

CREATE FUNCTION org_scope._backfill_step() RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_backfill_step';
COMMENT ON FUNCTION org_scope._backfill_step() IS 'internal: fills one batch; says whether there are more';

CREATE FUNCTION org_scope._adoptions() RETURNS TABLE (
        target regclass, org_column text, source text, phase text, missing text[], filled bigint, percent integer,
        rows_per_second float8, seconds_left float8, pid integer, next text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_adoptions';
COMMENT ON FUNCTION org_scope._adoptions() IS 'internal: the rows of the view adoptions';

-- Thin, as protect_all: see there.
CREATE PROCEDURE org_scope.adopt(
  target pg_catalog.regclass,
  org_column pg_catalog.name,
  org_type pg_catalog.regtype DEFAULT 'text',
  lookup pg_catalog.name DEFAULT NULL,
  legacy_column pg_catalog.name DEFAULT NULL,
  parent pg_catalog.regclass DEFAULT NULL,
  parent_key pg_catalog.name DEFAULT NULL,
  expression pg_catalog.text DEFAULT NULL,
  constant pg_catalog.text DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_adopt(
    target, org_column, org_type, lookup, legacy_column, parent, parent_key, expression, constant);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.adopt(regclass, name, regtype, name, name, regclass, name, text, text) IS
  'begins the way of a live table to an org column: adds it, and the triggers that fill it from now on';

CREATE PROCEDURE org_scope.adopt_all(
  org_column pg_catalog.name,
  org_type pg_catalog.regtype DEFAULT 'text',
  lookup pg_catalog.name DEFAULT NULL,
  legacy_column pg_catalog.name DEFAULT NULL,
  schemas pg_catalog.name[] DEFAULT '{public}'
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_adopt_all(org_column, org_type, lookup, legacy_column, schemas);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.adopt_all(name, regtype, name, name, name[]) IS
  'adopts the tables of the schemas, parents before children: by the lookup where they have the legacy column, by a parent where not; see the view last_run';

CREATE PROCEDURE org_scope.backfill(
  target pg_catalog.regclass,
  batch_size pg_catalog.int4 DEFAULT 10000,
  pause pg_catalog.interval DEFAULT '0',
  skip_triggers pg_catalog.bool DEFAULT false
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_backfill(target, batch_size, skip_triggers);
  WHILE org_scope._backfill_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
      PERFORM pg_catalog.pg_sleep(EXTRACT(EPOCH FROM pause)::pg_catalog.float8);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.backfill(regclass, integer, interval, boolean) IS
  'gives the rows that stand their organization, with a commit after each batch where the caller allows it';

CREATE PROCEDURE org_scope.advance(
  target pg_catalog.regclass,
  roles pg_catalog.name[] DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_advance(target, roles);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.advance(regclass, name[]) IS
  'brings an adoption to its next phase, after proving that it may; says what is missing otherwise';

CREATE PROCEDURE org_scope.abandon(
  target pg_catalog.regclass,
  drop_column pg_catalog.bool DEFAULT false
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_abandon(target, drop_column);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.abandon(regclass, boolean) IS
  'takes an adoption back; the data stay, and the org column too unless drop_column says otherwise';

CREATE VIEW org_scope.adoptions AS
SELECT target, org_column::pg_catalog.name AS org_column, source, phase, missing, filled, percent,
       pg_catalog.round(rows_per_second)::pg_catalog.int8 AS rows_per_second,
       pg_catalog.make_interval(secs => pg_catalog.round(seconds_left)) AS time_left, pid, next
FROM org_scope._adoptions();
COMMENT ON VIEW org_scope.adoptions IS 'how far each adopted table has come, and what is next';
COMMENT ON COLUMN org_scope.adoptions.target IS 'the table';
COMMENT ON COLUMN org_scope.adoptions.org_column IS 'its org column';
COMMENT ON COLUMN org_scope.adoptions.source IS 'what tells of the organization of a row; NULL where that is gone, or not needed any more';
COMMENT ON COLUMN org_scope.adoptions.phase IS 'expanding, fallback, enforced or finished';
COMMENT ON COLUMN org_scope.adoptions.missing IS 'kinds of what adopt would repair, or the user is to build; empty where all stands';
COMMENT ON COLUMN org_scope.adoptions.filled IS 'rows that the backfill has filled; for whoever has the rights of the table''s owner';
COMMENT ON COLUMN org_scope.adoptions.percent IS 'how much of the table it has gone through';
COMMENT ON COLUMN org_scope.adoptions.rows_per_second IS 'how many it fills a second';
COMMENT ON COLUMN org_scope.adoptions.time_left IS 'how long it takes to the end of the table, if it goes on like that';
COMMENT ON COLUMN org_scope.adoptions.pid IS 'the server process that fills at the moment; NULL where none does';
COMMENT ON COLUMN org_scope.adoptions.next IS 'the next statement of the way';
GRANT SELECT ON org_scope.adoptions TO PUBLIC;
