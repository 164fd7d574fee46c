-- What copy views are made from, and those that stand, one JSON document for each table:
-- $1: [{oid, name, view}], name: of a new view, view: of the one that stands or null.
SELECT pg_catalog.jsonb_build_object(
  'oid', c.oid::pg_catalog.int8,
  'facts', pg_catalog.jsonb_build_object(
    'columns', columns.of_table,
    'inserters', COALESCE((
      SELECT pg_catalog.jsonb_agg(CASE WHEN x.grantee <> 0 THEN pg_catalog.pg_get_userbyid(x.grantee) END)
      FROM pg_catalog.aclexplode(c.relacl) x
      WHERE x.privilege_type = 'INSERT' AND x.grantee <> c.relowner
    ), '[]'),
    'taken', EXISTS (
      SELECT FROM pg_catalog.pg_class o WHERE o.relnamespace = c.relnamespace AND o.relname = w.name),
    'caller', CURRENT_USER,
    'may_create', pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE'),
    'owner_may_create', pg_catalog.has_schema_privilege(c.relowner, c.relnamespace, 'CREATE'),
    'standing', (
      SELECT pg_catalog.jsonb_build_object(
        'name', v.relname,
        'owner', pg_catalog.pg_get_userbyid(v.relowner),
        'invoker', COALESCE((
          SELECT o.option_value::pg_catalog.bool
          FROM pg_catalog.pg_options_to_table(v.reloptions) o WHERE o.option_name = 'security_invoker'), false),
        -- 69: INSTEAD OF, INSERT, for each row
        'armed', EXISTS (
          SELECT FROM pg_catalog.pg_trigger t
          WHERE t.tgrelid = v.oid AND t.tgname = 'org_scope_copy' AND t.tgtype = 69 AND t.tgqual IS NULL AND t.tgenabled = 'O'),
        'columns', standing.columns,
        'grants', COALESCE((
          SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            x.privilege_type, CASE WHEN x.grantee <> 0 THEN pg_catalog.pg_get_userbyid(x.grantee) END))
          FROM pg_catalog.aclexplode(v.relacl) x WHERE x.grantee <> v.relowner
        ), '[]'))
      FROM pg_catalog.pg_class v,
      LATERAL (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'name', a.attname,
          'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod) || ' ' || a.atttypid || ' ' || a.attcollation,
          'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum) AS columns
        FROM pg_catalog.pg_attribute a
        LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = v.oid AND a.attnum > 0 AND NOT a.attisdropped
      ) standing
      WHERE v.relnamespace = c.relnamespace AND v.relname = w.view)))::pg_catalog.text
FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
  AS w(oid pg_catalog.oid, name pg_catalog.name, view pg_catalog.name),
-- OFFSET 0 as in findings.sql.
LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid = w.oid OFFSET 0) c,
LATERAL (
  SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
    'name', a.attname,
    'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod) || ' ' || a.atttypid || ' ' || a.attcollation,
    'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum), '[]') AS of_table
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' AND a.attidentity <> 'a'
) columns
