//! A table that is adopted: to whom its rows belong meanwhile, and the statements by which they are filled.

use super::source::{ROW, SOURCE};
use super::{Constant, Explaining, Expression, Source, literal};
use crate::org::OrgType;
use crate::policy::fence_org;
use crate::sql::{Ident, Literal, QualifiedName};

/// A table that is adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The table.
    pub table: QualifiedName,
    /// Its org column.
    pub org: Ident,
    /// With which readers that is compared.
    pub family: OrgType,
    /// Where its organization comes from.
    pub source: Source,
}

/// Rows that are locked, by where they lie.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// A text of `tid[]` that the server printed.
    pub text: &'a str,
    /// The blocks in which they lie, the second not included, where that is known.
    pub blocks: Option<(u64, u64)>,
}

impl Places<'_> {
    /// How many they are.
    pub fn count(&self) -> u64 {
        self.text.bytes().filter(|byte| *byte == b'(').count() as u64
    }

    /// The condition on a row that it lies there. The server looks through as many blocks as it names: for a list
    /// alone it would take the whole table to be cheaper than so many single places.
    fn condition(&self) -> Option<String> {
        let places = Literal::new(self.text).ok()?;
        let listed = format!("{ROW}.ctid OPERATOR(pg_catalog.=) ANY ({places}::pg_catalog.tid[])");
        Some(match self.blocks {
            Some((from, to)) => format!("{} AND {listed}", within(from, to)),
            None => listed,
        })
    }
}

/// The condition that a row lies in blocks `from` to `to`.
fn within(from: u64, to: u64) -> String {
    format!(
        "{ROW}.ctid OPERATOR(pg_catalog.>=) '({from},0)'::pg_catalog.tid \
         AND {ROW}.ctid OPERATOR(pg_catalog.<) '({to},0)'::pg_catalog.tid"
    )
}

