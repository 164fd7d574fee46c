//! Shared plans and the size of organizations: a kept plan is made anew where an organization of another size comes,
//! and only there. Which plan a session has is seen in its estimates: they are those of the organization for which
//! the plan was made.

mod explain;
mod keeping;
mod places;
mod sequences;
mod shapes;
mod turns;

use crate::harness::{Db, Private, Session, Wall};

/// Organizations with how many rows each has of `sales`, all of which are known to the statistics but `small…`, of
/// which there are a hundred. `big` and `twin` are of one size, and so are `small1`, `small2`, and `handful`, which
/// is among the common ones.
const ROWS: [(&str, i64); 6] =
    [("big", 6000), ("twin", 5600), ("middle", 1000), ("handful", 120), ("small1", 70), ("small2", 70)];

/// How many rows the planner expects of the smallest.
const SMALL: i64 = 70;

/// A database with `sales` and `lines` of it, fenced and analysed. In `lines`, `middle` is the largest, and the others
/// are small.
fn ground(test: &str) -> Wall {
    furnished(Wall::new(test))
}

/// The same on a server of the test's own: where many others change catalogs at once, a server throws every plan away
/// now and then, and no test can see that one was kept.
fn alone(test: &str) -> (Private, Wall) {
    let server = Private::new(false, &["autovacuum = off"]);
    let wall = furnished(Wall::at(Db::on(&server, test)));
    (server, wall)
}

fn furnished(wall: Wall) -> Wall {
    let mut owner = wall.owner();
    owner.run(&format!(
        "CREATE TABLE sales (id int PRIMARY KEY, org_id text NOT NULL, n int NOT NULL)
             WITH (autovacuum_enabled = off);
         CREATE TABLE lines (sale int NOT NULL, org_id text NOT NULL, pieces int NOT NULL) WITH (autovacuum_enabled = off);
         INSERT INTO sales SELECT id, CASE WHEN id <= 6000 THEN 'big' WHEN id <= 11600 THEN 'twin'
             WHEN id <= 12600 THEN 'middle' WHEN id <= 12720 THEN 'handful' ELSE 'small' || (id - 12720) % 100 END, id % 97
         FROM generate_series(1, 19720) AS id;
         INSERT INTO lines SELECT id, org_id, 1 FROM sales WHERE org_id <> 'middle' AND id % 10 = 0;
         INSERT INTO lines SELECT id, org_id, 1 FROM sales, generate_series(1, 10) WHERE org_id = 'middle';
         CREATE INDEX ON lines (org_id);
         GRANT ALL ON sales, lines TO {}",
        wall.app
    ));
    owner.run("SELECT org_scope.protect('sales')");
    owner.run("SELECT org_scope.protect('lines')");
    // Every row is in the sample, so the estimates are exact.
    owner.run("ANALYZE sales, lines");
    wall
}

/// A session without an organization, with a prepared statement of each table.
fn session(wall: &Wall) -> Session {
    let mut session = wall.db.connect(&wall.app);
    session.run(
        "PREPARE sales AS SELECT * FROM sales; PREPARE lines AS SELECT * FROM lines;
         PREPARE joined AS SELECT count(*) FROM sales JOIN lines ON sale = id",
    );
    session
}

impl Session {
    /// How many rows the kept plan of a prepared statement expects at its top.
    #[track_caller]
    fn expects(&mut self, statement: &str) -> i64 {
        let plan = self.column(&format!("EXPLAIN EXECUTE {statement}"));
        estimates(&plan.join("\n"))[0]
    }

    /// The same after another organization has been set.
    #[track_caller]
    fn expects_as(&mut self, org: &str, statement: &str) -> i64 {
        self.act_for(org);
        self.expects(statement)
    }
}

/// The estimates of a plan's nodes.
#[track_caller]
fn estimates(plan: &str) -> Vec<i64> {
    let rows = plan.split(" rows=").skip(1).map(|text| text.split(' ').next().unwrap_or_default().parse());
    rows.collect::<Result<_, _>>().unwrap_or_else(|_| panic!("no estimates:\n{plan}"))
}
