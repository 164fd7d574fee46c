//! The way from the first phase to the last, and back.

use super::*;

#[test]
fn c1_every_table_goes_through_all_phases() {
    let inbox = Inbox::expanding("way");
    let mut owner = inbox.owner();
    for table in TABLES {
        assert_eq!(inbox.phase(table), "expanding", "{table}");
    }
    for table in TABLES {
        owner.run(&format!("CALL org_scope.backfill('{table}', batch_size => 100)"));
        owner.run(&format!("CALL org_scope.advance('{table}')"));
        assert_eq!(inbox.phase(table), "fallback", "{table}");
        owner.run(&format!("CALL org_scope.advance('{table}')"));
        assert_eq!(inbox.phase(table), "enforced", "{table}");
        owner.run(&format!("CALL org_scope.advance('{table}')"));
        assert_eq!(inbox.phase(table), "finished", "{table}");
    }
    for (account, org) in [("staff-456", XYZ), ("admin-a", X), ("admin-789", ABC)] {
        let mut session = inbox.acting(account);
        for table in TABLES {
            assert_eq!(
                session.column(&format!("SELECT DISTINCT organization_id FROM {table}")),
                [org],
                "{table}"
            );
        }
    }
}
