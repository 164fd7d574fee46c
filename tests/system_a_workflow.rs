//! System A, the workflow platform: organization → project → workflow → execution.

use crate::harness::{Db, Role, Server, Session, System};

const ACME: &str = "12938a96-648b-4aec-ab59-282e2345cec7";
const GLOBEX: &str = "7d0f3c52-91aa-4e0b-8a64-0b6a3f1c2d9e";
const TABLES: [&str; 4] = ["projects", "workflows", "executions", "telemetry"];

struct Platform {
    db: Db,
    owner: Role,
}

impl Platform {
    fn new(test: &str) -> Self {
        let db = Db::new(test, Server::Plain);
        let owner = db.role("owner");
        db.load(System::Workflow, &owner);
        let mut migration = db.connect(&owner);
        migration.run("CALL org_scope.protect_all('organization_id')");
        migration.run("SELECT org_scope.protect('organizations', 'id', set_default => false)");
        Self { db, owner }
    }

    fn user(&self, name: &str) -> Role {
        let role = self.db.role(name);
        self.db
            .connect(&self.owner)
            .run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"));
        self.db.superuser().run(&format!("SELECT org_scope.allow('{role}', 'direct')"));
        role
    }

    fn as_org(&self, role: &Role, org: &str) -> Session {
        let mut session = self.db.connect(role);
        session.run(&format!("SELECT org_scope.set_current_org('{org}'::uuid)"));
        session
    }
}

#[test]
fn a1_rows_dashboards_and_telemetry_of_one_organization_only() {
    let platform = Platform::new("a1");
    let app = platform.user("app");
    let mut everything = platform.db.superuser();
    for org in [ACME, GLOBEX] {
        let mut session = platform.as_org(&app, org);
        for table in TABLES {
            assert_eq!(
                session.column(&format!("SELECT DISTINCT organization_id FROM {table}")),
                [org],
                "{table}"
            );
            assert_eq!(
                session.number(&format!("SELECT count(*) FROM {table}")),
                everything.number(&format!("SELECT count(*) FROM {table} WHERE organization_id = '{org}'")),
                "{table}: all of its own rows"
            );
        }
        assert_eq!(session.column("SELECT id FROM organizations"), [org]);
        assert_eq!(
            session.number("SELECT sum(executions) FROM dashboard"),
            everything.number(&format!("SELECT count(*) FROM executions WHERE organization_id = '{org}'")),
            "the dashboard, a view of the fenced owner"
        );
    }
}

#[test]
fn a1_nothing_of_another_organization_can_be_named_moved_or_made() {
    let platform = Platform::new("a1_writes");
    let app = platform.user("app");
    let mut session = platform.as_org(&app, ACME);
    let before = platform.db.superuser().number("SELECT count(*) FROM executions");
    assert_eq!(
        session.number(&format!("SELECT count(*) FROM executions WHERE organization_id = '{GLOBEX}'")),
        0
    );
    assert_eq!(session.touched(&format!("DELETE FROM executions WHERE organization_id = '{GLOBEX}'")), 0);
    assert_eq!(
        session.touched(&format!("UPDATE projects SET name = 'x' WHERE organization_id = '{GLOBEX}'")),
        0
    );
    session.refused(
        &format!(
            "UPDATE executions SET organization_id = '{GLOBEX}' WHERE id = (SELECT min(id) FROM executions)"
        ),
        "42501",
    );
    session.refused(
        &format!("INSERT INTO executions (organization_id, status) VALUES ('{GLOBEX}', 'running')"),
        "42501",
    );
    assert_eq!(platform.db.superuser().number("SELECT count(*) FROM executions"), before);
    // Its own comes without being said.
    session.run("INSERT INTO telemetry (id, metric, value) VALUES (1000001, 'm', 1)");
    assert_eq!(session.text("SELECT organization_id FROM telemetry WHERE id = 1000001"), ACME);
}

#[test]
fn a2_all_users_of_an_organization_see_the_same_rows() {
    let platform = Platform::new("a2");
    let (alice, bob) = (platform.user("alice"), platform.user("bob"));
    let (mut a, mut b) = (platform.as_org(&alice, ACME), platform.as_org(&bob, ACME));
    for table in TABLES {
        let ids = format!("SELECT id FROM {table} ORDER BY id");
        assert_eq!(a.column(&ids), b.column(&ids), "{table}");
    }
    a.run("INSERT INTO executions (status) VALUES ('running')");
    let newest = "SELECT max(id) FROM executions";
    assert_eq!(a.number(newest), b.number(newest));
}

