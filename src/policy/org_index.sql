-- Those indexes of table $1 that are as the only one of table $3 in schema $2, whatever they are called.
WITH pattern AS (
  SELECT c.oid
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $2::pg_catalog.name AND c.relname = $3::pg_catalog.name
),
shown AS (
  SELECT i.indrelid, c.relname, i.indisvalid AND i.indisready AND i.indislive AS valid,
    pg_catalog.json_build_array(
      m.amname, i.indnkeyatts, i.indclass::pg_catalog.text, i.indcollation::pg_catalog.text, i.indoption::pg_catalog.text, c.reloptions,
      ( SELECT pg_catalog.json_agg(
          pg_catalog.json_build_array(pg_catalog.pg_get_indexdef(i.indexrelid, a.attnum, false), a.attoptions) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = i.indexrelid ),
      pg_catalog.pg_get_expr(i.indpred, i.indrelid))::pg_catalog.text AS shape
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = c.relam
  WHERE i.indrelid = $1 OR i.indrelid = (SELECT p.oid FROM pattern p)
)
SELECT pg_catalog.json_build_object('name', s.relname, 'valid', s.valid)::pg_catalog.text
FROM shown s
JOIN shown w ON w.indrelid = (SELECT p.oid FROM pattern p) AND w.shape = s.shape
WHERE s.indrelid = $1
ORDER BY s.valid DESC, s.relname
