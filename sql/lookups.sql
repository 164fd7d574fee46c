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
