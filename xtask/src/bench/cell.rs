//! What is compared with what: a cell of the table, its contestants, and the rules that they must keep.

use clap::ValueEnum;
use tokio_postgres::types::Type;

use super::backend::{Backend, Message, Server};
use super::data::Org;
use super::stand::{APP, FENCED, INITPLAN, OPEN, PLAIN, PLAIN_AGAIN, SETTING};
use super::statement::{self, Says, Value};

/// The groups of cells, in the order in which they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Group {
    /// What the functions that policies call cost, per call
    Readers,
    /// What the statement that sets the organization costs
    Setter,
    /// Queries
    Reads,
    /// A setter before each statement, with the same organization or another each time
    Transactions,
    /// Prepared statements that were planned for another organization
    Skew,
    /// Tables partitioned by organization
    Partitions,
    /// Partial indexes of one organization
    Partial,
    /// Searches that have an index of their own
    Search,
    /// Statements that have nothing to do with the extension
    Unrelated,
    /// INSERT, UPDATE, upsert, DELETE
    Writes,
}

/// How statements travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As text, planned each time.
    Simple,
    /// Prepared once, past the five custom plans.
    Prepared,
}

/// No row security, `org_id = '…'`.
pub(super) const A: &str = "A";
/// The same in another copy of the database: what the instrument takes for a difference.
pub(super) const A_AGAIN: &str = "A again";
/// No row security, `org_id = $n`.
pub(super) const B: &str = "B";
/// Row security with `current_setting(…)::uuid`.
pub(super) const C: &str = "C";
/// Row security with `(SELECT current_setting(…)::uuid)`.
pub(super) const D: &str = "D";
/// As A or, prepared, as B, with row security that lets everything pass: what PostgreSQL itself takes for having
/// any.
pub(super) const E: &str = "E";
/// Row security as `protect` leaves it.
pub(super) const FENCE: &str = "org_scope";

/// One comparison.
pub(super) struct Cell {
    /// Where it belongs.
    pub(super) group: Group,
    /// What is done.
    pub(super) name: String,
    /// For which organization: big, middle, small, or whatever distinguishes it.
    pub(super) org: String,
    /// How.
    pub(super) mode: Mode,
    /// Who does it.
    pub(super) contestants: Vec<Contestant>,
    /// What must hold.
    pub(super) rules: Vec<Rule>,
    /// Whether the first message of a turn is a statement whose plan must be that of A or B.
    pub(super) plans: bool,
    /// Of the others those whose plan is the fence's, once that is known: two plans of one statement don't say which
    /// way of keeping organizations apart is faster.
    pub(super) alike: Option<Vec<&'static str>>,
    /// The table that is written and swept afterwards.
    pub(super) writes: Option<&'static str>,
}

/// What a contestant does in one turn, the how-manieth it is being told.
pub(super) type Turn = Box<dyn Fn(usize) -> Vec<Message>>;

/// One way of doing it.
pub(super) struct Contestant {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// Its database.
    pub(super) database: &'static str,
    /// What sets its session up.
    pub(super) session: Vec<String>,
    /// What its session prepares.
    pub(super) statements: Vec<(String, Vec<Type>)>,
    /// What it does.
    pub(super) turn: Turn,
    /// What stands before and after many turns.
    pub(super) around: Option<[&'static str; 2]>,
}

impl Contestant {
    /// Opens a session that is ready for turns.
    pub(super) fn open(&self, server: &Server) -> anyhow::Result<Backend> {
        let mut backend = server.connect(self.database, APP)?;
        for sql in &self.session {
            backend.run(&[Message::Simple(sql.clone())])?;
        }
        for (sql, types) in &self.statements {
            backend.prepare(sql, types)?;
        }
        Ok(backend)
    }

    /// The messages of so many turns.
    pub(super) fn turns(&self, first: usize, count: usize) -> Vec<Message> {
        let around = |place: usize| self.around.map(|around| Message::Simple(around[place].to_owned()));
        let turns = (first..first + count).flat_map(|k| (self.turn)(k));
        around(0).into_iter().chain(turns).chain(around(1)).collect()
    }
}

/// A comparison that must come out well.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Whose figure.
    pub(super) who: &'static str,
    /// Compared with the best of these.
    pub(super) than: Vec<&'static str>,
    /// Or with this one, where it is slower than they are.
    pub(super) floor: Option<&'static str>,
    /// What it may be.
    pub(super) bound: Bound,
}

