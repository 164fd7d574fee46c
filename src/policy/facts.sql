-- One JSON document for each table: $1 tables; $2 org column, $3 project column, $4 actor column (NULL: those that the
-- policies and the trigger of ours stand on).
SELECT pg_catalog.row_to_json(f)::pg_catalog.text
FROM (
  SELECT
    c.oid::pg_catalog.int8 AS oid,
    n.nspname AS schema,
    c.relname AS name,
    c.relkind AS kind,
    -- DETACH … CONCURRENTLY leaves for a while a partition that its parent doesn't show any more.
    c.relispartition AND p.parents IS NOT NULL AS is_partition,
    CASE WHEN c.relispartition AND p.parents IS NOT NULL THEN (
      SELECT pg_catalog.json_build_array(rn.nspname, rc.relname)
      FROM pg_catalog.pg_class rc
      JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
      WHERE rc.oid = pg_catalog.pg_partition_root(c.oid)
    ) END AS root,
    COALESCE(p.parents, '[]') AS parents,
    pg_catalog.pg_is_other_temp_schema(c.relnamespace) AS other_temp,
    c.oid < 16384 OR n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AS system,
    ( SELECT e.extname
      FROM pg_catalog.pg_depend d
      JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
      LIMIT 1
    ) AS extension,
    pg_catalog.pg_get_userbyid(c.relowner) AS owner,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
    c.relrowsecurity AS row_security,
    c.relforcerowsecurity AS force,
    pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE') AS may_create_index,
    x.columns -> 'org' AS "column",
    x.columns -> 'project' AS project,
    x.columns -> 'actor' AS actor,
    COALESCE((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', p.polname,
        'permissive', p.polpermissive,
        'command', p.polcmd,
        'roles', ( SELECT pg_catalog.json_agg(CASE WHEN r.role <> 0 THEN pg_catalog.pg_get_userbyid(r.role) END)
                   FROM pg_catalog.unnest(p.polroles) AS r(role) ),
        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
        'columns', COALESCE((
          SELECT pg_catalog.json_agg(DISTINCT pa.attname)
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_attribute pa ON pa.attrelid = d.refobjid AND pa.attnum = d.refobjsubid
          WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.refobjsubid > 0
        ), '[]'),
        'comment', pg_catalog.obj_description(p.oid, 'pg_policy')
      ) ORDER BY p.polname)
      FROM pg_catalog.pg_policy p
      WHERE p.polrelid = c.oid
    ), '[]') AS policies,
    COALESCE((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', ic.relname,
        'valid', i.indisvalid AND i.indisready AND i.indislive,
        'plain', m.amname = 'btree' AND i.indpred IS NULL AND oc.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace
                 AND i.indcollation[0] = CASE WHEN i.indkey[0] = k.org THEN a.attcollation
                                              WHEN i.indcollation[0] <> 0 THEN 100::pg_catalog.oid
                                              ELSE 0::pg_catalog.oid END,
        'leading', CASE WHEN i.indkey[0] = k.org THEN NULL ELSE pg_catalog.pg_get_indexdef(i.indexrelid, 1, false) END,
        'comment', pg_catalog.obj_description(i.indexrelid, 'pg_class')
      ) ORDER BY i.indisvalid DESC, ic.relname)
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
      JOIN pg_catalog.pg_am m ON m.oid = ic.relam
      JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[0]
      WHERE i.indrelid = c.oid
        AND (i.indkey[0] = k.org OR i.indkey[0] = 0 OR pg_catalog.obj_description(i.indexrelid, 'pg_class') LIKE '%org_scope.protect%')
    ), '[]') AS indexes,
    ( SELECT pg_catalog.json_build_object(
        'enabled', t.tgenabled,
        -- 34: BEFORE, TRUNCATE, for each statement
        'right', t.tgtype = 34 AND t.tgqual IS NULL AND p.proname = 'truncate_guard' AND pn.nspname = 'org_scope')
      FROM pg_catalog.pg_trigger t
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
      WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_truncate_guard'
    ) AS guard,
    ( SELECT pg_catalog.json_build_object(
        'enabled', t.tgenabled,
        -- 23: BEFORE, INSERT or UPDATE, for each row
        'right', t.tgtype = 23 AND t.tgqual IS NULL AND p.proname = 'stamp_actor' AND pn.nspname = 'org_scope'
                 AND pg_catalog.cardinality(t.tgattr) = 1,
        'column', ( SELECT s.attname FROM pg_catalog.pg_attribute s
                    WHERE s.attrelid = c.oid AND s.attnum = t.tgattr[0] AND pg_catalog.cardinality(t.tgattr) = 1 ),
        'missing', CASE WHEN t.tgnargs = 1 THEN
          pg_catalog.convert_from(pg_catalog.substr(t.tgargs, 1, pg_catalog.length(t.tgargs) - 1), 'UTF8') END)
      FROM pg_catalog.pg_trigger t
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
      WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_stamp_actor'
    ) AS stamp,
    COALESCE(up.open_parents, '[]') AS open_parents,
    COALESCE(up.fenced_parents, '[]') AS fenced_parents,
    COALESCE((
      SELECT pg_catalog.json_agg(pg_catalog.json_build_array(cn.nspname, cc.relname))
      FROM pg_catalog.pg_inherits h
      JOIN pg_catalog.pg_class cc ON cc.oid = h.inhrelid
      JOIN pg_catalog.pg_namespace cn ON cn.oid = cc.relnamespace
      WHERE h.inhparent = c.oid AND NOT h.inhdetachpending
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy f WHERE f.polrelid = cc.oid AND f.polname = 'org_scope_fence')
    ), '[]') AS open_children,
    ( SELECT pg_catalog.json_build_object('right', pg_catalog.count(*) = 2 AND pg_catalog.bool_and(x.right))
      FROM (
        -- 23: BEFORE INSERT OR UPDATE, for each row
        SELECT t.tgenabled = 'O' AND t.tgtype = 23 AND t.tgqual IS NULL AND p.proname = 'fill_from_parent'
          AND p.pronamespace = 'org_scope'::pg_catalog.regnamespace AS right
        FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_fill'
        UNION ALL
        SELECT k.convalidated AND k.confupdtype = 'c'
        FROM pg_catalog.pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conname = 'org_scope_through'
        UNION ALL
        SELECT t.tgenabled = 'O' AND (
          SELECT pg_catalog.count(*)
          FROM pg_catalog.pg_trigger m
          WHERE m.tgrelid = t.tgconstrrelid AND m.tgname IN ('org_scope_children', 'org_scope_orphans')
            AND m.tgenabled = 'O') = 2
        FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_through'
      ) x
      HAVING pg_catalog.count(*) > 0
    ) AS through,
    EXISTS (
      SELECT FROM pg_catalog.pg_trigger t
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
      WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_adopt' AND p.proname = 'adopt_row'
        AND p.pronamespace = 'org_scope'::pg_catalog.regnamespace
    ) AS adopts,
    -- A view of the table's own schema that belongs to one whose rights the caller has, and whose trigger is ours.
    ( SELECT v.relname
      FROM pg_catalog.pg_depend d,
      LATERAL (
        SELECT v.oid, v.relname, v.relowner
        FROM pg_catalog.pg_rewrite w
        JOIN pg_catalog.pg_class v ON v.oid = w.ev_class
        WHERE w.oid = d.objid AND w.ev_type = '1' AND v.relkind = 'v' AND v.relnamespace = c.relnamespace
        OFFSET 0
      ) v
      JOIN pg_catalog.pg_trigger t ON t.tgrelid = v.oid AND t.tgname = 'org_scope_copy'
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid AND p.proname = 'copy_row'
      JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace AND pn.nspname = 'org_scope'
      WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
        AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND pg_catalog.pg_has_role(v.relowner, 'USAGE')
      ORDER BY v.relowner <> c.relowner, v.relname
      LIMIT 1
    ) AS copy_view
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT
      CASE
        WHEN $2 IS NOT NULL THEN (
          SELECT w.attnum FROM pg_catalog.pg_attribute w WHERE w.attrelid = c.oid AND w.attname = $2::pg_catalog.name)
        -- A fence of the transition names what tells of the organization too; the trigger names the org column last.
        ELSE COALESCE((
          SELECT t.tgattr[pg_catalog.array_upper(t.tgattr::pg_catalog.int2[], 1)]
          FROM pg_catalog.pg_trigger t
          WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_adopt'
            AND EXISTS (
              SELECT FROM pg_catalog.pg_policy p
              WHERE p.polrelid = c.oid AND p.polname IN ('org_scope_fence', 'org_scope_gate'))
        ), (
          SELECT x.attnum
          FROM pg_catalog.pg_policy p, LATERAL (
            SELECT pg_catalog.min(d.refobjsubid), pg_catalog.count(DISTINCT d.refobjsubid)
            FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = p.polrelid AND d.refobjsubid > 0
          ) x(attnum, columns)
          WHERE p.polrelid = c.oid AND p.polname IN ('org_scope_fence', 'org_scope_gate')
          -- The fence's column, and the gate's where the fence names none, or several since it was altered.
          ORDER BY x.attnum IS NULL, x.columns > 1, p.polname
          LIMIT 1))
      END AS org,
      CASE
        WHEN $3 IS NOT NULL THEN (
          SELECT w.attnum FROM pg_catalog.pg_attribute w WHERE w.attrelid = c.oid AND w.attname = $3::pg_catalog.name)
        ELSE (
          SELECT pg_catalog.min(d.refobjsubid)
          FROM pg_catalog.pg_policy p
          JOIN pg_catalog.pg_depend d
            ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = p.polrelid AND d.refobjsubid > 0
          WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence_project')
      END AS project,
      CASE
        WHEN $4 IS NOT NULL THEN (
          SELECT w.attnum FROM pg_catalog.pg_attribute w WHERE w.attrelid = c.oid AND w.attname = $4::pg_catalog.name)
        -- A partitioned table has no such trigger; its partitions have.
        WHEN c.relkind = 'p' THEN (
          WITH RECURSIVE down AS (
            SELECT h.inhrelid FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid
            UNION
            SELECT h.inhrelid FROM down JOIN pg_catalog.pg_inherits h ON h.inhparent = down.inhrelid
          )
          SELECT w.attnum
          FROM down
          JOIN pg_catalog.pg_trigger t ON t.tgrelid = down.inhrelid
          JOIN pg_catalog.pg_attribute s ON s.attrelid = t.tgrelid AND s.attnum = t.tgattr[0]
          JOIN pg_catalog.pg_attribute w ON w.attrelid = c.oid AND w.attname = s.attname
          WHERE NOT t.tgisinternal AND t.tgname = 'org_scope_stamp_actor' AND pg_catalog.cardinality(t.tgattr) = 1
          LIMIT 1)
        ELSE (
          SELECT t.tgattr[0]
          FROM pg_catalog.pg_trigger t
          WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname = 'org_scope_stamp_actor'
            AND pg_catalog.cardinality(t.tgattr) = 1)
      END AS actor
  ) k
  LEFT JOIN pg_catalog.pg_attribute a
    ON a.attrelid = c.oid AND a.attnum = k.org AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN LATERAL (
    SELECT pg_catalog.json_object_agg(w.role, pg_catalog.json_build_object(
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
      'readable', pg_catalog.has_column_privilege(c.relowner, c.oid, a.attnum, 'SELECT')
                  AND pg_catalog.has_schema_privilege(c.relowner, c.relnamespace, 'USAGE'),
      'default', ( SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                   FROM pg_catalog.pg_attrdef d
                   WHERE d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = '' )
    )) AS columns
    FROM (VALUES ('org', k.org), ('project', k.project), ('actor', k.actor)) AS w(role, attnum)
    JOIN pg_catalog.pg_attribute a
      ON a.attrelid = c.oid AND a.attnum = w.attnum AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN LATERAL (
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
    ) b
  ) x ON true
  LEFT JOIN LATERAL (
    SELECT pg_catalog.json_agg(h.inhparent::pg_catalog.int8 ORDER BY h.inhseqno) AS parents
    FROM pg_catalog.pg_inherits h
    WHERE h.inhrelid = c.oid AND NOT h.inhdetachpending
  ) p ON true
  LEFT JOIN LATERAL (
    -- All that are above it: a query of each reads its rows. A fence that has been taken apart is none.
    WITH RECURSIVE above AS (
      SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid AND NOT h.inhdetachpending
      UNION
      SELECT h.inhparent
      FROM above
      JOIN pg_catalog.pg_inherits h ON h.inhrelid = above.inhparent AND NOT h.inhdetachpending
    )
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pn.nspname, pc.relname)) FILTER (WHERE NOT f.stands) AS open_parents,
           pg_catalog.json_agg(pg_catalog.json_build_array(pn.nspname, pc.relname)) FILTER (WHERE f.stands) AS fenced_parents
    FROM above
    JOIN pg_catalog.pg_class pc ON pc.oid = above.inhparent
    JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace,
    LATERAL (
      SELECT pc.relrowsecurity AND EXISTS (
        SELECT FROM pg_catalog.pg_policy f
        WHERE f.polrelid = pc.oid AND f.polname = 'org_scope_fence' AND NOT f.polpermissive AND f.polcmd = '*') AS stands
    ) f
  ) up ON true
  WHERE c.oid = ANY ($1)
  ORDER BY n.nspname, c.relname
) f