#[test]
fn a3_rows_and_bytes_of_each_organization_come_from_one_query() {
    let platform = Platform::new("a3");
    let billing = platform.db.role("billing");
    let mut everything = platform.db.superuser();
    everything.run(&format!("GRANT EXECUTE ON FUNCTION org_scope.usage(name[]) TO {billing}"));
    let mut session = platform.db.connect(&billing);
    for table in TABLES {
        assert_eq!(
            session.rows(&format!(
                "SELECT org, rows FROM org_scope.usage() WHERE target = '{table}'::regclass ORDER BY org"
            )),
            everything.rows(&format!(
                "SELECT organization_id, count(*) FROM {table} GROUP BY 1 ORDER BY organization_id::text"
            )),
            "{table}"
        );
        assert_eq!(session.text(&format!("SELECT has_any_column_privilege('{table}', 'SELECT')")), "f");
    }
    let bill = "SELECT org FROM org_scope.usage() GROUP BY org ORDER BY sum(bytes) DESC LIMIT 1";
    assert_eq!(session.text(bill), ACME, "who has most of the rows has most of the bytes");
}

#[test]
fn a7_the_organization_comes_once_from_the_environment() {
    let platform = Platform::new("a7");
    let program = platform.user("program");
    platform.db.superuser().run(&format!("SELECT org_scope.allow('{program}', 'parameter')"));
    let options = format!("-c org_scope.current_org={ACME}");
    let mut session = platform.db.connect_with_options(&program, &options);
    assert_eq!(session.column("SELECT DISTINCT organization_id FROM executions"), [ACME]);
    let said = platform.db.psql_with_env(
        program.name(),
        "SELECT DISTINCT organization_id FROM workflows",
        &[("PGOPTIONS", &options)],
    );
    assert_eq!(said.ok().trim(), ACME);
    // One statement is enough, too, and the transaction can have another one.
    let mut session = platform.db.connect(&program);
    session.run(&format!("SET org_scope.current_org = '{ACME}'"));
    session.run("BEGIN");
    session.run(&format!("SET LOCAL org_scope.current_org = '{GLOBEX}'"));
    assert_eq!(session.column("SELECT DISTINCT organization_id FROM executions"), [GLOBEX]);
    session.run("COMMIT");
    assert_eq!(session.column("SELECT DISTINCT organization_id FROM executions"), [ACME]);
}

/// The platform with projects: workflows and executions belong to one, executions may stand alone.
fn with_projects(test: &str) -> (Platform, Session) {
    let platform = Platform::new(test);
    let mut migration = platform.db.connect(&platform.owner);
    for table in ["workflows", "executions"] {
        migration.run(&format!(
            "SELECT org_scope.protect('{table}', 'organization_id', project_column => 'project_id')"
        ));
    }
    platform.db.superuser().run("SELECT org_scope.define_projects('projects', 'id', 'organization_id')");
    (platform, migration)
}

const CHATBOT: &str = "SELECT id FROM projects WHERE name = 'Customer Chatbot'";

#[test]
fn a4_an_execution_belongs_to_its_organization_and_may_stand_alone() {
    let (platform, _) = with_projects("a4");
    let app = platform.user("app");
    let mut everything = platform.db.superuser();
    for org in [ACME, GLOBEX] {
        let mut session = platform.as_org(&app, org);
        for part in ["project_id IS NULL", "project_id IS NOT NULL"] {
            let mine = session.number(&format!("SELECT count(*) FROM executions WHERE {part}"));
            let all = format!("SELECT count(*) FROM executions WHERE organization_id = '{org}' AND {part}");
            assert_eq!(mine, everything.number(&all), "{org} {part}");
            assert!(mine > 0);
        }
        session.run("INSERT INTO executions (status) VALUES ('running')");
        assert_eq!(
            session.text("SELECT project_id IS NULL FROM executions ORDER BY id DESC LIMIT 1"),
            "t",
            "outside of every project it stands alone"
        );
    }
}

#[test]
fn a5_a_session_narrows_itself_to_a_project_and_widens_again() {
    let (platform, _) = with_projects("a5");
    let app = platform.user("app");
    let mut session = platform.as_org(&app, ACME);
    let chatbot = session.text(CHATBOT);
    let all = session.number("SELECT count(*) FROM executions");
    session.run(&format!("SELECT org_scope.set_current_project('{chatbot}')"));
    for table in ["workflows", "executions"] {
        assert_eq!(session.column(&format!("SELECT DISTINCT project_id FROM {table}")), [chatbot.as_str()]);
    }
    assert_eq!(
        session.column("SELECT DISTINCT project FROM dashboard"),
        ["Customer Chatbot"],
        "dashboards filter"
    );
    session.run("INSERT INTO executions (status) VALUES ('running')");
    assert_eq!(
        session.text("SELECT project_id FROM executions ORDER BY id DESC LIMIT 1"),
        chatbot,
        "a new execution is the project's"
    );
    session.run("SELECT org_scope.set_current_project(NULL::text)");
    assert_eq!(session.number("SELECT count(*) FROM executions"), all + 1);
}

