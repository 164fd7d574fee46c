-- Tables and their unique indexes, one JSON document for each table: $1 tables.
SELECT pg_catalog.json_build_object(
  'oid', c.oid::pg_catalog.int8,
  'schema', n.nspname,
  'name', c.relname,
  'kind', c.relkind,
  'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'owned', pg_catalog.pg_has_role(c.relowner, 'USAGE'),
  'may_create_index', pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE'),
  'fenced', f.oid IS NOT NULL,
  'shared', COALESCE(pg_catalog.pg_get_expr(f.polqual, f.polrelid) <> pg_catalog.pg_get_expr(f.polwithcheck, f.polrelid), false),
  'check', pg_catalog.pg_get_expr(f.polwithcheck, f.polrelid),
  'column', CASE WHEN a.attnum IS NOT NULL THEN pg_catalog.json_build_object(
    'name', a.attname,
    'quoted', pg_catalog.quote_ident(a.attname),
    'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'type', a.atttypid::pg_catalog.int8,
    'base_type', b.base_type,
    'is_domain', b.is_domain,
    'deterministic', COALESCE((SELECT l.collisdeterministic FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation), true),
    'not_null', a.attnotnull,
    'generated', a.attgenerated <> '',
    'identity', a.attidentity <> '',
    'readable', true
  ) END,
  'uniques', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'oid', i.indexrelid::pg_catalog.int8,
      'name', x.relname,
      'columns', (
        SELECT pg_catalog.json_agg(ka.attname ORDER BY m.place)
        FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS m(number, place)
        LEFT JOIN pg_catalog.pg_attribute ka ON ka.attrelid = i.indrelid AND ka.attnum = m.number AND m.number <> 0
        WHERE m.place <= i.indnkeyatts),
      'plain', i.indpred IS NULL AND i.indexprs IS NULL,
      'valid', i.indisvalid AND i.indisready AND i.indislive,
      'immediate', i.indimmediate,
      'primary', i.indisprimary,
      'exclusion', i.indisexclusion,
      'constraint', k.oid IS NOT NULL,
      'deferrable', COALESCE(k.condeferrable, false),
      'deferred', COALESCE(k.condeferred, false),
      'definition', CASE WHEN pg_catalog.starts_with(d.text, d.prefix)
                         THEN pg_catalog.substr(d.text, pg_catalog.length(d.prefix) + 1) END,
      'given', EXISTS (
        SELECT FROM pg_catalog.pg_attribute ka
        WHERE ka.attrelid = i.indrelid AND ka.attnum = ANY (i.indkey::pg_catalog.int2[])
          AND NOT ka.atthasdef AND ka.attidentity = ''),
      'replica_identity', i.indisreplident,
      'part', x.relispartition,
      'used_by', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_array(u.oid::pg_catalog.int8, u.conname, un.nspname, uc.relname)
                                   ORDER BY un.nspname, uc.relname, u.conname)
        FROM pg_catalog.pg_depend e
        JOIN pg_catalog.pg_constraint u ON u.oid = e.objid AND u.contype = 'f' AND u.conparentid = 0
        JOIN pg_catalog.pg_class uc ON uc.oid = u.conrelid
        JOIN pg_catalog.pg_namespace un ON un.oid = uc.relnamespace
        WHERE e.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.refobjid = i.indexrelid
          AND e.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
      ), '[]'),
      'comment', COALESCE(pg_catalog.obj_description(k.oid, 'pg_constraint'),
                          pg_catalog.obj_description(i.indexrelid, 'pg_class'))
    ) ORDER BY x.relname)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint k
      ON k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    CROSS JOIN LATERAL (
      SELECT pg_catalog.pg_get_indexdef(i.indexrelid),
        'CREATE UNIQUE INDEX ' || pg_catalog.quote_ident(x.relname) || ' ON '
          || CASE WHEN c.relkind = 'p' THEN 'ONLY ' ELSE '' END
          || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || ' USING btree ('
    ) d(text, prefix)
    WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
  ), '[]'))::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_policy f ON f.polrelid = c.oid AND f.polname = 'org_scope_fence'
LEFT JOIN LATERAL (
  SELECT pg_catalog.min(d.refobjsubid) AS attnum
  FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = f.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.refobjsubid > 0
  HAVING pg_catalog.count(DISTINCT d.refobjsubid) = 1
) s ON true
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.attnum AND NOT a.attisdropped
LEFT JOIN LATERAL (
  WITH RECURSIVE down AS (
    SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname, t.typtype = 'd' AS is_domain
    FROM pg_catalog.pg_type t
    WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.typtype, t.typbasetype, t.typnamespace, t.typname, true
    FROM down
    JOIN pg_catalog.pg_type t ON t.oid = down.typbasetype
    WHERE down.typtype = 'd'
  )
  SELECT pg_catalog.json_build_array(tn.nspname, down.typname) AS base_type, down.is_domain
  FROM down
  JOIN pg_catalog.pg_namespace tn ON tn.oid = down.typnamespace
  WHERE down.typtype <> 'd'
) b ON true
WHERE c.oid = ANY ($1)
ORDER BY n.nspname, c.relname
