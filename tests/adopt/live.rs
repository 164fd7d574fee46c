//! An old version of the application and a new one write at the same time through every phase: nothing is lost,
//! doubled, or seen by the wrong organization.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;

/// Whom the versions act for.
const ACCOUNTS: [(&str, &str); 4] =
    [("admin-123", XYZ), ("staff-456", XYZ), ("staff-b", X), ("admin-789", ABC)];

/// What a version has written and not taken back: `id`, and what the row says.
type Written = Vec<(i64, String)>;

/// How a version says who it is, and which columns it knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// It knows `account_id` alone, and one call more from the second phase on.
    Old,
    /// It knows its organization.
    New,
}

/// Writes messages for one account until it is stopped, as a version does, over one connection.
fn write(
    inbox: &Inbox,
    version: Version,
    account: &'static str,
    org: &'static str,
    says_who: &Arc<AtomicBool>,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<Written> {
    let mut session = inbox.silent();
    let (says_who, stop) = (Arc::clone(says_who), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut written = Written::new();
        let mut number = 0;
        let mut known = false;
        let tag = if version == Version::Old { "old" } else { "new" };
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            if !known && (version == Version::New || says_who.load(Ordering::Relaxed)) {
                session.run(&format!("SELECT org_scope.set_current_org_from('account', '{account}')"));
                known = true;
            }
            let text = format!("{tag} {account} {number}");
            let insert = match version {
                Version::Old => format!(
                    "INSERT INTO messages (account_id, conversation_id, text) VALUES ('{account}', 1, '{text}') RETURNING id"
                ),
                Version::New => format!(
                    "INSERT INTO messages (organization_id, conversation_id, text) VALUES ('{org}', 1, '{text}') RETURNING id"
                ),
            };
            let id = session.number(&insert);
            written.push((id, text));
            // Some are changed, and some are deleted.
            let place = written.len() / 2;
            if number % 3 == 0 {
                let text = format!("{} again", written[place].1);
                let update = format!(
                    "UPDATE messages SET text = '{text}' WHERE id = {} AND account_id = '{account}'",
                    written[place].0
                );
                assert_eq!(session.touched(&update), 1, "{update}");
                written[place].1 = text;
            } else if number % 7 == 0 {
                let (id, _) = written.remove(place);
                assert_eq!(session.touched(&format!("DELETE FROM messages WHERE id = {id}")), 1);
            }
            // Old code filters by account; whoever says who it is sees its organization alone.
            if known && number % 5 == 0 {
                let others = format!("SELECT count(*) FROM messages WHERE organization_id <> '{org}'");
                let fenced =
                    session.text("SELECT relrowsecurity FROM pg_class WHERE oid = 'messages'::regclass");
                if fenced == "t" {
                    assert_eq!(session.number(&others), 0, "{account}");
                }
            }
        }
        written
    })
}

#[test]
fn both_versions_write_through_every_phase_and_nothing_is_lost_doubled_or_seen_by_others() {
    let inbox = Inbox::with_users("live");
    let before = "SELECT md5(string_agg((id, account_id, conversation_id, text, created_at)::text, ' ' ORDER BY id)) FROM messages WHERE id <= 4000";
    let mut owner = inbox.owner();
    let rows = owner.text(before);
    let (says_who, stop_old, stop_new) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let start = |version: Version, stop: &Arc<AtomicBool>| -> Vec<_> {
        ACCOUNTS.iter().map(|(account, org)| write(&inbox, version, account, org, &says_who, stop)).collect()
    };
    let mut threads = start(Version::Old, &stop_old);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(300));
    pause();
    owner.run("CALL org_scope.adopt('messages', 'organization_id', lookup => 'account', legacy_column => 'account_id')");
    // From now on the new version may be deployed.
    threads.extend(start(Version::New, &stop_new));
    pause();
    owner.run("CALL org_scope.backfill('messages', batch_size => 200, pause => '5 ms')");
    // What the contract asks of the old version before the fence.
    says_who.store(true, Ordering::Relaxed);
    pause();
    pause();
    for _ in 0..2 {
        owner.run("CALL org_scope.advance('messages')");
        pause();
    }
    // The old version goes before the end.
    stop_old.store(true, Ordering::Relaxed);
    owner.run("CALL org_scope.advance('messages')");
    pause();
    stop_new.store(true, Ordering::Relaxed);
    let mut expected = Vec::new();
    for (place, thread) in threads.into_iter().enumerate() {
        let (account, org) = ACCOUNTS[place % ACCOUNTS.len()];
        let written = thread.join().expect("every statement succeeded");
        assert!(written.len() > 20, "{account} wrote {}", written.len());
        expected.extend(written.into_iter().map(|(id, text)| format!("{id} {account} {org} {text}")));
    }
    expected.sort();
    let mut found = inbox.db.superuser().column(
        "SELECT id || ' ' || account_id || ' ' || organization_id || ' ' || text FROM messages WHERE id > 4000",
    );
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(inbox.db.superuser().text(before), rows);
    let wrong = "SELECT count(*) FROM messages m LEFT JOIN users u USING (account_id) WHERE m.organization_id IS DISTINCT FROM u.organization_id";
    assert_eq!(inbox.db.superuser().number(wrong), 0);
    assert_eq!(inbox.phase("messages"), "finished");
}
