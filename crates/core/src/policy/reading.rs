//! A fence without a column: whose a row is says a parent row, which is asked with every statement. USING
//! compares the key with those of the organization's parents, WITH CHECK looks one parent up.

use super::{Clause, Facts, Part, compared};
use crate::org::OrgType;
use crate::sql::{Ident, QualifiedName};

/// What stands for the row's own table in [`Reading::key_of_row`].
pub const ROW: &str = "org_scope_row";
/// What the parents' keys are called.
const KEY: &str = "org_scope_key";

/// The name of a parent in the conditions: of the one whose organization is known, 1.
pub fn alias(number: usize) -> String {
    format!("org_scope_parent_{number}")
}

/// The way from a row to its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The row's key, as the server prints it.
    pub key: String,
    /// The same, with [`ROW`] before each column.
    pub key_of_row: String,
    /// The column that it is, relabelled perhaps.
    pub column: Option<Ident>,
    /// The parents, the row's own first.
    pub parents: Vec<Above>,
    /// The organization of the last parent, with its [`alias`] before each column.
    pub org: String,
    /// With which readers it is compared.
    pub family: OrgType,
}

/// One parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// The table, with ONLY where its children by inheritance don't count.
    pub table: String,
    /// Its key, with its [`alias`] before the column.
    pub key: String,
    /// Its own key of the next parent, in the same way; none where its organization is known.
    pub next: Option<String>,
}

impl Above {
    /// Its name.
    pub fn name(&self) -> &str {
        self.table.strip_prefix("ONLY ").unwrap_or(&self.table)
    }
}

/// How a condition is spelled: as a statement has it, or as the server prints it.
struct Spelling {
    equals: &'static str,
    named: &'static str,
}

const WRITTEN: Spelling = Spelling { equals: " OPERATOR(pg_catalog.=) ", named: " AS " };
const PRINTED: Spelling = Spelling { equals: " = ", named: " " };

impl Reading {
    /// The key is one of the organization's parents'.
    pub(super) fn using(&self) -> Clause {
        let say = |spelling| self.among(0, &self.key, &spelling);
        Clause { text: say(WRITTEN), printed: say(PRINTED) }
    }

    /// The parent that the key of a row of this table names is the organization's.
    pub(super) fn check(&self, table: &Ident) -> Clause {
        let key = self.key_of_row.replace(&format!("{ROW}."), &format!("{table}."));
        let say = |spelling| self.exists(0, &key, &spelling);
        Clause { text: say(WRITTEN), printed: say(PRINTED) }
    }

    /// The rows whose parent isn't there.
    pub fn orphans(&self) -> Option<String> {
        let above = self.parents.first()?;
        let (equals, alias) = (WRITTEN.equals, self.alias_at(0));
        let Above { table, key, .. } = above;
        let row = &self.key_of_row;
        Some(format!("NOT EXISTS (SELECT FROM {table} AS {alias} WHERE {key}{equals}({row}))"))
    }

    /// Whether the key leads to the same rows of the same parent.
    pub(super) fn is_by_the_same_key(&self, other: &Self) -> bool {
        let first = |r: &Self| r.parents.first().map(|p| (p.table.clone(), bare(&p.key)));
        self.key == other.key && first(self) == first(other)
    }

