-- Tells what every organization has, so it is granted to those who bill, one by one. It needs no right on
-- the tables, and none is asked for.
CREATE FUNCTION org_scope.usage(schemas name[] DEFAULT NULL)
    RETURNS TABLE (org text, target regclass, rows bigint, bytes bigint)
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_usage';
COMMENT ON FUNCTION org_scope.usage(name[]) IS 'rows and bytes of each organization in each protected table';
REVOKE ALL ON FUNCTION org_scope.usage(name[]) FROM PUBLIC;
