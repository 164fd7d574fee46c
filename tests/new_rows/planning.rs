//! What happens to the table while the statement is being planned: a function that calls itself IMMUTABLE
//! is evaluated then, and may change the table under the plan.

use crate::harness::{A, B, Server, Walled};

#[test]
fn a_trigger_that_comes_while_the_statement_is_planned_is_caught() {
    let walled = Walled::new("planned", Server::Plain);
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    let mut owner = walled.owner();
    owner.run(&format!(
        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN new.org_id := '{B}'; RETURN new; END $$;
         CREATE FUNCTION change() RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN
             CREATE TRIGGER move BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move();
             RETURN 'stolen'; END $$;
         CREATE FUNCTION constant() RETURNS text LANGUAGE plpgsql IMMUTABLE
             AS $$ BEGIN RETURN (SELECT change()); END $$"
    ));
    owner.act_for(A);
    for statement in [
        "UPDATE notes SET body = constant() WHERE id = 1",
        "INSERT INTO notes (id, body) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET body = constant()",
    ] {
        owner.refused(statement, "55006").says("after the statement was planned");
        assert_eq!(walled.truth(), "a1 a2 a3 b4 b5", "{statement}");
    }
}

#[test]
fn a_child_that_comes_while_the_statement_is_planned_is_caught() {
    let walled = Walled::new("planned_child", Server::Plain);
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    let mut owner = walled.owner();
    owner.run(&format!(
        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN new.org_id := '{B}'; RETURN new; END $$;
         CREATE TABLE child (LIKE notes INCLUDING ALL);
         INSERT INTO child VALUES (9, '{A}', 'a9');
         CREATE TRIGGER move BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION move();
         CREATE FUNCTION change() RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN
             ALTER TABLE child INHERIT notes;
             RETURN 'stolen'; END $$;
         CREATE FUNCTION constant() RETURNS text LANGUAGE plpgsql IMMUTABLE
             AS $$ BEGIN RETURN (SELECT change()); END $$"
    ));
    owner.act_for(A);
    let statement =
        "WITH first AS MATERIALIZED (SELECT constant() AS c) UPDATE notes SET body = c FROM first";
    owner.run(statement);
    let orgs = "SELECT string_agg(body || left(org_id::text, 1), ' ' ORDER BY id) FROM notes";
    assert_eq!(walled.superuser().text(orgs), "stolena stolena stolena b4b b5b a9a");
    owner.refused("UPDATE notes SET body = 'again'", "42501").says("row-level security");
}

#[test]
fn a_trigger_that_comes_between_planning_and_execution_is_caught() {
    let walled = Walled::new("between", Server::Plain);
    walled.superuser().run(&format!("SELECT org_scope.allow('{}', 'direct')", walled.owner));
    let mut owner = walled.owner();
    owner.run(&format!(
        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN new.org_id := '{B}'; RETURN new; END $$;
         CREATE FUNCTION in_one() RETURNS void LANGUAGE sql AS $$
             CREATE TRIGGER move BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move();
             UPDATE notes SET body = 'stolen' $$"
    ));
    owner.act_for(A);
    let refusal = owner.try_run("SELECT in_one()").expect_err("an UPDATE that moves rows");
    assert!(["55006", "42501"].contains(&refusal.sqlstate.as_str()), "{refusal:#?}");
    // A portal is planned when it is bound.
    let mut transaction = owner.client().transaction().expect("BEGIN");
    let portal = transaction.bind("UPDATE notes SET body = 'stolen'", &[]).expect("a portal");
    let trigger = "CREATE TRIGGER move BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION move()";
    transaction.batch_execute(trigger).expect("a trigger");
    let error = transaction.query_portal(&portal, 0).map(|_| ()).expect_err("an UPDATE that moves rows");
    assert_eq!(error.code().map(|c| c.code().to_owned()).as_deref(), Some("55006"), "{error:?}");
    drop(portal);
    drop(transaction);
    assert_eq!(walled.truth(), "a1 a2 a3 b4 b5");
}
