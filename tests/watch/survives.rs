//! Dumps, replicas and extensions beside a watch.

use super::{fenced, warnings, watched};
use crate::harness::{Db, Server, extension_directory};

#[test]
fn a_dump_of_a_watched_database_restores() {
    let (wall, mut owner) = watched("watch_dump", "protect");
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT org_scope.declare_global('public', 'plans', 'price list'), org_scope.declare_global('public', 'later', 'codes')");
    owner.run(
        "CREATE TABLE agents (id int PRIMARY KEY, org_id text NOT NULL); CREATE TABLE plans (id int PRIMARY KEY);
         CREATE TABLE calls (id int, agent int REFERENCES agents, org_id text) PARTITION BY LIST (id);
         CREATE TABLE calls_1 PARTITION OF calls DEFAULT; CREATE TABLE gone (id int, org_id text)",
    );
    superuser.run("SELECT org_scope.declare_global('gone', 'x'); DROP TABLE gone");
    let fences = ["agents", "calls", "calls_1"];
    assert_eq!(fenced(&mut owner), fences);
    let dumps = [wall.db.dump(&[]), wall.db.dump(&["--clean", "--if-exists"])];
    for script in &dumps {
        let restored = Db::empty("watch_restored", Server::Plain);
        restored.psql_superuser(script).ok();
        let mut session = restored.connect(&wall.owner);
        assert_eq!(fenced(&mut session), fences);
        let drifted = "SELECT count(*) FROM org_scope.protected_tables WHERE drift <> '{}'";
        assert_eq!(session.number(drifted), 0);
        // The watch goes on, and so do the declarations; the one of a table that is gone is gone.
        session.run("CREATE TABLE new (org_id text); CREATE TABLE later (org_id text); ALTER TABLE plans ADD org_id text");
        assert_eq!(fenced(&mut session), ["agents", "calls", "calls_1", "new"]);
        let declared =
            "SELECT string_agg(target::text, ' ' ORDER BY target::text) FROM org_scope.global_table";
        assert_eq!(restored.superuser().text(declared), "later plans");
        // Over what is there: everything is dropped first, in its order.
        session.run("DROP TABLE new, later");
        restored.psql_superuser(&dumps[1]).ok();
        assert_eq!(fenced(&mut session), fences);
    }
}

#[test]
fn parallel_restores_work_and_a_replica_is_left_alone() {
    let (wall, mut owner) = watched("watch_parallel", "protect");
    owner.run("CREATE TABLE agents (id int PRIMARY KEY, org_id text NOT NULL); CREATE TABLE plans (id int)");
    let archive = std::env::temp_dir().join(format!("{}.dump", wall.db.name()));
    let mut dump = wall.db.client("pg_dump", "postgres");
    dump.args(["--format=custom", "--file"]).arg(&archive);
    assert!(dump.status().expect("pg_dump").success());
    let restored = Db::empty("watch_parallel_restored", Server::Plain);
    for arguments in [&["--jobs=4"][..], &["--jobs=4", "--clean", "--if-exists"]] {
        let mut restore = restored.client("pg_restore", "postgres");
        restore.args(["--exit-on-error"]).args(arguments).arg(&archive);
        let output = restore.output().expect("pg_restore");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fenced(&mut restored.connect(&wall.owner)), ["agents"]);
    }
    drop(std::fs::remove_file(&archive));
    // As a subscriber, or a restore into a database that is watched already.
    let mut superuser = wall.db.superuser();
    superuser.run("SET session_replication_role = replica; CREATE TABLE copied (org_id text)");
    assert_eq!(fenced(&mut superuser), ["agents"]);
}

#[test]
fn the_extension_can_be_dropped_and_made_again_while_its_schema_is_watched() {
    let (wall, mut owner) = watched("watch_itself", "refuse");
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT org_scope.watch('org_scope', 'org_id', 'refuse')");
    superuser.run("DROP EXTENSION org_scope CASCADE; CREATE EXTENSION org_scope");
    owner.run("CREATE TABLE free (id int)");
}

#[test]
fn what_an_extension_brings_is_its_own() {
    let files = extension_directory();
    let script =
        "CREATE TABLE brought (org_id text); ALTER TABLE brought ADD x int; CREATE TABLE plain (id int);";
    let control = "default_version = '1'\nrelocatable = true\n";
    std::fs::write(files.join("scope_watch_test.control"), control).expect("a control file");
    std::fs::write(files.join("scope_watch_test--1.sql"), script).expect("a script");
    for action in ["protect", "refuse"] {
        let (wall, mut owner) = watched(&format!("watch_extension_{action}"), action);
        let mut superuser = wall.db.superuser();
        superuser.run("CREATE EXTENSION scope_watch_test");
        assert_eq!(warnings(&mut superuser), Vec::<String>::new());
        assert_eq!(fenced(&mut owner), Vec::<String>::new());
    }
}
