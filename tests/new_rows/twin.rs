//! The same statements on two tables: one with the fence, and one whose policies say the same in words
//! that nobody shortens. What differs is a hole.

use super::statements::STATEMENTS;
use super::variants::{CHANGES, PLAIN, VARIANTS, Variant};
use crate::harness::{A, B, Server, Session, Walled};

/// Both schemas' tables, before a variant adds to them.
const TABLES: &str = "
    CREATE TABLE notes (gone int, id int PRIMARY KEY, org_id %TYPE% NOT NULL, body text NOT NULL);
    ALTER TABLE notes DROP COLUMN gone;
    INSERT INTO notes VALUES (1, '%A%', 'a1'), (2, '%A%', 'a2'), (3, '%A%', 'a3'), (4, '%B%', 'b4'), (5, '%B%', 'b5');
    CREATE TABLE refs (id int PRIMARY KEY, note int REFERENCES notes ON UPDATE CASCADE ON DELETE CASCADE, org_id %TYPE%, body text);
    INSERT INTO refs VALUES (1, 1, '%A%', 'ra'), (2, 4, '%B%', 'rb');
    CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.org_id := '%B%'; RETURN new; END $$;
    CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.org_id := '%A%'; RETURN new; END $$;
    CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF pg_trigger_depth() = 1 THEN EXECUTE format('UPDATE %I.notes SET org_id = %L', tg_table_schema, '%B%'); END IF;
        RETURN NULL; END $$;
    CREATE VIEW plain AS SELECT body, org_id, id FROM notes;
    CREATE VIEW invoker WITH (security_invoker) AS SELECT id AS org, org_id AS id, body FROM notes;
    CREATE VIEW barrier WITH (security_barrier, security_invoker) AS SELECT * FROM notes WHERE org_id %IS% WITH CHECK OPTION;
    CREATE VIEW nested WITH (security_invoker) AS SELECT * FROM barrier WHERE id < 100 WITH LOCAL CHECK OPTION;";

struct Twins {
    walled: Walled,
    org_type: &'static str,
}

/// The schema with the fence, and the other one.
const SCHEMAS: [&str; 2] = ["folk", "kin"];

impl Twins {
    fn new(variant: &Variant) -> Self {
        let walled = Walled::new("twin", Server::Plain);
        let owner = &walled.owner;
        walled.superuser().run(&format!(
            "DROP TABLE notes; CREATE DOMAIN name_of_org AS varchar(40); SELECT org_scope.allow('{owner}', 'direct');
             CREATE SCHEMA folk AUTHORIZATION {owner}; CREATE SCHEMA kin AUTHORIZATION {owner};
             CREATE FUNCTION truth() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE t text; u text; BEGIN
                SELECT string_agg(n::text, ' ' ORDER BY id) FROM notes n INTO t;
                SELECT string_agg(r::text, ' ' ORDER BY id) FROM refs r INTO u;
                RETURN concat(t, ' / ', u); END $$"
        ));
        let twins = Self { walled, org_type: variant.org_type };
        let mut session = twins.walled.owner();
        for schema in SCHEMAS {
            let rights = format!(
                "ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
                 GRANT USAGE ON SCHEMA {schema} TO %APP%; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO %APP%"
            );
            let script = [TABLES, variant.also, &rights, &variant.policies.join(";")].join(";");
            let script = twins.told(schema, &script).replace("%APP%", &twins.walled.app.to_string());
            session.run(&format!("SET search_path = {schema}, public; {script}"));
        }
        twins
    }

    /// A script with everything filled in. The twin's conditions are nothing that anybody can compare.
    fn told(&self, schema: &str, script: &str) -> String {
        let reader = if self.org_type == "uuid" { "fence_org_uuid" } else { "fence_org" };
        let call = format!("OPERATOR(pg_catalog.=) org_scope.{reader}()");
        let is = if schema == "kin" { format!("{call} IS TRUE") } else { call };
        fill(script).replace("%IS%", &is).replace("%TYPE%", self.org_type)
    }

