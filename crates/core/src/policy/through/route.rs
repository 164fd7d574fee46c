//! The way from a row of the child to its parent's organization, and the queries along it.

use serde::Deserialize;

use crate::policy::compared::reader_of;
use crate::sql::{Ident, QualifiedName};

/// What ties a child to its parent, as it is when a row is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Route {
    /// Whether the child's owner has the rights of the parent's.
    pub trusted: bool,
    /// The child's owner.
    pub child_owner: u32,
    /// The type of the child's rows.
    pub row_type: u32,
    /// The parent.
    pub parent: u32,
    /// Its owner.
    pub parent_owner: u32,
    /// Its schema.
    pub parent_schema: Ident,
    /// Its name.
    pub parent_name: Ident,
    /// The number of the child's key column, where the key is one and a foreign key stands on it.
    pub key: Option<i16>,
    /// The number of the child's org column.
    pub org: i16,
    /// Its name.
    pub org_name: Ident,
    /// Its name as the server quotes it.
    pub quoted_org: String,
    /// The parent's key.
    pub parent_key: Ident,
    /// Its number.
    pub parent_key_number: Option<i16>,
    /// The parent's org column.
    pub parent_org: Ident,
    /// The type of the parent's org column, below all domains.
    pub org_type: String,
    /// The numbers of the columns that the organization follows from, and of the org column itself.
    pub watched: Vec<i16>,
    /// The constraint trigger that stands for the foreign key, as the server prints it.
    pub definition: Option<String>,
}

impl Route {
    fn parent(&self) -> QualifiedName {
        QualifiedName { schema: self.parent_schema.clone(), name: self.parent_name.clone() }
    }

    /// The organization of the parent with key `$1`, which stays as it is until the transaction ends;
    /// only a parent of the current organization where `own` is asked for, so that one of another is as
    /// good as none, and is not waited for.
    ///
    /// None where the organization's type has no reader.
    pub fn lookup(&self, own: bool) -> Option<String> {
        let (parent, key, org) = (self.parent(), &self.parent_key, &self.parent_org);
        let own = match own {
            true => format!(" AND p.{org} OPERATOR(pg_catalog.=) {}", reader_of(&self.org_type)?),
            false => String::new(),
        };
        // Where a foreign key stands on both columns, the weaker lock holds back what would change either.
        let lock = if self.key.is_some() { "KEY SHARE" } else { "SHARE" };
        Some(format!(
            "SELECT p.{org} FROM ONLY {parent} AS p WHERE p.{key} OPERATOR(pg_catalog.=) $1{own} FOR {lock} OF p"
        ))
    }

    /// The key, an expression over the row `new`; none where the key is a column.
    pub fn expression(&self) -> Option<&str> {
        let rest = self.definition.as_deref()?.split_once("WHEN (((")?.1;
        let end = format!(" IS NOT NULL) AND (new.{} IS NOT NULL))) EXECUTE FUNCTION", self.quoted_org);
        Some(rest.split_once(&end)?.0)
    }

    /// The key of the row `$1`.
    pub fn key_of_row(&self) -> Option<String> {
        self.expression().map(|key| format!("SELECT {key} FROM (SELECT ($1).*) AS new"))
    }

    /// The places of the children with key `$1`, which are locked.
    pub fn children_of(&self, child: &QualifiedName) -> Option<String> {
        let key = self.expression()?;
        Some(format!(
            "SELECT pg_catalog.array_agg(c.ctid) FROM (SELECT new.ctid FROM ONLY {child} AS new \
             WHERE ({key}) OPERATOR(pg_catalog.=) $1 FOR UPDATE OF new) AS c"
        ))
    }

    /// Gives the children at the places `$1` the organization that the parent with key `$2` has, if any.
    pub fn move_children(&self, child: &QualifiedName) -> String {
        let (parent, key, org) = (self.parent(), &self.parent_key, &self.parent_org);
        format!(
            "UPDATE ONLY {child} SET {} = (SELECT p.{org} FROM ONLY {parent} AS p \
             WHERE p.{key} OPERATOR(pg_catalog.=) $2) WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)",
            self.org_name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_read_from_what_the_server_prints() {
        let ident = |n: &str| Ident::new(n).expect("legal");
        let definition = "CREATE CONSTRAINT TRIGGER org_scope_through AFTER INSERT OR UPDATE ON public.c FROM public.p \
            NOT DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW WHEN (((split_part(new.key, ':'::text, 1) IS NOT NULL) AND \
            (new.org_id IS NOT NULL))) EXECUTE FUNCTION org_scope.check_parent()";
        let route = Route {
            trusted: true,
            child_owner: 1,
            row_type: 1,
            parent: 1,
            parent_owner: 1,
            parent_schema: ident("public"),
            parent_name: ident("p"),
            key: None,
            org: 2,
            org_name: ident("org_id"),
            quoted_org: "org_id".into(),
            parent_key: ident("id"),
            parent_key_number: Some(1),
            parent_org: ident("org"),
            org_type: "uuid".into(),
            watched: vec![1, 2],
            definition: Some(definition.into()),
        };
        assert_eq!(route.expression(), Some("split_part(new.key, ':'::text, 1)"));
        assert_eq!(
            route.lookup(true).as_deref(),
            Some(
                "SELECT p.org FROM ONLY public.p AS p WHERE p.id OPERATOR(pg_catalog.=) $1 \
                 AND p.org OPERATOR(pg_catalog.=) org_scope.fence_org_uuid() FOR SHARE OF p"
            )
        );
    }
}
