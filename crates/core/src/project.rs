//! Asking the tables that answer for projects: what is asked of them, in statements of ours.

use crate::org::{OrgType, OrgValue};
use crate::sql::{Ident, Literal, QualifiedName};

/// A table that answers for projects: which belong to an organization, or have a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The table.
    pub table: QualifiedName,
    /// The column that holds the project, and the family of its type.
    pub key: (Ident, OrgType),
    /// The column that holds the organization or the member, and the family of its type.
    pub by: (Ident, OrgType),
}

impl Source {
    /// One row of JSON where the table has such a row; none where a value can't be of the column's type.
    pub fn has(&self, project: &OrgValue, by: &OrgValue) -> Option<String> {
        let (key, project) = (&self.key.0, constant(project, self.key.1)?);
        let (column, by) = (&self.by.0, constant(by, self.by.1)?);
        Some(format!(
            "SELECT 'true'::pg_catalog.text FROM {} WHERE {key} OPERATOR(pg_catalog.=) {project} \
             AND {column} OPERATOR(pg_catalog.=) {by} LIMIT 1",
            self.table
        ))
    }

    /// One JSON text for each project; none where the value can't be of the column's type.
    pub fn projects_of(&self, by: &OrgValue) -> Option<String> {
        let (column, by) = (&self.by.0, constant(by, self.by.1)?);
        let key = &self.key.0;
        Some(format!(
            "SELECT DISTINCT pg_catalog.to_json({key}::pg_catalog.text)::pg_catalog.text FROM {} \
             WHERE {column} OPERATOR(pg_catalog.=) {by} AND {key} IS NOT NULL",
            self.table
        ))
    }
}

/// The value as a constant that the server compares with its own operator, and no cast on the column.
fn constant(value: &OrgValue, family: OrgType) -> Option<String> {
    match family {
        OrgType::Text => Literal::new(value.text()).ok().map(|text| format!("{text}::pg_catalog.text")),
        OrgType::Uuid => value.uuid().ok().map(|uuid| format!("'{uuid}'::pg_catalog.uuid")),
        OrgType::Bigint => value.bigint().ok().map(|number| format!("'{number}'::pg_catalog.int8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_other_types_find_nothing_and_hostile_ones_stay_values() {
        let ident = |name: &str| Ident::new(name).expect("legal");
        let source = Source {
            table: QualifiedName { schema: ident("public"), name: ident("projects") },
            key: (ident("id"), OrgType::Uuid),
            by: (ident("org"), OrgType::Text),
        };
        let value = |text: &str| OrgValue::parse(text).expect("a value");
        let id = "aaaaaaaa-0000-4000-8000-000000000001";
        assert_eq!(source.has(&value("p1"), &value("a")), None);
        assert_eq!(
            source.has(&value(id), &value("a' OR true --")).as_deref(),
            Some(
                "SELECT 'true'::pg_catalog.text FROM public.projects WHERE id OPERATOR(pg_catalog.=) \
                 'aaaaaaaa-0000-4000-8000-000000000001'::pg_catalog.uuid AND org OPERATOR(pg_catalog.=) \
                 'a'' OR true --'::pg_catalog.text LIMIT 1"
            )
        );
        assert!(source.projects_of(&value("u1")).is_some());
    }
}
