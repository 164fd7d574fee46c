//! What the fallback costs those who read: a row without an organization is found by its account, so the fence has two
//! arms until all rows are filled.

use anyhow::{Context as _, Result};

use super::place::{BIG, READER};
use super::variant::{self, Variant};
use crate::statistics::{Interval, ratio, typical};
use crate::terminal::Progress;
use crate::watched::{Backend, Watch};

/// Rounds: in each, everybody once, in an order that chance makes anew.
const ROUNDS: usize = 8;
/// The probability with which an interval misses the truth.
const ALPHA: f64 = 0.05;
/// What one figure is of, in nanoseconds, where a statement is shorter.
const BATCH: f64 = 8e6;
/// Statements of one figure at most.
const MOST: f64 = 100.0;

/// One question.
#[derive(Debug, Clone, Copy)]
struct Query {
    what: &'static str,
    /// With `{mine t}` where someone without row security says whose rows it means.
    text: &'static str,
}

const QUERIES: [Query; 4] = [
    Query { what: "count", text: "SELECT count(*) FROM messages AS m WHERE {m}" },
    Query {
        what: "newest 50",
        text: "SELECT m.id, m.text FROM messages AS m WHERE {m} ORDER BY m.created_at DESC LIMIT 50",
    },
    Query { what: "by key", text: "SELECT m.text FROM messages AS m WHERE m.id = {id} AND {m}" },
    Query {
        what: "messages of 200 conversations",
        text: "SELECT c.customer, m.text FROM conversations AS c JOIN messages AS m ON m.conversation_id = c.id \
               WHERE c.id BETWEEN {conversation} AND {conversation} + 199 AND {c} AND {m}",
    },
];

/// A question for an organization, as all variants answered it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) what: &'static str,
    pub(super) org: &'static str,
    pub(super) of: Vec<Figures>,
}

/// One variant's.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) variant: Variant,
    /// Nanoseconds of each round.
    taken: Vec<f64>,
    /// The nodes of its plan, from the top.
    pub(super) plan: String,
}

/// Asks everything of all of them.
pub(super) fn run(watch: &mut Watch<'_>, rows: usize) -> Result<Vec<Answered>> {
    let database = "reading";
    variant::make(watch, database, rows)?;
    let mut progress = Progress::new("reading under fence and fallback, by turns");
    let mut all = Vec::new();
    let orgs = [("big", BIG.to_owned()), ("small", small(watch, database, rows)?)];
    for (name, org) in &orgs {
        let mut sessions = Vec::new();
        for variant in Variant::ALL {
            sessions.push((variant, session(watch, database, variant, org)?));
        }
        let ids = ids(watch, database, org)?;
        for query in QUERIES {
            let answered = ask(&mut sessions, query, name, org, &ids).with_context(|| query.what)?;
            all.push(answered);
            progress.at(all.len(), orgs.len() * QUERIES.len(), &format!("{}, {name}", query.what));
        }
    }
    progress.done();
    Ok(all)
}

fn session(watch: &mut Watch<'_>, database: &str, variant: Variant, org: &str) -> Result<Backend> {
    let mut session = watch.connect(database, READER)?;
    session
        .run(&format!("SET search_path = {}; SELECT org_scope.set_current_org('{org}')", variant.schema()))?;
    Ok(session)
}

/// An organization that has at most one row of two thousand.
fn small(watch: &mut Watch<'_>, database: &str, rows: usize) -> Result<String> {
    let mut superuser = watch.connect(database, "postgres")?;
    let small = "SELECT organization_id FROM hand.messages GROUP BY 1 HAVING count(*) <= $1 ORDER BY count(*) DESC LIMIT 1";
    Ok(superuser.client.query_one(small, &[&i64::try_from(rows / 2000)?])?.get(0))
}

/// Messages of the organization, from all over the table.
fn ids(watch: &mut Watch<'_>, database: &str, org: &str) -> Result<Vec<i64>> {
    let mut superuser = watch.connect(database, "postgres")?;
    let ids = "SELECT id FROM hand.messages WHERE organization_id = $1 ORDER BY hashint8(id) LIMIT 200";
    Ok(superuser.client.query(ids, &[&org])?.iter().map(|row| row.get(0)).collect())
}

