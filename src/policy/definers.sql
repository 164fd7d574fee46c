-- SECURITY DEFINER functions whose owner passes the policies of some of the tables.
-- $1: [{oid, force}]
WITH target AS (
  SELECT DISTINCT c.relowner
  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS t(oid pg_catalog.oid, force pg_catalog.bool),
  -- OFFSET 0: a lookup by the table; in a join the planner would rather read all of pg_class.
  LATERAL (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = t.oid OFFSET 0) c
  WHERE NOT t.force
),
-- Once for each owner, not for each function.
passing AS (
  SELECT o.proowner, pg_catalog.json_agg(pg_catalog.pg_get_userbyid(t.relowner)) AS owners
  FROM (SELECT DISTINCT p.proowner FROM pg_catalog.pg_proc p WHERE p.prosecdef) o
  JOIN target t ON pg_catalog.pg_has_role(o.proowner, t.relowner, 'USAGE')
  GROUP BY o.proowner
)
SELECT pg_catalog.json_build_object(
  'oid', p.oid::pg_catalog.int8,
  'source', p.prosrc,
  'passes_all', r.rolsuper OR r.rolbypassrls,
  'passes', COALESCE(s.owners, '[]'),
  -- A body of BEGIN ATOMIC has no source text; what it names, it depends on.
  'names', COALESCE((
    SELECT pg_catalog.json_agg(DISTINCT d.refobjid::pg_catalog.int8)
    FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass), '[]'))::pg_catalog.text
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
LEFT JOIN passing s ON s.proowner = p.proowner
WHERE p.prosecdef AND l.lanname NOT IN ('c', 'internal')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
  AND (r.rolsuper OR r.rolbypassrls OR s.proowner IS NOT NULL)
ORDER BY n.nspname, p.proname
