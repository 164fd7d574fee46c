//! Locks, writers, and callers at once.

use super::*;

#[test]
fn a_lock_timeout_is_respected_and_nothing_has_changed() {
    let wall = Wall::new("lock_timeout");
    let mut owner = wall.agents();
    let bare = owner.fence_of("agents");
    for mode in ["ACCESS SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE"] {
        let mut blocker = wall.owner();
        blocker.run(&format!("BEGIN; LOCK TABLE agents IN {mode} MODE"));
        owner.run("SET lock_timeout = '100ms'");
        owner.refused("SELECT org_scope.protect('agents')", "55P03");
        blocker.run("ROLLBACK");
        assert_eq!(owner.fence_of("agents"), bare, "{mode}");
    }
    owner.run("SELECT org_scope.protect('agents')");
    let stands = owner.fence_of("agents");
    let mut blocker = wall.owner();
    blocker.run("BEGIN; LOCK TABLE agents IN ROW EXCLUSIVE MODE");
    // Where nothing is to do, nothing waits.
    assert_eq!(work(&owner.steps("protect('agents')")), NONE);
    owner.refused("SELECT org_scope.unprotect('agents')", "55P03");
    owner.refused("SELECT org_scope.alter_protected('agents', 'ALTER TABLE agents ADD x int')", "55P03");
    blocker.run("ROLLBACK");
    assert_eq!(owner.fence_of("agents"), stands);
}

#[test]
fn writers_go_on_while_the_fence_is_made() {
    let wall = Wall::new("writers");
    let mut owner = wall.agents();
    owner.run(&format!("GRANT TRIGGER ON agents TO {}", wall.app));
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|number| {
                let mut app = wall.app("a");
                scope.spawn(move || {
                    for i in 0..200 {
                        let id = 1000 + number * 1000 + i;
                        app.run(&format!("INSERT INTO agents VALUES ({id}, 'a', 'w'); UPDATE agents SET name = 'v' WHERE id = {id}"));
                    }
                })
            })
            .collect();
        for _ in 0..5 {
            owner.run("SELECT org_scope.protect('agents')");
            owner.run("SELECT org_scope.unprotect('agents')");
        }
        owner.run("SELECT org_scope.protect('agents')");
        for writer in writers {
            writer.join().expect("no write fails");
        }
    });
    assert_eq!(wall.app("a").number("SELECT count(*) FROM agents WHERE name = 'v'"), 600);
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}

#[test]
fn two_callers_at_once_make_one_fence() {
    let wall = Wall::new("two_callers");
    let mut owner = wall.agents();
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut session = wall.owner();
            scope.spawn(move || session.run("SELECT org_scope.protect('agents')"));
        }
    });
    assert_eq!(owner.number("SELECT count(*) FROM pg_index WHERE indrelid = 'agents'::regclass"), 2);
    assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}");
}
