//! Hardened keys in a dump, and dumps that are restored by the tables' owner.

use super::*;
use crate::harness::{Db, Server};

#[test]
fn a_dump_brings_hardened_keys_back() {
    let (wall, mut owner) = hardened("dumped", "ON DELETE SET NULL");
    owner.run("CALL org_scope.harden('parent', '{parent_pkey}')");
    let keys = keys_of(&mut owner, "child");
    for arguments in [vec![], vec!["--inserts", "--no-comments"]] {
        let copy = Db::empty("dumped_back", Server::Plain);
        copy.psql_superuser(&wall.db.dump(&arguments)).ok();
        let mut superuser = copy.superuser();
        assert_eq!(keys_of(&mut superuser, "child"), keys);
        for table in ["child", "parent"] {
            assert_eq!(work(&superuser.steps(&format!("plan_harden('{table}')"))), NONE);
        }
        let mut b = copy.connect(&wall.app);
        b.run("SELECT org_scope.set_current_org('b')");
        b.refused("INSERT INTO child (id, parent_id) VALUES (66, 1)", "23503");
    }
}

#[test]
fn the_owner_restores_rows_before_the_fence_stands() {
    let (wall, _owner) = hardened("owner_restores", "");
    let dump = wall.db.dump(&["--table=parent", "--table=child"]);
    let other = Server::Preloaded;
    let copy = Db::new("owner_restored", other);
    // Roles belong to a server: the ones of the dump are made here for its grants.
    for role in [&wall.owner, &wall.app] {
        copy.superuser().run(&format!("CREATE ROLE {role} LOGIN"));
    }
    copy.superuser().run(&format!("GRANT CREATE ON SCHEMA public TO {}", wall.owner));
    let restored = copy.psql(&wall.owner, &dump);
    let keys = keys_of(&mut copy.superuser(), "child");
    for role in [&wall.owner, &wall.app] {
        copy.superuser().run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
    assert!(restored.success, "{restored:#?}");
    assert_eq!(keys, keys_of(&mut wall.owner(), "child"));
}