/// What a comparison may come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// A ratio up to this.
    Ratio(f64),
    /// Not more, but for what the instrument takes for a difference where there is none.
    NoMore,
    /// Up to so many nanoseconds more per call, when a turn makes so many calls.
    PerCall {
        /// The nanoseconds.
        most: f64,
        /// The calls.
        calls: f64,
    },
    /// Anything: it is only shown.
    Shown,
}

impl Rule {
    pub(super) fn new(who: &'static str, than: &[&'static str], bound: Bound) -> Self {
        Self { who, than: than.to_vec(), floor: None, bound }
    }

    pub(super) fn floor(self, floor: &'static str) -> Self {
        Self { floor: Some(floor), ..self }
    }

    /// The rules of a statement under the fence.
    pub(super) fn usual() -> Vec<Self> {
        vec![
            Self::new(FENCE, &[A, B], Bound::Ratio(1.05)).floor(E),
            Self::new(FENCE, &[C], Bound::NoMore),
            Self::new(FENCE, &[D], Bound::NoMore),
            Self::new(FENCE, &[A, B], Bound::Shown),
            // A prepared statement with a literal is one for each organization, which few can have.
            Self::new(FENCE, &[B], Bound::Shown),
            Self::new(E, &[A, B], Bound::Shown),
            Self::new(A_AGAIN, &[A], Bound::Shown),
        ]
    }
}

/// The statements that make a session act for the organization.
pub(super) fn acting_for(name: &'static str, org: &str) -> Vec<String> {
    match name {
        C | D => vec![format!("SELECT pg_catalog.set_config('app.org', '{org}', false)")],
        FENCE => vec![format!("SELECT org_scope.set_current_org('{org}')")],
        _ => Vec::new(),
    }
}

/// How the contestant says whose rows it means, and its database.
pub(super) fn usual(name: &'static str, mode: Mode) -> (Says, &'static str) {
    match name {
        A => (Says::Literal, PLAIN),
        A_AGAIN => (Says::Literal, PLAIN_AGAIN),
        B => (Says::Parameter, PLAIN),
        E if mode == Mode::Prepared => (Says::Parameter, OPEN),
        E => (Says::Literal, OPEN),
        C => (Says::Nothing, SETTING),
        D => (Says::Nothing, INITPLAN),
        _ => (Says::Nothing, FENCED),
    }
}

/// A statement as every variant writes it; `values` gives those of each turn.
pub(super) fn contestants(
    template: &'static str,
    org: &Org,
    mode: Mode,
    values: impl Fn(usize) -> Vec<Value> + Clone + 'static,
) -> Vec<Contestant> {
    // As text a parameter is a literal, so there is no B.
    let names: &[&str] =
        if mode == Mode::Simple { &[A, A_AGAIN, E, C, D, FENCE] } else { &[A, A_AGAIN, B, E, C, D, FENCE] };
    let contestant = |name: &&'static str| {
        let (says, database) = usual(name, mode);
        let (values, org) = (values.clone(), org.id.clone());
        let session = acting_for(name, &org);
        let (statements, turn): (_, Turn) = match mode {
            Mode::Simple => (
                Vec::new(),
                Box::new(move |k| vec![Message::Simple(statement::simple(template, says, &org, &values(k)))]),
            ),
            Mode::Prepared => {
                let first = values(0);
                let prepared = statement::prepared(template, says, &org, first.len());
                let org = prepared.org.then_some(Value::Org(org));
                let types = first.iter().chain(&org).map(Value::sql_type).collect();
                let turn = move |k| {
                    vec![Message::Execute(0, values(k).into_iter().chain(org.clone()).collect::<Vec<_>>())]
                };
                (vec![(prepared.sql, types)], Box::new(turn))
            }
        };
        Contestant { name, database, session, statements, turn, around: None }
    };
    names.iter().map(contestant).collect()
}