    /// What the last of these statements does in one schema: its rows or its error, and what the tables
    /// hold then.
    fn outcome(&self, session: &mut Session, schema: &str, run: &[String]) -> String {
        session.run(&format!("BEGIN; SET LOCAL search_path = {schema}, public; SET LOCAL jit = off"));
        let answers: Result<Vec<_>, _> = run
            .iter()
            .map(|statement| session.client().simple_query(&self.told(schema, statement)))
            .collect();
        let said = match answers {
            Ok(mut answers) => {
                format!(
                    "{} {:?}",
                    session.text("SELECT public.truth()"),
                    shown(&answers.pop().unwrap_or_default())
                )
            }
            Err(error) => error.as_db_error().map_or_else(
                || panic!("{run:?}: {error}"),
                |error| format!("{} {}", error.code().code(), error.message()),
            ),
        };
        session.run("ROLLBACK");
        session.run("DEALLOCATE ALL");
        said.replace("kin", "folk")
    }

    /// Both twins' answers must be one.
    #[track_caller]
    fn compare(&self, session: &mut Session, run: &[String], why: &str) -> String {
        let [ours, theirs] = SCHEMAS.map(|schema| self.outcome(session, schema, run));
        assert_eq!(ours, theirs, "{why}: {run:?}");
        ours
    }
}

/// The statement as text, and prepared in both plan modes; an index is used where there is one.
fn ways(statement: &str) -> [Vec<String>; 3] {
    let prepared = |mode: &str| {
        let set = format!("SET LOCAL plan_cache_mode = {mode}; SET LOCAL enable_seqscan = off");
        vec![set, format!("PREPARE q AS {statement}"), "EXECUTE q".to_owned()]
    };
    [vec![statement.to_owned()], prepared("force_generic_plan"), prepared("force_custom_plan")]
}

fn shown(messages: &[postgres::SimpleQueryMessage]) -> Vec<String> {
    use postgres::SimpleQueryMessage::{CommandComplete, Row};
    let mut rows: Vec<String> = messages
        .iter()
        .filter_map(|message| match message {
            Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or("NULL")).collect::<Vec<_>>().join("|"))
            }
            CommandComplete(count) => Some(format!("{count} rows")),
            _ => None,
        })
        .collect();
    rows.sort();
    rows
}

fn fill(text: &str) -> String {
    text.replace("%A%", A).replace("%B%", B)
}

#[test]
fn every_statement_does_what_it_does_where_nothing_is_left_out() {
    let (mut refused, mut done) = (0, 0);
    for variant in VARIANTS {
        let twins = Twins::new(variant);
        for folding in ["on", "off"] {
            twins.walled.db.configure("org_scope.plan_folding", folding);
            let mut app = twins.walled.app_as(A);
            for run in STATEMENTS.iter().flat_map(|statement| ways(statement)) {
                let answer = twins.compare(&mut app, &run, variant.name);
                refused += i32::from(answer.contains("row-level security"));
                done += i32::from(answer.contains("rows\""));
            }
        }
    }
    assert!(refused > 1000 && done > 1000, "{refused} were refused, {done} were not");
}

#[test]
fn a_plan_that_is_older_than_a_change_of_its_table_does_what_a_new_one_does() {
    let twins = Twins::new(&PLAIN);
    let mut owner = twins.walled.owner();
    owner.act_for(A);
    for change in CHANGES {
        for statement in STATEMENTS {
            let [_, mut generic, _] = ways(statement);
            let undone = ["SAVEPOINT s", "EXECUTE q", "ROLLBACK TO s"].map(str::to_owned);
            generic.splice(2..2, undone.into_iter().chain([(*change).to_owned()]));
            twins.compare(&mut owner, &generic, change);
        }
    }
}
