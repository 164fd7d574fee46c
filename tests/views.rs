//! Views over fenced tables: whose rows each shows, and the two ways to mend one that shows all.

use crate::harness::{Session, Wall, notes};

fn count(session: &mut Session, view: &str) -> i64 {
    session.number(&format!("SELECT count(*) FROM {view}"))
}

#[test]
fn a_view_whose_owner_is_fenced_is_fenced() {
    let wall = Wall::new("view_owners");
    let mut owner = wall.agents();
    let other = wall.db.role("other");
    owner.run(&format!("SELECT org_scope.protect('agents'); GRANT SELECT ON agents TO {other}"));
    wall.db.superuser().run(&format!(
        "SET ROLE {owner}; CREATE VIEW of_owner AS SELECT * FROM agents; GRANT SELECT ON of_owner TO {app};
         RESET ROLE; CREATE VIEW of_other AS SELECT * FROM agents; ALTER VIEW of_other OWNER TO {other};
         CREATE VIEW above AS SELECT * FROM of_other; ALTER VIEW above OWNER TO {other};
         CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM agents; ALTER VIEW barrier OWNER TO {other};
         GRANT SELECT ON of_other, above, barrier TO {app}",
        owner = wall.owner,
        app = wall.app,
    ));
    let views = ["of_owner", "of_other", "above", "barrier"];
    for (org, rows) in [("a", 2), ("b", 3), ("none", 0)] {
        let mut app = wall.app(org);
        assert_eq!(views.map(|view| count(&mut app, view)), [rows; 4], "{org}");
    }
    let mut app = wall.db.connect(&wall.app);
    for view in views {
        app.refused(&format!("SELECT FROM {view}"), "OS001");
    }
    assert_eq!(notes(&owner.steps("protect('agents')"), "view").len(), 0);
}

#[test]
fn either_mend_of_a_view_is_enough_and_its_readers_go_on_reading() {
    for mend in [0, 1] {
        let wall = Wall::new("view_mends");
        let mut owner = wall.agents();
        let (reader, writer) = (wall.db.role("reader"), wall.db.role("writer"));
        let mut superuser = wall.db.superuser();
        superuser.run(&format!(
            "CREATE TABLE public.plans (id int, plan text); INSERT INTO plans VALUES (1, 'free'), (3, 'gold');
             GRANT SELECT ON plans TO {owner};
             CREATE VIEW \"All agents\" AS SELECT a.*, plan FROM agents a LEFT JOIN plans USING (id);
             CREATE VIEW simple AS SELECT id, org_id, name FROM agents;
             CREATE VIEW upper AS SELECT * FROM \"All agents\";
             GRANT SELECT ON \"All agents\" TO {app}; GRANT SELECT ON upper TO {reader};
             GRANT SELECT, INSERT, DELETE ON simple TO {writer};
             SELECT org_scope.allow('{reader}', 'direct'), org_scope.allow('{writer}', 'direct')",
            owner = wall.owner,
            app = wall.app,
        ));
        let steps = owner.steps("protect('agents')");
        let found = notes(&steps, "view");
        assert_eq!(found.len(), 4, "two views, two mends each: {found:#?}");
        let mut app = wall.app("a");
        assert_eq!(count(&mut app, "\"All agents\""), 5, "the road is there");
        for note in found.iter().skip(mend).step_by(2) {
            superuser.run(&note.statement);
        }
        assert_eq!(notes(&owner.steps("protect('agents')"), "view").len(), 0);
        assert_eq!(count(&mut app, "\"All agents\""), 2, "mend {mend}: {found:#?}");
        let mut reader = wall.db.connect(&reader);
        reader.act_for("b");
        assert_eq!(count(&mut reader, "upper"), 3);
        assert_eq!(reader.text("SELECT plan FROM upper WHERE id = 3"), "gold");
        let mut writer = wall.db.connect(&writer);
        writer.act_for("b");
        assert_eq!(count(&mut writer, "simple"), 3);
        writer.run("INSERT INTO simple VALUES (9, 'b', 'x')");
        writer.refused("INSERT INTO simple VALUES (10, 'a', 'x')", "42501");
        assert_eq!(writer.touched("DELETE FROM simple"), 4);
        writer.refused("UPDATE simple SET name = 'y'", "42501");
    }
}

#[test]
fn only_mends_that_help_are_told() {
    let wall = Wall::new("view_told");
    let mut owner = wall.agents();
    let mut superuser = wall.db.superuser();
    superuser.run(&format!("CREATE VIEW v AS SELECT * FROM agents; GRANT SELECT ON v TO {}", wall.app));
    // The owner isn't fenced: whoever it belongs to, it would show all.
    let steps = owner.steps("protect('agents', force => false)");
    let told: Vec<&str> = notes(&steps, "view").into_iter().map(|n| n.statement.as_str()).collect();
    assert_eq!(
        told,
        ["ALTER VIEW public.v SET (security_invoker = true)"],
        "the application has every right"
    );
    superuser
        .run(&format!("REVOKE SELECT ON agents FROM {app}; GRANT SELECT ON v TO PUBLIC", app = wall.app));
    let steps = owner.steps("plan('agents')");
    let told: Vec<&str> = notes(&steps, "view").into_iter().map(|n| n.statement.as_str()).collect();
    assert_eq!(
        told,
        [
            format!(
                "ALTER VIEW public.v SET (security_invoker = true); GRANT SELECT ON TABLE public.agents TO {}, PUBLIC",
                wall.app
            ),
            format!("ALTER VIEW public.v OWNER TO {}", wall.owner)
        ]
    );
}

#[test]
fn a_materialized_view_holds_what_its_refresh_saw() {
    let wall = Wall::new("matview");
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    let mut superuser = wall.db.superuser();
    superuser.run(&format!("SELECT org_scope.allow('{}', 'direct')", wall.owner));
    // As its fenced owner: what the organization of the moment sees.
    owner.act_for("a");
    owner.run("CREATE MATERIALIZED VIEW mine AS SELECT * FROM agents");
    assert_eq!(count(&mut owner, "mine"), 2);
    owner.act_for("b");
    assert_eq!(count(&mut owner, "mine"), 2, "it knows no organization");
    owner.run("REFRESH MATERIALIZED VIEW mine");
    assert_eq!(count(&mut owner, "mine"), 3);
    owner.run("SELECT org_scope.clear_context()");
    owner.refused("REFRESH MATERIALIZED VIEW mine", "OS001");
    superuser.run("SELECT org_scope.set_current_org('a'); REFRESH MATERIALIZED VIEW mine");
    assert_eq!(count(&mut superuser, "mine"), 2, "a superuser's REFRESH reads as the view's owner");
    let steps = owner.steps("plan('agents')");
    let said = &notes(&steps, "view")[0].reason;
    assert!(said.contains("the organization that is set then"), "{said}");
    // As an owner whom nothing binds: everybody's.
    superuser.run(
        "CREATE MATERIALIZED VIEW everybodys AS SELECT * FROM agents; SELECT org_scope.set_current_org('a')",
    );
    superuser.run("REFRESH MATERIALIZED VIEW everybodys");
    assert_eq!(count(&mut superuser, "everybodys"), 5);
    let steps = owner.steps("plan('agents')");
    let said = &notes(&steps, "view")[0].reason;
    assert!(said.contains("every organization's rows"), "{said}");
}
