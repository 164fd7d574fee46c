-- Policies, triggers and constraints with a name of ours that the statement has dropped, of tables that it has not: one JSON
-- document for each.
SELECT pg_catalog.json_build_object(
  'table', c.oid::pg_catalog.int8,
  'policy', CASE WHEN d.object_type = 'policy' THEN d.address_names[3] END,
  'trigger', CASE WHEN d.object_type <> 'policy' THEN d.address_names[3] END)::pg_catalog.text
FROM pg_catalog.pg_event_trigger_dropped_objects() d
JOIN pg_catalog.pg_class c
  ON c.relname = d.address_names[2]
  AND c.relnamespace = CASE WHEN d.is_temporary THEN pg_catalog.pg_my_temp_schema() ELSE
    ( SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = d.address_names[1] ) END
WHERE d.object_type IN ('policy', 'trigger', 'table constraint') AND d.address_names[3] LIKE 'org\_scope\_%'
ORDER BY c.oid, d.address_names[3]
