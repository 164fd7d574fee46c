-- The plain tables of schemas, and those outside of them that their foreign keys lead to, one JSON document for each.
-- $1 schemas, $2 the legacy column, $3 the table that the lookup asks
SELECT pg_catalog.json_build_object(
  'oid', c.oid::pg_catalog.int8,
  'schema', n.nspname,
  'name', c.relname,
  'ready', NOT n.nspname = ANY ($1::pg_catalog.name[])
    OR EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence')
    OR EXISTS (
      SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_adopt'),
  'legacy', EXISTS (
    SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = $2::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped),
  'parents', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(f.confrelid::pg_catalog.int8, a.attname)
                               ORDER BY a.attnotnull DESC, f.conname)
    FROM pg_catalog.pg_constraint f
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
    WHERE f.conrelid = c.oid AND f.contype = 'f' AND pg_catalog.cardinality(f.conkey) = 1 AND f.confrelid <> c.oid
  ), '[]'))::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND NOT c.relispartition
  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend e
    WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND CASE WHEN n.nspname = ANY ($1::pg_catalog.name[]) THEN
        -- What the lookup asks is adopted by itself, before.
        c.oid <> $3::pg_catalog.oid
        OR EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence')
        OR EXISTS (
          SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_adopt')
      ELSE EXISTS (
        SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence') END
ORDER BY n.nspname, c.relname
