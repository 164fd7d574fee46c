//! Tables without an organization of their own, which get it from a parent row.

mod attacks;
mod expressions;
mod filling;
mod large;
mod moving;
mod reading;
mod reading_one_org;
mod refusals;
mod suggestions;
mod survival;

use crate::harness::{Session, Wall, kinds, notes, work};

/// `runs (id, org_id)` of the organizations `a` (1, 2) and `b` (3), fenced; below it `steps`, `logs` and
/// `lines`, each with the key of the table above it. Row n of each hangs on row n, with two steps to a run.
struct Tree {
    wall: Wall,
}

/// What hangs on a run, deepest last, with the call that protects it.
const LEVELS: [(&str, &str); 3] = [
    ("steps", "protect_through('steps', 'run_id', 'runs')"),
    ("logs", "protect_through('logs', 'step_id', 'steps')"),
    ("lines", "protect_through('lines', 'log_id', 'logs')"),
];

impl Tree {
    /// Nothing below `runs` is fenced.
    fn open(test: &str) -> Self {
        let wall = Wall::new(test);
        wall.owner().run(&format!(
            "CREATE TABLE runs (id int PRIMARY KEY, org_id text NOT NULL, name text);
             CREATE TABLE steps (id int PRIMARY KEY, run_id int REFERENCES runs ON DELETE CASCADE, body text);
             CREATE TABLE logs (id int PRIMARY KEY, step_id int REFERENCES steps ON DELETE CASCADE, body text);
             CREATE TABLE lines (id int PRIMARY KEY, log_id int, body text);
             INSERT INTO runs VALUES (1, 'a'), (2, 'a'), (3, 'b');
             INSERT INTO steps SELECT n, (n + 1) / 2, 's' || n FROM generate_series(1, 6) n;
             INSERT INTO logs SELECT n, n, 'l' || n FROM generate_series(1, 6) n;
             INSERT INTO lines SELECT n, n, 'i' || n FROM generate_series(1, 6) n;
             GRANT ALL ON runs TO {app};
             GRANT SELECT, INSERT, UPDATE, DELETE ON steps, logs, lines TO {app};
             SELECT org_scope.protect('runs')",
            app = wall.app
        ));
        Self { wall }
    }

    /// All is fenced.
    fn new(test: &str) -> Self {
        let tree = Self::open(test);
        for (_, call) in LEVELS {
            tree.wall.owner().run(&format!("SELECT org_scope.{call}"));
        }
        tree
    }

    fn app(&self, org: &str) -> Session {
        self.wall.app(org)
    }

    fn owner(&self) -> Session {
        self.wall.owner()
    }

    /// `id:org` of all rows of a table, past every policy.
    fn truth(&self, table: &str) -> String {
        self.wall.db.superuser().text(&format!(
            "SELECT string_agg(id || ':' || coalesce(org_id, '-'), ' ' ORDER BY id) FROM {table}"
        ))
    }

    /// Lets the owner work over all organizations.
    fn across(&self) -> Session {
        self.wall.db.superuser().run(&format!(
            "GRANT EXECUTE ON FUNCTION org_scope.across_orgs(text, text) TO {}",
            self.wall.owner
        ));
        self.owner()
    }
}

/// Everything about the tables of a tree that a call could change.
fn world(owner: &mut Session) -> Vec<String> {
    let mut world: Vec<String> = ["runs", "steps", "logs", "lines"].map(|t| owner.fence_of(t)).into();
    world.push(owner.text(
        "SELECT string_agg(conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid), E'\n' ORDER BY 1)
         FROM (SELECT * FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY conrelid::regclass::text, conname) c",
    ));
    world
}
