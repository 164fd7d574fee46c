//! How a row's organization, or its project, is compared with the current one: as it is written in a
//! statement, and as the server prints it.

use super::{Column, Expression, Facts, Reading, Refusal, Source, family, reading};
use crate::org::OrgType;
use crate::sql::Ident;

/// A condition of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// As it stands in CREATE POLICY.
    pub text: String,
    /// As `pg_get_expr` prints it under the search_path `pg_catalog, pg_temp`, on one line.
    pub printed: String,
}

/// Something over a row that can be compared with a reader by the server's own equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// As it is written.
    written: String,
    /// As the server prints it where it stands alone.
    printed: String,
    /// As the server prints it beside the operator.
    operand: String,
    family: OrgType,
    column: Option<Ident>,
    /// USING and WITH CHECK, where a parent is asked for the organization.
    asked: Option<Box<(Clause, Clause)>>,
    /// What else is the current organization's where no organization stands.
    fallback: Option<Clause>,
}

impl Compared {
    /// What the source names.
    ///
    /// # Errors
    /// [`Refusal`] where there is no such column, or no reader compares with it.
    pub fn of(facts: &Facts, source: &Source) -> Result<Self, Refusal> {
        match source {
            Source::Column(name) => {
                let column = facts.column.as_ref().filter(|c| c.name == *name);
                Self::column(column.ok_or_else(|| Refusal::MissingColumn(name.clone()))?)
            }
            Source::Expression(expression) => Ok(Self::expression(expression)),
            Source::Parent(reading) => Ok(Self::key(reading, &facts.name)),
        }
    }

    /// A column, by its type.
    ///
    /// # Errors
    /// [`Refusal`] where no reader compares with it by the server's own equality.
    pub fn column(column: &Column) -> Result<Self, Refusal> {
        let type_name = || column.type_name.clone();
        let Some(family) = family::of_type(&column.base_type) else {
            return Err(match column.base_type.1.as_str() {
                "bpchar" => Refusal::CharN { column: column.name.clone(), type_name: type_name() },
                "citext" => Refusal::Citext { column: column.name.clone() },
                _ => Refusal::UnsupportedType { column: column.name.clone(), type_name: type_name() },
            });
        };
        if !column.deterministic {
            return Err(Refusal::Nondeterministic { column: column.name.clone() });
        }
        // Below a domain, and for varchar, the parser relabels the column as the operator's input
        // type; it costs nothing, hides no index, and shows when the server prints the policy.
        let cast = match (column.base_type.1.as_str(), column.is_domain) {
            ("varchar", _) | ("text", true) => Some("text"),
            ("uuid", true) => Some("uuid"),
            ("int2", true) => Some("smallint"),
            ("int4", true) => Some("integer"),
            ("int8", true) => Some("bigint"),
            _ => None,
        };
        let printed = column.quoted.clone();
        let operand = cast.map_or_else(|| printed.clone(), |cast| format!("({printed})::{cast}"));
        Ok(Self {
            written: column.name.to_string(),
            printed,
            operand,
            family,
            column: Some(column.name.clone()),
            asked: None,
            fallback: None,
        })
    }

    /// An expression, whose type needs no relabelling.
    pub fn expression(expression: &Expression) -> Self {
        let Expression { printed, family } = expression;
        Self {
            written: format!("({printed})"),
            printed: printed.clone(),
            operand: printed.clone(),
            family: *family,
            column: None,
            asked: None,
            fallback: None,
        }
    }

    /// The key of a parent that is asked.
    fn key(reading: &Reading, table: &Ident) -> Self {
        let Reading { key, column, family, .. } = reading;
        Self {
            written: column.as_ref().map_or_else(|| format!("({key})"), ToString::to_string),
            printed: key.clone(),
            operand: key.clone(),
            family: *family,
            column: column.clone(),
            asked: Some(Box::new((reading.using(), reading.check(table)))),
            fallback: None,
        }
    }

    /// The family of readers.
    pub fn family(&self) -> OrgType {
        self.family
    }

    /// The column that holds the organization, where one does.
    pub fn column_name(&self) -> Option<&Ident> {
        self.column.as_ref().filter(|_| self.asked.is_none())
    }

    /// Whether a column leads the index: the organization's, or the key's.
    pub(super) fn is_led_by_column(&self) -> bool {
        self.column.is_some()
    }

    /// Whether a parent is asked with every statement.
    pub(super) fn asks_parent(&self) -> bool {
        self.asked.is_some()
    }

    /// As it stands in a statement.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// As the server prints it, in an index say.
    pub fn printed(&self) -> &str {
        &self.printed
    }

