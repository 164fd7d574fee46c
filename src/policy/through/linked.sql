-- A child and the parent that was asked for, as one JSON document.
-- $1 child, $2 parent, $3 the child's key column or NULL, $4 the parent's key or NULL, $5 the child's org
-- column, $6 the parent's
WITH parent_key AS (
  SELECT a.attnum
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = $2 AND a.attnum > 0 AND NOT a.attisdropped
    AND CASE WHEN $4 IS NOT NULL THEN a.attname = $4::pg_catalog.name
        ELSE EXISTS (
          SELECT FROM pg_catalog.pg_constraint k
          WHERE k.conrelid = $2 AND k.contype = 'p' AND k.conkey = ARRAY[a.attnum]) END
),
child_key AS (
  SELECT a.attnum
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = $1 AND a.attname = $3::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped
),
parent_org AS (
  SELECT a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = $2 AND a.attname = $6::pg_catalog.name
),
described AS (
  SELECT a.attrelid, a.attnum, pg_catalog.json_build_object(
    'name', a.attname,
    'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'base_type', (
      WITH RECURSIVE down AS (
        SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname
        FROM down JOIN pg_catalog.pg_type t ON t.oid = down.typbasetype
        WHERE down.typtype = 'd'
      )
      SELECT pg_catalog.json_build_array(n.nspname, down.typname)
      FROM down JOIN pg_catalog.pg_namespace n ON n.oid = down.typnamespace
      WHERE down.typtype <> 'd' ),
    'deterministic', COALESCE((SELECT l.collisdeterministic FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation), true),
    'generated', a.attgenerated <> '') AS described
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid IN ($1, $2)
),
-- Unique at once and for every row: what a foreign key can refer to.
plainly_unique AS (
  SELECT i.indexrelid, i.indkey, i.indnkeyatts, i.indisvalid AND i.indisready AND i.indislive AS valid
  FROM pg_catalog.pg_index i
  WHERE i.indrelid = $2 AND i.indisunique AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
)
SELECT pg_catalog.json_build_object(
  'trusted', pg_catalog.pg_has_role(c.relowner, p.relowner, 'USAGE'),
  'key', (SELECT d.described FROM described d JOIN child_key k ON k.attnum = d.attnum WHERE d.attrelid = $1),
  'parent_key', (SELECT d.described FROM described d JOIN parent_key k ON k.attnum = d.attnum WHERE d.attrelid = $2),
  'parent_key_unique', EXISTS (
    SELECT FROM plainly_unique u, parent_key k WHERE u.valid AND u.indnkeyatts = 1 AND u.indkey[0] = k.attnum),
  'unique', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', ic.relname, 'valid', u.valid) ORDER BY ic.relname)
    FROM plainly_unique u
    JOIN pg_catalog.pg_class ic ON ic.oid = u.indexrelid, parent_key k, parent_org o
    WHERE u.indnkeyatts = 2
      AND ((u.indkey[0] = k.attnum AND u.indkey[1] = o.attnum) OR (u.indkey[0] = o.attnum AND u.indkey[1] = k.attnum))
  ), '[]'),
  'plain', (
    SELECT pg_catalog.json_build_object('on_delete', f.confdeltype, 'deferrable', f.condeferrable, 'deferred', f.condeferred)
    FROM pg_catalog.pg_constraint f, child_key k, parent_key r
    WHERE f.conrelid = $1 AND f.contype = 'f' AND f.confrelid = $2
      AND f.conkey = ARRAY[k.attnum] AND f.confkey = ARRAY[r.attnum]
    LIMIT 1),
  'others', COALESCE((
    SELECT pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object('schema', n.nspname, 'name', o.relname))
    FROM pg_catalog.pg_constraint f
    JOIN pg_catalog.pg_class o ON o.oid = f.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace
    WHERE f.conrelid = $1 AND f.contype = 'f' AND f.confrelid NOT IN ($1, $2)
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = $1 AND a.attname = $5::pg_catalog.name AND a.attnum = ANY (f.conkey))
      AND EXISTS (SELECT FROM pg_catalog.pg_policy y WHERE y.polrelid = o.oid AND y.polname = 'org_scope_fence')
  ), '[]'),
  'key_indexes', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(ic.relname, pg_catalog.pg_get_expr(i.indexprs, i.indrelid)))
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
    WHERE i.indrelid = $1 AND i.indkey[0] = 0 AND i.indnatts = 1 AND i.indpred IS NULL
  ), '[]'),
  'children', (
    SELECT pg_catalog.json_build_object('enabled', t.tgenabled, 'definition', pg_catalog.pg_get_triggerdef(t.oid))
    FROM pg_catalog.pg_trigger t WHERE t.tgrelid = $2 AND t.tgname = 'org_scope_children' AND NOT t.tgisinternal),
  'orphans', (
    SELECT pg_catalog.json_build_object('enabled', t.tgenabled, 'definition', pg_catalog.pg_get_triggerdef(t.oid))
    FROM pg_catalog.pg_trigger t WHERE t.tgrelid = $2 AND t.tgname = 'org_scope_orphans' AND NOT t.tgisinternal),
  'siblings', (
    SELECT pg_catalog.count(*)
    FROM pg_catalog.pg_trigger t
    WHERE t.tgconstrrelid = $2 AND t.tgname = 'org_scope_through' AND NOT t.tgisinternal AND t.tgrelid <> $1),
  'size', COALESCE(pg_catalog.pg_relation_size(c.oid), 0),
  'parent_size', COALESCE(pg_catalog.pg_relation_size(p.oid), 0))::pg_catalog.text
FROM pg_catalog.pg_class c, pg_catalog.pg_class p
WHERE c.oid = $1 AND p.oid = $2
