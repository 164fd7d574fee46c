-- Shows which organizations there are and what they have, so it is granted role by role; and sets one organization
-- after the other, which asks the access table.
CREATE FUNCTION org_scope.explain_org(query text, orgs text[] DEFAULT NULL) RETURNS TABLE (plan text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_explain_org';
COMMENT ON FUNCTION org_scope.explain_org(text, text[]) IS 'runs a query for a big, a middle and a small organization, or for those that are named, and shows its plans beside each other';
REVOKE ALL ON FUNCTION org_scope.explain_org(text, text[]) FROM PUBLIC;
