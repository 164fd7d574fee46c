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
