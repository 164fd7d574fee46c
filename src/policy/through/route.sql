-- The way from a child's row to its parent's organization, as one JSON document; none where nothing ties
-- the child to a parent. $1 child
WITH keeper AS (
  SELECT f.confrelid AS parent, f.conkey[1] AS key, f.conkey[2] AS org, f.confkey[1] AS parent_key,
    f.confkey[2] AS parent_org, NULL::pg_catalog.text AS definition
  FROM pg_catalog.pg_constraint f
  WHERE f.conrelid = $1 AND f.contype = 'f' AND f.conname = 'org_scope_through'
    AND pg_catalog.array_length(f.conkey, 1) = 2
  UNION ALL
  SELECT t.tgconstrrelid, NULL, w.org, d.parent_key, d.parent_org, pg_catalog.pg_get_triggerdef(t.oid)
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid,
  -- The trigger that fills names the org column last.
  LATERAL (
    SELECT f.tgattr[pg_catalog.array_upper(f.tgattr::pg_catalog.int2[], 1)] AS org
    FROM pg_catalog.pg_trigger f
    WHERE f.tgrelid = $1 AND f.tgname = 'org_scope_fill' AND NOT f.tgisinternal
  ) w,
  -- The parent's trigger depends on the parent's key and org column; the fence says which is which.
  LATERAL (
    SELECT pg_catalog.min(d.refobjsubid) FILTER (WHERE NOT d.fenced)::pg_catalog.int2 AS parent_key,
      pg_catalog.min(d.refobjsubid) FILTER (WHERE d.fenced)::pg_catalog.int2 AS parent_org
    FROM (
      SELECT DISTINCT d.refobjsubid, EXISTS (
        SELECT
        FROM pg_catalog.pg_policy y
        JOIN pg_catalog.pg_depend e
          ON e.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND e.objid = y.oid
         AND e.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.refobjid = y.polrelid
        WHERE y.polrelid = t.tgconstrrelid AND y.polname = 'org_scope_fence' AND e.refobjsubid = d.refobjsubid
      ) AS fenced
      FROM pg_catalog.pg_trigger m
      JOIN pg_catalog.pg_depend d
        ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = m.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = m.tgrelid AND d.refobjsubid > 0
      WHERE m.tgrelid = t.tgconstrrelid AND m.tgname = 'org_scope_children' AND NOT m.tgisinternal
    ) d
  ) d
  WHERE t.tgrelid = $1 AND t.tgname = 'org_scope_through' AND NOT t.tgisinternal
    AND p.pronamespace = 'org_scope'::pg_catalog.regnamespace AND p.proname = 'check_parent'
)
SELECT pg_catalog.json_build_object(
  'trusted', pg_catalog.pg_has_role(c.relowner, p.relowner, 'USAGE'),
  'child_owner', c.relowner::pg_catalog.int8,
  'row_type', c.reltype::pg_catalog.int8,
  'parent', p.oid::pg_catalog.int8,
  'parent_owner', p.relowner::pg_catalog.int8,
  'parent_schema', n.nspname,
  'parent_name', p.relname,
  'key', k.key,
  'org', k.org,
  'parent_key', pk.attname,
  'parent_key_number', k.parent_key,
  'parent_org', po.attname,
  'org_type', bt.typname,
  'org_name', co.attname,
  'watched', COALESCE((
    SELECT pg_catalog.to_json(f.tgattr::pg_catalog.int2[])
    FROM pg_catalog.pg_trigger f WHERE f.tgrelid = $1 AND f.tgname = 'org_scope_fill' AND NOT f.tgisinternal), '[]'),
  'definition', k.definition,
  'quoted_org', pg_catalog.quote_ident(co.attname))::pg_catalog.text
FROM keeper k
JOIN pg_catalog.pg_class c ON c.oid = $1
JOIN pg_catalog.pg_class p ON p.oid = k.parent
JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
JOIN pg_catalog.pg_attribute pk ON pk.attrelid = p.oid AND pk.attnum = k.parent_key
JOIN pg_catalog.pg_attribute po ON po.attrelid = p.oid AND po.attnum = k.parent_org
JOIN pg_catalog.pg_attribute co ON co.attrelid = c.oid AND co.attnum = k.org
JOIN LATERAL (
  WITH RECURSIVE down AS (
    SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname FROM pg_catalog.pg_type t WHERE t.oid = po.atttypid
    UNION ALL
    SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname
    FROM down JOIN pg_catalog.pg_type t ON t.oid = down.typbasetype
    WHERE down.typtype = 'd'
  )
  SELECT down.typname FROM down WHERE down.typtype <> 'd' AND down.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
) bt ON true
-- The child's column takes the parent's value as it is stored: no foreign key may stand there to ask for one type.
JOIN LATERAL (
  WITH RECURSIVE down AS (
    SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname FROM pg_catalog.pg_type t WHERE t.oid = co.atttypid
    UNION ALL
    SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname
    FROM down JOIN pg_catalog.pg_type t ON t.oid = down.typbasetype
    WHERE down.typtype = 'd'
  )
  SELECT down.typname FROM down WHERE down.typtype <> 'd' AND down.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
) ct ON pg_catalog.replace(ct.typname::pg_catalog.text, 'varchar', 'text') = pg_catalog.replace(bt.typname::pg_catalog.text, 'varchar', 'text')
LIMIT 1
