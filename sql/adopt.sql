-- The way of a live table from a legacy key to an org column.
CREATE TABLE org_scope.backfill_progress (
    target regclass CONSTRAINT backfill_progress_pkey PRIMARY KEY,
    file oid,
    next_block bigint NOT NULL,
    end_block bigint NOT NULL,
    filled bigint NOT NULL,
    began timestamptz NOT NULL,
    last timestamptz NOT NULL,
    ended timestamptz,
    pid integer
);
COMMENT ON TABLE org_scope.backfill_progress IS 'where backfills have come to; written with each batch, and in no dump';
COMMENT ON COLUMN org_scope.backfill_progress.target IS 'the table';
COMMENT ON COLUMN org_scope.backfill_progress.file IS 'the file that it lay in: in another one the rows lie elsewhere';
COMMENT ON COLUMN org_scope.backfill_progress.next_block IS 'the first block that was not gone through yet';
COMMENT ON COLUMN org_scope.backfill_progress.end_block IS 'where the table ended when the run began';
COMMENT ON COLUMN org_scope.backfill_progress.filled IS 'rows that were filled';
COMMENT ON COLUMN org_scope.backfill_progress.began IS 'when the run began';
COMMENT ON COLUMN org_scope.backfill_progress.last IS 'when the last batch was done';
COMMENT ON COLUMN org_scope.backfill_progress.ended IS 'when the run came to its end; NULL before';
COMMENT ON COLUMN org_scope.backfill_progress.pid IS 'the server process that fills';
REVOKE ALL ON org_scope.backfill_progress FROM PUBLIC;
ALTER TABLE org_scope.backfill_progress ENABLE ROW LEVEL SECURITY;

-- Looks at what the catalogs say of the table that fires it, and asks a table for one whose owner has the rights of
-- that table's; so it does no harm that everybody may execute it.
CREATE FUNCTION org_scope.adopt_row() RETURNS trigger
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_adopt_row';
COMMENT ON FUNCTION org_scope.adopt_row() IS 'trigger function: gives a row of a table that is adopted its organization';