    /// The DEFAULT that makes a new row the current organization's, which is also how the server prints it.
    pub fn org_default(&self) -> &'static str {
        org_default(self.family)
    }

    /// The DEFAULT that makes a new row the current project's, which is also how the server prints it.
    pub fn project_default(&self) -> &'static str {
        current_project(self.family)
    }

    /// The row is the current organization's. The operator is named with its schema: a bare `=` would be
    /// whatever the search_path finds first.
    pub fn own(&self) -> Clause {
        if let Some(asked) = &self.asked {
            return asked.0.clone();
        }
        let reader = fence_org(self.family);
        Clause {
            text: format!("{} OPERATOR(pg_catalog.=) {reader}", self.written),
            printed: format!("({} = {reader})", self.operand),
        }
    }

    /// The same, with rows that have no organization yet and are found to be the current one's.
    #[must_use]
    pub(super) fn with_fallback(self, fallback: Option<Clause>) -> Self {
        Self { fallback, ..self }
    }

    /// The row is the current organization's to see, to change and to delete.
    pub(super) fn seen(&self) -> Clause {
        match &self.fallback {
            Some(fallback) => self.own().or(fallback.clone()),
            None => self.own(),
        }
    }

    /// The same of a row that is written.
    pub fn own_new(&self) -> Clause {
        self.asked.as_ref().map_or_else(|| self.own(), |asked| asked.1.clone())
    }

    /// The row is nobody's, so everybody's to read.
    pub fn shared(&self) -> Clause {
        Clause { text: format!("{} IS NULL", self.written), printed: format!("({} IS NULL)", self.printed) }
    }

    /// The row is in the project that the session narrowed itself to, or else in one that it may see.
    pub fn in_project(&self) -> Clause {
        let (current, joined) = (current_project(self.family), joined_projects(self.family));
        let Self { written, printed, operand, .. } = self;
        Clause {
            text: format!(
                "org_scope.project_scope() OPERATOR(pg_catalog.=) 'all' \
                 OR {written} OPERATOR(pg_catalog.=) {current} \
                 OR (org_scope.project_scope() OPERATOR(pg_catalog.=) 'joined' AND ({written} IS NULL \
                 OR {written} OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT pg_catalog.unnest({joined})))))"
            ),
            printed: format!(
                "((org_scope.project_scope() = 'all'::text) OR ({operand} = {current}) OR \
                 ((org_scope.project_scope() = 'joined'::text) AND (({printed} IS NULL) OR \
                 ({operand} = ANY (ARRAY(SELECT unnest({joined}) AS unnest))))))"
            ),
        }
    }

    /// Reads the expression back from a condition that [`own`](Self::own) made.
    pub(super) fn read_back(printed: &str) -> Option<Expression> {
        let inner = printed.strip_prefix('(')?.strip_suffix(')')?;
        [OrgType::Text, OrgType::Uuid, OrgType::Bigint].into_iter().find_map(|family| {
            let printed = inner.strip_suffix(fence_org(family))?.strip_suffix(" = ")?.to_owned();
            Some(Expression { printed, family })
        })
    }
}

impl Clause {
    /// A condition as it is written, and as the server prints it over several lines.
    pub fn laid_out(text: String, printed: &str) -> Self {
        Self { text, printed: reading::on_one_line(printed) }
    }

    /// This one, or the other.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            text: format!("{} OR {}", self.text, other.text),
            printed: format!("({} OR {})", self.printed, other.printed),
        }
    }
}

/// Whether an expression is a DEFAULT that protect sets.
pub(super) fn is_default(expression: &str) -> bool {
    [OrgType::Text, OrgType::Uuid, OrgType::Bigint]
        .into_iter()
        .any(|family| [org_default(family), current_project(family)].contains(&expression))
}

/// The reader of the fence for a column of a built-in type.
pub(super) fn reader_of(base_type: &str) -> Option<&'static str> {
    family::of_type(&("pg_catalog".to_owned(), base_type.to_owned())).map(fence_org)
}

pub(crate) fn fence_org(family: OrgType) -> &'static str {
    match family {
        OrgType::Text => "org_scope.fence_org()",
        OrgType::Uuid => "org_scope.fence_org_uuid()",
        OrgType::Bigint => "org_scope.fence_org_bigint()",
    }
}

fn org_default(family: OrgType) -> &'static str {
    match family {
        OrgType::Text => "org_scope.current_org()",
        OrgType::Uuid => "org_scope.current_org_uuid()",
        OrgType::Bigint => "org_scope.current_org_bigint()",
    }
}

fn current_project(family: OrgType) -> &'static str {
    match family {
        OrgType::Text => "org_scope.current_project()",
        OrgType::Uuid => "org_scope.current_project_uuid()",
        OrgType::Bigint => "org_scope.current_project_bigint()",
    }
}

fn joined_projects(family: OrgType) -> &'static str {
    match family {
        OrgType::Text => "org_scope.joined_projects()",
        OrgType::Uuid => "org_scope.joined_projects_uuid()",
        OrgType::Bigint => "org_scope.joined_projects_bigint()",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_reads_back_from_its_condition() {
        for family in [OrgType::Text, OrgType::Uuid, OrgType::Bigint] {
            let expression = Expression { printed: "(settings ->> 'org = (x)'::text)".into(), family };
            let own = Compared::expression(&expression).own();
            assert_eq!(Compared::read_back(&own.printed), Some(expression));
        }
        for other in ["", "()", "(true)", "(a = b())", "(a = org_scope.fence_org()", "((a = 1) OR (b = 2))"] {
            assert_eq!(Compared::read_back(other), None);
        }
    }
}
