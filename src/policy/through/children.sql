-- The children that go through a parent by an expression, one JSON document for each. $1 parent
SELECT pg_catalog.json_build_object('oid', t.tgrelid::pg_catalog.int8, 'schema', n.nspname, 'name', c.relname)::pg_catalog.text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgconstrrelid = $1 AND t.tgname = 'org_scope_through' AND NOT t.tgisinternal
  AND p.pronamespace = 'org_scope'::pg_catalog.regnamespace AND p.proname = 'check_parent'
ORDER BY t.tgrelid
