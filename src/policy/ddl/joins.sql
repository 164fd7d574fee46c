-- Where a table and one right above it differ in their fences, around the tables of the statement that fires
-- the event trigger: one JSON document for each such pair.
WITH RECURSIVE touched(oid) AS (
  SELECT e.objid
  FROM pg_catalog.pg_event_trigger_ddl_commands() e
  WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
),
up(oid) AS (
  SELECT touched.oid FROM touched
  UNION
  SELECT h.inhparent FROM up JOIN pg_catalog.pg_inherits h ON h.inhrelid = up.oid AND NOT h.inhdetachpending
),
below(oid) AS (
  SELECT touched.oid FROM touched
  UNION
  SELECT h.inhrelid FROM below JOIN pg_catalog.pg_inherits h ON h.inhparent = below.oid AND NOT h.inhdetachpending
),
pair AS MATERIALIZED (
  SELECT h.inhparent AS parent, h.inhrelid AS child
  FROM (SELECT up.oid FROM up UNION SELECT below.oid FROM below) k
  JOIN pg_catalog.pg_inherits h ON h.inhrelid = k.oid AND NOT h.inhdetachpending
),
-- The columns of a fence that holds; NULL without one.
fence AS MATERIALIZED (
  SELECT k.oid, f.columns, c.relforcerowsecurity AS forced
  FROM (SELECT pair.parent AS oid FROM pair UNION SELECT pair.child FROM pair) k,
  LATERAL (
    SELECT c.relrowsecurity, c.relforcerowsecurity FROM pg_catalog.pg_class c WHERE c.oid = k.oid OFFSET 0
  ) c
  LEFT JOIN LATERAL (
    SELECT COALESCE((
      SELECT pg_catalog.string_agg(DISTINCT a.attname::pg_catalog.text, ',' ORDER BY a.attname::pg_catalog.text)
      FROM pg_catalog.pg_depend d
      JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = k.oid AND d.refobjsubid > 0
    ), '') AS columns
    FROM pg_catalog.pg_policy p
    WHERE c.relrowsecurity AND p.polrelid = k.oid AND p.polname = 'org_scope_fence' AND NOT p.polpermissive AND p.polcmd = '*'
  ) f ON true
)
SELECT pg_catalog.json_build_object(
  'parent', pair.parent::pg_catalog.int8,
  'child', pair.child::pg_catalog.int8,
  'open', p.columns IS NULL)::pg_catalog.text
FROM pair
JOIN fence p ON p.oid = pair.parent
JOIN fence c ON c.oid = pair.child
WHERE p.columns IS DISTINCT FROM c.columns OR (p.columns IS NOT NULL AND p.forced AND NOT c.forced)
ORDER BY pair.parent, pair.child