    /// The name of the row's parent, and of the column that is its key.
    pub(super) fn parent(&self) -> Option<(&str, Ident)> {
        let above = self.parents.first()?;
        let key = bare(&above.key).trim_start_matches('(').to_owned();
        let key = key.split_once(")::").map_or(key.as_str(), |(column, _)| column);
        let raw = match key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => key.to_owned(),
        };
        Some((above.name(), Ident::new(raw).ok()?))
    }

    /// Whether a table is among the parents: to ask it would ask the row itself again.
    pub fn asks(&self, table: &QualifiedName) -> bool {
        let table = table.to_string();
        self.parents.iter().any(|above| above.name() == table)
    }

    fn alias_at(&self, place: usize) -> String {
        alias(self.parents.len() - place)
    }

    fn among(&self, place: usize, key: &str, spelling: &Spelling) -> String {
        let Some(above) = self.parents.get(place) else { return self.own(spelling) };
        let Spelling { equals, named } = spelling;
        let Above { table, key: theirs, next } = above;
        let inner = match next {
            Some(next) => self.among(place + 1, next, spelling),
            None => self.own(spelling),
        };
        let alias = self.alias_at(place);
        format!(
            "({key}{equals}ANY (ARRAY(SELECT {theirs} AS {KEY} FROM {table}{named}{alias} WHERE {inner})))"
        )
    }

    fn exists(&self, place: usize, key: &str, spelling: &Spelling) -> String {
        let Some(above) = self.parents.get(place) else { return self.own(spelling) };
        let Spelling { equals, named } = spelling;
        let Above { table, key: theirs, next } = above;
        let inner = match next {
            Some(next) => self.exists(place + 1, next, spelling),
            None => self.own(spelling),
        };
        let alias = self.alias_at(place);
        format!("(EXISTS (SELECT FROM {table}{named}{alias} WHERE (({theirs}{equals}{key}) AND {inner})))")
    }

    fn own(&self, spelling: &Spelling) -> String {
        format!("({}{}{})", self.org, spelling.equals, compared::fence_org(self.family))
    }

    /// Reads what stands on the table, if the fence is such a one and says nothing else.
    pub fn read_back(facts: &Facts) -> Option<Self> {
        let policy = [Part::Fence, Part::Gate].iter().find_map(|part| facts.policy(part.name()))?;
        let (using, check) = (policy.using.as_deref()?, policy.check.as_deref()?);
        let (key, mut reading) = Self::parse(using)?;
        let column = facts.column.as_ref().filter(|c| {
            let relabelled = || key.strip_prefix(&format!("({})::", c.quoted));
            key == c.quoted || relabelled().is_some_and(|cast| !cast.contains('('))
        });
        reading.column = column.map(|c| c.name.clone());
        reading.key = key;
        let marked = |mark: &str| reading.exists(0, mark, &PRINTED);
        let (before, after) = marked("?").split_once(" = ?)").map(|(b, a)| (b.to_owned(), a.to_owned()))?;
        let of_row = check.strip_prefix(&format!("{before} = "))?.strip_suffix(&format!("){after}"))?;
        let (named, row) = (format!("{}.", facts.name), format!("{ROW}."));
        reading.key_of_row = of_row.replace(&named, &row);
        let says_more = ![&reading.key, &reading.org].into_iter().all(|text| is_whole(text))
            || reading.key_of_row.replace(&row, "") != reading.key
            || !reading.org.contains(&format!("{}.", alias(1)))
            || reading.using().printed != using
            || reading.check(&facts.name).printed != check;
        (!says_more).then_some(reading)
    }

    /// The key, and the rest.
    fn parse(printed: &str) -> Option<(String, Self)> {
        let inner = printed.strip_prefix('(')?.strip_suffix(')')?;
        let (key, rest) = inner.split_once(" = ANY (ARRAY(SELECT ")?;
        let rest = rest.strip_suffix("))")?;
        let (theirs, rest) = rest.split_once(&format!(" AS {KEY} FROM "))?;
        let (from, condition) = rest.split_once(" WHERE ")?;
        let (table, _) = from.rsplit_once(' ')?;
        let above = |next| Above { table: table.to_owned(), key: theirs.to_owned(), next };
        let reading = match Self::parse(condition) {
            Some((next, rest)) => {
                let parents = [vec![above(Some(next))], rest.parents].concat();
                Self { parents, ..rest }
            }
            None => {
                let own = compared::Compared::read_back(condition)?;
                Self {
                    key: String::new(),
                    key_of_row: String::new(),
                    column: None,
                    parents: vec![above(None)],
                    org: own.printed,
                    family: own.family,
                }
            }
        };
        is_whole(theirs).then(|| (key.to_owned(), reading))
    }
}

