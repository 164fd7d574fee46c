-- Where the rows of fenced tables lie, one JSON document for each table that has rows: $1 fenced tables.
-- A partition counts with the topmost fenced table of its tree. Temporary tables don't count.
WITH RECURSIVE fenced AS (
  SELECT c.oid, c.relkind
  FROM pg_catalog.pg_class c
  WHERE c.oid = ANY ($1) AND c.relpersistence <> 't'
    AND NOT (c.relispartition AND EXISTS (
      SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a WHERE a.relid <> c.oid AND a.relid = ANY ($1)))
),
part AS (
  SELECT f.oid AS root, f.oid, f.relkind FROM fenced f
  UNION ALL
  SELECT part.root, c.oid, c.relkind
  FROM part
  JOIN pg_catalog.pg_inherits h ON h.inhparent = part.oid
  JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
  WHERE part.relkind = 'p'
)
SELECT pg_catalog.json_build_object(
  'root', part.root::pg_catalog.int8,
  'oids', pg_catalog.json_agg(part.oid::pg_catalog.int8))::pg_catalog.text
FROM part
WHERE part.relkind <> 'p'
GROUP BY part.root
