//! Tables that belong to no organization on purpose.

use super::{fenced, warnings, watched};

#[test]
fn a_declared_table_may_come_and_keeps_its_declaration_under_another_name() {
    let (wall, mut owner) = watched("declared", "refuse");
    let mut superuser = wall.db.superuser();
    superuser.run("SELECT org_scope.declare_global('public', 'plans', 'price list')");
    owner.run("CREATE TABLE plans (id int)");
    owner.refused("CREATE TABLE other (id int)", "OS009");
    assert_eq!(
        superuser.text("SELECT concat_ws('|', target, schema, name, why) FROM org_scope.global_table"),
        "plans|public|plans|price list"
    );
    superuser.run(&format!("CREATE SCHEMA shop AUTHORIZATION {}", wall.owner));
    superuser.run("SELECT org_scope.watch('shop', 'org_id', 'refuse')");
    owner.run("ALTER TABLE plans RENAME TO tariffs; ALTER TABLE tariffs SET SCHEMA shop");
    owner.run("ALTER TABLE shop.tariffs ADD COLUMN org_id int");
    // The name is free for a table that nobody has declared.
    owner.refused("CREATE TABLE plans (id int)", "OS009");
    superuser.run("SELECT org_scope.declare_global('public', 'plans', 'the new one')");
    owner.run("CREATE TABLE plans (id int)");
    assert_eq!(superuser.number("SELECT count(*) FROM org_scope.global_table"), 2);
    // One that is dropped and made again is the one that was declared.
    owner.run("DROP TABLE plans; CREATE TABLE plans (id int, org_id text)");
    assert_eq!(fenced(&mut owner), Vec::<String>::new());
    superuser.run("SELECT org_scope.undeclare_global('shop.tariffs'); SELECT org_scope.undeclare_global('public', 'plans')");
    assert_eq!(superuser.number("SELECT count(*) FROM org_scope.global_table"), 0);
    owner.refused("ALTER TABLE plans RENAME org_id TO x; ALTER TABLE plans RENAME x TO org_id", "OS009");
}

#[test]
fn a_table_that_is_there_is_declared_by_either_call() {
    let (wall, mut owner) = watched("declared_there", "warn");
    let mut superuser = wall.db.superuser();
    owner.run("CREATE TABLE \"A b\" (id int); CREATE TABLE c (id int)");
    assert_eq!(warnings(&mut owner).len(), 2);
    superuser.run("SELECT org_scope.declare_global('\"A b\"', 'codes'), org_scope.declare_global('public', 'c', 'codes')");
    superuser.run("SELECT org_scope.declare_global('c', why => 'country codes')");
    assert_eq!(
        superuser.column("SELECT target || ' ' || why FROM org_scope.global_table ORDER BY 1"),
        ["\"A b\" codes", "c country codes"]
    );
    owner.run("ALTER TABLE c ADD COLUMN org_id text; ALTER TABLE \"A b\" ADD COLUMN org_id text");
    assert_eq!(warnings(&mut owner), Vec::<String>::new());
    superuser.refused("SELECT org_scope.declare_global('c', ' ')", "22023");
    superuser.refused("SELECT org_scope.declare_global('c', NULL)", "22004");
}