/// A parent's key without its alias.
fn bare(key: &str) -> String {
    let Some((alias, column)) = key.split_once('.') else { return key.to_owned() };
    let open = alias.len() - alias.trim_start_matches('(').len();
    format!("{}{column}", "(".repeat(open))
}

/// Whether a text closes every parenthesis that it opens, and no other.
fn is_whole(text: &str) -> bool {
    let mut depth = 0_i64;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && quote.is_none()
}

/// What the server lays out over several lines, on one: outside of quotes one space stands for all, and none
/// at the beginning and after an opening parenthesis.
pub(crate) fn on_one_line(printed: &str) -> String {
    let mut line = String::with_capacity(printed.len());
    let mut quote = None;
    for c in printed.chars() {
        match quote {
            None if c.is_whitespace() => {
                if !line.is_empty() && !line.ends_with([' ', '(']) {
                    line.push(' ');
                }
                continue;
            }
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::simulate::table;
    use super::super::{FENCE, Grantee, Policy};
    use super::*;

    fn reading(depth: usize) -> Reading {
        let parents = (0..depth)
            .map(|place| {
                let n = depth - place;
                let next = (n > 1).then(|| format!("{}.above", alias(n)));
                Above { table: format!("ONLY public.t{n}"), key: format!("{}.id", alias(n)), next }
            })
            .collect();
        Reading {
            key: "split_part(key, ' (:'::text, 1)".into(),
            key_of_row: format!("split_part({ROW}.key, ' (:'::text, 1)"),
            column: None,
            parents,
            org: format!("({}.org_id)::text", alias(1)),
            family: OrgType::Text,
        }
    }

    fn fenced(using: &str, check: &str) -> Facts {
        let mut facts = table();
        facts.policies.push(Policy {
            name: Ident::new(FENCE).expect("legal"),
            permissive: false,
            command: '*',
            roles: vec![Grantee::PUBLIC],
            using: Some(on_one_line(using)),
            check: Some(on_one_line(check)),
            columns: vec![],
            comment: None,
        });
        facts
    }

    #[test]
    fn what_stands_reads_back_at_any_depth() {
        for depth in 1..5 {
            let reading = reading(depth);
            let (using, check) = (reading.using(), reading.check(&table().name));
            assert_eq!(Reading::read_back(&fenced(&using.printed, &check.printed)), Some(reading));
        }
    }

    #[test]
    fn what_says_more_does_not_read_back() {
        let reading = reading(2);
        let (using, check) = (reading.using().printed, reading.check(&table().name).printed);
        for (using, check) in [
            (format!("(true OR {using})"), check.clone()),
            (format!("({using} OR true)"), check.clone()),
            (using.clone(), format!("({check} OR true)")),
            (using.clone(), "true".into()),
            (using.replace("public.t1", "public.t9"), check.clone()),
            (
                using.replace("(org_scope_parent_1.org_id)::text", "org_scope.fence_org()"),
                check.replace("(org_scope_parent_1.org_id)::text", "org_scope.fence_org()"),
            ),
        ] {
            assert_eq!(Reading::read_back(&fenced(&using, &check)), None, "{using}\n{check}");
        }
    }

    #[test]
    fn the_servers_layout_counts_for_nothing_outside_of_quotes() {
        let printed = "(EXISTS ( SELECT\n   FROM ONLY t.runs p\n  WHERE (a = 'x  (\n y'::text)))";
        assert_eq!(on_one_line(printed), "(EXISTS (SELECT FROM ONLY t.runs p WHERE (a = 'x  (\n y'::text)))");
    }

    #[test]
    fn the_parent_is_named_as_a_call_names_it() {
        let mut reading = reading(1);
        assert_eq!(reading.parent(), Some(("public.t1", Ident::new("id").expect("legal"))));
        reading.parents[0].key = "(org_scope_parent_1.\"a\"\"b\")::text".into();
        assert_eq!(reading.parent(), Some(("public.t1", Ident::new("a\"b").expect("legal"))));
    }
}
