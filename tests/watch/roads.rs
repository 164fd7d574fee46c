//! Every way for a table into a watched schema.

use super::{fenced, warnings, watched};
use crate::harness::kinds;

/// Each brings the table `t` with the org column, of organizations a and b, into `public`.
const ROADS: [&str; 16] = [
    "CREATE TABLE t (id int, org_id text); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    "CREATE UNLOGGED TABLE t (id int, org_id text); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    "CREATE TABLE t AS SELECT * FROM source",
    "SELECT * INTO t FROM source",
    "CREATE TABLE t AS EXECUTE filled",
    "CREATE TABLE t AS SELECT s.* FROM source s, set_config('search_path', 'other', false)",
    "CREATE TABLE t (LIKE source INCLUDING ALL); INSERT INTO t SELECT * FROM source",
    "CREATE TABLE t (id int); INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN other int, ADD COLUMN org_id text",
    "CREATE TABLE t (id int, org text); ALTER TABLE t RENAME COLUMN org TO org_id",
    "ALTER TABLE source RENAME TO t; ALTER TABLE t SET SCHEMA public",
    "CREATE TABLE t (id int, org_id text) PARTITION BY LIST (id); CREATE TABLE t_1 PARTITION OF t DEFAULT",
    "DO $$BEGIN EXECUTE 'CREATE TABLE t (id int, org_id text)';END$$",
    "SET search_path = pg_temp, other; CREATE TABLE public.t (id int, org_id text)",
    "BEGIN; SAVEPOINT s; CREATE TABLE t (id int, org_id text); RELEASE s; COMMIT",
    "CREATE TABLE parent (org_id text); CREATE TABLE t (id int) INHERITS (parent)",
    "CREATE TABLE IF NOT EXISTS t (id int, org_id text); CREATE TABLE IF NOT EXISTS t (id int, org_id text)",
];

#[test]
fn whatever_way_a_table_comes_it_is_fenced_in_the_same_statement() {
    for (number, road) in ROADS.iter().enumerate() {
        let (wall, mut owner) = watched(&format!("watch_road_{number}"), "protect");
        wall.db.superuser().run(&format!(
            "CREATE SCHEMA other AUTHORIZATION {owner};
             CREATE TABLE other.source AS SELECT 1 AS id, 'a' AS org_id UNION SELECT 2, 'b';
             ALTER TABLE other.source OWNER TO {owner}",
            owner = wall.owner
        ));
        owner.run("SET search_path = public, other; PREPARE filled AS SELECT * FROM source");
        // What fills a fenced table without an organization is refused: that is a fence, too.
        for statement in road.split("; ").filter(|s| !s.starts_with("INSERT INTO t")) {
            owner.run(statement);
        }
        owner.run("RESET search_path");
        assert!(fenced(&mut owner).contains(&"t".to_owned()), "{road}");
        assert_eq!(
            warnings(&mut owner).len(),
            usize::from(road.starts_with("CREATE TABLE t (id int)") || road.contains("org text")),
            "{road}"
        );
        owner.run(&format!("GRANT SELECT, INSERT ON t TO {}", wall.app));
        let mut app = wall.db.connect(&wall.app);
        app.refused("SELECT count(*) FROM t", "OS001");
        let mut app = wall.app("a");
        app.run("INSERT INTO t (id, org_id) VALUES (10, 'a')");
        app.refused("INSERT INTO t (id, org_id) VALUES (11, 'b')", "42501");
        assert_eq!(app.column("SELECT DISTINCT org_id FROM t"), ["a"], "{road}");
        let planned = owner.steps("plan('t')");
        assert_eq!(kinds(&planned), Vec::<&str>::new(), "{road}");
    }
}

