-- Roles with rights on a child that may not read what its fence asks, one JSON document for each and for each table
-- that is asked. $1 child, $2 parent, $3 the parent's key, $4 whether the child's owner is fenced too
WITH asked AS (
  SELECT a.attrelid, a.attnum
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = $2 AND a.attname = $3::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  -- The parent's own fence names its organization, or what it asks itself.
  SELECT d.refobjid, d.refobjsubid::pg_catalog.int2
  FROM pg_catalog.pg_policy p
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
  WHERE p.polrelid = $2 AND p.polname = 'org_scope_fence'
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0
  UNION
  -- What the child's own fence asks of the parent beside that, in a lookup's condition say.
  SELECT d.refobjid, d.refobjsubid::pg_catalog.int2
  FROM pg_catalog.pg_policy p
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
  WHERE p.polrelid = $1 AND p.polname = 'org_scope_fence'
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $2 AND d.refobjsubid > 0
),
granted AS (
  SELECT x.grantee, c.relowner
  FROM pg_catalog.pg_class c,
  LATERAL pg_catalog.aclexplode(COALESCE(c.relacl, pg_catalog.acldefault('r', c.relowner))) x
  WHERE c.oid = $1 AND x.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  UNION
  SELECT x.grantee, c.relowner
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped,
  LATERAL pg_catalog.aclexplode(a.attacl) x
  WHERE c.oid = $1 AND x.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
)
SELECT pg_catalog.json_build_object(
  'role', CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END,
  'schema', n.nspname,
  'name', c.relname,
  'columns', pg_catalog.json_agg(a.attname ORDER BY a.attnum))::pg_catalog.text
FROM granted g
CROSS JOIN asked k
JOIN pg_catalog.pg_class c ON c.oid = k.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.attrelid AND a.attnum = k.attnum
WHERE (g.grantee <> g.relowner OR $4)
  AND NOT pg_catalog.has_column_privilege(g.grantee, k.attrelid, k.attnum, 'SELECT')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = g.grantee AND (r.rolsuper OR r.rolbypassrls))
GROUP BY g.grantee, n.nspname, c.relname
ORDER BY pg_catalog.pg_get_userbyid(g.grantee), n.nspname, c.relname
