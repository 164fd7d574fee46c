-- What ties a child to its parent, as one JSON document. $1 child
WITH keeper AS (
  SELECT true AS foreign_key, f.oid, f.confrelid AS parent, pg_catalog.pg_get_constraintdef(f.oid) AS definition,
    'O'::pg_catalog."char" AS enabled, f.convalidated AS valid, f.conindid AS index
  FROM pg_catalog.pg_constraint f
  WHERE f.conrelid = $1 AND f.contype = 'f' AND f.conname = 'org_scope_through'
  UNION ALL
  SELECT false, t.oid, t.tgconstrrelid, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled, true, NULL
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid = $1 AND t.tgname = 'org_scope_through' AND NOT t.tgisinternal
    AND p.pronamespace = 'org_scope'::pg_catalog.regnamespace AND p.proname = 'check_parent' AND t.tgconstrrelid <> 0
)
SELECT pg_catalog.json_build_object(
  'fill', (
    SELECT pg_catalog.json_build_object('enabled', t.tgenabled, 'definition', pg_catalog.pg_get_triggerdef(t.oid))
    FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'org_scope_fill' AND NOT t.tgisinternal),
  'keeper', CASE WHEN k.oid IS NOT NULL THEN pg_catalog.json_build_object(
    'foreign_key', k.foreign_key,
    'definition', k.definition,
    'enabled', k.enabled,
    'valid', k.valid,
    'parent', k.parent::pg_catalog.int8,
    'parent_schema', pn.nspname,
    'parent_name', p.relname) END,
  'brought', (
    SELECT a.attname
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum > 0
      AND pg_catalog.col_description(c.oid, a.attnum) LIKE '%org_scope.protect_through; unprotect takes it away.'
    LIMIT 1),
  'key_indexes', COALESCE((
    SELECT pg_catalog.json_agg(ic.relname ORDER BY ic.relname)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND i.indkey[0] = 0
      AND pg_catalog.obj_description(ic.oid, 'pg_class') LIKE '%org_scope.protect_through; unprotect takes it away.'
  ), '[]'),
  'unique', COALESCE((
    SELECT pg_catalog.json_agg(ic.relname ORDER BY ic.relname)
    FROM pg_catalog.pg_class ic
    WHERE ic.oid = k.index
      AND pg_catalog.obj_description(ic.oid, 'pg_class') LIKE '%org_scope.protect_through; unprotect takes it away.'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.conindid = ic.oid AND f.oid <> k.oid)
  ), '[]'),
  'children', EXISTS (
    SELECT FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = k.parent AND t.tgname = 'org_scope_children' AND NOT t.tgisinternal),
  'orphans', EXISTS (
    SELECT FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = k.parent AND t.tgname = 'org_scope_orphans' AND NOT t.tgisinternal),
  'siblings', (
    SELECT pg_catalog.count(*)
    FROM pg_catalog.pg_trigger t
    WHERE t.tgconstrrelid = k.parent AND t.tgname = 'org_scope_through' AND NOT t.tgisinternal AND t.tgrelid <> c.oid),
  'parent_owned', COALESCE(pg_catalog.pg_has_role(p.relowner, 'USAGE'), false))::pg_catalog.text
FROM pg_catalog.pg_class c
LEFT JOIN keeper k ON true
LEFT JOIN pg_catalog.pg_class p ON p.oid = k.parent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE c.oid = $1
ORDER BY k.foreign_key DESC
LIMIT 1
