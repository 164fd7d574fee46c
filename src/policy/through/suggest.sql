-- Tables that could get their organization through a foreign key, one JSON document for each. $1 schemas, $2 the org
-- column by which the tables of a run are protected
SELECT DISTINCT ON (cn.nspname, c.relname) pg_catalog.json_build_object(
  'oid', c.oid::pg_catalog.int8,
  'schema', cn.nspname,
  'name', c.relname,
  'key', k.attname,
  'parent_schema', pn.nspname,
  'parent_name', p.relname,
  'parent_key', CASE WHEN NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint i WHERE i.conrelid = p.oid AND i.contype = 'p' AND i.conkey = f.confkey
  ) THEN r.attname END)::pg_catalog.text
FROM pg_catalog.pg_namespace cn
JOIN pg_catalog.pg_class c ON c.relnamespace = cn.oid AND c.relkind = 'r' AND NOT c.relispartition
JOIN pg_catalog.pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' AND pg_catalog.cardinality(f.conkey) = 1
JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attnum = f.conkey[1]
JOIN pg_catalog.pg_class p ON p.oid = f.confrelid AND p.oid <> c.oid AND NOT p.relispartition
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
JOIN pg_catalog.pg_attribute r ON r.attrelid = p.oid AND r.attnum = f.confkey[1],
LATERAL (
  SELECT EXISTS (SELECT FROM pg_catalog.pg_policy y WHERE y.polrelid = p.oid AND y.polname = 'org_scope_fence') AS stands
) fence
WHERE cn.nspname = ANY ($1::pg_catalog.name[])
  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy y WHERE y.polrelid = c.oid AND y.polname = 'org_scope_fence')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = $2::pg_catalog.name AND NOT a.attisdropped)
  AND (fence.stands OR (pn.nspname = ANY ($1::pg_catalog.name[]) AND EXISTS (
    SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = p.oid AND a.attname = $2::pg_catalog.name AND NOT a.attisdropped)))
-- The one that every row has, of one that stands.
ORDER BY cn.nspname, c.relname, k.attnotnull DESC, fence.stands DESC, f.conname
