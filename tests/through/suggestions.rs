//! A run over a schema names the tables that it passes by, with the call that protects each.

use super::*;

#[test]
fn a_run_over_a_schema_leads_to_the_children_level_by_level() {
    let tree = Tree::open("suggestions");
    let mut owner = tree.owner();
    owner.run(
        "ALTER TABLE lines ADD FOREIGN KEY (log_id) REFERENCES logs;
         CREATE TABLE other (id int PRIMARY KEY, code text UNIQUE, org_id text NOT NULL);
         CREATE TABLE of_two (id int, code text REFERENCES other (code), run_id int NOT NULL REFERENCES runs);
         CREATE TABLE of_code (code text REFERENCES other (code));
         CREATE TABLE alone (id int PRIMARY KEY, alone_id int REFERENCES alone)",
    );
    let mut said = Vec::new();
    for _ in 0..4 {
        let plan = owner.steps("plan_all('org_id')");
        let open = notes(&plan, "through")
            .into_iter()
            .filter(|n| n.reason.contains("stays open"))
            .cloned()
            .collect::<Vec<_>>();
        owner.run("CALL org_scope.protect_all('org_id')");
        let ran = "SELECT statement FROM org_scope.last_run WHERE kind = 'through' AND reason ~ 'stays open' ORDER BY statement";
        let mut statements: Vec<_> = open.into_iter().map(|n| n.statement).collect();
        statements.sort();
        assert_eq!(owner.column(ran), statements);
        statements.iter().for_each(|statement| owner.run(statement));
        said.push(statements.iter().map(|s| s.replace("SELECT * FROM org_scope.", "")).collect::<Vec<_>>());
    }
    assert_eq!(
        said,
        [
            vec![
                "protect_through('public.of_code', 'code', 'public.other', 'code')",
                "protect_through('public.of_two', 'run_id', 'public.runs')",
                "protect_through('public.steps', 'run_id', 'public.runs')",
            ],
            vec!["protect_through('public.logs', 'step_id', 'public.steps')"],
            vec!["protect_through('public.lines', 'log_id', 'public.logs')"],
            vec![],
        ]
    );
}

#[test]
fn tables_of_others_and_other_schemas_are_not_named() {
    let tree = Tree::open("suggestions_of_others");
    let other = tree.wall.db.role("other");
    tree.wall.db.superuser().run(&format!(
        "ALTER TABLE steps OWNER TO {other}; CREATE SCHEMA away; CREATE TABLE away.steps (run_id int REFERENCES runs)"
    ));
    assert!(notes(&tree.owner().steps("plan_all('org_id')"), "through").is_empty());
}
