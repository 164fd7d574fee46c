//! Calling again: options that differ, and what was changed by hand.

use super::*;

#[test]
fn changed_options_make_only_the_difference() {
    let (_wall, mut owner) = fenced("options");
    for (call, expected) in [
        ("protect('agents')", vec![]),
        ("protect('agents', force => false)", vec!["fence", "force"]),
        ("protect('agents', force => false)", vec![]),
        ("protect('agents', force => false, set_default => false)", vec!["default", "fence"]),
        ("protect('agents', force => false, set_default => false)", vec![]),
        ("protect('agents', force => false, set_default => false, create_index => false)", vec!["fence"]),
        ("protect('agents')", vec!["default", "fence", "force"]),
        ("protect('agents')", vec![]),
    ] {
        let steps = owner.steps(call);
        assert_eq!(kinds(&steps), expected, "{call}: {steps:#?}");
        assert_eq!(owner.text("SELECT drift FROM org_scope.protected_tables"), "{}", "{call}");
    }
}

#[test]
fn drift_is_listed_repaired_and_said() {
    let damage: [(&str, &[&str]); 22] = [
        ("ALTER TABLE agents NO FORCE ROW LEVEL SECURITY", &["force"]),
        ("ALTER TABLE agents DISABLE ROW LEVEL SECURITY", &["row_security"]),
        ("ALTER POLICY org_scope_fence ON agents USING (true)", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents WITH CHECK (true)", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents USING (org_id = org_scope.fence_org() OR true)", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents USING (org_id = org_scope.current_org())", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents USING (name = org_scope.fence_org())", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents TO {owner}", &["fence"]),
        ("ALTER POLICY org_scope_fence ON agents RENAME TO mine", &["fence"]),
        ("DROP POLICY org_scope_fence ON agents", &["fence"]),
        (
            "DROP POLICY org_scope_fence ON agents; CREATE POLICY org_scope_fence ON agents USING (org_id = org_scope.fence_org())
             WITH CHECK (org_id = org_scope.fence_org())",
            &["fence"],
        ),
        (
            "DROP POLICY org_scope_fence ON agents; CREATE POLICY org_scope_fence ON agents AS RESTRICTIVE FOR SELECT USING (org_id = org_scope.fence_org())",
            &["fence"],
        ),
        ("DROP POLICY org_scope_gate ON agents", &["gate"]),
        ("ALTER POLICY org_scope_gate ON agents USING (true)", &["gate"]),
        ("ALTER POLICY org_scope_gate ON agents WITH CHECK (true)", &["gate"]),
        (
            "DROP POLICY org_scope_gate ON agents; CREATE POLICY org_scope_gate ON agents AS RESTRICTIVE USING (true)",
            &["gate"],
        ),
        ("DROP TRIGGER org_scope_truncate_guard ON agents", &["truncate_guard"]),
        ("ALTER TABLE agents DISABLE TRIGGER org_scope_truncate_guard", &["truncate_guard"]),
        ("ALTER TABLE agents ENABLE TRIGGER org_scope_truncate_guard", &["truncate_guard"]),
        ("ALTER TABLE agents ALTER org_id SET DEFAULT 'x'", &["default"]),
        ("ALTER TABLE agents ALTER org_id DROP DEFAULT", &["default"]),
        ("DROP INDEX idx_agents_org_id", &["index"]),
    ];
    let (wall, mut owner) = fenced("drift");
    // Where the fence itself was dropped or renamed, its memory is gone with it.
    let strip = |fence: &str| {
        fence.lines().filter(|l| !l.contains("Only the current")).collect::<Vec<_>>().join("\n")
    };
    let clean = strip(&owner.fence_of("agents"));
    let drift = "SELECT array_to_string(drift, ' ') FROM org_scope.protected_tables";
    for (statement, expected) in damage {
        wall.tamper(&statement.replace("{owner}", wall.owner.name()));
        let listed = owner.text(drift);
        assert!(expected.iter().all(|kind| listed.contains(kind)), "{statement}: {listed}");
        let steps = owner.steps("protect('agents')");
        assert!(expected.iter().all(|kind| kinds(&steps).contains(kind)), "{statement}: {steps:#?}");
        assert!(
            work(&steps).iter().all(|s| !s.reason.is_empty() && s.state == "done"),
            "{statement}: {steps:#?}"
        );
        if statement.contains("RENAME") {
            owner.run("DROP POLICY mine ON agents");
        }
        assert_eq!(strip(&owner.fence_of("agents")), clean, "{statement}");
        assert_eq!(
            (owner.text(drift).as_str(), work(&owner.steps("protect('agents')"))),
            ("", NONE),
            "{statement}"
        );
        assert_eq!(wall.app("a").number(COUNT), 2, "{statement}");
    }
}

#[test]
fn a_repair_of_everything_at_once() {
    let (wall, mut owner) = fenced("ruins");
    let clean = owner.fence_of("agents");
    wall.tamper(
        "DROP POLICY org_scope_fence ON agents; ALTER POLICY org_scope_gate ON agents USING (true);
         DROP TRIGGER org_scope_truncate_guard ON agents; ALTER TABLE agents DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
         ALTER TABLE agents ALTER org_id DROP DEFAULT; DROP INDEX idx_agents_org_id",
    );
    owner.run("SELECT org_scope.protect('agents')");
    assert_eq!(wall.app("a").number(COUNT), 2);
    // The comment went with the policy, so what was before is not known; all else stands again.
    let strip = |fence: &str| {
        fence.lines().filter(|l| !l.contains("Only the current")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(strip(&owner.fence_of("agents")), strip(&clean));
    assert_eq!(work(&owner.steps("protect('agents')")), NONE);
}

#[test]
fn another_column_is_another_fence() {
    let (_wall, mut owner) = fenced("other_column");
    let refusal = owner.refused("SELECT org_scope.protect('agents', 'name')", "OS009").says("org_id");
    owner.run(&refusal.hint);
    assert_eq!(owner.text("SELECT org_column FROM org_scope.protected_tables"), "name");
}
