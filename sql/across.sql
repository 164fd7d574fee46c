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
