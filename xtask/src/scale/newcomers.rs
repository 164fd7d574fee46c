//! What DDL costs beside an extension that looks at everybody's: tables that are none of its concern, in a database
//! with it and in one without, and tables that a watched schema fences as they come.

use anyhow::Result;

use super::growth::{ALPHA, SHARE};
use super::place::{Fence, OWNER};
use crate::statistics::{Interval, excess, typical};
use crate::terminal::Progress;
use crate::unit::Unit;
use crate::watched::{Backend, Watch};

/// Tables that come in each database.
const TABLES: usize = 1000;
/// So many are one figure.
const PART: usize = 25;

/// A database that gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Without the extension.
    Without,
    /// With it, and another schema watched.
    Beside,
    /// Watched, so that each table is fenced as it comes.
    Watched,
    /// Without the extension; each table is fenced by hand.
    Hand,
}

/// One kind of statement on two sides.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) what: &'static str,
    pub(super) ours: f64,
    pub(super) theirs: f64,
    /// What ours takes more.
    pub(super) excess: Interval,
    /// Whether it may take no more.
    pub(super) must_not: bool,
}

impl Compared {
    fn new(what: &'static str, ours: &[f64], theirs: &[f64], must_not: bool) -> Self {
        let excess = excess(ours, theirs, ALPHA);
        Self { what, ours: typical(ours), theirs: typical(theirs), excess, must_not }
    }

    /// Whether DDL that is none of the extension's concern is slower beside it: by more than chance, and by
    /// more than is worth a word.
    pub(super) fn slows(&self) -> bool {
        self.must_not && (!self.excess.high.is_finite() || self.excess.low > SHARE * self.theirs)
    }
}

impl Side {
    const ALL: [Self; 4] = [Self::Without, Self::Beside, Self::Watched, Self::Hand];

    fn database(self) -> String {
        format!("newcomers_{self:?}").to_lowercase()
    }

    fn ground(self) -> String {
        let extension = Fence::Scope.ground();
        match self {
            Self::Without => String::new(),
            Self::Hand => Fence::Hand.ground().to_owned(),
            Self::Beside => {
                format!("{extension}; CREATE SCHEMA other; SELECT org_scope.watch('other', 'org_id')")
            }
            Self::Watched => format!("{extension}; SELECT org_scope.watch('public', 'org_id')"),
        }
    }

    /// What brings a table.
    fn create(self, table: usize) -> String {
        let create = format!("CREATE TABLE t{table} (org_id uuid NOT NULL, id bigint NOT NULL, v int)");
        match self {
            Self::Hand => format!("{create}; {}", Fence::Hand.protect(&format!("t{table}"))),
            _ => create,
        }
    }
}

/// Brings the tables, a part on each side in turn, and says what they cost.
pub(super) fn run(watch: &mut Watch<'_>) -> Result<Vec<Compared>> {
    let mut sessions = Vec::new();
    for side in Side::ALL {
        sessions.push((side, session(watch, side)?, [const { Vec::new() }; 3]));
    }
    let mut progress = Progress::new(&format!("{TABLES} new tables"));
    let mut chance = fastrand::Rng::with_seed(7);
    for part in 0..TABLES / PART {
        chance.shuffle(&mut sessions);
        let tables = part * PART..(part + 1) * PART;
        for (side, session, [creations, columns, defaults]) in &mut sessions {
            creations.push(each(session, tables.clone(), |table| side.create(table))?);
            columns.push(each(session, tables.clone(), |t| format!("ALTER TABLE t{t} ADD COLUMN c text"))?);
            defaults.push(each(session, tables.clone(), |t| {
                format!("ALTER TABLE t{t} ADD COLUMN d timestamptz DEFAULT now()")
            })?);
        }
        progress.at((part + 1) * PART, TABLES, "each in four databases");
    }
    progress.done();
    let of = |wanted: Side| {
        sessions.iter().find(|(side, ..)| *side == wanted).map(|(.., figures)| figures).expect("each side")
    };
    let (without, beside) = (of(Side::Without), of(Side::Beside));
    Ok(vec![
        Compared::new("CREATE TABLE", &beside[0], &without[0], true),
        Compared::new("ALTER TABLE … ADD COLUMN", &beside[1], &without[1], true),
        Compared::new("ALTER TABLE … ADD COLUMN … DEFAULT now()", &beside[2], &without[2], true),
        Compared::new("CREATE TABLE that is fenced", &of(Side::Watched)[0], &of(Side::Hand)[0], false),
    ])
}

fn session(watch: &mut Watch<'_>, side: Side) -> Result<Backend> {
    let name = side.database();
    watch.connect("postgres", "postgres")?.run(&format!("CREATE DATABASE {name} TEMPLATE template0"))?;
    let mut superuser = watch.connect(&name, "postgres")?;
    superuser.run(&format!("{}; GRANT CREATE ON SCHEMA public TO {OWNER}", side.ground()))?;
    let mut session = watch.connect(&name, OWNER)?;
    // What every session does once.
    session.run(&format!("SET client_min_messages = warning; {}", side.create(TABLES)))?;
    Ok(session)
}

/// What a statement costs, of one for each table, each in a transaction of its own.
fn each(
    session: &mut Backend,
    tables: std::ops::Range<usize>,
    statement: impl Fn(usize) -> String,
) -> Result<f64> {
    let before = session.process.worked()?;
    for table in tables {
        session.run(&statement(table))?;
    }
    Ok((session.process.worked()? - before) / PART as f64)
}

/// The cells of a line.
pub(super) fn cells(compared: &Compared) -> Vec<String> {
    let show = |value| Unit::Time.show(value);
    let Interval { middle, low, high } = compared.excess;
    let mark = if compared.slows() { "✗ slower" } else { "" };
    vec![
        compared.what.to_owned(),
        show(compared.ours),
        show(compared.theirs),
        format!("{} ({} … {})", show(middle), show(low), show(high)),
        mark.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slower_by_more_than_a_tenth_is_found() {
        let around = |middle: f64| (0..12).map(|i| middle + f64::from(i % 5) / 10.0).collect::<Vec<_>>();
        let slows =
            |ours, theirs, must_not| Compared::new("", &around(ours), &around(theirs), must_not).slows();
        assert!(slows(115.0, 100.0, true));
        assert!(!slows(105.0, 100.0, true));
        assert!(!slows(115.0, 100.0, false));
    }
}
