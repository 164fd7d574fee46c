-- Fences, and the way back.
CREATE FUNCTION org_scope.protect(
    target regclass, org_column name DEFAULT 'org_id', force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protect';
COMMENT ON FUNCTION org_scope.protect(regclass, name, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'fences a table: no statement of any role sees or changes rows of another organization than the current one';

CREATE FUNCTION org_scope.plan(
    target regclass, org_column name DEFAULT 'org_id', force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan';
COMMENT ON FUNCTION org_scope.plan(regclass, name, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'shows what protect would do with the same arguments';

CREATE FUNCTION org_scope.protect_expression(
    target regclass, expression text, org_type regtype, force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protect_expression';
COMMENT ON FUNCTION org_scope.protect_expression(regclass, text, regtype, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'fences a table whose organization is the value of an expression over the row';

CREATE FUNCTION org_scope.plan_expression(
    target regclass, expression text, org_type regtype, force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_expression';
COMMENT ON FUNCTION org_scope.plan_expression(regclass, text, regtype, boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'shows what protect_expression would do with the same arguments';

CREATE FUNCTION org_scope.plan_all(
    org_column name, schemas name[] DEFAULT '{public}', force boolean DEFAULT true, create_index boolean DEFAULT true,
    set_default boolean DEFAULT true, roles name[] DEFAULT NULL, shared_rows boolean DEFAULT NULL,
    project_column name DEFAULT NULL, actor_column name DEFAULT NULL, actor_missing text DEFAULT 'error',
    copy_view boolean DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_all';
COMMENT ON FUNCTION org_scope.plan_all(name, name[], boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'shows what protect_all would do with the same arguments';

CREATE FUNCTION org_scope.unprotect(target regclass) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_unprotect';
COMMENT ON FUNCTION org_scope.unprotect(regclass) IS 'takes away what protect brought to a table, and puts back the DEFAULT and the flags that it found';

CREATE FUNCTION org_scope.alter_protected(target regclass, statement text) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_alter_protected';
COMMENT ON FUNCTION org_scope.alter_protected(regclass, text) IS 'runs one ALTER TABLE on a protected table, its policies lifted and restored in the same transaction';

CREATE FUNCTION org_scope.truncate_guard() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_truncate_guard';
COMMENT ON FUNCTION org_scope.truncate_guard() IS 'trigger function: stops TRUNCATE by roles that row security binds';

-- Runs as whoever writes to the view, with nobody's rights but theirs.
CREATE FUNCTION org_scope.copy_row() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_copy_row';
COMMENT ON FUNCTION org_scope.copy_row() IS 'trigger function: inserts a row that comes to a copy view into its table, as the current user';

CREATE FUNCTION org_scope.stamp_actor() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_stamp_actor';
COMMENT ON FUNCTION org_scope.stamp_actor() IS 'trigger function: writes the session''s user into a new row, and keeps it';

-- Steps of the procedures below, which run them as the caller: so everybody has EXECUTE, and each
-- step asks again whose table it is.
CREATE FUNCTION org_scope._begin_protect(
    org_column name, schemas name[], force boolean, create_index boolean, set_default boolean, roles name[],
    shared_rows boolean, project_column name, actor_column name, actor_missing text, copy_view boolean
) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_protect';
COMMENT ON FUNCTION org_scope._begin_protect(name, name[], boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS 'internal: plans a run of protect_all; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_unprotect(schemas name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_unprotect';
COMMENT ON FUNCTION org_scope._begin_unprotect(name[]) IS 'internal: plans a run of unprotect_all; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._run_step() RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_run_step';
COMMENT ON FUNCTION org_scope._run_step() IS 'internal: does one step of the run that the session planned last; says whether there are more';

CREATE FUNCTION org_scope._last_run() RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_last_run';
COMMENT ON FUNCTION org_scope._last_run() IS 'internal: the rows of the view last_run';

CREATE FUNCTION org_scope._protected_tables() RETURNS TABLE (
        target regclass, org_column text, org_type regtype, forced boolean, gate_roles text[], index text, drift text[],
        org_expression text, project_column text, actor_column text, shared_rows boolean)
    LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_protected_tables';
COMMENT ON FUNCTION org_scope._protected_tables() IS 'internal: the rows of the view protected_tables';

-- The procedures are thin: one native call a step, and a COMMIT between steps where the caller
-- allows it. A SET clause or SECURITY DEFINER would forbid the COMMIT, so the search_path is set by
-- hand, before the first operator and again after each COMMIT, which takes it back.
CREATE PROCEDURE org_scope.protect_all(
  org_column pg_catalog.name,
  schemas pg_catalog.name[] DEFAULT '{public}',
  force pg_catalog.bool DEFAULT true,
  create_index pg_catalog.bool DEFAULT true,
  set_default pg_catalog.bool DEFAULT true,
  roles pg_catalog.name[] DEFAULT NULL,
  shared_rows pg_catalog.bool DEFAULT NULL,
  project_column pg_catalog.name DEFAULT NULL,
  actor_column pg_catalog.name DEFAULT NULL,
  actor_missing pg_catalog.text DEFAULT 'error',
  copy_view pg_catalog.bool DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_protect(
    org_column, schemas, force, create_index, set_default, roles, shared_rows, project_column, actor_column,
    actor_missing, copy_view);
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
COMMENT ON PROCEDURE org_scope.protect_all(name, name[], boolean, boolean, boolean, name[], boolean, name, name, text, boolean) IS
  'protects every table of the schemas that has the org column, with a commit after each where the caller allows it; see the view last_run';

CREATE PROCEDURE org_scope.unprotect_all(schemas pg_catalog.name[])
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_unprotect(schemas);
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
COMMENT ON PROCEDURE org_scope.unprotect_all(name[]) IS
  'takes the fences of all protected tables of the schemas away; see the view last_run';

-- A view runs its functions as whoever asks, who needs EXECUTE on them: they stay with PUBLIC and
-- tell nothing that the catalogs don't.
CREATE VIEW org_scope.protected_tables AS
SELECT target, org_column::pg_catalog.name AS org_column, org_type, forced,
       gate_roles::pg_catalog.name[] AS gate_roles, index::pg_catalog.name AS index, drift,
       org_expression, project_column::pg_catalog.name AS project_column, actor_column::pg_catalog.name AS actor_column,
       shared_rows
FROM org_scope._protected_tables();
COMMENT ON VIEW org_scope.protected_tables IS
  'every protected table, and what protect would repair on it';
COMMENT ON COLUMN org_scope.protected_tables.target IS 'the table';
COMMENT ON COLUMN org_scope.protected_tables.org_column IS 'the column that holds the organization; NULL where the fence is gone';
COMMENT ON COLUMN org_scope.protected_tables.org_type IS 'its type';
COMMENT ON COLUMN org_scope.protected_tables.forced IS 'whether the owner is fenced too';
COMMENT ON COLUMN org_scope.protected_tables.gate_roles IS 'whom the gate is for; NULL without a gate';
COMMENT ON COLUMN org_scope.protected_tables.index IS 'an index led by the org column';
COMMENT ON COLUMN org_scope.protected_tables.org_expression IS 'the expression that gives the organization, where no column does';
COMMENT ON COLUMN org_scope.protected_tables.project_column IS 'the column that holds the project';
COMMENT ON COLUMN org_scope.protected_tables.actor_column IS 'the column that says who made a row';
COMMENT ON COLUMN org_scope.protected_tables.shared_rows IS 'whether rows without an organization are everybody''s to read';
COMMENT ON COLUMN org_scope.protected_tables.drift IS 'kinds of steps that protect would do; empty where all stands';
GRANT SELECT ON org_scope.protected_tables TO PUBLIC;

CREATE VIEW org_scope.last_run AS
SELECT ordinal, target, kind, statement, state, reason FROM org_scope._last_run();
COMMENT ON VIEW org_scope.last_run IS 'what protect_all, unprotect_all or harden last did in this session';
COMMENT ON COLUMN org_scope.last_run.ordinal IS 'the order in which the steps ran';
COMMENT ON COLUMN org_scope.last_run.target IS 'the table';
COMMENT ON COLUMN org_scope.last_run.kind IS 'what the step is about';
COMMENT ON COLUMN org_scope.last_run.statement IS 'the statement';
COMMENT ON COLUMN org_scope.last_run.state IS 'done, run_yourself, skipped or note';
COMMENT ON COLUMN org_scope.last_run.reason IS 'why';
GRANT SELECT ON org_scope.last_run TO PUBLIC;
