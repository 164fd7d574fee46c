//! The driver: runs one scenario in every cell of folding × context × plan cache mode × server, and
//! compares what it saw with folding on with what it saw with folding off.

use std::io::Read as _;

use crate::harness::{A, B, Role, Server, Session, Walled};

pub(super) const MODES: [&str; 3] = ["auto", "force_custom_plan", "force_generic_plan"];

/// All of an organization's notes, in order.
pub(super) const ALL: &str = "SELECT string_agg(body, ' ' ORDER BY id) FROM notes";

/// What [`ALL`] shows to A, to B, and without an organization.
pub(super) const SHOWN: [&str; 3] = ["a1 a2 a3", "b4 b5", "!OS001"];

/// In which order a scenario goes through the organizations: enough executions of each for a generic plan.
const TOUR: [Option<&str>; 9] =
    [Some(A), Some(B), None, Some(A), Some(B), Some(A), Some(A), Some(B), Some(A)];

/// A database with [`Walled`]'s notes, a role for which plans are folded, and one for which they are not.
pub(super) struct Ground {
    pub(super) walled: Walled,
    off: Role,
}

impl Ground {
    /// `setup` is run by the owner of the notes, `@A` and `@B` standing for the organizations. Everybody
    /// may use what it makes.
    #[track_caller]
    pub(super) fn new(test: &str, server: Server, setup: &str) -> Self {
        let walled = Walled::new(test, server);
        let off = walled.role("off");
        walled.superuser().run(&format!(
            "SELECT org_scope.allow('{off}', 'direct');
             ALTER ROLE {off} SET org_scope.plan_folding = off;
             GRANT CREATE ON SCHEMA public TO {off};
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO PUBLIC",
            owner = walled.owner
        ));
        walled.owner().run(&named(setup));
        Self { walled, off }
    }

    /// The role for which plans are folded, or the one for which they are not.
    pub(super) fn role(&self, folding: bool) -> &Role {
        if folding { &self.walled.app } else { &self.off }
    }

    /// A session of that role.
    #[track_caller]
    pub(super) fn session(&self, folding: bool, mode: &str) -> Session {
        let options = format!("-c plan_cache_mode={mode}");
        self.walled.db.connect_with_options(self.role(folding), &options)
    }
}

/// One cell of the matrix, with its session.
pub(super) struct Cell {
    pub(super) session: Session,
    pub(super) folding: bool,
    /// Whether organizations are set for the transaction.
    pub(super) local: bool,
    pub(super) mode: &'static str,
    /// Whether the whole scenario is one transaction, in which the driver must undo what fails.
    wrapped: bool,
    log: Vec<(String, String)>,
}

/// Runs a scenario everywhere, with local contexts in one transaction.
#[track_caller]
pub(super) fn everywhere(test: &str, setup: &str, scenario: impl Fn(&mut Cell)) {
    run(test, setup, true, &scenario);
}

/// Runs a scenario that begins and ends its transactions itself.
#[track_caller]
pub(super) fn across_transactions(test: &str, setup: &str, scenario: impl Fn(&mut Cell)) {
    run(test, setup, false, &scenario);
}

#[track_caller]
fn run(test: &str, setup: &str, wrapped: bool, scenario: &dyn Fn(&mut Cell)) {
    for server in [Server::Plain, Server::Preloaded] {
        let ground = Ground::new(test, server, setup);
        for local in [false, true] {
            for mode in MODES {
                let [on, off] = [true, false].map(|folding| {
                    let session = ground.session(folding, mode);
                    let wrapped = wrapped && local;
                    let mut cell = Cell { session, folding, local, mode, wrapped, log: Vec::new() };
                    if wrapped {
                        cell.session.run("BEGIN");
                    }
                    scenario(&mut cell);
                    cell.log
                });
                assert_eq!(on, off, "{server:?}, {mode}, local {local}: folding on and off");
            }
        }
        assert_eq!(ground.walled.truth(), "a1 a2 a3 b4 b5", "{server:?}");
    }
}

impl Cell {
    /// Acts for an organization, or for none.
    #[track_caller]
    pub(super) fn act(&mut self, org: Option<&str>) {
        let local = self.local;
        match org {
            Some(org) => self.session.run(&format!("SELECT org_scope.set_current_org('{org}', {local})")),
            None => self.session.run("SELECT org_scope.clear_context()"),
        }
    }

    /// Runs what must succeed. `@A` and `@B` stand for the organizations, `@local` for the kind of context.
    #[track_caller]
    pub(super) fn run(&mut self, sql: &str) {
        let sql = self.named(sql);
        self.session.run(&sql);
    }

    /// What a statement shows: the first column of its rows, `#` and a number where it only touches rows,
    /// `!` and the SQLSTATE where it is refused.
    #[track_caller]
    pub(super) fn look(&mut self, sql: &str) -> String {
        let sql = self.named(sql);
        if self.wrapped {
            self.session.run("SAVEPOINT step");
        }
        let seen = perform(&mut self.session, &sql);
        if self.wrapped {
            let undo = if seen.starts_with('!') { "ROLLBACK TO step; " } else { "" };
            self.session.run(&format!("{undo}RELEASE step"));
        }
        seen
    }

