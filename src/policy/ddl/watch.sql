-- The tables of the statement that fires the event trigger, and those below them, which get a new column with
-- them. Left out are partitions, which are their tree's concern, and what an extension brings.
-- One JSON document for each.
WITH RECURSIVE tree(oid, touched) AS (
  SELECT DISTINCT e.objid, true
  FROM pg_catalog.pg_event_trigger_ddl_commands() e
  WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND NOT e.in_extension
  UNION
  SELECT h.inhrelid, false FROM tree JOIN pg_catalog.pg_inherits h ON h.inhparent = tree.oid
)
SELECT pg_catalog.json_build_object(
  'oid', c.oid::pg_catalog.int8,
  'schema', n.nspname,
  'name', c.relname,
  'touched', t.touched,
  'columns', ( SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
                   'name', a.attname, 'writer', a.xmin::pg_catalog.text)), '[]')
               FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ),
  'fenced', EXISTS (
    SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence'))::pg_catalog.text
FROM ( SELECT tree.oid, pg_catalog.bool_or(tree.touched) AS touched FROM tree GROUP BY tree.oid ) t
JOIN pg_catalog.pg_class c ON c.oid = t.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
ORDER BY t.touched DESC, c.oid