#[test]
fn what_the_migration_says_itself_comes_on_top() {
    let (wall, mut owner) = watched("watch_options", "protect");
    owner.run("BEGIN; CREATE TABLE t (org_id text); SELECT org_scope.protect('t', force => false, copy_view => true); COMMIT");
    assert_eq!(kinds(&owner.steps("plan('t', force => false)")), Vec::<&str>::new());
    owner.run("BEGIN; CREATE TABLE undone (org_id text); ROLLBACK");
    owner.run("CREATE TABLE dropped (org_id text); DROP TABLE dropped");
    assert_eq!(fenced(&mut owner), ["t"]);
    wall.db.superuser().run("SELECT org_scope.unwatch('public')");
    owner.run("CREATE TABLE later (org_id text)");
    assert_eq!(fenced(&mut owner), ["t"]);
}

#[test]
fn a_table_without_the_column_is_warned_of_and_may_be_protected_next() {
    let (_wall, mut owner) = watched("watch_without", "protect");
    owner.run("CREATE TABLE steps (id int, settings jsonb)");
    let said = warnings(&mut owner);
    assert_eq!(
        said,
        ["OS009 public.steps has no column org_id, and is not protected | \
          SELECT org_scope.declare_global('public', 'steps', '...');"]
    );
    owner.run("SELECT org_scope.protect_expression('steps', 'settings->>''org''', 'text')");
    owner.run("ALTER TABLE steps ADD COLUMN org_id text; ALTER TABLE steps ADD COLUMN more int");
    assert_eq!(warnings(&mut owner), Vec::<String>::new(), "it has a fence");
    // The column that comes with its fence is nobody else's to fence.
    owner.run(
        "CREATE TABLE parents (id int PRIMARY KEY, org_id text NOT NULL);
         CREATE TABLE children (id int, parent int REFERENCES parents)",
    );
    assert_eq!(warnings(&mut owner).len(), 1);
    owner.run("SELECT org_scope.protect_through('children', 'parent', 'parents')");
    assert_eq!(fenced(&mut owner), ["children", "parents", "steps"]);
    assert_eq!(warnings(&mut owner), Vec::<String>::new());
}

#[test]
fn what_cannot_be_fenced_does_not_come() {
    let (wall, mut owner) = watched("watch_unfit", "protect");
    owner.refused("CREATE TABLE t (org_id char(10))", "OS009").says("char");
    owner.refused("CREATE TABLE t AS SELECT 1.5 AS org_id", "OS009");
    owner.run("CREATE TABLE t (id int)");
    owner.refused("ALTER TABLE t ADD COLUMN org_id numeric", "OS009");
    assert_eq!(
        owner.text("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'org_id'"),
        "0"
    );
    wall.db.superuser().run(&format!(
        "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
         GRANT USAGE ON FOREIGN SERVER nowhere TO {}",
        wall.owner
    ));
    owner.refused("CREATE FOREIGN TABLE f (org_id text) SERVER nowhere", "OS009").says("foreign table");
}

#[test]
fn refuse_lets_no_table_come_and_warn_every_one() {
    let (wall, mut owner) = watched("watch_refuse", "refuse");
    for statement in [
        "CREATE TABLE t (org_id text)",
        "CREATE TABLE t (id int)",
        "CREATE TABLE t AS SELECT 1 AS id",
        "SELECT 1 AS id INTO t",
    ] {
        owner.refused(statement, "OS009").says("declare_global('public', 't', '...')");
    }
    assert_eq!(owner.text("SELECT to_regclass('t')"), "");
    owner.run(
        "CREATE TEMPORARY TABLE t (org_id text); CREATE VIEW v AS SELECT 1; CREATE SEQUENCE s; DROP TABLE t",
    );
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT org_scope.watch('public', 'org_id', 'warn')");
    owner.run("CREATE TABLE t (org_id text); CREATE TABLE u (id int)");
    assert_eq!(
        warnings(&mut owner),
        [
            "OS009 public.t is not protected | SELECT * FROM org_scope.protect('public.t', 'org_id');",
            "OS009 public.u has no column org_id, and is not protected | SELECT org_scope.declare_global('public', 'u', '...');"
        ]
    );
    // A table that is there already goes on, but for the column.
    superuser.run("SELECT org_scope.watch('public', 'org_id', 'refuse')");
    owner.run("ALTER TABLE u ADD COLUMN other int; ALTER TABLE u RENAME other TO another; ALTER TABLE u RENAME TO w");
    owner.refused("ALTER TABLE w ADD COLUMN org_id text", "OS009");
    owner.refused("ALTER TABLE w RENAME another TO org_id", "OS009");
    // What comes under a fence is fenced, and so no stranger.
    superuser.run("SELECT org_scope.unwatch('public')");
    owner.run("CREATE TABLE p (id int, org_id text) PARTITION BY LIST (id); SELECT org_scope.protect('p')");
    superuser.run("SELECT org_scope.watch('public', 'org_id', 'refuse')");
    owner.run("CREATE TABLE p_1 PARTITION OF p DEFAULT");
    assert_eq!(fenced(&mut owner), ["p", "p_1"]);
}