    /// As [`Cell::look`], kept for the comparison of folding on with folding off.
    #[track_caller]
    pub(super) fn see(&mut self, sql: &str) -> String {
        let seen = self.look(sql);
        self.log.push((sql.to_owned(), seen.clone()));
        seen
    }

    /// Asserts what a statement shows.
    #[track_caller]
    pub(super) fn expect(&mut self, sql: &str, expected: &str) {
        let seen = self.see(sql);
        assert_eq!(seen, expected, "{}\n{sql}", self.place());
    }

    /// The same for a statement whose writing is undone.
    #[track_caller]
    pub(super) fn expect_undone(&mut self, sql: &str, expected: &str) {
        let (begin, end) =
            if self.wrapped { ("SAVEPOINT undone", "ROLLBACK TO undone") } else { ("BEGIN", "ROLLBACK") };
        self.session.run(begin);
        let seen = self.see(sql);
        self.session.run(end);
        assert_eq!(seen, expected, "{}\n{sql}", self.place());
    }

    /// Asserts that a statement shows rows of one organization alone, its bodies beginning with the letter, or
    /// is refused because the organization changed. Folding may make the difference between the two.
    #[track_caller]
    pub(super) fn one_org(&mut self, sql: &str, letter: char) {
        let seen = self.look(sql);
        self.judge(sql, &seen, letter, &[]);
    }

    /// The same inside a transaction of the scenario's own, which an error may have aborted already.
    #[track_caller]
    pub(super) fn one_org_in_block(&mut self, sql: &str, letter: char) {
        let seen = self.look(sql);
        self.judge(sql, &seen, letter, &["!25P02", "!34000", "!55000"]);
    }

    #[track_caller]
    fn judge(&self, sql: &str, seen: &str, letter: char, also: &[&str]) {
        let bodies = seen.split_whitespace().filter(|word| word.starts_with(['a', 'b']) && word.len() == 2);
        let foreign: Vec<_> = bodies.filter(|body| !body.starts_with(letter)).collect();
        assert!(foreign.is_empty(), "{}\n{sql}\nshowed {seen}", self.place());
        let refused = seen.starts_with('!') && seen != "!OS003" && !also.contains(&seen);
        assert!(!refused, "{}\n{sql}\nwas refused: {seen}", self.place());
    }

    /// Goes through the organizations and back, and asserts for each question what A sees, what B sees, and
    /// what is seen without an organization.
    #[track_caller]
    pub(super) fn tour(&mut self, questions: &[(&str, [&str; 3])]) {
        for org in TOUR {
            self.act(org);
            for (sql, [a, b, none]) in questions {
                let expected = if org == Some(A) {
                    a
                } else if org == Some(B) {
                    b
                } else {
                    none
                };
                self.expect(sql, expected);
            }
        }
    }

    /// The same where every question is [`ALL`] in other words.
    #[track_caller]
    pub(super) fn tour_of_all(&mut self, questions: &[&str]) {
        let questions: Vec<_> = questions.iter().map(|sql| (*sql, SHOWN)).collect();
        self.tour(&questions);
    }

    /// What this cell is, for messages.
    pub(super) fn place(&self) -> String {
        format!("folding {}, local {}, {}", self.folding, self.local, self.mode)
    }

    fn named(&self, sql: &str) -> String {
        named(sql).replace("@local", if self.local { "true" } else { "false" })
    }
}

/// Puts the organizations where `@A` and `@B` stand.
pub(super) fn named(sql: &str) -> String {
    sql.replace("@A", A).replace("@B", B)
}

/// What a statement shows, as [`Cell::look`] says.
#[track_caller]
pub(super) fn perform(session: &mut Session, sql: &str) -> String {
    if sql.starts_with("COPY") {
        let mut said = String::new();
        return match session.client().copy_out(sql) {
            Ok(mut rows) => match rows.read_to_string(&mut said) {
                Ok(_) => said.split_whitespace().collect::<Vec<_>>().join(" "),
                Err(error) => refusal(error.get_ref().and_then(|e| e.downcast_ref()), sql),
            },
            Err(error) => refusal(Some(&error), sql),
        };
    }
    match session.client().simple_query(sql) {
        Ok(messages) => shown(&messages),
        Err(error) => refusal(Some(&error), sql),
    }
}

#[track_caller]
fn refusal(error: Option<&postgres::Error>, sql: &str) -> String {
    let said = error.and_then(postgres::Error::as_db_error);
    let said = said.unwrap_or_else(|| panic!("{sql}: not an error of the server: {error:?}"));
    format!("!{}", said.code().code())
}

fn shown(messages: &[postgres::SimpleQueryMessage]) -> String {
    let mut values = Vec::new();
    let mut touched = 0;
    for message in messages {
        match message {
            postgres::SimpleQueryMessage::Row(row) => values.push(row.get(0).unwrap_or_default()),
            postgres::SimpleQueryMessage::CommandComplete(count) => touched += count,
            _ => {}
        }
    }
    if values.is_empty() { format!("#{touched}") } else { values.join(" ") }
}
