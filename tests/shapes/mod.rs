//! Fences of other shapes than one column: rows that are everybody's, projects, a stamp of who acts, and
//! organizations that an expression finds.

mod actor;
mod expression;
mod projects;
mod shared_rows;

use crate::harness::{Session, Step, Wall, kinds, work};

const NONE: Vec<&Step> = Vec::new();

/// What two calls with the same arguments must be: the first does something, the second nothing, the plan
/// between them says so, and what stands is no drift.
#[track_caller]
fn stands_after(owner: &mut Session, arguments: &str) -> Vec<Step> {
    let steps = owner.steps(&format!("protect({arguments})"));
    assert_eq!(work(&owner.steps(&format!("plan({arguments})"))), NONE, "{arguments}");
    assert_eq!(work(&owner.steps(&format!("protect({arguments})"))), NONE, "{arguments}");
    assert_eq!(
        owner.column("SELECT DISTINCT drift::text FROM org_scope.protected_tables"),
        ["{}"],
        "{arguments}"
    );
    steps
}
