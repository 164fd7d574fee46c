//! The organization that a plan carries is compared whole: names that begin alike, end alike or are as long
//! as can be are different organizations.

use super::matrix::{MODES, perform};
use crate::harness::{Db, Server, Session};

/// A table of notes by text, a row for each organization, which says its number.
struct Named {
    db: Db,
    orgs: Vec<String>,
    sessions: Vec<(bool, &'static str, Session)>,
}

impl Named {
    fn new(test: &str, server: Server, orgs: Vec<String>) -> Self {
        let db = Db::new(test, server);
        let (owner, on, off) = (db.role("owner"), db.role("on"), db.role("off"));
        db.superuser().run(&format!(
            "GRANT CREATE ON SCHEMA public TO {owner}; ALTER ROLE {off} SET org_scope.plan_folding = off;
             SELECT org_scope.allow('{on}', 'direct'), org_scope.allow('{off}', 'direct')"
        ));
        let mut session = db.connect(&owner);
        session.run(&format!(
            "CREATE TABLE named (org_id text NOT NULL, number int); GRANT ALL ON named TO {on}, {off};
             CREATE TABLE many (id int, note text); GRANT ALL ON many TO {on}, {off}; INSERT INTO many VALUES (1, 'x')"
        ));
        for (number, org) in orgs.iter().enumerate() {
            session.run(&format!("INSERT INTO named VALUES ('{org}', {number})"));
        }
        session.run(
            "SELECT org_scope.protect('named');
             CREATE TABLE switches (org text); GRANT ALL ON switches TO PUBLIC;
             CREATE RULE r AS ON UPDATE TO many DO INSTEAD (
                 INSERT INTO switches SELECT org_scope.set_current_org(new.note);
                 SELECT number FROM named WHERE new.id = 1)",
        );
        let mut sessions = Vec::new();
        for (folding, role) in [(true, on), (false, off)] {
            for mode in MODES {
                let options = format!("-c plan_cache_mode={mode}");
                sessions.push((folding, mode, db.connect_with_options(&role, &options)));
            }
        }
        Self { db, orgs, sessions }
    }

    /// Every organization after every other, in every mode: each sees its own number alone. What a rule
    /// switches to between planning and executing, no folded plan takes for what it was folded for.
    fn assert_all_differ(mut self) {
        for (folding, mode, session) in &mut self.sessions {
            session.run(
                "PREPARE q AS SELECT number FROM named; PREPARE p (int) AS SELECT number FROM named WHERE number >= $1;
                 PREPARE r (text) AS UPDATE many SET note = $1",
            );
            for (one, org) in self.orgs.iter().enumerate() {
                for (other, next) in self.orgs.iter().enumerate() {
                    for (number, org) in [(one, org), (other, next)] {
                        session.act_for(org);
                        for sql in ["SELECT number FROM named", "EXECUTE q", "EXECUTE p (0)"] {
                            let seen = session.column(sql);
                            assert_eq!(seen, [number.to_string()], "{folding} {mode}: {sql} as {org:.40}");
                        }
                    }
                    for sql in [format!("UPDATE many SET note = '{org}'"), format!("EXECUTE r ('{org}')")] {
                        session.act_for(next);
                        let seen = perform(session, &sql);
                        let may_be_refused = *folding
                            && one != other
                            && sql.starts_with("EXECUTE")
                            && *mode != "force_generic_plan";
                        // The plan cache decides for itself between custom and generic plans.
                        let must_be_refused = may_be_refused && *mode == "force_custom_plan";
                        let right = if must_be_refused {
                            seen == "!OS003"
                        } else {
                            seen == one.to_string() || may_be_refused && seen == "!OS003"
                        };
                        assert!(right, "{folding} {mode}: {sql:.60} from {next:.40}: {seen}");
                    }
                }
            }
        }
        drop(self.db);
    }
}

#[test]
fn prefixes_of_each_other_and_of_words_are_different() {
    let orgs = ["a", "aaa", "aaaa", "aaaaa", "aaaab", "A", "é"];
    Named::new("prefixes", Server::Plain, orgs.map(str::to_owned).to_vec()).assert_all_differ();
}

#[test]
fn the_longest_that_differ_in_one_byte_are_different() {
    let long = |last: &str, length: usize| format!("{}{last}", "x".repeat(length - last.len()));
    let orgs = vec![
        long("a", 1024),
        long("b", 1024),
        long("", 1024),
        long("a", 1023),
        long("a", 1022),
        long("a", 1020),
        format!("a{}", "x".repeat(1023)),
    ];
    Named::new("longest", Server::Preloaded, orgs).assert_all_differ();
}

/// The same uuid in two spellings is one organization where the column is a uuid, whatever is compared.
#[test]
fn a_uuid_in_two_spellings_sees_the_same_rows() {
    let walled = crate::harness::Walled::new("spellings", Server::Plain);
    let spellings = [
        "aaaaaaaa-0000-4000-8000-000000000001",
        "AAAAAAAA-0000-4000-8000-000000000001",
        "{aaaaaaaa-0000-4000-8000-000000000001}",
        "AaAaAaAa000040008000000000000001",
    ];
    for mode in MODES {
        let mut app = walled.db.connect_with_options(&walled.app, &format!("-c plan_cache_mode={mode}"));
        app.run("PREPARE p (int) AS SELECT string_agg(body, ' ' ORDER BY id) FROM notes WHERE id >= $1");
        for spelling in spellings.repeat(2) {
            for kind in ["text", "uuid"] {
                app.run(&format!("SELECT org_scope.set_current_org('{spelling}'::{kind})"));
                assert_eq!(app.notes(), "a1 a2 a3", "{spelling}");
                assert_eq!(app.text("EXECUTE p (0)"), "a1 a2 a3", "{spelling}");
            }
        }
    }
}
