-- The columns of the tables of the statement that fires the event trigger whose DEFAULT calls a function of ours.
-- One JSON document for each.
SELECT pg_catalog.json_build_object(
  'schema', n.nspname,
  'table', c.relname,
  'column', a.attname,
  'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
  'expression', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
  'writer', a.xmin::pg_catalog.text)::pg_catalog.text
FROM (
  SELECT DISTINCT e.objid FROM pg_catalog.pg_event_trigger_ddl_commands() e
  WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
) e
JOIN pg_catalog.pg_class c ON c.oid = e.objid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE EXISTS (
  SELECT FROM pg_catalog.pg_depend p
  JOIN pg_catalog.pg_proc f ON f.oid = p.refobjid
  WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
    AND p.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND f.pronamespace = ( SELECT s.oid FROM pg_catalog.pg_namespace s WHERE s.nspname = 'org_scope' ))
ORDER BY a.attnum
