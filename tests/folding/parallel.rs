//! Workers that are really launched, for folded and unfolded plans.

use super::matrix::{Cell, everywhere};
use crate::harness::{A, B};

const BULK: &str = "
    CREATE TABLE bulk (id int, org_id uuid NOT NULL, body text);
    INSERT INTO bulk SELECT g, CASE g % 3 WHEN 0 THEN '@A' ELSE '@B' END::uuid, 'bulk' FROM generate_series(1, 9000) g;
    ANALYZE bulk;
    SELECT org_scope.protect('bulk', create_index => false)";

/// Makes the planner want workers, and nobody else do their work.
const FORCED: &str = "
    SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
    SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off";

/// Other tests may have taken all workers for a moment.
#[track_caller]
fn assert_workers_are_launched(cell: &mut Cell, sql: &str) {
    let mut plan = String::new();
    for _ in 0..50 {
        plan = cell.session.column(&format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}")).join("\n");
        let launched = plan.lines().find_map(|line| line.trim().strip_prefix("Workers Launched: "));
        if launched.is_some_and(|number| number != "0") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{}: no worker was launched for {sql}, so nothing is proven:\n{plan}", cell.place());
}

#[test]
fn workers_act_for_their_leaders_organization() {
    everywhere("workers", BULK, |cell| {
        cell.run(FORCED);
        cell.run(
            "PREPARE q AS SELECT count(*) FROM bulk; PREPARE p (int) AS SELECT count(*) FROM bulk WHERE id >= $1;
             CREATE FUNCTION pg_temp.f(i int) RETURNS bigint LANGUAGE plpgsql
                 AS $$ BEGIN RETURN (SELECT count(*) FROM bulk WHERE id >= i); END $$",
        );
        cell.act(Some(B));
        for sql in ["SELECT count(*) FROM bulk", "EXECUTE q", "EXECUTE p (0)"] {
            assert_workers_are_launched(cell, sql);
        }
        for (org, count) in [(Some(A), "3000"), (None, "!OS001"), (Some(B), "6000")] {
            cell.act(org);
            cell.expect("SELECT count(*) FROM bulk WHERE org_scope.current_org_uuid() = org_id", count);
            for sql in ["EXECUTE p (0)", "SELECT pg_temp.f(0)"] {
                cell.expect(sql, count);
            }
        }
    });
}
