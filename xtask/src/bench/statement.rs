//! Statements in the forms in which the variants write them.
//!
//! A template has `{1}`, `{2}` where its values go, `{org}` where it writes the organization, and at its end or
//! between ANDs `{mine t}`, the condition on table t that row security spares its writer:
//! `SELECT amount FROM items WHERE id = {1} AND {mine items}`.

use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A value that goes into a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// An id, an amount.
    Number(i64),
    /// A moment, as microseconds since 2000 and as the server writes it.
    Moment(i64, String),
    /// An organization.
    Org(String),
    /// Anything that is text.
    Text(String),
}

impl Value {
    /// As the statement's text has it.
    pub(super) fn literal(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Moment(_, text) | Self::Org(text) | Self::Text(text) => format!("'{text}'"),
        }
    }

    /// The type of a parameter that takes it.
    pub(super) fn sql_type(&self) -> Type {
        match self {
            Self::Number(_) => Type::INT8,
            Self::Moment(..) => Type::TIMESTAMPTZ,
            Self::Org(_) => Type::UUID,
            Self::Text(_) => Type::TEXT,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Number(number) | Self::Moment(number, _) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Org(text) => {
                let digits: String = text.chars().filter(|c| *c != '-').collect();
                out.extend_from_slice(&u128::from_str_radix(&digits, 16)?.to_be_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// How a variant says whose rows it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// `org_id = '…'`.
    Literal,
    /// `org_id = $n`.
    Parameter,
    /// Nothing: the policy says it.
    Nothing,
}

/// A statement with parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Its text.
    pub(super) sql: String,
    /// Whether the organization is its last parameter.
    pub(super) org: bool,
}

/// The statement with everything in its text.
pub(super) fn simple(template: &str, says: Says, org: &str, values: &[Value]) -> String {
    let org = format!("'{org}'");
    let condition = (says != Says::Nothing).then(|| org.clone());
    fill(template, condition.as_deref(), &org, |number| values[number - 1].literal())
}

/// The statement with parameters for its values, and for the organization unless that is literal.
pub(super) fn prepared(template: &str, says: Says, org: &str, values: usize) -> Prepared {
    let literal = format!("'{org}'");
    let parameter = format!("${}", values + 1);
    let written = if says == Says::Literal { &literal } else { &parameter };
    let condition = (says != Says::Nothing).then_some(written.as_str());
    let sql = fill(template, condition, written, |number| format!("${number}"));
    Prepared { org: sql.contains(&parameter), sql }
}

fn fill(template: &str, condition: Option<&str>, org: &str, value: impl Fn(usize) -> String) -> String {
    let mut sql = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((mark, tail)) = after.split_once('}') else { break };
        sql.push_str(before);
        rest = tail;
        match (mark.strip_prefix("mine "), condition) {
            (Some(table), Some(org)) => sql.push_str(&format!("{table}.org_id = {org}")),
            (Some(_), None) => sql.truncate(without_connective(&sql)),
            (None, _) if mark == "org" => sql.push_str(org),
            (None, _) => sql.push_str(&mark.parse().map_or_else(|_| format!("{{{mark}}}"), &value)),
        }
    }
    sql.push_str(rest);
    sql
}

/// How long the text is without the WHERE or AND at its end.
fn without_connective(sql: &str) -> usize {
    let end = sql.trim_end();
    ["WHERE", "AND"].iter().find_map(|word| end.strip_suffix(word)).unwrap_or(end).trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "00000000-0000-0000-0000-0000000000ff";
    const JOIN: &str = "SELECT 1 FROM i JOIN o USING (k) WHERE n = {1} AND {mine i} AND {mine o} GROUP BY 1";

    #[test]
    fn each_variant_writes_what_its_author_would() {
        assert_eq!(
            simple(JOIN, Says::Literal, "x", &[Value::Number(7)]),
            "SELECT 1 FROM i JOIN o USING (k) WHERE n = 7 AND i.org_id = 'x' AND o.org_id = 'x' GROUP BY 1"
        );
        assert_eq!(
            simple(JOIN, Says::Nothing, "x", &[Value::Number(7)]),
            "SELECT 1 FROM i JOIN o USING (k) WHERE n = 7 GROUP BY 1"
        );
        assert_eq!(
            prepared(JOIN, Says::Parameter, "x", 1),
            Prepared {
                sql: "SELECT 1 FROM i JOIN o USING (k) WHERE n = $1 AND i.org_id = $2 AND o.org_id = $2 GROUP BY 1".into(),
                org: true
            }
        );
        let literal = prepared(JOIN, Says::Literal, "x", 1);
        assert!(literal.sql.contains("n = $1 AND i.org_id = 'x'") && !literal.org);
    }

    #[test]
    fn a_where_that_has_nothing_left_goes() {
        assert_eq!(simple("SELECT 1 FROM t WHERE {mine t}", Says::Nothing, "x", &[]), "SELECT 1 FROM t");
        assert_eq!(
            simple("SELECT 1 FROM t WHERE {mine t} LIMIT 5", Says::Nothing, "x", &[]),
            "SELECT 1 FROM t LIMIT 5"
        );
    }

    #[test]
    fn an_insert_names_its_organization_under_every_fence() {
        let insert = "INSERT INTO t (org_id, n) VALUES ({org}, {1})";
        let nothing = prepared(insert, Says::Nothing, ORG, 1);
        assert_eq!(nothing, Prepared { sql: "INSERT INTO t (org_id, n) VALUES ($2, $1)".into(), org: true });
        assert!(prepared(insert, Says::Literal, ORG, 1).sql.contains(ORG));
    }

    #[test]
    fn an_organization_travels_as_its_sixteen_bytes() {
        let mut bytes = BytesMut::new();
        Value::Org(ORG.into()).to_sql(&Type::UUID, &mut bytes).expect("a uuid");
        assert_eq!((bytes.len(), bytes[15], bytes[0]), (16, 0xff, 0));
    }
}