#[test]
fn only_the_schema_that_is_watched_is() {
    let (wall, mut owner) = watched("watch_schemas", "refuse");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!("CREATE SCHEMA \"Other one\" AUTHORIZATION {}", wall.owner));
    owner.run("CREATE TABLE \"Other one\".t (org_id text); CREATE TEMP TABLE x (org_id text)");
    owner.refused("ALTER TABLE \"Other one\".t SET SCHEMA public", "OS009");
    superuser.run("SELECT org_scope.watch('Other one', 'The Org')");
    owner.run("CREATE TABLE \"Other one\".\"T 2\" (\"The Org\" uuid)");
    assert_eq!(fenced(&mut owner), ["\"Other one\".\"T 2\""]);
    // The watch goes with the schema's name.
    superuser.run("ALTER SCHEMA \"Other one\" RENAME TO renamed");
    owner.run("CREATE TABLE renamed.t3 (\"The Org\" uuid)");
    assert_eq!(fenced(&mut owner), ["renamed.\"T 2\"", "renamed.t3"]);
    superuser.refused("SELECT org_scope.watch('nowhere', 'org_id')", "3F000");
    superuser.refused("SELECT org_scope.watch('public', 'org_id', 'ignore')", "22023");
    superuser.refused("SELECT org_scope.watch('public', NULL)", "22004");
}

#[test]
fn another_session_knows_at_once() {
    let (wall, mut owner) = watched("watch_sessions", "warn");
    owner.run("CREATE TABLE before (org_id text)");
    wall.db.superuser().run("SELECT org_scope.watch('public', 'org_id', 'protect')");
    owner.run("CREATE TABLE after (org_id text)");
    assert_eq!(fenced(&mut owner), ["after"]);
    // Also by hand, and what is rolled back has not been.
    wall.db.superuser().run("BEGIN; DELETE FROM org_scope.watched; ROLLBACK");
    owner.run("CREATE TABLE third (org_id text)");
    wall.db.superuser().run("SET session_replication_role = replica; DELETE FROM org_scope.watched");
    owner.run("CREATE TABLE fourth (org_id text)");
    assert_eq!(fenced(&mut owner), ["after", "third"]);
}