impl Adopted {
    fn reader(&self) -> &'static str {
        fence_org(self.family)
    }

    /// A row without an organization that belongs to the current one, with bare columns.
    pub fn fallback(&self) -> Option<String> {
        let reader = self.reader();
        let theirs = match &self.source {
            Source::Row(explaining) => {
                let Explaining { table, key, org, legacy, .. } = explaining;
                let own = format!("{SOURCE}.{org} OPERATOR(pg_catalog.=) {reader}");
                format!(
                    "{legacy} OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT {SOURCE}.{key} FROM ONLY {table} AS {SOURCE} \
                     WHERE {own}{}))",
                    explaining.fulfilled(&own)
                )
            }
            Source::Expression(Expression { bare, .. }) => {
                format!("({bare}) OPERATOR(pg_catalog.=) {reader}")
            }
            Source::Constant(Constant { org, .. }) => {
                format!("{} OPERATOR(pg_catalog.=) {reader}", literal(org, self.family)?)
            }
        };
        Some(format!("({} IS NULL AND {theirs})", self.org))
    }

    /// What stands for the organization of a row that is explained, the tables to join, and the condition on them.
    fn explained(&self) -> Option<(String, String, String)> {
        Some(match &self.source {
            Source::Row(explaining) => {
                (format!("{SOURCE}.org"), format!(", {}", explaining.rows()), explaining.joined())
            }
            Source::Expression(Expression { of_new, .. }) => {
                (format!("({of_new})"), String::new(), format!("({of_new}) IS NOT NULL"))
            }
            Source::Constant(Constant { org, .. }) => {
                (literal(org, self.family)?, String::new(), "true".to_owned())
            }
        })
    }

    /// The condition that nothing explains a row.
    fn unexplained(&self) -> Option<String> {
        Some(match &self.source {
            Source::Row(explaining) => {
                format!("NOT EXISTS (SELECT FROM {} WHERE {})", explaining.rows(), explaining.joined())
            }
            Source::Expression(Expression { of_new, .. }) => format!("({of_new}) IS NULL"),
            Source::Constant(_) => "false".to_owned(),
        })
    }

    fn named(&self) -> String {
        self.source.legacy().map_or_else(
            || "NULL::pg_catalog.text".to_owned(),
            |legacy| format!("{ROW}.{legacy}::pg_catalog.text"),
        )
    }

    /// The places of rows without an organization in blocks `from` to `to`, locked, as a text of `tid[]`; those that
    /// others have locked are left out where `skip` says so.
    pub fn lock_batch(&self, from: u64, to: u64, skip: bool) -> String {
        let (table, org) = (&self.table, &self.org);
        let skip = if skip { " SKIP LOCKED" } else { "" };
        let within = within(from, to);
        format!(
            "SELECT pg_catalog.array_agg(b.place)::pg_catalog.text FROM (SELECT {ROW}.ctid AS place FROM ONLY {table} AS {ROW} \
             WHERE {ROW}.{org} IS NULL AND {within} FOR NO KEY UPDATE OF {ROW}{skip}) AS b"
        )
    }

    /// The places of rows that name another organization than their source does, `rows` at most, locked as above.
    /// None where nothing can contradict.
    pub fn lock_contradicting(&self, rows: u64) -> Option<String> {
        let (from, condition) = self.contradicting()?;
        Some(format!(
            "SELECT pg_catalog.array_agg(b.place)::pg_catalog.text FROM (SELECT {ROW}.ctid AS place {from} WHERE {condition} \
             LIMIT {rows} FOR NO KEY UPDATE OF {ROW} SKIP LOCKED) AS b"
        ))
    }

    fn contradicting(&self) -> Option<(String, String)> {
        if let Source::Constant(_) = self.source {
            return None;
        }
        let (found, join, explained) = self.explained()?;
        let (table, org) = (&self.table, &self.org);
        let from = format!("FROM ONLY {table} AS {ROW}{join}");
        // IS NOT NULL is left unsaid, as NULL equals nothing: statistics from before the filling would promise the
        // planner that there are no such rows.
        let condition = format!("{explained} AND NOT ({ROW}.{org} OPERATOR(pg_catalog.=) {found})");
        Some((from, condition))
    }

    /// How many rows contradict, counted up to `most`.
    pub fn count_contradicting(&self, most: u64) -> Option<String> {
        let (from, condition) = self.contradicting()?;
        Some(counted(&format!("SELECT {from} WHERE {condition} LIMIT {most}")))
    }

    /// How many rows have no organization and could have one, counted up to `most`.
    pub fn count_explained(&self, most: u64) -> Option<String> {
        let (_, join, explained) = self.explained()?;
        let (table, org) = (&self.table, &self.org);
        Some(counted(&format!(
            "SELECT FROM ONLY {table} AS {ROW}{join} WHERE {ROW}.{org} IS NULL AND {explained} LIMIT {most}"
        )))
    }

    /// How many rows have no organization, counted up to `most`.
    pub fn count_null(&self, most: u64) -> String {
        let (table, org) = (&self.table, &self.org);
        counted(&format!("SELECT FROM ONLY {table} AS {ROW} WHERE {ROW}.{org} IS NULL LIMIT {most}"))
    }

    /// Gives the rows at the places the organization that explains them.
    pub fn settle(&self, places: Places<'_>) -> Option<String> {
        let (found, join, explained) = self.explained()?;
        let (table, org) = (&self.table, &self.org);
        let from = join.strip_prefix(", ").map_or_else(String::new, |rows| format!(" FROM {rows}"));
        Some(format!(
            "UPDATE ONLY {table} AS {ROW} SET {org} = {found}{from} WHERE {} AND {explained}",
            places.condition()?
        ))
    }

    /// How many rows at the places could have an organization and have none.
    pub fn count_left(&self, places: Places<'_>) -> Option<String> {
        let (_, join, explained) = self.explained()?;
        let (table, org) = (&self.table, &self.org);
        Some(counted(&format!(
            "SELECT FROM ONLY {table} AS {ROW}{join} WHERE {} AND {ROW}.{org} IS NULL AND {explained}",
            places.condition()?
        )))
    }

    /// The keys of rows that nothing explains, with how many rows have each, as JSON.
    pub fn unresolved(&self) -> Option<String> {
        let (table, org) = (&self.table, &self.org);
        Some(format!(
            "SELECT pg_catalog.json_build_array(u.key, u.rows)::pg_catalog.text FROM (SELECT {} AS key, pg_catalog.count(*) AS rows \
             FROM ONLY {table} AS {ROW} WHERE {ROW}.{org} IS NULL AND {} GROUP BY 1 \
             ORDER BY 2 DESC, 1) AS u",
            self.named(),
            self.unexplained()?
        ))
    }

    /// Gives an organization to the rows with these keys that nothing explains; NULL stands for rows without a key.
    pub fn assign(&self, keys: &[Option<String>], org: &str) -> Option<String> {
        let (table, column) = (&self.table, &self.org);
        let value = literal(org, self.family)?;
        let named = self.named();
        let texts: Vec<String> = keys
            .iter()
            .flatten()
            .map(|key| Literal::new(key.as_str()).map(|l| l.to_string()))
            .collect::<Result<_, _>>()
            .ok()?;
        let among =
            format!("{named} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])", texts.join(", "));
        let among = match keys.iter().any(Option::is_none) {
            true => format!("({among} OR {named} IS NULL)"),
            false => among,
        };
        Some(format!(
            "UPDATE ONLY {table} AS {ROW} SET {column} = {value} WHERE {ROW}.{column} IS NULL AND {} AND {among}",
            self.unexplained()?
        ))
    }
}

