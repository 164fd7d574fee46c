//! What cannot be fenced, and what to do instead.

use super::*;

#[test]
fn what_cannot_be_fenced_is_refused_with_what_to_do() {
    let wall = Wall::new("refusals");
    let mut superuser = wall.db.superuser();
    superuser.run(
        "CREATE EXTENSION citext; CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw;
         CREATE COLLATION nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (org_id text, c char(9), bp bpchar, ci citext, nd text COLLATE nd, j json, jb jsonb, d date, n numeric,
            arr text[], e pg_lsn, nm name, vb varbit, x xml, b boolean, ch \"char\", f float8);
         CREATE DOMAIN dc AS char(4); CREATE DOMAIN dnd AS text COLLATE nd; CREATE TYPE en AS ENUM ('a'); CREATE TYPE co AS (org_id text);
         ALTER TABLE t ADD dc dc, ADD dnd dnd, ADD en en, ADD co co;
         CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; CREATE SEQUENCE sq; CREATE INDEX ix ON t (org_id);
         CREATE FOREIGN TABLE f (org_id text) SERVER s OPTIONS (filename '/dev/null');
         CREATE TABLE gone (org_id text, other text); ALTER TABLE gone DROP org_id",
    );
    let columns = "c bp ci nd j jb d n arr e nm vb x b ch f dc dnd en co";
    let mut calls: Vec<(String, String)> =
        columns.split(' ').map(|c| ("t".to_owned(), format!("'t', '{c}'"))).collect();
    for call in [
        "'v'",
        "'m'",
        "'f'",
        "'sq'",
        "'ix'",
        "'co'",
        "'gone'",
        "'t', 'no_such_column'",
        "'t', 'ctid'",
        "'t', 'tableoid'",
        "'pg_class', 'relname'",
        "'information_schema.sql_features', 'feature_id'",
        "'org_scope.journal', 'reason'",
        "'pg_toast.pg_toast_1255', 'chunk_id'",
    ] {
        calls.push((call.split('\'').nth(1).expect("a name").to_owned(), call.to_owned()));
    }
    for (table, call) in &calls {
        let before = superuser.fence_of(table);
        for function in ["plan", "protect"] {
            let refusal = superuser.refused(&format!("SELECT org_scope.{function}({call})"), "OS009");
            assert!(!refusal.hint.is_empty(), "{call}: {refusal:#?}");
        }
        assert_eq!(superuser.fence_of(table), before, "{call}");
    }
    // Hints that are statements run, and help.
    for column in ["c", "ci", "nd", "n"] {
        let hint = superuser.refused(&format!("SELECT org_scope.protect('t', '{column}')"), "OS009").hint;
        superuser.run("DROP VIEW v; DROP MATERIALIZED VIEW m");
        superuser.run(&hint);
        superuser.run(&format!("SELECT org_scope.protect('t', '{column}'); SELECT org_scope.unprotect('t')"));
        superuser.run("CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1");
    }
    superuser.refused("SELECT org_scope.protect(NULL)", "22004");
    superuser.refused("SELECT org_scope.protect('t', NULL)", "22004");
    superuser.refused("SELECT org_scope.protect('t', force => NULL)", "22004");
    superuser.refused("SELECT org_scope.protect('no_such_table')", "42P01");
    superuser.refused("SELECT org_scope.protect(4294967::regclass)", "42P01");
    superuser.refused("SELECT org_scope.protect('t', roles => '{}')", "22023");
    superuser.refused("SELECT org_scope.protect('t', roles => '{no_such_role}')", "42704");
    superuser.refused("CALL org_scope.protect_all('org_id', '{no_such_schema}')", "3F000");
}

#[test]
fn another_sessions_temporary_table_is_refused_and_ones_own_is_fenced() {
    let wall = Wall::new("temporary");
    let mut one = wall.owner();
    one.run("CREATE TEMP TABLE mine (org_id text); INSERT INTO mine VALUES ('a')");
    let oid = one.text("SELECT 'mine'::regclass::oid");
    let mut other = wall.owner();
    for function in ["plan", "protect"] {
        other.refused(&format!("SELECT org_scope.{function}({oid}::regclass)"), "OS009").says("temporary");
    }
    assert_eq!(work(&one.steps("protect('mine')")).last().map(|s| s.kind.as_str()), Some("force"));
    one.refused("SELECT count(*) FROM mine", "OS001");
    assert_eq!(work(&one.steps("protect('mine')")), NONE);
}

#[test]
fn an_unlogged_table_and_a_generated_column() {
    let wall = Wall::new("kinds");
    let mut owner = wall.owner();
    owner.run(
        "CREATE UNLOGGED TABLE u (org_id text);
         CREATE TABLE g (src text, org_id text GENERATED ALWAYS AS (lower(src)) STORED);
         CREATE TABLE i (org_id bigint GENERATED ALWAYS AS IDENTITY, n int)",
    );
    assert_eq!(owner.steps("protect('u')").iter().filter(|s| s.state != "done").count(), 0);
    for table in ["g", "i"] {
        let steps = owner.steps(&format!("protect('{table}')"));
        let skipped: Vec<&str> =
            steps.iter().filter(|s| s.state == "skipped").map(|s| s.kind.as_str()).collect();
        assert_eq!(skipped, ["default"], "{steps:#?}");
        assert_eq!(work(&owner.steps(&format!("protect('{table}')"))), NONE);
        owner.run(&format!("SELECT org_scope.unprotect('{table}')"));
    }
}