CREATE FUNCTION org_scope.plan_adopt(
    target regclass, org_column name, org_type regtype DEFAULT 'text', lookup name DEFAULT NULL,
    legacy_column name DEFAULT NULL, parent regclass DEFAULT NULL, parent_key name DEFAULT NULL,
    expression text DEFAULT NULL, constant text DEFAULT NULL
) RETURNS TABLE (ordinal integer, target regclass, kind text, statement text, state text, reason text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_plan_adopt';
COMMENT ON FUNCTION org_scope.plan_adopt(regclass, name, regtype, name, name, regclass, name, text, text) IS 'shows what adopt with the same arguments, and each advance after it, would do';

CREATE FUNCTION org_scope.unresolved(target regclass) RETURNS TABLE (key text, rows bigint)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_unresolved';
COMMENT ON FUNCTION org_scope.unresolved(regclass) IS 'the legacy keys that nothing explains, with how many rows without an organization have each';

CREATE FUNCTION org_scope.assign(target regclass, keys text[], org text) RETURNS bigint
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_assign';
COMMENT ON FUNCTION org_scope.assign(regclass, text[], text) IS 'gives the rows with these legacy keys that nothing explains an organization, and records it; returns how many';

-- Steps of the procedures below, which run them as the caller: so everybody has EXECUTE, and each
-- step asks again whose table it is.
CREATE FUNCTION org_scope._begin_adopt(
    target regclass, org_column name, org_type regtype, lookup name, legacy_column name, parent regclass, parent_key name,
    expression text, constant text
) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_adopt';
COMMENT ON FUNCTION org_scope._begin_adopt(regclass, name, regtype, name, name, regclass, name, text, text) IS 'internal: plans a run of adopt; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_adopt_all(org_column name, org_type regtype, lookup name, legacy_column name, schemas name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_adopt_all';
COMMENT ON FUNCTION org_scope._begin_adopt_all(name, regtype, name, name, name[]) IS 'internal: plans a run of adopt_all; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_advance(target regclass, roles name[]) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_advance';
COMMENT ON FUNCTION org_scope._begin_advance(regclass, name[]) IS 'internal: plans a run of advance; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_abandon(target regclass, drop_column boolean) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_abandon';
COMMENT ON FUNCTION org_scope._begin_abandon(regclass, boolean) IS 'internal: plans a run of abandon; says whether its caller may commit between steps';

CREATE FUNCTION org_scope._begin_backfill(target regclass, batch_size integer, skip_triggers boolean, callers_path text) RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_begin_backfill';
COMMENT ON FUNCTION org_scope._begin_backfill(regclass, integer, boolean, text) IS 'internal: begins or goes on with a backfill; says whether its caller may commit between batches';

CREATE FUNCTION org_scope._backfill_step() RETURNS boolean
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_backfill_step';
COMMENT ON FUNCTION org_scope._backfill_step() IS 'internal: fills one batch; says whether there are more';

CREATE FUNCTION org_scope._adoptions() RETURNS TABLE (
        target regclass, org_column text, source text, phase text, missing text[], filled bigint, percent integer,
        rows_per_second float8, seconds_left float8, pid integer, next text)
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'org_scope_adoptions';
COMMENT ON FUNCTION org_scope._adoptions() IS 'internal: the rows of the view adoptions';

-- Thin, as protect_all: see there.
CREATE PROCEDURE org_scope.adopt(
  target pg_catalog.regclass,
  org_column pg_catalog.name,
  org_type pg_catalog.regtype DEFAULT 'text',
  lookup pg_catalog.name DEFAULT NULL,
  legacy_column pg_catalog.name DEFAULT NULL,
  parent pg_catalog.regclass DEFAULT NULL,
  parent_key pg_catalog.name DEFAULT NULL,
  expression pg_catalog.text DEFAULT NULL,
  constant pg_catalog.text DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_adopt(
    target, org_column, org_type, lookup, legacy_column, parent, parent_key, expression, constant);
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
COMMENT ON PROCEDURE org_scope.adopt(regclass, name, regtype, name, name, regclass, name, text, text) IS
  'begins the way of a live table to an org column: adds it, and the triggers that fill it from now on';

CREATE PROCEDURE org_scope.adopt_all(
  org_column pg_catalog.name,
  org_type pg_catalog.regtype DEFAULT 'text',
  lookup pg_catalog.name DEFAULT NULL,
  legacy_column pg_catalog.name DEFAULT NULL,
  schemas pg_catalog.name[] DEFAULT '{public}'
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_adopt_all(org_column, org_type, lookup, legacy_column, schemas);
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
COMMENT ON PROCEDURE org_scope.adopt_all(name, regtype, name, name, name[]) IS
  'adopts the tables of the schemas, parents before children: by the lookup where they have the legacy column, by a parent where not; see the view last_run';

CREATE PROCEDURE org_scope.backfill(
  target pg_catalog.regclass,
  batch_size pg_catalog.int4 DEFAULT 10000,
  pause pg_catalog.interval DEFAULT '0',
  skip_triggers pg_catalog.bool DEFAULT false
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_backfill(target, batch_size, skip_triggers, callers_path);
  WHILE org_scope._backfill_step() LOOP
    IF may_commit THEN
      COMMIT;
      callers_path := pg_catalog.current_setting('search_path');
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
      PERFORM pg_catalog.pg_sleep(EXTRACT(EPOCH FROM pause)::pg_catalog.float8);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('search_path', callers_path, true);
END
$procedure$;
COMMENT ON PROCEDURE org_scope.backfill(regclass, integer, interval, boolean) IS
  'gives the rows that stand their organization, with a commit after each batch where the caller allows it';

CREATE PROCEDURE org_scope.advance(
  target pg_catalog.regclass,
  roles pg_catalog.name[] DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_advance(target, roles);
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
COMMENT ON PROCEDURE org_scope.advance(regclass, name[]) IS
  'brings an adoption to its next phase, after proving that it may; says what is missing otherwise';

CREATE PROCEDURE org_scope.abandon(
  target pg_catalog.regclass,
  drop_column pg_catalog.bool DEFAULT false
)
LANGUAGE plpgsql
AS $procedure$
DECLARE
  callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
  may_commit pg_catalog.bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  may_commit := org_scope._begin_abandon(target, drop_column);
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
COMMENT ON PROCEDURE org_scope.abandon(regclass, boolean) IS
  'takes an adoption back; the data stay, and the org column too unless drop_column says otherwise';

CREATE VIEW org_scope.adoptions AS
SELECT target, org_column::pg_catalog.name AS org_column, source, phase, missing, filled, percent,
       pg_catalog.round(rows_per_second)::pg_catalog.int8 AS rows_per_second,
       pg_catalog.make_interval(secs => pg_catalog.round(seconds_left)) AS time_left, pid, next
FROM org_scope._adoptions();
COMMENT ON VIEW org_scope.adoptions IS 'how far each adopted table has come, and what is next';
COMMENT ON COLUMN org_scope.adoptions.target IS 'the table';
COMMENT ON COLUMN org_scope.adoptions.org_column IS 'its org column';
COMMENT ON COLUMN org_scope.adoptions.source IS 'what tells of the organization of a row; NULL where that is gone, or not needed any more';
COMMENT ON COLUMN org_scope.adoptions.phase IS 'expanding, fallback, enforced or finished';
COMMENT ON COLUMN org_scope.adoptions.missing IS 'kinds of what adopt would repair, or the user is to build; empty where all stands';
COMMENT ON COLUMN org_scope.adoptions.filled IS 'rows that the backfill has filled; for whoever has the rights of the table''s owner';
COMMENT ON COLUMN org_scope.adoptions.percent IS 'how much of the table it has gone through';
COMMENT ON COLUMN org_scope.adoptions.rows_per_second IS 'how many it fills a second';
COMMENT ON COLUMN org_scope.adoptions.time_left IS 'how long it takes to the end of the table, if it goes on like that';
COMMENT ON COLUMN org_scope.adoptions.pid IS 'the server process that fills at the moment; NULL where none does';
COMMENT ON COLUMN org_scope.adoptions.next IS 'the next statement of the way';
GRANT SELECT ON org_scope.adoptions TO PUBLIC;