fn counted(select: &str) -> String {
    format!("SELECT pg_catalog.count(*)::pg_catalog.text FROM ({select}) AS c")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name).expect("legal")
    }

    fn adopted(source: Source) -> Adopted {
        let table = QualifiedName { schema: ident("public"), name: ident("messages") };
        Adopted { table, org: ident("Org"), family: OrgType::Text, source }
    }

    fn by_account(condition: Option<&str>) -> Explaining {
        Explaining {
            lookup: Some(ident("account")),
            table: QualifiedName { schema: ident("public"), name: ident("user") },
            key: ident("account_id"),
            org: ident("organization_id"),
            condition: condition.map(Into::into),
            legacy: ident("account_id"),
            is_user: true,
        }
    }

    #[test]
    fn the_fallback_asks_for_the_keys_of_the_current_organization() {
        let fallback = adopted(Source::Row(by_account(None))).fallback().expect("sayable");
        assert_eq!(
            fallback,
            "(\"Org\" IS NULL AND account_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT org_scope_source.account_id \
             FROM ONLY public.\"user\" AS org_scope_source \
             WHERE org_scope_source.organization_id OPERATOR(pg_catalog.=) org_scope.fence_org())))"
        );
        let conditioned = adopted(Source::Row(by_account(Some("active")))).fallback().expect("sayable");
        assert!(conditioned.contains("AND CASE WHEN org_scope_source.organization_id OPERATOR(pg_catalog.=) org_scope.fence_org() THEN (active) END"));
    }

    #[test]
    fn a_key_of_another_organization_is_asked_for_with_the_organization() {
        let own = by_account(Some("active")).ask(Some("org_scope.fence_org()"));
        assert!(own.contains("s.organization_id OPERATOR(pg_catalog.=) org_scope.fence_org()"), "{own}");
        assert!(own.ends_with("THEN (active) END"), "{own}");
        assert!(!by_account(None).ask(None).contains("fence_org"));
    }

    #[test]
    fn places_are_counted_and_looked_for_where_they_lie() {
        let places = Places { text: "{\"(7,1)\",\"(8,12)\"}", blocks: Some((7, 9)) };
        assert_eq!(places.count(), 2);
        let condition = places.condition().expect("sayable");
        assert!(condition.contains(">=) '(7,0)'") && condition.contains("<) '(9,0)'"), "{condition}");
        assert!(condition.contains("ANY ('{\"(7,1)\",\"(8,12)\"}'::pg_catalog.tid[])"), "{condition}");
    }

    #[test]
    fn values_stand_as_literals_and_nothing_closes_them_early() {
        let constant = Constant { org: "it's".into(), legacy: None };
        let adopted = adopted(Source::Constant(constant));
        let places = |text| Places { text, blocks: None };
        let settle = adopted.settle(places("{\"(0,1)\"}")).expect("sayable");
        assert!(settle.contains("SET \"Org\" = ('it''s')::pg_catalog.text"), "{settle}");
        assert_eq!(adopted.count_contradicting(1), None, "a constant is what is left, not what must be");
        assert_eq!(adopted.settle(places("a\0")), None);
        let assign = adopted.assign(&[Some("x'; --".into()), None], "o'").expect("sayable");
        assert!(
            assign.contains("ARRAY['x''; --']::pg_catalog.text[]") && assign.contains(" IS NULL)"),
            "{assign}"
        );
        assert_eq!(literal("5", OrgType::Bigint).as_deref(), Some("('5')::pg_catalog.int8"));
    }
}
