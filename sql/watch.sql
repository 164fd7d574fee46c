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