#[test]
fn a_hostile_search_path_changes_nothing() {
    let (wall, mut owner) = watched("watch_path", "protect");
    wall.db.superuser().run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    owner.run(
        "CREATE SCHEMA evil;
         CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
         CREATE FUNCTION evil.never(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.never);
         CREATE FUNCTION evil.never(\"char\", \"char\") RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE OPERATOR evil.= (LEFTARG = \"char\", RIGHTARG = \"char\", FUNCTION = evil.never);
         CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE pg_policy (polrelid oid);
         SET search_path = evil, pg_temp, public, pg_catalog;
         CREATE TABLE public.t (org_id text)",
    );
    owner.run("RESET search_path");
    assert_eq!(fenced(&mut owner), ["t"]);
}

#[test]
fn whoever_may_not_decide_does_not() {
    let (wall, mut owner) = watched("watch_rights", "refuse");
    for call in [
        "watch('public', 'org_id', 'warn')",
        "unwatch('public')",
        "declare_global('public', 't', 'because')",
        "declare_global('pg_class', 'because')",
        "undeclare_global('public', 't')",
    ] {
        owner.refused(&format!("SELECT org_scope.{call}"), "42501");
    }
    let reader = wall.db.role("reader");
    wall.db.superuser().run(&format!("GRANT pg_read_all_data, pg_write_all_data TO {reader}"));
    let mut session = wall.db.connect(&reader);
    for table in ["watched", "global_table"] {
        owner.refused(&format!("SELECT FROM org_scope.{table}"), "42501");
        assert_eq!(session.number(&format!("SELECT count(*) FROM org_scope.{table}")), 0);
        assert_eq!(session.touched(&format!("DELETE FROM org_scope.{table}")), 0);
    }
    owner.refused("CREATE TABLE t (id int)", "OS009");
    wall.db.superuser().run(&format!(
        "GRANT EXECUTE ON FUNCTION org_scope.declare_global(name, name, text) TO {}",
        wall.owner
    ));
    owner.run("SELECT org_scope.declare_global('public', 't', 'because'); CREATE TABLE t (id int)");
}

#[test]
fn what_a_statement_brings_along_is_fenced_too() {
    let (wall, mut owner) = watched("watch_along", "protect");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!("GRANT CREATE ON DATABASE {} TO {}", wall.db.name(), wall.owner));
    // The elements of CREATE SCHEMA fire no trigger of their own; the watch of a schema that is dropped stays.
    owner.run("CREATE SCHEMA shop");
    superuser.run("SELECT org_scope.watch('shop', 'org_id')");
    owner.run("DROP SCHEMA shop; CREATE SCHEMA shop CREATE TABLE first (org_id text) CREATE TABLE second (org_id text)");
    assert_eq!(fenced(&mut owner), ["shop.first", "shop.second"]);
    // A column comes to the children too.
    owner.run(
        "CREATE TABLE parent (id int); CREATE TABLE child (more int) INHERITS (parent);
         CREATE SCHEMA unwatched; CREATE TABLE unwatched.child () INHERITS (parent);
         ALTER TABLE parent ADD COLUMN org_id text",
    );
    assert_eq!(fenced(&mut owner), ["child", "parent", "shop.first", "shop.second", "unwatched.child"]);
    // Out of a schema that is not watched into one that is.
    owner.run("CREATE TABLE unwatched.above (id int); CREATE TABLE below () INHERITS (unwatched.above)");
    owner.refused("ALTER TABLE unwatched.above ADD COLUMN org_id text", "OS009").says("unwatched.above");
}

#[test]
fn what_was_there_stays_as_it_is() {
    let (wall, mut owner) = watched("watch_there", "protect");
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT org_scope.unwatch('public')");
    owner.run(
        "CREATE TABLE old (id int, org_id text); CREATE TABLE tree (id int, org_id text) PARTITION BY LIST (id)",
    );
    for action in ["protect", "refuse"] {
        superuser.run(&format!("SELECT org_scope.watch('public', 'org_id', '{action}')"));
        owner.run(
            "ALTER TABLE old ADD COLUMN IF NOT EXISTS org_id text; ALTER TABLE old ADD COLUMN IF NOT EXISTS x int;
             ALTER TABLE old ALTER org_id SET NOT NULL; CREATE TABLE IF NOT EXISTS old (id int, org_id text);
             CREATE TABLE IF NOT EXISTS old AS SELECT 1 AS org_id",
        );
        // A month's partition of a tree that nobody has fenced yet must not fail at midnight.
        owner
            .run(&format!("CREATE TABLE tree_{action} PARTITION OF tree FOR VALUES IN ('{}')", action.len()));
        assert_eq!(fenced(&mut owner), Vec::<String>::new());
    }
}
