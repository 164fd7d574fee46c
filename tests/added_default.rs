//! A column that comes with a DEFAULT which reads the context would stamp the rows that are there.

use crate::harness::Wall;

#[test]
fn rows_that_are_there_get_nobodys_organization() {
    let wall = Wall::new("added_default");
    let mut owner = wall.owner();
    wall.db.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", wall.owner));
    owner.run(
        "CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE TABLE empty (id int);
         SELECT org_scope.set_current_org('7')",
    );
    for column in [
        "org_id text DEFAULT org_scope.current_org()",
        "org_id text DEFAULT org_scope.current_org()::varchar(9)::text",
        "org_id text NOT NULL DEFAULT org_scope.fence_org()",
        "org_id bigint DEFAULT org_scope.current_org_bigint()",
        "plan text DEFAULT coalesce(org_scope.context()->>'org', 'x')",
        "more int, ADD by text DEFAULT (org_scope.current_user_id())",
    ] {
        for table in ["t", "empty"] {
            let said = owner.refused(&format!("ALTER TABLE {table} ADD COLUMN {column}"), "OS009");
            said.says("reads the context");
        }
    }
    let mut superuser = wall.db.superuser();
    superuser.refused("ALTER TABLE t ADD org_id text DEFAULT org_scope.current_org()", "OS009");
    // A path that leads to them.
    owner.run("SET search_path = org_scope, public");
    owner.refused("ALTER TABLE t ADD org_id text DEFAULT current_org()", "OS009");
    owner.run("SET search_path = public");
    let said =
        owner.refused("ALTER TABLE t ADD \"The org\" varchar(9) DEFAULT org_scope.current_org()", "OS009");
    assert_eq!(
        said.hint,
        "ALTER TABLE public.t ADD COLUMN \"The org\" character varying(9); \
         ALTER TABLE public.t ALTER COLUMN \"The org\" SET DEFAULT org_scope.current_org();"
    );
    owner.run(&said.hint);
    assert_eq!(owner.text("SELECT \"The org\" FROM t"), "");
    owner.run("INSERT INTO t VALUES (2)");
    assert_eq!(owner.text("SELECT \"The org\" FROM t WHERE id = 2"), "7");
    // What comes without stamping.
    owner.run(
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS \"The org\" text DEFAULT org_scope.current_org();
         ALTER TABLE t ADD at timestamptz DEFAULT now(), ADD n int DEFAULT 3, ADD s text DEFAULT 'x'::text;
         ALTER TABLE t ADD two text, ALTER two SET DEFAULT org_scope.current_org();
         CREATE TABLE whole (org_id text DEFAULT org_scope.current_org())",
    );
    assert_eq!(owner.number("SELECT count(*) FROM t WHERE two IS NULL"), 2);
}

#[test]
fn a_dump_of_such_defaults_restores() {
    let wall = Wall::new("added_default_dump");
    wall.owner().run(
        "CREATE TABLE parent (id int); CREATE TABLE child (org_id text DEFAULT org_scope.current_org()) INHERITS (parent);
         CREATE TABLE other (more int, org_id text DEFAULT org_scope.current_org())",
    );
    let script = wall.db.dump(&[]);
    let restored = crate::harness::Db::empty("added_default_restored", crate::harness::Server::Plain);
    restored.psql_superuser(&script).ok();
    let defaults =
        "SELECT count(*) FROM information_schema.columns WHERE column_default LIKE '%current_org()'";
    assert_eq!(restored.superuser().number(defaults), 2);
}
