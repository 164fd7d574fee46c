-- The tables that the statement which fires the event trigger has altered, or policies or triggers of which it has:
-- one JSON document for each.
SELECT pg_catalog.json_build_object('table', t.oid::pg_catalog.int8)::pg_catalog.text
FROM (
  SELECT CASE e.classid
    WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN e.objid
    WHEN 'pg_catalog.pg_policy'::pg_catalog.regclass THEN
      ( SELECT p.polrelid FROM pg_catalog.pg_policy p WHERE p.oid = e.objid )
    WHEN 'pg_catalog.pg_trigger'::pg_catalog.regclass THEN
      ( SELECT g.tgrelid FROM pg_catalog.pg_trigger g WHERE g.oid = e.objid )
  END AS oid
  FROM pg_catalog.pg_event_trigger_ddl_commands() e
) t
WHERE t.oid IS NOT NULL
GROUP BY t.oid
ORDER BY t.oid
