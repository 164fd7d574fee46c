//! Random turns: whatever happens between two executions, each shows the rows of the organization that is set, all of
//! them and no other, and no plan is one for another size.

use super::*;

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const ORGS: [&str; 8] = ["big", "twin", "middle", "handful", "small1", "small2", "small3", "nowhere"];

/// Every way to look at what is kept.
const LOOKS: [&str; 5] = [
    "EXECUTE counted",
    "EXECUTE counted_from (0)",
    "SELECT counted()",
    "SELECT of_sql()",
    "SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM sales",
];

const FUNCTIONS: &str = "
    CREATE FUNCTION counted() RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RETURN (SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM sales); END $$;
    CREATE FUNCTION of_sql() RETURNS text LANGUAGE sql
        AS $$ SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM sales $$";

const PREPARE: &str = "
    PREPARE counted AS SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM sales;
    PREPARE counted_from (int) AS SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM sales WHERE n >= $1;
    PREPARE sales AS SELECT * FROM sales";

struct Play {
    random: Random,
    session: Session,
    superuser: Session,
    /// Savepoints that stand, inside a transaction.
    savepoints: Option<usize>,
    log: Vec<String>,
}

impl Play {
    fn run(&mut self, sql: &str) {
        self.log.push(sql.to_owned());
        self.session.run(sql);
    }

    fn step(&mut self) {
        let kind = self.random.below(16);
        match (kind, self.savepoints) {
            (0..=5, _) => {
                let (org, local) = (self.random.of(&ORGS), self.random.below(2) == 0);
                self.run(&format!("SELECT org_scope.set_current_org('{org}', {local})"));
            }
            (6, _) => self.run("SELECT org_scope.clear_context()"),
            (7, _) => self.run("RESET ALL"),
            (8, _) => self.run("DISCARD PLANS"),
            (9 | 10, None) => {
                self.run("BEGIN");
                self.savepoints = Some(0);
            }
            (9 | 10, Some(count)) => {
                self.run(&format!("SAVEPOINT s{count}"));
                self.savepoints = Some(count + 1);
            }
            (11 | 12, Some(count)) if count > 0 => {
                let to = self.random.below(count);
                let release = self.random.below(2) == 0;
                self.run(&format!("{} s{to}", if release { "RELEASE" } else { "ROLLBACK TO" }));
                self.savepoints = Some(if release { to } else { to + 1 });
            }
            (13, Some(_)) => {
                let end = self.random.of(&["COMMIT", "ROLLBACK"]);
                self.run(end);
                self.savepoints = None;
            }
            (14, None) => {
                // Others write and count meanwhile.
                let [from, to] = [0, 1].map(|_| self.random.of(&ORGS));
                let sql = format!(
                    "UPDATE sales SET org_id = '{to}' WHERE id IN
                         (SELECT id FROM sales WHERE org_id = '{from}' ORDER BY id LIMIT 700)"
                );
                self.log.push(sql.clone());
                self.superuser.run(&sql);
                if self.random.below(2) == 0 {
                    self.superuser.run("ANALYZE sales");
                }
            }
            (15, None) => {
                self.run("DISCARD ALL");
                self.run(PREPARE);
            }
            _ => {}
        }
    }

    fn look(&mut self) {
        let org = self.session.value("SELECT org_scope.current_org()");
        let sql = LOOKS[self.random.below(LOOKS.len())];
        let place = |log: &[String]| log.join("\n");
        let Some(org) = org else {
            if self.savepoints.is_some() {
                self.session.run("SAVEPOINT look");
            }
            self.session.refused(sql, "OS001");
            if self.savepoints.is_some() {
                self.session.run("ROLLBACK TO look; RELEASE look");
            }
            return;
        };
        let truth =
            format!("SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM sales WHERE org_id = '{org}'");
        assert_eq!(
            self.session.text(sql),
            self.superuser.text(&truth),
            "{sql} as {org} after\n{}",
            place(&self.log)
        );
        // The plan that is kept is one for an organization of about this size.
        let expected = self.session.expects("sales") as f64;
        let mut fresh = self.superuser.column(&format!("EXPLAIN SELECT * FROM sales WHERE org_id = '{org}'"));
        let own = estimates(&fresh.remove(0))[0] as f64;
        let ratio = expected.max(own) / expected.min(own);
        assert!(ratio <= 4.01, "{org}: {expected} where {own} is right, after\n{}", place(&self.log));
    }
}

#[test]
fn whatever_comes_between_two_executions_each_shows_its_own_rows() {
    let wall = ground("skew_random");
    wall.owner().run(FUNCTIONS);
    for seed in 0..6 {
        let mut session = wall.db.connect(&wall.app);
        session.run(PREPARE);
        let superuser = wall.db.superuser();
        let mut play =
            Play { random: Random(seed * 7919 + 1), session, superuser, savepoints: None, log: Vec::new() };
        for _ in 0..150 {
            play.step();
            play.look();
        }
    }
}
