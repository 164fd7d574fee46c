-- Keys that cross organizations.
CREATE FUNCTION org_scope.plan_harden(target regclass, unique_per_org name[] DEFAULT NULL)
    RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_harden';
COMMENT ON FUNCTION org_scope.plan_harden(regclass, name[]) IS 'shows what harden would do with the same arguments, and the rows and keys that cross organizations';

-- A step of the procedure below, as in policy.sql.
CREATE FUNCTION org_scope._begin_harden(target regclass, unique_per_org name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_harden';
COMMENT ON FUNCTION org_scope._begin_harden(regclass, name[]) IS 'internal: plans a run of harden; says whether its caller may commit between steps';

-- Thin, as the procedures of policy.sql are, and for the same reasons.
CREATE PROCEDURE org_scope.harden(target pg_catalog.regclass, unique_per_org pg_catalog.name[] DEFAULT NULL)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_harden(target, unique_per_org);
  WHILE org_scope._run_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.harden(regclass, name[]) IS
  'makes the foreign keys of a protected table include the organization, and the unique keys that are named hold for each; see the view last_run';
