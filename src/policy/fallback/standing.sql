-- What stands of an adoption, as one JSON document. $1 table, $2 org column, $3 legacy column (NULL: those of the trigger)
SELECT pg_catalog.json_build_object(
  'schema', n.nspname,
  'name', c.relname,
  'owner', c.relowner::pg_catalog.int8,
  'row_type', c.reltype::pg_catalog.int8,
  'fenced', EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence'),
  'org', (
    SELECT pg_catalog.json_build_object(
      'name', a.attname,
      'quoted', pg_catalog.quote_ident(a.attname),
      'number', a.attnum,
      'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'own_type', pg_catalog.json_build_array(tn.nspname, y.typname),
      'not_null', a.attnotnull,
      'brought', COALESCE(pg_catalog.col_description(c.oid, a.attnum) LIKE '%Brought by org_scope.adopt%', false),
      'computed', a.attgenerated <> '' OR a.attidentity <> '',
      'has_default', a.atthasdef)
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
    JOIN pg_catalog.pg_namespace tn ON tn.oid = y.typnamespace
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND CASE WHEN $2 IS NOT NULL THEN a.attname = $2::pg_catalog.name ELSE a.attnum = w.org END),
  'legacy', (
    SELECT pg_catalog.json_build_object(
      'name', a.attname,
      'number', a.attnum,
      'base_type', (
        WITH RECURSIVE down AS (
          SELECT y.typtype, y.typbasetype, y.typnamespace, y.typname FROM pg_catalog.pg_type y WHERE y.oid = a.atttypid
          UNION ALL
          SELECT y.typtype, y.typbasetype, y.typnamespace, y.typname
          FROM down JOIN pg_catalog.pg_type y ON y.oid = down.typbasetype
          WHERE down.typtype = 'd'
        )
        SELECT pg_catalog.json_build_array(tn.nspname, down.typname)
        FROM down JOIN pg_catalog.pg_namespace tn ON tn.oid = down.typnamespace
        WHERE down.typtype <> 'd'),
      'deterministic', COALESCE((SELECT l.collisdeterministic FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation), true),
      'generated', a.attgenerated <> '',
      'not_null', a.attnotnull,
      'has_default', a.atthasdef,
      'parent', (
        SELECT pg_catalog.json_build_object('oid', f.confrelid::pg_catalog.int8, 'key', r.attname)
        FROM pg_catalog.pg_constraint f
        JOIN pg_catalog.pg_attribute r ON r.attrelid = f.confrelid AND r.attnum = f.confkey[1]
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum] AND f.conparentid = 0
          AND ($4::pg_catalog.oid IS NULL OR f.confrelid = $4)
          -- The trigger names the column alone: it must lead to one table.
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint o
            WHERE o.conrelid = c.oid AND o.contype = 'f' AND o.conkey = f.conkey AND o.conparentid = 0
              AND (o.confrelid, o.confkey) <> (f.confrelid, f.confkey))
        ORDER BY f.conname
        LIMIT 1))
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND CASE WHEN $3 IS NOT NULL THEN a.attname = $3::pg_catalog.name ELSE a.attnum = w.legacy END),
  'adopt', CASE WHEN w.oid IS NOT NULL THEN
    pg_catalog.json_build_object('enabled', w.tgenabled, 'definition', pg_catalog.pg_get_triggerdef(w.oid)) END,
  'arguments', pg_catalog.encode(w.tgargs, 'hex'),
  'watched', COALESCE((
    SELECT pg_catalog.json_agg(a.attname ORDER BY x.ordinal)
    FROM pg_catalog.unnest(w.tgattr::pg_catalog.int2[]) WITH ORDINALITY AS x(number, ordinal)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.number), '[]'),
  'rest', (
    SELECT pg_catalog.json_build_object('enabled', t.tgenabled, 'definition', pg_catalog.pg_get_triggerdef(t.oid))
    FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_adopt_rest'),
  'indexes', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', ic.relname, 'valid', i.indisvalid AND i.indisready AND i.indislive) ORDER BY ic.relname)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
    WHERE i.indrelid = c.oid
      AND pg_catalog.obj_description(ic.oid, 'pg_class') LIKE '%Brought by org_scope.adopt for the transition%'), '[]'),
  'not_null', (
    SELECT k.convalidated FROM pg_catalog.pg_constraint k
    WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conname = 'org_scope_adopted'),
  'size', COALESCE(pg_catalog.pg_relation_size(c.oid), 0))::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
  SELECT t.oid, t.tgenabled, t.tgargs, t.tgattr, t.tgattr[0] AS legacy,
    t.tgattr[pg_catalog.array_upper(t.tgattr::pg_catalog.int2[], 1)] AS org
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_adopt' AND p.proname = 'adopt_row'
    AND p.pronamespace = 'org_scope'::pg_catalog.regnamespace
) w ON true
WHERE c.oid = $1
