//! Unique keys that shall hold for each organization.

use super::*;

fn tables(test: &str, keys: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE t (id int, org_id text NOT NULL, mail text, slug text);
         {keys};
         INSERT INTO t VALUES (1, 'a', 'x', 'one'), (2, 'b', 'y', 'two');
         GRANT SELECT, INSERT, UPDATE, DELETE ON t TO {};
         SELECT org_scope.protect('t')",
        wall.app
    ));
    (wall, owner)
}

#[test]
fn every_form_of_key_keeps_its_form_and_name() {
    for (key, want) in [
        ("ALTER TABLE t ADD CONSTRAINT k UNIQUE (mail)", "UNIQUE (org_id, mail)"),
        (
            "ALTER TABLE t ADD CONSTRAINT k UNIQUE (mail) DEFERRABLE INITIALLY DEFERRED",
            "UNIQUE (org_id, mail) DEFERRABLE INITIALLY DEFERRED",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT k UNIQUE NULLS NOT DISTINCT (mail) INCLUDE (slug)",
            "UNIQUE NULLS NOT DISTINCT (org_id, mail) INCLUDE (slug)",
        ),
        ("ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (id)", "PRIMARY KEY (org_id, id)"),
    ] {
        let (_wall, mut owner) = tables("forms", key);
        owner.run("COMMENT ON CONSTRAINT k ON t IS 'kept'; CALL org_scope.harden('t', '{k}')");
        let found = "SELECT pg_get_constraintdef(oid) || obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'k'";
        assert_eq!(owner.text(found), format!("{want}kept"));
        assert_eq!(work(&owner.steps("plan_harden('t', '{k}')")), NONE);
    }
    for (index, want) in [
        ("CREATE UNIQUE INDEX k ON t (mail)", "btree (org_id, mail)"),
        (
            "CREATE UNIQUE INDEX k ON t (lower(mail), slug DESC) INCLUDE (id) WITH (fillfactor = 70) WHERE id > 0",
            "btree (org_id, lower(mail), slug DESC) INCLUDE (id) WITH (fillfactor='70') WHERE (id > 0)",
        ),
        (
            "CREATE UNIQUE INDEX k ON t (mail text_pattern_ops, slug COLLATE \"C\")",
            "btree (org_id, mail text_pattern_ops, slug COLLATE \"C\")",
        ),
    ] {
        let (_wall, mut owner) = tables("index_forms", index);
        owner.run("COMMENT ON INDEX k IS 'kept'; CALL org_scope.harden('t', '{k}')");
        let found = "SELECT substring(pg_get_indexdef('k'::regclass) from 'USING (.*)$') || obj_description('k'::regclass, 'pg_class')";
        assert_eq!(owner.text(found), format!("{want}kept"));
        assert_eq!(work(&owner.steps("plan_harden('t', '{k}')")), NONE);
        let all = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisunique";
        assert_eq!(owner.number(all), 1);
    }
}

#[test]
fn what_is_not_asked_for_is_only_named() {
    let (_wall, mut owner) = tables(
        "named",
        "ALTER TABLE t ADD CONSTRAINT mail UNIQUE (mail), ADD CONSTRAINT slug UNIQUE (slug, org_id);
         ALTER TABLE t ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    );
    owner.run("CALL org_scope.harden('t')");
    let steps = ran(&mut owner);
    assert_eq!(work(&steps), NONE);
    let named: Vec<&str> = notes(&steps, "unique_key").iter().map(|s| s.statement.as_str()).collect();
    assert_eq!(named, ["CALL org_scope.harden('public.t', unique_per_org => '{mail}')"]);
    owner.run(named[0]);
    assert_eq!(notes(&owner.steps("plan_harden('t')"), "unique_key"), NONE);
}

#[test]
fn a_key_that_foreign_keys_stand_on_waits_for_them() {
    let (_wall, mut owner) = pair("stands_on", "");
    let call = "CALL org_scope.harden('parent', '{parent_pkey}')";
    owner.run(call);
    let steps = ran(&mut owner);
    let waits = work(&steps);
    assert_eq!(
        (waits[0].state.as_str(), waits[0].statement.as_str()),
        ("skipped", "CALL org_scope.harden('public.child')")
    );
    let statement = waits[0].statement.clone();
    owner.run(&statement);
    owner.run(call);
    let found = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'parent_pkey'";
    assert_eq!(owner.text(found), "PRIMARY KEY (org_id, id)");
    assert_eq!(work(&owner.steps("plan_harden('parent', '{parent_pkey}')")), NONE);
}

#[test]
fn a_tables_own_key_is_out_of_the_way_first() {
    let (wall, mut owner) = tables(
        "own",
        "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (id), ADD boss int CONSTRAINT boss REFERENCES t",
    );
    let planned = owner.steps("plan_harden('t', '{k}')");
    assert!(work(&planned).iter().all(|s| s.state == "planned"), "{planned:#?}");
    owner.run("CALL org_scope.harden('t', '{k}')");
    assert_eq!(keys_of(&mut owner, "t"), ["boss: FOREIGN KEY (org_id, boss) REFERENCES t(org_id, id)"]);
    assert_eq!(work(&owner.steps("plan_harden('t', '{k}')")), NONE);
    wall.app("b").run("INSERT INTO t (id, boss) VALUES (1, 1)");
}

#[test]
fn what_cannot_be_said_says_why() {
    for (key, why) in [
        ("ALTER TABLE t ADD CONSTRAINT k EXCLUDE (mail WITH =)", "exclusion constraint"),
        (
            "ALTER TABLE t ALTER mail SET NOT NULL; CREATE UNIQUE INDEX k ON t (mail); ALTER TABLE t REPLICA IDENTITY USING INDEX k",
            "replica identity",
        ),
        (
            "ALTER TABLE t ALTER org_id DROP NOT NULL; ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (id)",
            "may be NULL",
        ),
    ] {
        let (_wall, mut owner) = tables("why_not", key);
        owner.run("CALL org_scope.harden('t', '{k}')");
        let steps = ran(&mut owner);
        let work = work(&steps);
        assert_eq!((work.len(), work[0].state.as_str()), (1, "skipped"), "{steps:#?}");
        assert!(work[0].reason.contains(why), "{work:#?}");
    }
}
