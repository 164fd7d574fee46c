-- Fences for tables whose organization comes from a parent row.
CREATE FUNCTION org_scope.protect_through(
    target regclass, key text, parent regclass, parent_key name DEFAULT NULL, reading boolean DEFAULT false,
    org_column name DEFAULT NULL, force boolean DEFAULT true, create_index boolean DEFAULT true, roles name[] DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protect_through';
COMMENT ON FUNCTION org_scope.protect_through(regclass, text, regclass, name, boolean, name, boolean, boolean, name[]) IS 'fences a table whose rows belong to the organization of their parent row';

CREATE FUNCTION org_scope.plan_through(
    target regclass, key text, parent regclass, parent_key name DEFAULT NULL, reading boolean DEFAULT false,
    org_column name DEFAULT NULL, force boolean DEFAULT true, create_index boolean DEFAULT true, roles name[] DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_through';
COMMENT ON FUNCTION org_scope.plan_through(regclass, text, regclass, name, boolean, name, boolean, boolean, name[]) IS 'shows what protect_through would do with the same arguments';

-- Each looks at what the catalogs tie to the table that fires it, and reads the parent for a child whose
-- owner has the rights of the parent's owner; so it does no harm that everybody may execute them.
CREATE FUNCTION org_scope.fill_from_parent() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_fill_from_parent';
COMMENT ON FUNCTION org_scope.fill_from_parent() IS 'trigger function: gives a row the organization of its parent';

CREATE FUNCTION org_scope.check_parent() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_check_parent';
COMMENT ON FUNCTION org_scope.check_parent() IS 'trigger function: refuses a row that names another organization than its parent''s';

CREATE FUNCTION org_scope.move_children() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_move_children';
COMMENT ON FUNCTION org_scope.move_children() IS 'trigger function: takes the children of a row along to another organization';

-- Steps of the procedure below, which runs them as the caller: so everybody has EXECUTE, and each
-- step asks again whose table it is.
CREATE FUNCTION org_scope._begin_fill(target regclass, batch_size integer) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_fill';
COMMENT ON FUNCTION org_scope._begin_fill(regclass, integer) IS 'internal: plans a run of fill_through; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._fill_step() RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_fill_step';
COMMENT ON FUNCTION org_scope._fill_step() IS 'internal: fills one batch of the run that the session planned last; says whether there are more';

-- Thin, as protect_all: see there.
CREATE PROCEDURE org_scope.fill_through(target pg_catalog.regclass, batch_size pg_catalog.int4 DEFAULT 10000)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_fill(target, batch_size);
  WHILE org_scope._fill_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.fill_through(regclass, integer) IS
  'gives the rows of a large table the organization of their parents, with a commit after each batch where the caller allows it';
