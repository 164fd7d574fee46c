//! A hardened key means within an organization what it meant before.

use super::*;

#[test]
fn actions_keep_their_meaning() {
    for (options, act, want) in [
        ("ON DELETE CASCADE", "DELETE FROM parent WHERE id = 1", Ok("12:2")),
        ("ON DELETE SET NULL", "DELETE FROM parent WHERE id = 1", Ok("11: 12:2")),
        ("ON DELETE SET NULL (parent_id)", "DELETE FROM parent WHERE id = 1", Ok("11: 12:2")),
        ("ON DELETE SET DEFAULT", "DELETE FROM parent WHERE id = 1", Ok("11:2 12:2")),
        ("ON DELETE NO ACTION", "DELETE FROM parent WHERE id = 1", Err("23503")),
        ("ON DELETE RESTRICT", "DELETE FROM parent WHERE id = 1", Err("23503")),
        ("ON UPDATE CASCADE", "UPDATE parent SET id = 9 WHERE id = 1", Ok("11:9 12:2")),
        ("ON UPDATE RESTRICT", "UPDATE parent SET id = 9 WHERE id = 1", Err("23503")),
        ("", "UPDATE parent SET id = 9 WHERE id = 1", Err("23503")),
        (
            "DEFERRABLE INITIALLY DEFERRED",
            "BEGIN; INSERT INTO child (id, parent_id) VALUES (14, 9); INSERT INTO parent (id) VALUES (9); COMMIT",
            Ok("11:1 12:2 14:9"),
        ),
        ("MATCH FULL", "INSERT INTO child (id, parent_id) VALUES (14, NULL)", Ok("11:1 12:2 14:")),
    ] {
        for harden in [false, true] {
            let (wall, mut owner) = pair("actions", options);
            if harden {
                owner.run("CALL org_scope.harden('child')");
                assert_eq!(
                    owner.number(
                        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'child'::regclass
                    AND contype = 'f' AND convalidated AND cardinality(conkey) = 2"
                    ),
                    1,
                    "{options}"
                );
            }
            let mut a = wall.app("a");
            match want {
                Ok(rows) => {
                    a.run(act);
                    let seen = a.text(
                        "SELECT string_agg(id || ':' || coalesce(parent_id::text, ''), ' ' ORDER BY id) FROM child",
                    );
                    assert_eq!(seen, rows, "{options}, hardened: {harden}");
                }
                Err(state) => drop(a.refused(act, state)),
            }
            assert_eq!(wall.app("b").text("SELECT parent_id FROM child"), "3");
        }
    }
}

#[test]
fn options_names_and_comments_stay() {
    let (_wall, mut owner) =
        pair("options", "ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED");
    owner.run("COMMENT ON CONSTRAINT child_parent_id_fkey ON child IS 'it''s mine'");
    owner.run("CALL org_scope.harden('child')");
    assert_eq!(
        keys_of(&mut owner, "child"),
        [
            "child_parent_id_fkey: FOREIGN KEY (org_id, parent_id) REFERENCES parent(org_id, id) ON UPDATE CASCADE \
          ON DELETE SET NULL (parent_id) DEFERRABLE INITIALLY DEFERRED"
        ]
    );
    let comment = "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'child_parent_id_fkey'";
    assert_eq!(owner.text(comment), "it's mine");
}
