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
