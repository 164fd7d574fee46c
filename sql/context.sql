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
