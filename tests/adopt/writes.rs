//! What is written while a table is on its way.

use super::*;

#[test]
fn c4_old_code_gets_the_organization_and_new_code_the_account() {
    let inbox = Inbox::expanding("dual");
    let mut old = inbox.silent();
    old.run("INSERT INTO conversations (id, account_id, customer) VALUES (1, 'staff-456', 'x') ON CONFLICT DO NOTHING");
    old.run("INSERT INTO conversations (id, account_id, customer) VALUES (2001, 'staff-456', 'by old code')");
    let mut new = inbox.acting("staff-b");
    new.run("INSERT INTO conversations (id, organization_id, customer) VALUES (2002, 'org-admin-a', 'by new code')");
    new.run("INSERT INTO conversations (id, customer) VALUES (2003, 'by newer code')");
    assert_eq!(
        inbox.truth("conversations", "id > 2000"),
        format!("2001:staff-456:{XYZ} 2002:staff-b:{X} 2003:staff-b:{X}")
    );
}
