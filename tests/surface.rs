//! What the extension brings into a database: commented, documented, and closed where it must be.

use std::fs;
use std::path::Path;

use crate::harness::{Db, Server};

/// The extension's members of a catalog, as people name them.
fn members(catalog: &str) -> String {
    format!(
        "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend \
         WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid = '{catalog}'::regclass \
           AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'org_scope')"
    )
}

#[test]
fn every_object_has_a_comment() {
    let db = Db::new("comments", Server::Plain);
    let mut superuser = db.superuser();
    for catalog in ["pg_proc", "pg_class", "pg_namespace", "pg_event_trigger"] {
        let bare = format!(
            "{} AND obj_description(objid, '{catalog}') IS NULL AND NOT EXISTS (SELECT FROM pg_class c \
             WHERE c.oid = objid AND classid = 'pg_class'::regclass AND c.relkind IN ('i', 'S', 't'))",
            members(catalog)
        );
        assert_eq!(superuser.column(&bare), Vec::<String>::new(), "without COMMENT ON");
    }
    let bare_columns = "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
        WHERE c.relnamespace = 'org_scope'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 \
          AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL";
    assert_eq!(superuser.column(bare_columns), Vec::<String>::new(), "columns without COMMENT ON");
}

#[test]
fn every_public_function_and_view_is_in_the_reference() {
    let db = Db::new("reference", Server::Plain);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let reference = fs::read_to_string(root.join("docs/reference.md")).expect("docs/reference.md");
    let names = "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace AND proname !~ '^_' \
        UNION SELECT relname FROM pg_class WHERE relnamespace = 'org_scope'::regnamespace AND relkind = 'v'";
    for name in db.superuser().column(names) {
        assert!(reference.contains(&format!("`{name}")), "docs/reference.md doesn't speak of {name}");
    }
}

#[test]
fn everybody_may_call_what_only_asks_and_nothing_else() {
    let db = Db::new("execute", Server::Plain);
    let closed = "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace \
        AND NOT has_function_privilege('public', oid, 'EXECUTE') AND proname !~ '^_' ORDER BY 1";
    assert_eq!(
        db.superuser().column(closed),
        [
            "across_orgs",
            "add_signing_key",
            "allow",
            "bind_role",
            "declare_global",
            "define_lookup",
            "define_project_members",
            "define_projects",
            "disallow",
            "explain_org",
            "for_each_org",
            "import_jwks",
            "remove_signing_key",
            "unbind_role",
            "undeclare_global",
            "undefine_lookup",
            "undefine_projects",
            "unwatch",
            "usage",
            "watch"
        ]
    );
}

#[test]
fn definer_functions_fix_their_search_path() {
    let db = Db::new("definer", Server::Plain);
    let loose = "SELECT proname FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace AND prosecdef \
        AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']";
    assert_eq!(db.superuser().column(loose), Vec::<String>::new());
}

#[test]
fn setters_are_called_on_null_and_nothing_is_parallel_unsafe_that_a_policy_calls() {
    let db = Db::new("volatility", Server::Plain);
    let strict = "SELECT proname FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace AND proisstrict";
    assert_eq!(db.superuser().column(strict), Vec::<String>::new(), "a strict setter keeps what was set");
    let readers = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'org_scope'::regnamespace \
        AND proname ~ '^(fence|current)_' AND NOT (provolatile = 's' AND proparallel = 's')";
    assert_eq!(db.superuser().number(readers), 0);
}

#[test]
fn the_extension_takes_over_no_schema_that_exists() {
    let db = Db::empty("squatter", Server::Plain);
    let squatter = db.role("squatter");
    let mut superuser = db.superuser();
    superuser.run(&format!("GRANT CREATE ON DATABASE {} TO {squatter}", db.name()));
    db.connect(&squatter).run("CREATE SCHEMA org_scope");
    superuser.refused("CREATE EXTENSION org_scope", "42P06");
}

#[test]
fn the_version_is_the_crates() {
    let db = Db::new("version", Server::Plain);
    let installed = db.superuser().text("SELECT extversion FROM pg_extension WHERE extname = 'org_scope'");
    assert_eq!(installed, env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_database_of_another_encoding_is_refused() {
    let db = Db::empty("encoding", Server::Plain);
    let mut superuser = db.superuser();
    let latin = format!("{}_latin1", db.name());
    superuser.run(&format!(
        "CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    let said = db.psql_superuser(&format!("\\connect {latin}\nCREATE EXTENSION org_scope"));
    superuser.run(&format!("DROP DATABASE {latin}"));
    assert!(!said.success && said.stderr.contains("0A000"), "{said:#?}");
}
