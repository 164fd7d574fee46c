-- SECURITY DEFINER functions whose owner passes the policies of some of the tables.
-- $1: [{oid, force, views: [oid…]}], views: those that stand for the table
WITH target AS (
  SELECT t.oid, t.force, t.views, c.relowner
  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS t(oid pg_catalog.oid, force pg_catalog.bool, views pg_catalog.oid[]),
  -- OFFSET 0, here and below: a lookup by the table; in a join the planner would rather read all of it.
  LATERAL (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = t.oid OFFSET 0) c
),
-- Once for each owner, not for each function; MATERIALIZED, or the planner takes it for small enough to ask again.
passing AS MATERIALIZED (
  SELECT o.proowner, pg_catalog.json_agg(pg_catalog.pg_get_userbyid(t.relowner)) AS owners
  FROM (SELECT DISTINCT p.proowner FROM pg_catalog.pg_proc p WHERE p.prosecdef) o
  JOIN (SELECT DISTINCT t.relowner FROM target t WHERE NOT t.force) t
    ON pg_catalog.pg_has_role(o.proowner, t.relowner, 'USAGE')
  GROUP BY o.proowner
),
-- A body of BEGIN ATOMIC has no source text; what it names, it depends on.
naming AS MATERIALIZED (
  SELECT d.objid, pg_catalog.json_agg(DISTINCT t.oid::pg_catalog.int8) AS tables
  FROM target t,
  LATERAL (SELECT t.oid UNION ALL SELECT pg_catalog.unnest(t.views)) named(oid),
  LATERAL (
    SELECT d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = named.oid
      AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    OFFSET 0
  ) d
  GROUP BY d.objid
)
SELECT pg_catalog.json_build_object(
  'oid', p.oid::pg_catalog.int8,
  'source', p.prosrc,
  'passes_all', r.rolsuper OR r.rolbypassrls,
  'passes', COALESCE(s.owners, '[]'),
  'names', COALESCE(m.tables, '[]'))::pg_catalog.text
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
LEFT JOIN passing s ON s.proowner = p.proowner
LEFT JOIN naming m ON m.objid = p.oid
WHERE p.prosecdef AND l.lanname NOT IN ('c', 'internal')
  AND (r.rolsuper OR r.rolbypassrls OR s.proowner IS NOT NULL)
ORDER BY n.nspname, p.proname