fn ask(
    sessions: &mut [(Variant, Backend)],
    query: Query,
    name: &'static str,
    org: &str,
    ids: &[i64],
) -> Result<Answered> {
    let mut of = Vec::new();
    for (variant, session) in sessions.iter_mut() {
        let text = query.written(*variant, org, ids, 0);
        let plan = session.plan(&text)?;
        of.push(Figures { variant: *variant, taken: Vec::new(), plan: nodes(&plan.bones) });
        // What the session reads for the first time.
        session.run(&text)?;
    }
    let mut times = Vec::new();
    for (variant, session) in sessions.iter_mut() {
        let once = session.time(&query.written(*variant, org, ids, 1))?;
        times.push((BATCH / once.max(1.0)).clamp(1.0, MOST) as usize);
    }
    let mut order: Vec<usize> = (0..sessions.len()).collect();
    let mut chance = fastrand::Rng::with_seed(7);
    for round in 0..ROUNDS {
        chance.shuffle(&mut order);
        for &place in &order {
            let (variant, session) = &mut sessions[place];
            let turns = times[place];
            let statements: Vec<String> =
                (0..turns).map(|turn| query.written(*variant, org, ids, round + turn)).collect();
            of[place].taken.push(session.time(&statements.join("; "))? / turns as f64);
        }
    }
    Ok(Answered { what: query.what, org: name, of })
}

/// The nodes that read what was asked for: not those that look up the organization's accounts first.
fn nodes(bones: &[String]) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut nodes = Vec::new();
    let mut beside = None;
    for line in bones {
        if beside.is_some_and(|beside| depth(line) > beside) {
            continue;
        }
        beside = line.contains(" as InitPlan ").then(|| depth(line));
        if beside.is_none() {
            nodes.push(line.trim());
        }
    }
    nodes.join(" ← ")
}

impl Query {
    fn written(self, variant: Variant, org: &str, ids: &[i64], turn: usize) -> String {
        let mine = |table: &str| match variant {
            Variant::Hand => format!("{table}.organization_id = '{org}'"),
            _ => "true".to_owned(),
        };
        let id = ids[turn % ids.len()];
        self.text
            .replace("{id}", &id.to_string())
            .replace("{conversation}", &(id / 5).to_string())
            .replace("{m}", &mine("m"))
            .replace("{c}", &mine("c"))
    }
}

impl Answered {
    /// What a variant took, typically.
    pub(super) fn typical(&self, variant: Variant) -> f64 {
        self.taken(variant).map_or(f64::NAN, typical)
    }

    /// A variant's figures by another's, round by round.
    pub(super) fn ratio(&self, variant: Variant, than: Variant) -> Option<Interval> {
        Some(ratio(self.taken(variant)?, self.taken(than)?, ALPHA))
    }

    fn taken(&self, variant: Variant) -> Option<&[f64]> {
        self.of.iter().find(|figures| figures.variant == variant).map(|figures| figures.taken.as_slice())
    }

    /// The plans that there are, each with those who have it.
    pub(super) fn plans(&self) -> Vec<(String, String)> {
        let mut plans: Vec<(String, String)> = Vec::new();
        for Figures { variant, plan, .. } in &self.of {
            match plans.iter_mut().find(|(_, known)| known == plan) {
                Some((who, _)) => *who = format!("{who}; {}", variant.words()),
                None => plans.push((variant.words(), plan.clone())),
            }
        }
        plans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_no_fence_says_whose_rows_it_means() {
        let by_key = QUERIES[2];
        assert_eq!(
            by_key.written(Variant::Hand, "x", &[7, 8], 3),
            "SELECT m.text FROM messages AS m WHERE m.id = 8 AND m.organization_id = 'x'"
        );
        assert_eq!(
            by_key.written(Variant::Fallback(50), "x", &[7], 0),
            "SELECT m.text FROM messages AS m WHERE m.id = 7 AND true"
        );
    }

    #[test]
    fn what_is_looked_up_first_is_no_part_of_the_plan() {
        let bones = [
            "Limit",
            "  Bitmap Heap Scan on users as InitPlan 1 (returns $0)",
            "    Bitmap Index Scan",
            "  Sort",
            "    Seq Scan",
        ];
        assert_eq!(nodes(&bones.map(str::to_owned)), "Limit ← Sort ← Seq Scan");
    }

    #[test]
    fn variants_with_the_same_plan_share_a_line() {
        let of = |variant, plan: &str| Figures { variant, taken: vec![1.0; 6], plan: plan.into() };
        let answered = Answered {
            what: "count",
            org: "big",
            of: vec![of(Variant::Hand, "a"), of(Variant::Strict, "a"), of(Variant::Fallback(0), "b")],
        };
        assert_eq!(
            answered.plans(),
            [
                ("by hand; strict fence".to_owned(), "a".to_owned()),
                ("fallback, 0 % filled".to_owned(), "b".to_owned())
            ]
        );
        assert_eq!(answered.ratio(Variant::Hand, Variant::Strict).map(|r| r.middle), Some(1.0));
    }
}
