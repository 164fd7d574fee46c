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
