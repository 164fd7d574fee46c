-- An index of one organization's rows, which the user builds.
CREATE FUNCTION org_scope.org_index(target regclass, definition text, org text)
    RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_org_index';
COMMENT ON FUNCTION org_scope.org_index(regclass, text, text) IS 'the statement that builds an index of one organization''s rows, until it is there';
