//! Readers remember their answer for each call site, until anything changes on which it depends.

use super::matrix::{Ground, across_transactions, everywhere};
use crate::harness::{A, B, Server};

/// One call site that is asked again and again while what it depends on changes under it.
#[test]
fn a_call_site_notices_every_change() {
    const ASKS: &str = "
        CREATE FUNCTION asks(changes text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
            DECLARE change text; BEGIN
                FOREACH change IN ARRAY changes LOOP
                    EXECUTE change;
                    RETURN NEXT coalesce(left(org_scope.current_org(), 1), '-')
                        || coalesce(left(org_scope.current_org_uuid()::text, 1), '-');
                END LOOP;
            END $$";
    everywhere("changes", ASKS, |cell| {
        let set = |org: &str| format!("$$SELECT org_scope.set_current_org('{org}', @local)$$");
        let (a, b) = (set("@A"), set("@B"));
        let none = "$$SELECT org_scope.clear_context()$$";
        let nothing = "$$SELECT 1$$";
        let caught = "$$DO 'BEGIN PERFORM org_scope.set_current_org(''@B'', @local); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END'$$";
        cell.run("SELECT org_scope.clear_context()");
        cell.expect(
            &format!("SELECT asks(ARRAY[{nothing}, {a}, {nothing}, {b}, {a}, {a}, {none}, {none}, {b}, {none}, {a}])"),
            "-- aa aa bb aa aa -- -- bb -- aa",
        );
        cell.expect(
            &format!("SELECT asks(ARRAY[{a}, {caught}, {b}, {caught}, {none}, {caught}])"),
            "aa aa bb bb -- --",
        );
        cell.expect(
            &format!(
                "SELECT asks(array_cat(array_fill({a}::text, ARRAY[40]), array_fill({b}::text, ARRAY[1])))"
            ),
            &("aa ".repeat(40) + "bb"),
        );
        let flips = format!("SELECT asks(ARRAY[{}])", [a.as_str(), b.as_str()].repeat(20).join(", "));
        cell.expect(&flips, ["aa", "bb"].repeat(20).join(" ").as_str());
        // A setting of a function's own ends with it.
        cell.expect(
            &format!("SELECT asks(ARRAY[{a}, $$RESET ALL$$, {b}, $$DISCARD PLANS$$])"),
            "aa -- bb bb",
        );
    });
}

/// What one row was told stays what it was told.
#[test]
fn values_stay_valid_when_the_organization_changes_in_the_same_statement() {
    const SWITCH: &str = "
        CREATE FUNCTION become(org text) RETURNS boolean LANGUAGE plpgsql
            AS $$ BEGIN PERFORM org_scope.set_current_org(org); RETURN true; END $$";
    everywhere("values", SWITCH, |cell| {
        for reader in ["current_org()", "current_org_uuid()::text"] {
            let orgs = "SELECT g, CASE g % 2 WHEN 0 THEN '@A' ELSE '@B' END AS org FROM generate_series(1, 60) g OFFSET 0";
            let expected = "ba".repeat(30);
            cell.expect(
                &format!(
                    "SELECT string_agg(left(o, 1), '' ORDER BY g) FROM (
                         SELECT g, CASE WHEN become(org) THEN org_scope.{reader} END AS o FROM ({orgs}) s OFFSET 0) s"
                ),
                &expected,
            );
            cell.expect(
                &format!(
                    "SELECT array_to_string(array_agg(left(o::text, 1) ORDER BY g), '') FROM (
                         SELECT g, CASE WHEN become(org) THEN org_scope.{reader} END AS o FROM ({orgs}) s OFFSET 0) s"
                ),
                &expected,
            );
            // Two call sites in one row, the organization switched between them.
            cell.expect(
                "SELECT left(one, 1) || left(two, 1) FROM (SELECT CASE WHEN become('@A') THEN org_scope.current_org() END AS one,
                     CASE WHEN become('@B') THEN org_scope.current_org() END AS two FROM generate_series(1, 3)) s",
                "ab ab ab",
            );
        }
        // Sorted, hashed and joined by what a call site told.
        cell.expect(
            "SELECT left(o, 1) || count(*) FROM (SELECT CASE WHEN become(CASE g % 3 WHEN 0 THEN '@A' ELSE '@B' END)
                 THEN org_scope.current_org() END AS o FROM generate_series(1, 90) g) s GROUP BY o ORDER BY 1",
            "a30 b60",
        );
    });
}

/// A loop through 100,000 changes in one transaction keeps no 100,000 values.
#[test]
fn memory_stays_bounded() {
    let ground = Ground::new("memory", Server::Plain, "");
    ground.walled.superuser().run(
        "GRANT EXECUTE ON FUNCTION pg_get_backend_memory_contexts() TO PUBLIC; GRANT SELECT ON pg_backend_memory_contexts TO PUBLIC",
    );
    let mut app = ground.session(true, "auto");
    app.run(&format!(
        "CREATE FUNCTION pg_temp.used() RETURNS bigint LANGUAGE sql
             AS 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts';
         CREATE FUNCTION pg_temp.switches(times int) RETURNS int LANGUAGE plpgsql AS $$
             DECLARE right_ones int = 0; orgs text[] = ARRAY['{A}', '{B}']; seen text; BEGIN
                 FOR i IN 1..times LOOP
                     PERFORM org_scope.set_current_org(orgs[i % 2 + 1]);
                     seen := org_scope.current_org();
                     IF seen = orgs[i % 2 + 1] AND org_scope.fence_org_uuid() = seen::uuid THEN
                         right_ones := right_ones + 1;
                     END IF;
                 END LOOP;
                 RETURN right_ones;
             END $$"
    ));
    app.run("BEGIN");
    app.run("SELECT pg_temp.switches(2000)");
    let before = app.number("SELECT pg_temp.used()");
    assert_eq!(app.number("SELECT pg_temp.switches(100000)"), 100_000);
    let after = app.number("SELECT pg_temp.used()");
    app.run("COMMIT");
    assert!(after < before + 1_000_000, "{before} bytes before, {after} after");
}

/// A nested transaction for each turn, whose end puts another organization back.
#[test]
fn a_call_site_survives_a_thousand_savepoints() {
    across_transactions("savepoints_many", "", |cell| {
        // One call site for both.
        cell.run(
            "CREATE FUNCTION pg_temp.org() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN org_scope.current_org(); END $$;
             DO $$ BEGIN
                 PERFORM org_scope.set_current_org('@A', @local);
                 FOR i IN 1..1000 LOOP
                     BEGIN
                         PERFORM org_scope.set_current_org('@B', @local);
                         IF pg_temp.org() <> '@B' THEN RAISE 'inside: %', pg_temp.org(); END IF;
                         RAISE division_by_zero;
                     EXCEPTION WHEN division_by_zero THEN NULL; END;
                     IF pg_temp.org() <> '@A' THEN RAISE 'outside: %', pg_temp.org(); END IF;
                 END LOOP;
             END $$",
        );
    });
}
