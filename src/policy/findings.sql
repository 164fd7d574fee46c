-- What reaches past the fence of each table, one JSON document for each finding.
-- $1: [{oid, force, gate: [role…] or null}], what the tables will be; gate null: as the policy stands.
--
-- OFFSET 0 keeps a step a lookup by the table, which an index answers. The planner can't know how few
-- tables are asked about, and in a join it would rather read all of pg_class, or every rule there is.
WITH RECURSIVE target AS (
  SELECT t.oid, c.relname, c.relowner, c.relacl, c.relkind, c.relpersistence, c.relnamespace, t.force, t.gate
  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
    AS t(oid pg_catalog.oid, force pg_catalog.bool, gate pg_catalog.name[]),
  LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid = t.oid OFFSET 0) c
),
bypassing AS (
  SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper OR r.rolbypassrls
),
granted AS (
  SELECT t.oid, x.grantee, x.privilege_type AS privilege, NULL::pg_catalog.name AS attname
  FROM target t, LATERAL pg_catalog.aclexplode(COALESCE(t.relacl, pg_catalog.acldefault('r', t.relowner))) x
  UNION ALL
  SELECT t.oid, x.grantee, x.privilege_type, a.attname
  FROM target t,
  LATERAL (
    SELECT a.attname, a.attacl
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.oid AND NOT a.attisdropped AND a.attacl IS NOT NULL
    OFFSET 0
  ) a,
  LATERAL pg_catalog.aclexplode(a.attacl) x
),
dark AS (
  SELECT g.oid, g.grantee, pg_catalog.array_agg(DISTINCT g.privilege ORDER BY g.privilege) AS commands
  FROM granted g
  JOIN target t ON t.oid = g.oid
  WHERE g.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    AND (g.grantee <> t.relowner OR t.force)
    AND g.grantee NOT IN (SELECT b.oid FROM bypassing b)
    AND NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_policy p, LATERAL pg_catalog.unnest(p.polroles) AS r(role)
      WHERE p.polrelid = g.oid AND p.polpermissive
        AND (p.polname <> 'org_scope_gate' OR t.gate IS NULL)
        AND (p.polcmd = '*' OR p.polcmd = CASE g.privilege
               WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w' ELSE 'd' END)
        AND (r.role = 0 OR (g.grantee <> 0 AND pg_catalog.pg_has_role(g.grantee, r.role, 'USAGE'))))
    AND NOT EXISTS (
      SELECT
      FROM pg_catalog.unnest(t.gate) AS r(role)
      LEFT JOIN pg_catalog.pg_roles n ON n.rolname = r.role
      WHERE r.role = 'public' OR (g.grantee <> 0 AND pg_catalog.pg_has_role(g.grantee, n.oid, 'USAGE')))
  GROUP BY g.oid, g.grantee
),
-- The rules that name a table; a view is its rule for SELECT.
named AS (
  SELECT DISTINCT t.oid AS root, w.oid AS rule, w.ev_class, w.ev_type
  FROM target t,
  LATERAL (
    SELECT d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
      AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    OFFSET 0
  ) d,
  LATERAL (
    SELECT w.oid, w.ev_class, w.ev_type
    FROM pg_catalog.pg_rewrite w
    WHERE w.oid = d.objid AND (w.ev_type = '1' OR w.ev_enabled <> 'D')
    OFFSET 0
  ) w
),
-- A view reads its tables as its owner unless it is security_invoker; past: whether that reader
-- passes the policies. A materialized view holds what somebody saw once, also through other views;
-- copies: what such a view holds is shown.
reaching AS (
  SELECT DISTINCT t.oid AS root, v.oid AS view, v.relkind, true AS direct,
    v.relkind = 'm' AS copies,
    v.relkind = 'm' OR (NOT i.invoker AND o.passes) AS past,
    o.passes
  FROM named
  JOIN target t ON t.oid = named.root,
  LATERAL (
    SELECT v.oid, v.relkind, v.relowner, v.reloptions
    FROM pg_catalog.pg_class v
    WHERE v.oid = named.ev_class AND v.relkind IN ('v', 'm')
    OFFSET 0
  ) v,
  LATERAL (
    SELECT COALESCE(pg_catalog.bool_or(o.option_value::pg_catalog.bool), false) AS invoker
    FROM pg_catalog.pg_options_to_table(v.reloptions) o
    WHERE o.option_name = 'security_invoker'
  ) i,
  LATERAL (
    SELECT v.relowner IN (SELECT b.oid FROM bypassing b)
      OR (NOT t.force AND pg_catalog.pg_has_role(v.relowner, t.relowner, 'USAGE')) AS passes
  ) o
  WHERE named.ev_type = '1'
  UNION
  -- A view over a view shows nothing of its own: mending the inner one mends it. One over copies shows
  -- them to whoever may read it.
  SELECT r.root, v.oid, v.relkind, false, r.copies OR v.relkind = 'm',
    v.relkind = 'm' OR (r.copies AND NOT i.invoker), false
  FROM reaching r,
  LATERAL (
    SELECT d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.view
      AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    OFFSET 0
  ) d,
  LATERAL (
    SELECT w.ev_class
    FROM pg_catalog.pg_rewrite w
    WHERE w.oid = d.objid AND w.ev_type = '1' AND w.ev_class <> r.view
    OFFSET 0
  ) w,
  LATERAL (
    SELECT v.oid, v.relkind, v.reloptions
    FROM pg_catalog.pg_class v
    WHERE v.oid = w.ev_class AND v.relkind IN ('v', 'm')
    OFFSET 0
  ) v,
  LATERAL (
    SELECT COALESCE(pg_catalog.bool_or(o.option_value::pg_catalog.bool), false) AS invoker
    FROM pg_catalog.pg_options_to_table(v.reloptions) o
    WHERE o.option_name = 'security_invoker'
  ) i
),
-- The views that read past the fence as their owner, and whatever is above them: if they read as whoever
-- asks, their readers need what only the owner needed before.
above AS (
  SELECT r.root, r.view, r.view AS upper FROM reaching r WHERE r.past AND r.relkind = 'v' AND NOT r.copies
  UNION
  SELECT a.root, a.view, w.ev_class
  FROM above a,
  LATERAL (
    SELECT d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.upper
      AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    OFFSET 0
  ) d,
  LATERAL (SELECT w.ev_class FROM pg_catalog.pg_rewrite w WHERE w.oid = d.objid AND w.ev_type = '1' OFFSET 0) w
  WHERE w.ev_class <> a.upper
),
-- What a view reads.
source AS (
  SELECT DISTINCT a.root, a.view, s.oid, n.nspname, s.relname
  FROM above a,
  LATERAL (SELECT w.oid FROM pg_catalog.pg_rewrite w WHERE w.ev_class = a.view AND w.ev_type = '1' OFFSET 0) w,
  LATERAL (
    SELECT d.refobjid
    FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> a.view
    OFFSET 0
  ) d,
  LATERAL (
    SELECT s.oid, s.relname, s.relnamespace
    FROM pg_catalog.pg_class s
    WHERE s.oid = d.refobjid AND s.relkind IN ('r', 'p', 'v', 'm', 'f')
    OFFSET 0
  ) s
  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
  WHERE a.upper = a.view
),
asking AS (
  SELECT DISTINCT a.root, a.view, x.grantee, x.privilege_type AS privilege
  FROM above a,
  LATERAL (SELECT v.relacl, v.relowner FROM pg_catalog.pg_class v WHERE v.oid = a.upper OFFSET 0) v,
  LATERAL (
    SELECT x.grantee, x.privilege_type
    FROM pg_catalog.aclexplode(v.relacl) x
    UNION ALL
    SELECT x.grantee, x.privilege_type
    FROM pg_catalog.pg_attribute c, LATERAL pg_catalog.aclexplode(c.attacl) x
    WHERE c.attrelid = a.upper AND NOT c.attisdropped
    UNION ALL
    -- Whoever owns a view above reads it too.
    SELECT v.relowner, 'SELECT' WHERE a.upper <> a.view
  ) x
  WHERE x.privilege_type = 'SELECT'
     OR (a.upper = a.view AND x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
         AND (SELECT pg_catalog.count(*) FROM source s WHERE s.root = a.root AND s.view = a.view) = 1)
),
-- What those who may ask the view would need on what it reads, and don't have.
need AS (
  SELECT s.root, s.view, s.nspname, s.relname, k.privilege,
    pg_catalog.jsonb_agg(DISTINCT CASE WHEN k.grantee <> 0 THEN pg_catalog.pg_get_userbyid(k.grantee) END) AS roles
  FROM source s
  JOIN asking k ON k.root = s.root AND k.view = s.view
  WHERE k.grantee NOT IN (SELECT b.oid FROM bypassing b)
    AND NOT CASE WHEN k.grantee = 0 THEN pg_catalog.has_table_privilege('public', s.oid, k.privilege)
                 ELSE pg_catalog.has_table_privilege(k.grantee, s.oid, k.privilege) END
  GROUP BY s.root, s.view, s.nspname, s.relname, k.privilege
),
-- What a rule for INSERT, UPDATE or DELETE names, it reaches as the owner of the relation on which
-- it stands, security_invoker or not.
ruling AS (
  SELECT n.root, n.rule
  FROM named n
  JOIN target t ON t.oid = n.root,
  LATERAL (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = n.ev_class OFFSET 0) c
  WHERE n.ev_type <> '1'
    AND ( c.relowner IN (SELECT b.oid FROM bypassing b)
       OR (NOT t.force AND pg_catalog.pg_has_role(c.relowner, t.relowner, 'USAGE')))
    -- A rule of the table itself depends on it also by OLD and NEW, which are the rows of the
    -- statement, fenced as that is. Unlike them, what else a rule names has another alias or stands in FROM.
    AND (n.ev_class <> n.root OR EXISTS (
      SELECT
      FROM pg_catalog.string_to_table(
        ( SELECT w.ev_qual::pg_catalog.text || w.ev_action::pg_catalog.text
          FROM pg_catalog.pg_rewrite w WHERE w.oid = n.rule ),
        '{RANGETBLENTRY ') AS r(entry)
      WHERE pg_catalog.strpos(r.entry, ':rtekind 0 :relid ' || n.root || ' ') > 0
        AND (r.entry !~ '^:alias \{ALIAS :aliasname (old|new) '
             OR pg_catalog."substring"(r.entry, ':inFromCl (true|false)') = 'true')))
),
found AS (
  SELECT 1 AS sort, d.oid, pg_catalog.pg_get_userbyid(d.grantee) AS by_name, pg_catalog.jsonb_build_object(
    'found', 'dark',
    'role', CASE WHEN d.grantee <> 0 THEN pg_catalog.pg_get_userbyid(d.grantee) END,
    'commands', d.commands) AS finding
  FROM dark d
  UNION ALL
  SELECT 2, g.oid, pg_catalog.pg_get_userbyid(g.grantee), pg_catalog.jsonb_build_object(
    'found', 'privilege',
    'privilege', g.privilege,
    'role', CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END,
    'column', g.attname)
  FROM granted g
  JOIN target t ON t.oid = g.oid
  WHERE g.privilege IN ('TRIGGER', 'REFERENCES', 'TRUNCATE') AND g.grantee <> t.relowner
    AND g.grantee NOT IN (SELECT b.oid FROM bypassing b)
  UNION ALL
  SELECT 3, r.root, v.relname, pg_catalog.jsonb_build_object(
    'found', CASE WHEN v.relkind = 'm' THEN 'materialized_view' WHEN r.copies THEN 'view_of_copies' ELSE 'view' END,
    'refresh', CASE WHEN NOT r.direct THEN 'through' WHEN r.passes THEN 'all' ELSE 'own' END,
    'heir', ( SELECT pg_catalog.pg_get_userbyid(t.relowner) FROM target t
              WHERE t.oid = r.root AND t.force AND t.relowner <> v.relowner
                AND t.relowner NOT IN (SELECT b.oid FROM bypassing b) ),
    'needs', COALESCE((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'schema', need.nspname, 'name', need.relname, 'privilege', need.privilege, 'roles', need.roles)
        ORDER BY need.nspname, need.relname, need.privilege)
      FROM need WHERE need.root = r.root AND need.view = r.view), '[]'),
    'schema', n.nspname,
    'name', v.relname,
    'owner', pg_catalog.pg_get_userbyid(v.relowner),
    'readers', ( SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT
                   CASE WHEN x.grantee <> 0 THEN pg_catalog.pg_get_userbyid(x.grantee) END), '[]')
                 FROM (
                   SELECT v.relacl AS acl
                   UNION ALL
                   SELECT a.attacl FROM pg_catalog.pg_attribute a WHERE a.attrelid = v.oid AND NOT a.attisdropped
                 ) g, LATERAL pg_catalog.aclexplode(g.acl) x
                 WHERE x.grantee <> v.relowner AND x.privilege_type = 'SELECT' ))
  FROM (
    SELECT root, view, pg_catalog.bool_or(direct) AS direct, pg_catalog.bool_or(passes) AS passes, copies
    FROM reaching WHERE past GROUP BY root, view, copies
  ) r
  CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class v WHERE v.oid = r.view OFFSET 0) v
  JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
  UNION ALL
  SELECT 4, r.root, w.rulename, pg_catalog.jsonb_build_object(
    'found', 'rule',
    'rule', w.rulename,
    'schema', n.nspname,
    'name', c.relname,
    'owner', pg_catalog.pg_get_userbyid(c.relowner))
  FROM ruling r
  CROSS JOIN LATERAL (SELECT w.rulename, w.ev_class FROM pg_catalog.pg_rewrite w WHERE w.oid = r.rule OFFSET 0) w
  CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid = w.ev_class OFFSET 0) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 5, t.oid, p.pubname, pg_catalog.jsonb_build_object(
    'found', 'publication',
    'name', p.pubname,
    'scope', CASE WHEN p.puballtables THEN 'all'
                  WHEN EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = t.oid) THEN 'table'
                  ELSE 'schema' END)
  FROM target t, pg_catalog.pg_publication p
  WHERE t.relkind IN ('r', 'p') AND t.relpersistence = 'p'
    AND ( p.puballtables
       OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = t.oid)
       OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = t.relnamespace))
)
SELECT pg_catalog.jsonb_build_object('oid', f.oid::pg_catalog.int8, 'finding', f.finding)::pg_catalog.text
FROM found f
ORDER BY f.oid, f.sort, f.by_name