#[test]
fn a6_who_may_enter_is_data_and_nothing_is_shared_with_another_organization() {
    let (platform, mut migration) = with_projects("a6");
    migration.run(
        "CREATE TABLE project_members (
             organization_id uuid NOT NULL, project_id uuid NOT NULL, user_id text NOT NULL, PRIMARY KEY (project_id, user_id))",
    );
    migration.run("SELECT org_scope.protect('project_members', 'organization_id')");
    platform
        .db
        .superuser()
        .run("SELECT org_scope.define_project_members('project_members', 'user_id', 'project_id')");
    let app = platform.user("app");
    let mut admin = platform.as_org(&app, ACME);
    let chatbot = admin.text(CHATBOT);
    let enter = format!("SELECT org_scope.set_current_project('{chatbot}')");
    let mut alice = platform.as_org(&app, ACME);
    alice.run("SELECT org_scope.set_current_user('alice')");
    alice.refused(&enter, "OS005");
    assert_eq!(alice.number("SELECT count(*) FROM workflows"), 0, "a member of no project sees none of them");
    admin.run(&format!("INSERT INTO project_members (project_id, user_id) VALUES ('{chatbot}', 'alice')"));
    alice.run(&enter);
    assert_eq!(alice.column("SELECT DISTINCT project_id FROM workflows"), [chatbot.as_str()]);
    // The other organization writes a membership for itself: it is of no use.
    let mut mallory = platform.as_org(&app, GLOBEX);
    mallory.run("SELECT org_scope.set_current_user('mallory')");
    mallory
        .run(&format!("INSERT INTO project_members (project_id, user_id) VALUES ('{chatbot}', 'mallory')"));
    mallory.refused(&enter, "OS005");
    assert_eq!(mallory.number(&format!("SELECT count(*) FROM workflows WHERE project_id = '{chatbot}'")), 0);
    // Sharing with a member of one's own organization goes through.
    admin.run(&format!("INSERT INTO project_members (project_id, user_id) VALUES ('{chatbot}', 'bob')"));
    let mut bob = platform.as_org(&app, ACME);
    bob.run("SELECT org_scope.set_current_user('bob')");
    bob.run(&enter);
    admin.run("DELETE FROM project_members WHERE user_id = 'bob'");
    bob.run("SELECT org_scope.set_current_project(NULL::text)");
    bob.refused(&enter, "OS005");
}

#[test]
fn a8_what_hangs_on_an_execution_is_isolated_through_it_however_deep() {
    let platform = Platform::new("a8");
    let mut migration = platform.db.connect(&platform.owner);
    migration.run(
        "CREATE TABLE log_attachments (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
             log_id bigint NOT NULL REFERENCES step_logs ON DELETE CASCADE, name text);
         INSERT INTO log_attachments (log_id, name) SELECT id, 'file ' || id FROM step_logs WHERE id % 7 = 0",
    );
    for call in [
        "protect_through('execution_steps', 'execution_id', 'executions')",
        "protect_through('step_logs', 'step_id', 'execution_steps')",
        "protect_through('log_attachments', 'log_id', 'step_logs')",
    ] {
        migration.run(&format!("SELECT org_scope.{call}"));
    }
    let app = platform.user("app");
    let mut everything = platform.db.superuser();
    let levels = [
        ("execution_steps", "execution_steps s JOIN executions e ON e.id = s.execution_id"),
        (
            "step_logs",
            "step_logs l JOIN execution_steps s ON s.id = l.step_id JOIN executions e ON e.id = s.execution_id",
        ),
        (
            "log_attachments",
            "log_attachments a JOIN step_logs l ON l.id = a.log_id JOIN execution_steps s ON s.id = l.step_id
             JOIN executions e ON e.id = s.execution_id",
        ),
    ];
    for org in [ACME, GLOBEX] {
        let mut session = platform.as_org(&app, org);
        for (table, joined) in levels {
            let all = everything
                .number(&format!("SELECT count(*) FROM {joined} WHERE e.organization_id = '{org}'"));
            assert!(all > 0);
            assert_eq!(session.number(&format!("SELECT count(*) FROM {table}")), all, "{table}");
        }
    }
    let mut session = platform.as_org(&app, ACME);
    let foreign = everything.text(&format!(
        "SELECT min(s.id) FROM execution_steps s JOIN executions e ON e.id = s.execution_id WHERE e.organization_id = '{GLOBEX}'"
    ));
    for key in [&foreign, "99999999"] {
        session.refused(
            &format!("INSERT INTO step_logs (step_id, level, line) VALUES ({key}, 'info', 'x')"),
            "42501",
        );
    }
    // A new execution, and what hangs on it, without anybody naming the organization.
    let execution = session.text("INSERT INTO executions (status) VALUES ('running') RETURNING id");
    let step = session.text(&format!(
        "INSERT INTO execution_steps (execution_id, position, name, duration_ms) VALUES ({execution}, 1, 'x', 1) RETURNING id"
    ));
    session.run(&format!("INSERT INTO step_logs (step_id, level, line) VALUES ({step}, 'info', 'x')"));
    assert_eq!(
        everything.text(&format!("SELECT organization_id FROM step_logs WHERE step_id = {step}")),
        ACME
    );
    everything.run(&format!("UPDATE executions SET organization_id = '{GLOBEX}' WHERE id = {execution}"));
    assert_eq!(
        everything.text(&format!("SELECT organization_id FROM step_logs WHERE step_id = {step}")),
        GLOBEX,
        "an execution that moves takes all along"
    );
}
