-- Foreign keys of tables, one JSON document for each: $1 tables, $2 whether also those that lead to them.
SELECT pg_catalog.json_build_object(
  'oid', k.oid::pg_catalog.int8,
  'name', k.conname,
  'table', k.conrelid::pg_catalog.int8,
  'parent', k.confrelid::pg_catalog.int8,
  'columns', (
    SELECT pg_catalog.json_agg(a.attname ORDER BY n.place)
    FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS n(number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number),
  'parent_columns', (
    SELECT pg_catalog.json_agg(a.attname ORDER BY n.place)
    FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS n(number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number),
  'operators', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(s.nspname, o.oprname) ORDER BY n.place)
    FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS n(operator, place)
    JOIN pg_catalog.pg_operator o ON o.oid = n.operator
    JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace),
  'match_type', k.confmatchtype,
  'on_update', k.confupdtype,
  'on_delete', k.confdeltype,
  'set_columns', COALESCE((
    SELECT pg_catalog.json_agg(a.attname ORDER BY n.place)
    FROM pg_catalog.unnest(k.confdelsetcols) WITH ORDINALITY AS n(number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number), '[]'),
  'deferrable', k.condeferrable,
  'deferred', k.condeferred,
  'validated', k.convalidated,
  'part_of', ( -- the topmost key that it belongs to
    WITH RECURSIVE up AS (
      SELECT o.conparentid, o.conrelid FROM pg_catalog.pg_constraint o WHERE o.oid = k.conparentid
      UNION ALL
      SELECT o.conparentid, o.conrelid FROM up JOIN pg_catalog.pg_constraint o ON o.oid = up.conparentid
    )
    SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', r.relname)
    FROM up
    JOIN pg_catalog.pg_class r ON r.oid = up.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE up.conparentid = 0),
  -- Columns that older servers don't have.
  'enforced', COALESCE((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true),
  'temporal', COALESCE((pg_catalog.to_jsonb(k) ->> 'conperiod')::pg_catalog.bool, false),
  'nullable', EXISTS (
    SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND NOT a.attnotnull),
  'same_rights', pg_catalog.pg_has_role(c.relowner, p.relowner, 'USAGE'),
  'readable', pg_catalog.has_table_privilege(c.relowner, c.oid, 'SELECT')
              AND pg_catalog.has_table_privilege(c.relowner, p.oid, 'SELECT')
              AND pg_catalog.has_schema_privilege(c.relowner, c.relnamespace, 'USAGE')
              AND pg_catalog.has_schema_privilege(c.relowner, p.relnamespace, 'USAGE'),
  'comment', pg_catalog.obj_description(k.oid, 'pg_constraint'))::pg_catalog.text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class p ON p.oid = k.confrelid
WHERE k.oid IN (
  SELECT o.oid FROM pg_catalog.pg_constraint o WHERE o.contype = 'f' AND o.conrelid = ANY ($1)
  UNION ALL
  -- No index of the server's leads from a table to the keys that end there.
  SELECT i.oid FROM pg_catalog.pg_constraint i WHERE $2 AND i.contype = 'f' AND i.confrelid = ANY ($1))
-- A key to a partitioned table has one of its own to each partition there, which goes where it goes.
AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint o WHERE o.oid = k.conparentid AND o.conrelid = k.conrelid)
ORDER BY k.conrelid, k.conname
